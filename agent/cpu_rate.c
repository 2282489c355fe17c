/* Rates of CPU time. Happy path: the difference of two looks by the time between them. Nothing here fails. What always
 * holds: a rate is never of less than CPU_RATE_WINDOW_MS, but for one that began less long ago. */
#include "agent/cpu_rate.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"

enum { KEEP_MS = 600000 };

struct look {
	uint64_t usage_ns, rate;
	int64_t at_ms;
};

struct cpu_rates {
	struct map *looks; /* key -> struct look */
};

struct cpu_rates *cpu_rates_new(void)
{
	struct cpu_rates *r = xcalloc(1, sizeof(*r));
	r->looks = map_new(free);
	return r;
}

void cpu_rates_free(struct cpu_rates *r)
{
	if (!r)
		return;
	map_free(r->looks);
	free(r);
}

static uint64_t rate_of(uint64_t used_ns, int64_t in_ms)
{
	return in_ms > 0 ? used_ns * 1000 / (uint64_t)in_ms : 0;
}

uint64_t cpu_rates_take(struct cpu_rates *r, const char *key, uint64_t usage_ns, int64_t since_ms, int64_t now_ms)
{
	struct look *k = map_get(r->looks, key);
	if (k && usage_ns >= k->usage_ns && now_ms >= k->at_ms) {
		if (now_ms - k->at_ms < CPU_RATE_WINDOW_MS)
			return k->rate;
		k->rate = rate_of(usage_ns - k->usage_ns, now_ms - k->at_ms);
	} else {
		if (!k)
			map_set(r->looks, key, k = xcalloc(1, sizeof(*k)));
		k->rate = rate_of(usage_ns, now_ms - since_ms);
	}
	k->usage_ns = usage_ns;
	k->at_ms = now_ms;
	return k->rate;
}

void cpu_rates_forget(struct cpu_rates *r, int64_t now_ms)
{
	size_t at = 0;
	const char *key;
	const struct look *k;
	while (map_next(r->looks, &at, &key, &k))
		if (now_ms - k->at_ms > KEEP_MS)
			map_remove(r->looks, key);
}
