/* Processes that join a running container: for probes, hooks and streams.
 *
 * Happy path: the supervisor starts it, started is called, its exit comes by name, ended is called. What can fail: the
 * start. What always holds: an exit that comes before the answer of the start is kept for it; the handle is freed after
 * ended, after a failed start, or by exec_cancel(). */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/oci_spec.h"
#include "agent/pod.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/rand.h"

struct exec {
	struct pod *p;
	char id[40];
	pid_t pid;
	bool cancelled, detached, answered, exited;
	int exit_code;
	exec_started started;
	exec_ended ended;
	void *arg;
};

static void finish(struct exec *x)
{
	exec_ended ended = x->cancelled ? NULL : x->ended;
	void *arg = x->arg;
	int code = x->exit_code;
	map_remove(x->p->execs, x->id);
	free(x);
	if (ended)
		ended(arg, code);
}

static void on_answer(void *arg, int r, const struct shim_answer *a, const struct err *e)
{
	struct exec *x = arg;
	int tty_fd = r < 0 || !x->p->shim ? -1 : shim_take_fd(x->p->shim);
	x->answered = true;
	x->pid = a->pid;
	if (x->cancelled) {
		close_fd(&tty_fd);
		if (r == 0 && !x->exited && !x->detached)
			kill(x->pid, SIGKILL);
	} else {
		struct err local = ERR_INIT;
		if (r < 0)
			err_set(&local, a->exec_error ? -ENOEXEC : r, "%s", err_text(e));
		x->started(x->arg, r < 0 && a->exec_error ? -ENOEXEC : r, tty_fd, r < 0 ? &local : NULL);
	}
	if (r < 0) {
		map_remove(x->p->execs, x->id);
		free(x);
	} else if (x->exited) {
		finish(x);
	}
}

struct exec *exec_start(struct pod *p, const struct container_state *c, char *const *argv, bool tty, const int fds[3],
			exec_started started, exec_ended ended, void *arg)
{
	struct exec *x = xcalloc(1, sizeof(*x));
	char suffix[12];
	static const int none[3] = {-1, -1, -1};
	*x = (struct exec){.p = p, .started = started, .ended = ended, .arg = arg};
	snprintf(x->id, sizeof(x->id), "%u-%s", ++p->next_exec, rand_suffix(suffix, 8));
	map_set(p->execs, x->id, x);
	AUTO_JSON *config = container_config(p, c);
	AUTO_JSON *process = oci_exec_process(config, argv, tty);
	shim_exec(p->shim, c->id, x->id, process, tty, fds ? fds : none, on_answer, x);
	return x;
}

void exec_cancel(struct exec *x)
{
	if (!x)
		return;
	x->cancelled = true;
	if (x->answered && !x->exited && x->pid > 0)
		kill(x->pid, SIGKILL);
}

void exec_detach(struct exec *x)
{
	if (x)
		x->cancelled = x->detached = true;
}

void exec_on_exit(struct pod *p, const struct shim_exit *e)
{
	struct exec *x = map_get(p->execs, e->exec);
	if (!x)
		return; /* an earlier agent's */
	x->exited = true;
	x->exit_code = e->exit_code;
	if (x->answered)
		finish(x);
}

void exec_free_all(struct pod *p)
{
	size_t at = 0;
	const char *id;
	struct exec *x;
	while (map_next(p->execs, &at, &id, &x))
		free(x);
	map_free(TAKE(p->execs));
}

void exec_all_gone(struct pod *p)
{
	size_t at = 0;
	const char *id;
	struct exec *x;
	while (map_next(p->execs, &at, &id, &x)) {
		if (!x->answered)
			continue; /* its answer was an error already, or never comes */
		x->exited = true;
		x->exit_code = 137;
		finish(x);
	}
}
