/* What to do next for one pod: a pure function of its state and the time. */
#ifndef KNARR_AGENT_POD_PLAN_H
#define KNARR_AGENT_POD_PLAN_H

#include "agent/pod_state.h"

enum pod_action_type {
	POD_CREATE_SANDBOX,
	POD_START,    /* a container: ensure its image, create, start */
	POD_STOP,     /* a container: preStop, stop signal, within grace_ms */
	POD_KILL,     /* a container: its grace is over */
	POD_TEARDOWN, /* the sandbox and everything of it */
	POD_FAIL,     /* reason is why the agent ends it */
	POD_FINISH,   /* deleted and nothing is left: tell the API server */
};

struct pod_action {
	enum pod_action_type type;
	struct container_state *container; /* START, STOP, KILL */
	int64_t grace_ms;                  /* STOP */
	const char *reason;                /* STOP: event text or NULL; FAIL: static */
};

#define POD_PLAN_NEVER INT64_MAX
struct pod_plan {
	struct pod_action *actions;
	size_t n;
	int64_t wake_mono; /* look again at this time; POD_PLAN_NEVER */
};

/* now_mono: monotonic milliseconds. Adds nothing for what is in STARTING, CREATING or STOPPING: their ends bring the
 * next look. Order: as to be applied. */
void pod_plan(struct pod_state *s, int64_t now_mono, struct pod_plan *ret);
void pod_plan_done(struct pod_plan *p);

/* Whether an exited container gets another attempt (restartPolicy of pod and container). */
bool container_restarts(const struct pod_state *s, const struct container_state *c);
/* When, on the monotonic clock. */
int64_t container_restart_mono(const struct container_state *c);
/* All main containers (or an init container for good) have ended and none is started again. */
bool pod_is_over(const struct pod_state *s);
bool pod_init_failed(const struct pod_state *s);
bool pod_initialized(const struct pod_state *s); /* init containers done, sidecars started */

#endif
