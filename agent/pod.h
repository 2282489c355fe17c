/* One pod on this node: its state, its supervisor, and the work that is on its way. */
#ifndef KNARR_AGENT_POD_H
#define KNARR_AGENT_POD_H

#include "agent/agent.h"
#include "agent/pod_state.h"
#include "agent/shim_client.h"

struct probe;
struct hook;
struct chain;
struct chain_run;

/* What runs beside a container's state. */
struct container_work {
	struct pod *pod;
	char name[64];
	struct probe *probes; /* PROBE_KINDS of them, or NULL */
	struct hook *hook;    /* postStart or preStop */
	bool pre_stop_done;
};

struct pod {
	struct agent *agent;
	struct pod_state *state;
	char *dir;         /* <run-dir>/pods/<uid> */
	char *volumes_dir; /* <root-dir>/pods/<uid> */
	char *netns;       /* path */
	char *cgroup;      /* "/knarr/pods/<uid>" */
	struct shim *shim;
	pid_t pause_pid;
	struct timer *timer;
	struct container_work **work; /* one a container, by name */
	size_t n_work;
	struct map *execs; /* id -> struct exec, owned by their users */
	unsigned next_exec;
	struct chain *chain;
	struct chain_run *cni;
	bool kicked, busy_restore, removed;
	bool gone_from_api; /* no longer known to its source */
	bool volumes_ready;
	json_t *reported; /* status sent last */
	struct api_call *report_call, *delete_call;
	struct timer *report_timer;
	char *saved; /* text of the record on disk */
};

/* pod.c. Adds it to agent->pods. NULL where the object is unusable. */
struct pod *pod_add(struct agent *a, json_t *object, bool is_static);
void pod_free(struct pod *p);
void pod_object_changed(struct pod *p, json_t *object);
/* Its source has dropped it: everything is taken down at once (grace_ms 0) or with grace. */
void pod_drop(struct pod *p, int64_t grace_ms);
/* Plans soon. */
void pod_kick(struct pod *p);
void pod_save(struct pod *p);
/* Reads what an earlier agent has left in the run directory; pods with a supervisor are connected. */
void pods_restore(struct agent *a);
struct pod *pod_find(struct agent *a, const char *ns, const char *name); /* NULL */
struct container_work *pod_work(struct pod *p, const struct container_state *c);
/* Removes every directory of the pod and frees it (deferred). */
void pod_forget(struct pod *p);

/* pod_sync.c: the plan carried out. */
void pod_sync(struct pod *p);

/* resize.c: requests and limits that have changed since the object before become those of cgroups; containers whose resizePolicy
 * wants it start again. */
void pod_resize(struct pod *p, const json_t *before);

/* pod_report.c: the status towards the API server. */
void pod_report(struct pod *p);
void pod_report_deleted(struct pod *p); /* final status, then delete with grace 0 */

/* sandbox.c */
void sandbox_create(struct pod *p);
void sandbox_teardown(struct pod *p);
/* The supervisor of a restored pod: connects and compares. */
void sandbox_restore(struct pod *p);

/* container_start.c */
void container_start(struct pod *p, struct container_state *c);
char *container_bundle(const struct pod *p, const struct container_state *c);
char *container_log_path(const struct pod *p, const struct container_state *c, int attempt);
char *container_termination_log(const struct pod *p, const struct container_state *c);
json_t *container_config(const struct pod *p, const struct container_state *c); /* its config.json; NULL */

/* container_run.c */
void container_is_running(struct pod *p, struct container_state *c, bool fresh);
void container_stop(struct pod *p, struct container_state *c, int64_t grace_ms, const char *reason);
void container_kill(struct pod *p, struct container_state *c);
void container_exited(struct pod *p, struct container_state *c, const struct shim_exit *x);
/* Takes what the last attempt left (root filesystem, bundle) off the node. */
void container_clean(struct pod *p, const struct container_state *c);
void container_work_stop(struct container_work *w);

/* exec.c */
struct exec;
typedef void (*exec_started)(void *arg, int r, int tty_fd, const struct err *e); /* tty_fd: taken by the callee */
typedef void (*exec_ended)(void *arg, int exit_code);
/* Runs argv in the container; fds as shim_exec(). After a failed start nothing follows, else ended comes once. */
struct exec *exec_start(struct pod *p, const struct container_state *c, char *const *argv, bool tty, const int fds[3],
			exec_started started, exec_ended ended, void *arg);
void exec_cancel(struct exec *x); /* kills it, no callback any more; NULL is fine */
void exec_detach(struct exec *x); /* as exec_cancel(), and the process is not killed */
void exec_free_all(struct pod *p);
void exec_on_exit(struct pod *p, const struct shim_exit *x);
void exec_all_gone(struct pod *p);

/* hook.c: an exec, HTTP, TCP or sleep handler of a probe or lifecycle hook. */
typedef void (*hook_done)(void *arg, bool ok, const char *text);
struct hook *hook_start(struct pod *p, const struct container_state *c, const json_t *handler, int64_t timeout_ms,
			const char *kind, hook_done done, void *arg);
void hook_cancel(struct hook *h);

/* probe.c */
void probes_start(struct container_work *w, struct container_state *c, bool fresh);
void probes_stop(struct container_work *w);
/* Adds the lines of prober_probe_total. */
void probes_write(const struct container_work *w, struct str *out);

#endif
