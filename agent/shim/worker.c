/* Workers: a forked copy of the supervisor does what needs memory or may wait (parsing config.json, making a container,
 * removing it), reports through a socket and exits, so that the supervisor itself stays small and never waits.
 *
 * New container processes are cloned with CLONE_PARENT: they are children of the supervisor, not of the worker. */
#include "agent/shim/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd_pass.h"
#include "base/json.h"
#include "base/mem.h"
#include "cgroups/cgroup.h"
#include "runtime/container.h"
#include "runtime/seccomp_default.h"

static void report_error(struct worker_result *res, int code, const struct err *e)
{
	res->code = code;
	snprintf(res->text, sizeof(res->text), "%s", err_text(e));
	if (container_error_is_exec(e))
		res->exec_error = e->code == -EACCES ? 126 : 127;
}

/* The bundle's configuration, with the built-in seccomp profile where its annotation asks for it. */
static int load_config(const char *bundle, json_t **ret, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/config.json", bundle);
	int r = json_read_file(path, ret, e);
	if (r < 0)
		return r;
	const char *want = json_member(json_object_get(*ret, "annotations"), SHIM_SECCOMP_ANNOTATION);
	if (!want || strcmp(want, "runtime/default") || json_at(*ret, "linux.seccomp"))
		return 0;
	const json_t *bounding = json_at(*ret, "process.capabilities.bounding");
	AUTO_STRV char **caps = NULL;
	for (size_t i = 0; i < json_array_size(bounding); i++)
		strv_add(&caps, json_string_value(json_array_get(bounding, i)));
	json_set_at(*ret, "linux.seccomp", seccomp_default_reference(caps));
	return 0;
}

static int do_create(const struct shim_request *req, const int stdio[3], struct container_proc *p, struct err *e)
{
	AUTO_JSON *config = NULL;
	int r = load_config(req->path, &config, e);
	if (r < 0)
		return r;
	struct container_opts o = CONTAINER_OPTS_INIT;
	o.root = sv.runtime_root;
	o.id = req->id;
	o.bundle = req->path;
	o.config = config;
	o.clone_parent = true;
	memcpy(o.stdio, stdio, sizeof(o.stdio));
	return container_create(&o, p, e);
}

static int do_exec(const struct shim_request *req, const int stdio[3], struct container_proc *p, struct err *e)
{
	AUTO_JSON *process = NULL;
	int r = json_read_file(req->path, &process, e);
	unlink(req->path);
	if (r < 0)
		return r;
	struct container_opts o = CONTAINER_OPTS_INIT;
	o.root = sv.runtime_root;
	o.id = req->id;
	o.process = process;
	o.clone_parent = true;
	memcpy(o.stdio, stdio, sizeof(o.stdio));
	return container_exec(&o, p, e);
}

static int shutdown_all(struct err *e)
{
	char **ids = NULL;
	int r = container_list(sv.runtime_root, &ids, e);
	for (size_t i = 0; r == 0 && ids && ids[i]; i++)
		r = container_delete(sv.runtime_root, ids[i], true, e);
	free_strv(&ids);
	return r;
}

static bool saw_oom(const char *id)
{
	AUTO_CONTAINER_INFO info = { 0 };
	AUTO_CGROUP_HOST *host = NULL;
	AUTO_CGROUP *cg = NULL;
	uint64_t kills = 0;
	return container_state(sv.runtime_root, id, &info, NULL) == 0 && info.cgroup_path &&
	       cgroup_host_open(&host, NULL) == 0 && cgroup_open(host, info.cgroup_path, &cg, NULL) == 0 &&
	       cgroup_oom_kills(cg, &kills, NULL) == 0 && kills > 0;
}

static int run_request(const struct shim_request *req, const int stdio[3], struct container_proc *p, struct err *e)
{
	switch (req->op) {
	case SHIM_OP_CREATE: return do_create(req, stdio, p, e);
	case SHIM_OP_START: return container_start(sv.runtime_root, req->id, e);
	case SHIM_OP_SIGNAL: return container_kill(sv.runtime_root, req->id, (int)req->signal, req->flags & SHIM_ALL, e);
	case SHIM_OP_REMOVE: return container_delete(sv.runtime_root, req->id, true, e);
	case SHIM_OP_EXEC: return do_exec(req, stdio, p, e);
	case SHIM_OP_SHUTDOWN: return shutdown_all(e);
	default: return err_set(e, -EINVAL, "unknown operation %u", req->op);
	}
}

static void send_result(int home, const struct worker_result *res, int fd)
{
	(void)fd_pass_send(home, res, sizeof(*res), &fd, fd >= 0, 0);
}

/* Leaves the worker with its socket as 3 and the new process's stdio as 4, 5, 6; everything else of the supervisor's is
 * closed, so that no container ever waits at its gate with another's pipe in its hand. */
static int keep_only(int home, const int stdio[3], int ret_stdio[3])
{
	int high[4] = { fcntl(home, F_DUPFD_CLOEXEC, 400), -1, -1, -1 };
	for (int i = 0; i < 3; i++)
		if (stdio && stdio[i] >= 0)
			high[i + 1] = fcntl(stdio[i], F_DUPFD_CLOEXEC, 400);
	for (int i = 0; i < 4; i++) {
		if (high[i] >= 0)
			dup3(high[i], 3 + i, O_CLOEXEC);
		else
			close(3 + i);
	}
	close_range(7, ~0U, 0);
	for (int i = 0; i < 3; i++)
		ret_stdio[i] = high[i + 1] >= 0 ? 4 + i : -1;
	return 3;
}

static _Noreturn void worker_main(enum worker_job job, const struct shim_request *req, int home, const int stdio[3])
{
	int io[3];
	sigset_t none;
	sigemptyset(&none);
	home = keep_only(home, stdio, io);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	struct worker_result res = { 0 };
	struct err e = ERR_INIT;
	struct container_proc p = CONTAINER_PROC_INIT;
	if (job == JOB_EXIT_CHECK) {
		res.oom = saw_oom(req->id);
	} else {
		int r = run_request(req, io, &p, &e);
		if (r < 0)
			report_error(&res, r, &e);
		res.pid = p.pid;
	}
	res.time_ns = wall_ns();
	send_result(home, &res, p.console_fd);
	_exit(0);
}

static void on_report(struct source *s, uint32_t events)
{
	(void)events;
	struct worker *w = CONTAINER_OF(s, struct worker, src);
	struct worker_result res = { 0 };
	int console = -1;
	ssize_t n = fd_pass_receive(s->fd, &res, sizeof(res), &console, 1, MSG_DONTWAIT);
	if (n == -EAGAIN)
		return;
	if (n != sizeof(res)) {
		res = (struct worker_result){ .code = -EIO };
		snprintf(res.text, sizeof(res.text), "the supervisor's worker ended without an answer");
	}
	struct worker copy = *w;
	source_close(&w->src);
	request_finish(&copy, &res, console);
}

int worker_start(enum worker_job job, int conn, const struct shim_request *req, struct container *c, const int stdio[3])
{
	struct worker *w = NULL;
	for (int i = 0; i < MAX_WORKERS && !w; i++)
		if (sv.workers[i].src.fd < 0)
			w = &sv.workers[i];
	int pair[2];
	if (!w)
		return -EBUSY;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	w->job = job;
	w->conn = conn;
	w->gen = conn >= 0 ? sv.conns[conn].gen : 0;
	w->container = c;
	w->req = *req;
	w->early_from = sv.next_early;
	w->pid = fork();
	if (w->pid == 0)
		worker_main(job, &w->req, pair[1], stdio);
	int r = w->pid < 0 ? -errno : 0;
	close(pair[1]);
	if (r == 0)
		r = source_add(&w->src, pair[0], EPOLLIN, on_report);
	if (r < 0)
		close(pair[0]);
	return r;
}

void worker_reaped(pid_t pid)
{
	for (int i = 0; i < MAX_WORKERS; i++)
		if (sv.workers[i].pid == pid)
			sv.workers[i].pid = 0; /* its report, or the end of its socket, comes through epoll */
}
