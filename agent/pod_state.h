/* What the agent knows of one pod, as plain data: the input of the plan and of the status, and what is put on disk. */
#ifndef KNARR_AGENT_POD_STATE_H
#define KNARR_AGENT_POD_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum container_kind { CONTAINER_INIT, CONTAINER_SIDECAR, CONTAINER_MAIN, CONTAINER_EPHEMERAL };

/* WAITING: not made, or between attempts. STARTING: an apply is on its way. EXITED: the last attempt has ended. */
enum container_phase { PHASE_WAITING, PHASE_STARTING, PHASE_RUNNING, PHASE_EXITED };

/* LOST: the supervisor or pause died; what is left must be torn down before a new one. */
enum sandbox_phase { SANDBOX_NONE, SANDBOX_CREATING, SANDBOX_READY, SANDBOX_LOST, SANDBOX_STOPPING };

#define CONTAINER_ID_LEN 64

struct container_state {
	const char *name;   /* borrowed from the pod */
	const json_t *spec; /* borrowed from the pod */
	enum container_kind kind;
	enum container_phase phase;
	char id[CONTAINER_ID_LEN + 1]; /* of the last attempt, "" before the first */
	int restart_count;
	int64_t started_ms, finished_ms;     /* since the epoch; started 0: never ran */
	int64_t started_mono, finished_mono; /* the same on the monotonic clock */
	int exit_code, signal;
	bool oom;
	char *reason, *message;           /* of the end of the last attempt; NULL: derived from exit_code */
	char *wait_reason, *wait_message; /* why the next attempt cannot start; NULL: nothing known */
	int64_t retry_mono;               /* no attempt before this, after such a failure */
	int64_t retry_delay_ms;
	int64_t backoff_ms;    /* how long to wait behind the next end */
	char *image_id;        /* "sha256:..." of the last attempt */
	bool started;          /* startup probe passed (or none), postStart done */
	bool ready;            /* readiness probe passes (or none) */
	char *kill_reason;     /* a probe or hook demands its end; the event's text */
	int64_t kill_grace_ms; /* with kill_reason: -1 the pod's own */
	bool stopping;         /* told to stop */
	bool killed;           /* SIGKILL was sent */
	int64_t kill_mono;     /* stopping: when SIGKILL follows */
	bool ended_once;       /* an attempt has ended in this sandbox */
	json_t *last;          /* "terminated" object of the attempt before, owned, or NULL */
};

struct pod_state {
	json_t *pod; /* the object, owned */
	char *uid, *ns, *name;
	bool is_static;
	struct container_state *containers; /* init containers (and sidecars) first, ephemeral ones last, in order */
	size_t n;
	enum sandbox_phase sandbox;
	int64_t sandbox_retry_mono, sandbox_delay_ms;
	char **ips;
	int64_t start_ms, start_mono; /* when the agent first saw it */
	bool deleting;
	int64_t grace_ms;                 /* deleting: for each container */
	char *fail_reason, *fail_message; /* the agent ended it: DeadlineExceeded, Evicted ... */
	bool cleaned;                     /* all of it is gone from the node */
};

/* Makes the state of a pod just seen. References pod. NULL where it has no uid or name. */
struct pod_state *pod_state_new(json_t *pod, bool is_static, int64_t now_ms, int64_t now_mono);
void pod_state_free(struct pod_state *s);
/* Containers of all kinds that the object names. */
size_t pod_container_count(const json_t *pod);
/* A newer version of the object: labels, annotations, image, deletion. References pod. */
void pod_state_update(struct pod_state *s, json_t *pod);
struct container_state *pod_state_find(struct pod_state *s, const char *container); /* NULL */

/* An attempt has ended: phase EXITED, finished now, flags of the running one cleared. */
void container_ended(struct container_state *c, int exit_code, int signal, bool oom, int64_t now_ms, int64_t now_mono);
/* The next attempt begins: keeps what is told of the last one, grows the back-off. */
void container_begin(struct container_state *c, const char *id, int64_t now_mono);
/* It cannot start now: tried again after 10 s, doubling up to 300 s. back_off_reason replaces reason from the second
 * on. */
void container_blocked(struct container_state *c, const char *reason, const char *message, int64_t now_mono);
/* The sandbox is gone: what ran has ended; everything, init containers too, starts again. */
void pod_sandbox_lost(struct pod_state *s, int64_t now_ms, int64_t now_mono);

/* pod_resume.c: a pod just seen that has run here before, but of which no record is left, from the status that the API
 * server has: numbers of attempts and last ends go on, what ran has ended. */
void pod_state_resume(struct pod_state *s, const json_t *status, int64_t now_ms, int64_t now_mono);

/* "terminated" of the last attempt, returns owned. */
json_t *container_terminated_json(const struct container_state *c);
void text_set(char **to, const char *text); /* replaces an owned text; NULL clears it */

/* Round trip to the record on disk. restore: containers that the pod no longer has are dropped. */
json_t *pod_state_record(const struct pod_state *s); /* without the pod object; returns owned */
void pod_state_restore(struct pod_state *s, const json_t *record);

/* Addresses of the family of like before the others, else in their order. */
void ips_order(char **ips, const char *like);
bool pod_host_network(const struct pod_state *s);
int64_t pod_grace_ms(const struct pod_state *s); /* terminationGracePeriodSeconds, default 30 s */
#endif
