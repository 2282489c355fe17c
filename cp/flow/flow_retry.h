/* When a refused client is to come again: longer while many are refused. Pure; times in seconds. */
#ifndef KNARR_CP_FLOW_FLOW_RETRY_H
#define KNARR_CP_FLOW_FLOW_RETRY_H

#include <stdint.h>

enum { FLOW_RETRY_MAX = 32 };

/* Zeroed at first. */
struct flow_retry {
	int64_t second, raised; /* the newest refusal's; when the answer was raised last */
	uint64_t counts[FLOW_RETRY_MAX + 1]; /* refusals by second, modulo */
	int after;
};
/* A request is refused now. Returns what its Retry-After says. */
int flow_retry_count(struct flow_retry *r, int64_t now_s);

#endif
