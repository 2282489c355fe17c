/* What a candidate for a lease does next. Pure. (Kubernetes client-go, leaderelection.) */
#ifndef KNARR_CP_CONTROLLERS_LEADER_PLAN_H
#define KNARR_CP_CONTROLLERS_LEADER_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define LEADER_LEASE_S 15      /* nobody else takes it for so long after it was renewed */
#define LEADER_RENEW_MS 10000  /* who could not renew for so long leads no more */
#define LEADER_RETRY_MS 2000

/* What a candidate remembers. Times are monotonic: the clocks of others do not matter. */
struct leader_seen {
	char *record;    /* the lease's spec as text when it was last seen to change; owned */
	int64_t seen_ms; /* and when that was */
	int64_t renewed_ms; /* of its own last success */
	bool leading;
};
void leader_seen_done(struct leader_seen *s);

enum leader_step {
	LEADER_WAIT,   /* somebody else leads, or has only just ceased to renew */
	LEADER_CREATE, /* there is no lease */
	LEADER_TAKE,   /* it is free, or its holder is gone */
	LEADER_RENEW,  /* it is ours */
};

/* lease NULL: it does not exist. Notes in s what was seen. */
enum leader_step leader_plan(struct leader_seen *s, const json_t *lease, const char *me, int64_t now_ms);
/* Whether a leader has to step down: it holds the lease no more, or cannot say. */
bool leader_is_lost(const struct leader_seen *s, const json_t *lease, const char *me, int64_t now_ms);
/* The lease as it is to be stored by a step (or given back: me NULL). wall_us: now. Returns owned. */
json_t *leader_lease(enum leader_step step, const json_t *lease, const char *name, const char *me, int64_t wall_us);

#endif
