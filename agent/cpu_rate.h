/* How much CPU something uses now, from the counters that are read when somebody asks: nobody has to look in between. */
#ifndef KNARR_AGENT_CPU_RATE_H
#define KNARR_AGENT_CPU_RATE_H

#include <stdint.h>

struct cpu_rates;

enum { CPU_RATE_WINDOW_MS = 5000 }; /* what two looks are to be apart at least */

struct cpu_rates *cpu_rates_new(void);
void cpu_rates_free(struct cpu_rates *r); /* NULL is fine */
/* In billionths of a core: the mean since the look before (at least CPU_RATE_WINDOW_MS ago; sooner, the last answer again).
 * At the first look: since it began, at since_ms. usage_ns: used by now; key: a cgroup's path. A counter that went back
 * belongs to something new. */
uint64_t cpu_rates_take(struct cpu_rates *r, const char *key, uint64_t usage_ns, int64_t since_ms, int64_t now_ms);
/* Forgets what nobody has looked at for ten minutes. */
void cpu_rates_forget(struct cpu_rates *r, int64_t now_ms);

#endif
