/* What an agent asks of the supervisor: a table of handlers. Each either answers at once or starts a worker, whose report
 * comes back through request_finish(). */
#include "agent/shim/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

struct call {
	int conn;
	const struct shim_request *req;
	struct container *c; /* NULL for operations on the whole pod and for create */
	int *fds;
	int n_fds;
};

static void close3(int fds[3])
{
	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* stdio of the new process in io, our ends in ours (stdin's write end, stdout's and stderr's read ends). */
static int make_stdio(bool with_stdin, int io[3], int ours[3])
{
	int p[2];
	for (int i = 0; i < 3; i++)
		io[i] = ours[i] = -1;
	if (with_stdin) {
		if (pipe2(p, O_CLOEXEC) < 0)
			return -errno;
		io[0] = p[0];
		ours[0] = p[1];
	} else {
		io[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	for (int i = 1; i < 3; i++) {
		if (pipe2(p, O_CLOEXEC) < 0)
			return -errno;
		io[i] = p[1];
		ours[i] = p[0];
	}
	return 0;
}

static int op_create(struct call *k)
{
	if (container_find(k->req->id))
		return -EEXIST;
	struct container *c = container_alloc(k->req->id);
	if (!c)
		return -ENFILE;
	memcpy(c->bundle, k->req->path, sizeof(c->bundle));
	memcpy(c->log, k->req->log, sizeof(c->log));
	c->tty = k->req->flags & SHIM_TTY;
	c->stdin_once = k->req->flags & SHIM_STDIN_ONCE;
	int io[3] = { -1, -1, -1 }, ours[3] = { -1, -1, -1 };
	int r = container_open_log(c);
	if (r == 0 && !c->tty)
		r = make_stdio(k->req->flags & SHIM_STDIN, io, ours);
	if (r == 0)
		r = worker_start(JOB_REQUEST, k->conn, k->req, c, io);
	close3(io);
	if (r < 0) {
		close3(ours);
		container_release(c);
		return r;
	}
	container_attach_streams(c, ours[1], ours[2], ours[0]);
	return 1;
}

static int op_worker(struct call *k)
{
	int r = worker_start(JOB_REQUEST, k->conn, k->req, k->c, NULL);
	return r < 0 ? r : 1;
}

static int op_signal(struct call *k)
{
	if (k->req->flags & SHIM_ALL)
		return op_worker(k);
	if (!k->c->pid || k->c->finishing)
		return -ESRCH;
	return kill(k->c->pid, (int)k->req->signal) < 0 ? -errno : 0;
}

static int op_exec(struct call *k)
{
	bool tty = k->req->flags & SHIM_TTY;
	if (!tty && k->n_fds != 3)
		return -EINVAL;
	if (k->c->state != SHIM_RUNNING && k->c->state != SHIM_CREATED)
		return -ESRCH;
	int r = worker_start(JOB_REQUEST, k->conn, k->req, k->c, tty ? NULL : k->fds);
	return r < 0 ? r : 1;
}

static int op_attach(struct call *k)
{
	if (k->n_fds != 3)
		return -EINVAL;
	if (k->c->state == SHIM_STOPPED)
		return -ESRCH;
	return attach_add(k->c, k->fds);
}

static int op_resize(struct call *k)
{
	struct winsize ws = { .ws_row = (unsigned short)k->req->height, .ws_col = (unsigned short)k->req->width };
	if (!k->c->tty || k->c->out.src.fd < 0)
		return -ENOTTY;
	return ioctl(k->c->out.src.fd, TIOCSWINSZ, &ws) < 0 ? -errno : 0;
}

static int op_reopen(struct call *k)
{
	return container_open_log(k->c);
}

static int op_state(struct call *k)
{
	for (int i = 0; k->conn >= 0 && i < MAX_CONTAINERS; i++) {
		const struct container *c = &sv.containers[i];
		if (!c->used)
			continue;
		struct shim_message m = { .version = SHIM_PROTO_VERSION, .type = SHIM_STATE, .id_no = k->req->id_no,
					  .flags = c->oom ? SHIM_OOM : 0, .pid = c->pid, .state = c->state,
					  .exit_code = c->exit_code, .signal = c->signal, .time_ns = c->started_ns,
					  .created_ns = c->created_ns, .finished_ns = c->finished_ns };
		memcpy(m.id, c->id, sizeof(m.id));
		conn_send(k->conn, sv.conns[k->conn].gen, &m, -1);
	}
	return 0;
}

static int op_shutdown(struct call *k)
{
	int r = worker_start(JOB_REQUEST, k->conn, k->req, NULL, NULL);
	return r < 0 ? r : 1;
}

/* handle returns 1 when a worker will answer, 0 or -errno to be answered now. */
static const struct {
	int (*handle)(struct call *k);
	bool needs_container;
} ops[SHIM_OP_MAX] = {
	[SHIM_OP_CREATE] = { op_create, false }, [SHIM_OP_START] = { op_worker, true },
	[SHIM_OP_SIGNAL] = { op_signal, true },	 [SHIM_OP_REMOVE] = { op_worker, true },
	[SHIM_OP_EXEC] = { op_exec, true },	 [SHIM_OP_ATTACH] = { op_attach, true },
	[SHIM_OP_RESIZE] = { op_resize, true },	 [SHIM_OP_REOPEN] = { op_reopen, true },
	[SHIM_OP_STATE] = { op_state, false },	 [SHIM_OP_SHUTDOWN] = { op_shutdown, false },
};

void request_handle(int conn, const struct shim_request *req, int *fds, int n_fds)
{
	struct call k = { conn, req, NULL, fds, n_fds };
	int r = -EINVAL;
	if (req->op < SHIM_OP_MAX && ops[req->op].handle) {
		k.c = ops[req->op].needs_container ? container_find(req->id) : NULL;
		r = ops[req->op].needs_container && !k.c ? -ENOENT : ops[req->op].handle(&k);
	}
	if (r == 1)
		return;
	char text[SHIM_ID_MAX + 96];
	snprintf(text, sizeof(text), "container %s: %s", req->id, r < 0 ? strerror(-r) : "");
	conn_reply(conn, req->id_no, r, r < 0 ? text : NULL);
}

/* The exit of a process that ended before its worker had reported it. */
static void catch_early(pid_t pid, unsigned from)
{
	for (unsigned i = 0; i < MAX_EARLY; i++) {
		if (sv.early[i].pid != pid || (int)(sv.early[i].number - from) < 0)
			continue;
		sv.early[i].pid = 0;
		(void)container_exited(pid, sv.early[i].status, sv.early[i].ns);
		return;
	}
}

static void created(struct container *c, const struct worker_result *res, int *console)
{
	if (res->code < 0) {
		container_release(c);
		return;
	}
	c->pid = res->pid;
	c->state = SHIM_CREATED;
	c->created_ns = res->time_ns;
	if (c->tty && *console >= 0) {
		int in = fcntl(*console, F_DUPFD_CLOEXEC, 0);
		container_attach_streams(c, *console, -1, in);
		*console = -1;
	}
}

static void exec_started(const struct worker *w, const struct worker_result *res)
{
	for (int i = 0; i < MAX_EXECS; i++) {
		struct exec *x = &sv.execs[i];
		if (x->used)
			continue;
		x->used = true;
		x->pid = res->pid;
		memcpy(x->id, w->req.id, sizeof(x->id));
		memcpy(x->exec, w->req.exec, sizeof(x->exec));
		return;
	}
	kill(res->pid, SIGKILL); /* the table is full: nobody would hear of its end */
}

/* State changes that the worker's success brings. */
static void settle(struct worker *w, const struct worker_result *res, int *console)
{
	struct container *c = w->container;
	if (w->req.op == SHIM_OP_CREATE) {
		created(c, res, console);
	} else if (res->code < 0) {
		return;
	} else if (w->req.op == SHIM_OP_START) {
		c->started_ns = res->time_ns;
		if (c->state == SHIM_CREATED)
			c->state = SHIM_RUNNING;
	} else if (w->req.op == SHIM_OP_REMOVE) {
		c->removed = true;
		if (c->state == SHIM_STOPPED)
			container_release(c); /* else its exit is on the way and still told */
	} else if (w->req.op == SHIM_OP_EXEC) {
		exec_started(w, res);
	} else if (w->req.op == SHIM_OP_SHUTDOWN) {
		sv.stopping = true;
	}
}

void request_finish(struct worker *w, const struct worker_result *res, int console)
{
	if (w->job == JOB_EXIT_CHECK) {
		container_finish(w->container, res->code == 0 && res->oom);
	} else {
		settle(w, res, &console);
		struct shim_message m = { .version = SHIM_PROTO_VERSION, .type = SHIM_REPLY, .id_no = w->req.id_no,
					  .code = res->code, .pid = res->pid, .exec_error = res->exec_error, .time_ns = res->time_ns };
		memcpy(m.id, w->req.id, sizeof(m.id));
		memcpy(m.exec, w->req.exec, sizeof(m.exec));
		memcpy(m.text, res->text, sizeof(m.text));
		conn_send(w->conn, w->gen, &m, console);
		if (res->pid && res->code == 0)
			catch_early(res->pid, w->early_from);
	}
	if (console >= 0)
		close(console);
}
