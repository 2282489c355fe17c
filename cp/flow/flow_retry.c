/* Retry-After. Purpose: back pressure on clients that keep coming. Happy path: in each second with refusals those of the
 * last so many seconds as are told now are counted: three a second double the answer (up to 32), less than one lowers it
 * by one. Nothing fails; it is never below 1. */
#include "cp/flow/flow_retry.h"

#include <string.h>

#include "base/mem.h"

static uint64_t *slot(struct flow_retry *r, int64_t second)
{
	return &r->counts[second % (FLOW_RETRY_MAX + 1)];
}

/* Seconds without refusals count none. */
static void move_on(struct flow_retry *r, int64_t now_s)
{
	if (now_s - r->second > FLOW_RETRY_MAX)
		memset(r->counts, 0, sizeof(r->counts));
	else
		for (int64_t s = r->second + 1; s <= now_s; s++)
			*slot(r, s) = 0;
	r->second = now_s;
}

static void decide(struct flow_retry *r, int64_t now_s)
{
	uint64_t refused = 0, after = (uint64_t)r->after;
	for (int64_t s = MAX(now_s - r->after, 0); s < now_s; s++)
		refused += *slot(r, s);
	if (now_s - r->raised >= r->after && refused >= 3 * after) {
		r->after = MIN(2 * r->after, FLOW_RETRY_MAX);
		r->raised = now_s;
	} else if (refused < after && r->after > 1) {
		r->after--;
	}
}

int flow_retry_count(struct flow_retry *r, int64_t now_s)
{
	r->after = MAX(r->after, 1);
	if (now_s > r->second) {
		move_on(r, now_s);
		decide(r, now_s);
	}
	++*slot(r, r->second);
	return r->after;
}
