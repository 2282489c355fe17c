/* A container's life after its start: hooks, probes, stop, end.
 *
 * Happy path: postStart, then probes; a stop runs preStop and sends the stop signal, SIGKILL follows at the end of the
 * grace; its exit is recorded with its message. What can fail: hooks (postStart's failure ends the container). What
 * always holds: after container_exited() nothing of the attempt runs on behalf of the agent. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/events.h"
#include "agent/log_read.h"
#include "agent/pod.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

enum { MESSAGE_MAX = 4096, LOG_MESSAGE_MAX = 2048, LOG_MESSAGE_LINES = 80, HOOK_MAX_MS = 600000 };

void container_work_stop(struct container_work *w)
{
	probes_stop(w);
	hook_cancel(w->hook);
	w->hook = NULL;
	w->pre_stop_done = false;
}

static void ready_to_probe(struct container_work *w, struct container_state *c, bool fresh)
{
	c->ready = !json_object_get(c->spec, "readinessProbe");
	c->started = !json_object_get(c->spec, "startupProbe");
	probes_start(w, c, fresh);
}

static void on_post_start(void *arg, bool ok, const char *text)
{
	struct container_work *w = arg;
	struct pod *p = w->pod;
	struct container_state *c = pod_state_find(p->state, w->name);
	w->hook = NULL;
	if (!c || c->phase != PHASE_RUNNING)
		return;
	if (ok) {
		ready_to_probe(w, c, true);
	} else {
		events_pod(p->agent->events, p->state, c->name, true, "FailedPostStartHook", "PostStartHook failed: %s",
			   text);
		text_set(&c->kill_reason, "FailedPostStartHook");
	}
	pod_kick(p);
}

void container_is_running(struct pod *p, struct container_state *c, bool fresh)
{
	struct container_work *w = pod_work(p, c);
	const json_t *hook = json_at(c->spec, "lifecycle.postStart");
	c->phase = PHASE_RUNNING;
	if (fresh && hook) {
		w->hook = hook_start(p, c, hook, HOOK_MAX_MS, "postStart", on_post_start, w);
		return;
	}
	if (fresh)
		ready_to_probe(w, c, true);
	else
		probes_start(w, c, false); /* what it was, it stays until a probe says otherwise */
}

static int stop_signal(const struct pod *p, const struct container_state *c)
{
	static const struct {
		const char *name;
		int signo;
	} signals[] = {{"SIGTERM", SIGTERM}, {"SIGQUIT", SIGQUIT}, {"SIGINT", SIGINT},   {"SIGHUP", SIGHUP},
		       {"SIGKILL", SIGKILL}, {"SIGUSR1", SIGUSR1}, {"SIGUSR2", SIGUSR2}, {"SIGWINCH", SIGWINCH}};
	const char *want = json_str_at(c->spec, "lifecycle.stopSignal");
	struct image *image = NULL;
	int found = SIGTERM;
	if (!want && c->image_id && image_find(p->agent->images, c->image_id, &image, NULL) == 0)
		want = json_str_at(image->config, "config.StopSignal");
	for (size_t i = 0; want && i < ARRAY_LEN(signals); i++)
		if (!strcmp(want, signals[i].name) || !strcmp(want, signals[i].name + 3))
			found = signals[i].signo;
	int64_t number;
	if (want && str_to_i64(want, &number) == 0 && number > 0 && number < 65)
		found = (int)number;
	if (want && str_has_prefix(want, "SIGRTMIN"))
		found = SIGRTMIN + (want[8] == '+' ? atoi(want + 9) : 0);
	image_free(image);
	return found;
}

static void on_pre_stop(void *arg, bool ok, const char *text)
{
	struct container_work *w = arg;
	struct pod *p = w->pod;
	struct container_state *c = pod_state_find(p->state, w->name);
	w->hook = NULL;
	if (!c || c->phase != PHASE_RUNNING || !p->shim)
		return;
	if (!ok)
		events_pod(p->agent->events, p->state, c->name, true, "FailedPreStopHook", "PreStopHook failed: %s",
			   text);
	shim_signal(p->shim, c->id, stop_signal(p, c), false, NULL, NULL);
}

void container_stop(struct pod *p, struct container_state *c, int64_t grace_ms, const char *reason)
{
	struct container_work *w = pod_work(p, c);
	const json_t *hook = json_at(c->spec, "lifecycle.preStop");
	c->stopping = true;
	c->kill_mono = clock_mono_ms() + grace_ms;
	container_work_stop(w);
	if (reason && strcmp(reason, "FailedPostStartHook"))
		events_pod(p->agent->events, p->state, c->name, false, "Killing", "%s", reason);
	else
		events_pod(p->agent->events, p->state, c->name, false, "Killing",
			   reason ? "FailedPostStartHook" : "Stopping container %s", c->name);
	if (hook && grace_ms > 0)
		w->hook = hook_start(p, c, hook, grace_ms, "preStop", on_pre_stop, w);
	else
		shim_signal(p->shim, c->id, grace_ms > 0 ? stop_signal(p, c) : SIGKILL, false, NULL, NULL);
	pod_kick(p);
}

static void on_killed(void *arg, int r, const struct shim_answer *a, const struct err *e)
{
	(void)a;
	struct pod *p = arg;
	if (r < 0 && r != -ESRCH && r != -ECONNRESET && r != -ENOENT)
		log_warn("container not killed pod=%s/%s error=\"%s\"", p->state->ns, p->state->name, err_text(e));
}

void container_kill(struct pod *p, struct container_state *c)
{
	container_work_stop(pod_work(p, c));
	c->killed = true;
	shim_signal(p->shim, c->id, SIGKILL, true, on_killed, p);
}

/* terminationMessagePath, else with FallbackToLogsOnError the last of the log. */
static void read_message(const struct pod *p, struct container_state *c, int exit_code)
{
	AUTO_FREE char *path = container_termination_log(p, c);
	AUTO_STR text = STR_INIT;
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	text_set(&c->message, NULL);
	if (fd >= 0) {
		char buf[MESSAGE_MAX];
		ssize_t n = pread(fd, buf, sizeof(buf), 0);
		if (n > 0)
			str_addn(&text, buf, strnlen(buf, (size_t)n));
	}
	if (text.len) {
		text_set(&c->message, str_text(&text));
	} else if (exit_code && str_eq(json_str_at(c->spec, "terminationMessagePolicy"), "FallbackToLogsOnError")) {
		AUTO_FREE char *log = container_log_path(p, c, c->restart_count);
		AUTO_FREE char *last = log_last_text(log, LOG_MESSAGE_LINES, LOG_MESSAGE_MAX);
		text_set(&c->message, *last ? last : NULL);
	}
}

static void clean_rootfs(struct pod *p, const char *id)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *dir = xasprintf("%s/containers/%s", p->agent->config->data_dir, id);
	if (!*id || !fs_exists(dir))
		return;
	if (rootfs_unmount(p->agent->images, dir, id, &e) < 0 || (rmdir(dir) < 0 && errno != ENOENT))
		log_warn("root filesystem not removed, the next start of the agent does it container=%s error=\"%s\"",
			 id, err_text(&e));
}

void container_clean(struct pod *p, const struct container_state *c)
{
	clean_rootfs(p, c->id);
}

struct removal {
	struct pod *p;
	char id[CONTAINER_ID_LEN + 1];
};

static void on_removed(void *arg, int r, const struct shim_answer *a, const struct err *e)
{
	(void)a;
	(void)e;
	(void)r; /* whatever the supervisor could not remove, the process has ended */
	struct removal *m = arg;
	clean_rootfs(m->p, m->id);
	free(m);
}

static void remove_attempt(struct pod *p, const struct container_state *c)
{
	struct removal *m = xcalloc(1, sizeof(*m));
	m->p = p;
	memcpy(m->id, c->id, sizeof(m->id));
	if (p->shim)
		shim_remove(p->shim, c->id, on_removed, m);
	else
		on_removed(m, 0, NULL, NULL);
}

void container_exited(struct pod *p, struct container_state *c, const struct shim_exit *x)
{
	int64_t wall = x->finished_ns ? x->finished_ns / 1000000 : clock_wall_ms();
	bool was_running = c->phase == PHASE_RUNNING;
	container_work_stop(pod_work(p, c));
	if (!c->started_ms)
		c->started_ms = wall;
	read_message(p, c, x->exit_code);
	container_ended(c, x->exit_code, x->signal, x->oom, wall, clock_mono_ms() - (clock_wall_ms() - wall));
	if (was_running && x->exit_code && !p->state->deleting && c->backoff_ms)
		events_pod(p->agent->events, p->state, c->name, true, "BackOff",
			   "Back-off restarting failed container %s in pod %s_%s(%s)", c->name, p->state->name,
			   p->state->ns, p->state->uid);
	remove_attempt(p, c);
	pod_kick(p);
}
