/* The agent's side of a pod supervisor, on the event loop.
 *
 * Happy path: a request packet goes out with a number, the reply with that number calls its done. What can fail: the
 * connection breaks; then every call that waits gets -ECONNRESET and on_gone follows. What always holds: done is called
 * once for each call, from the loop, unless shim_free() came first. */
#include "agent/shim_client.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/shim/shim_proto.h"
#include "base/fd_pass.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/list.h"
#include "base/mem.h"
#include "cgroups/cgroup.h"

struct call {
	struct list link;
	uint32_t id_no;
	shim_done done;
	shim_state_fn state_fn;
	void *arg;
};

struct shim {
	struct loop *loop;
	struct shim_ops ops;
	void *arg;
	int fd, got_fd;
	char *dir;
	uint32_t next_id;
	struct fd_watch *watch;
	struct list calls;
	bool gone, *freed; /* freed: set when a callback frees the handle */
};

static void answer(struct shim *s, struct call *c, int r, const struct shim_message *m, const struct err *e)
{
	struct shim_answer a = { 0 };
	if (m) {
		a.pid = m->pid;
		a.started_ns = m->time_ns;
		a.exec_error = (int)m->exec_error;
	}
	list_remove(&c->link);
	if (c->state_fn)
		c->state_fn(c->arg, NULL, r, e);
	else if (c->done)
		c->done(c->arg, r, &a, e);
	free(c);
	(void)s;
}

static struct call *find_call(struct shim *s, uint32_t id_no)
{
	LIST_FOR_EACH(c, &s->calls, struct call, link)
		if (c->id_no == id_no)
			return c;
	return NULL;
}

static void on_reply(struct shim *s, const struct shim_message *m)
{
	struct call *c = find_call(s, m->id_no);
	if (!c)
		return;
	struct err e = ERR_INIT;
	if (m->code < 0)
		err_set(&e, m->code, "%s", m->text);
	answer(s, c, m->code, m, m->code < 0 ? &e : NULL);
}

static void on_state(struct shim *s, const struct shim_message *m)
{
	struct call *c = find_call(s, m->id_no);
	struct shim_status st = { .id = m->id, .state = (enum shim_container_state)m->state, .pid = m->pid,
				  .exit_code = m->exit_code, .signal = m->signal, .oom = m->flags & SHIM_OOM,
				  .created_ns = m->created_ns, .started_ns = m->time_ns, .finished_ns = m->finished_ns };
	if (c && c->state_fn)
		c->state_fn(c->arg, &st, 0, NULL);
}

static void on_exit_message(struct shim *s, const struct shim_message *m)
{
	struct shim_exit x = { .container = m->id, .exec = m->exec, .exit_code = m->exit_code, .signal = m->signal,
			       .oom = m->flags & SHIM_OOM, .finished_ns = m->finished_ns };
	if (s->ops.on_exit)
		s->ops.on_exit(s->arg, &x);
}

static void break_connection(struct shim *s)
{
	bool freed = false, *outer = s->freed;
	struct err e = ERR_INIT;
	err_set(&e, -ECONNRESET, "the pod's supervisor is gone");
	s->gone = true;
	fd_watch_free(s->watch);
	s->watch = NULL;
	s->freed = &freed;
	while (!freed && !list_is_empty(&s->calls))
		answer(s, LIST_ENTRY(list_pop(&s->calls), struct call, link), -ECONNRESET, NULL, &e);
	if (!freed && s->ops.on_gone)
		s->ops.on_gone(s->arg);
	if (!freed)
		s->freed = outer;
	else if (outer)
		*outer = true;
}

/* 1: a message, 0: nothing now, -1: the end. */
static int receive(struct shim *s, struct shim_message *m)
{
	ssize_t n = fd_pass_receive(s->fd, m, sizeof(*m), &s->got_fd, 1, MSG_DONTWAIT);
	if (n <= 0)
		return n == -EAGAIN ? 0 : -1;
	m->id[SHIM_ID_MAX - 1] = m->exec[SHIM_ID_MAX - 1] = m->text[SHIM_TEXT_MAX - 1] = '\0';
	return 1;
}

static void on_readable(void *arg, int events)
{
	(void)events;
	struct shim *s = arg;
	bool freed = false, *outer = s->freed;
	static void (*const handlers[])(struct shim *, const struct shim_message *) = {
		[SHIM_REPLY] = on_reply, [SHIM_STATE] = on_state, [SHIM_EXIT] = on_exit_message
	};
	struct shim_message m;
	int r;
	s->freed = &freed;
	while (!freed && !s->gone && (r = receive(s, &m)) != 0) {
		if (r < 0) {
			break_connection(s);
			break;
		}
		if (m.type < ARRAY_LEN(handlers) && handlers[m.type])
			handlers[m.type](s, &m);
		if (!freed)
			close_fd(&s->got_fd);
	}
	if (!freed)
		s->freed = outer;
	else if (outer)
		*outer = true;
}

/* The directory is entered through a descriptor: socket addresses are short. */
static int dial(const char *dir, int *ret, struct err *e)
{
	AUTO_FD int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return err_sys(e, "open %s", dir);
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/%s", dir_fd, SHIM_SOCKET_NAME);
	AUTO_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, "socket");
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return err_sys(e, "connect %s/%s", dir, SHIM_SOCKET_NAME);
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	*ret = TAKE_FD(fd);
	return 0;
}

int shim_connect(const struct shim_config *c, const struct shim_ops *ops, void *arg, struct shim **ret, struct err *e)
{
	AUTO_FD int fd = -1;
	int r = dial(c->dir, &fd, e);
	if (r < 0)
		return r;
	struct shim *s = xcalloc(1, sizeof(*s));
	s->loop = c->loop;
	s->ops = *ops;
	s->arg = arg;
	s->dir = xstrdup(c->dir);
	s->got_fd = -1;
	list_init(&s->calls);
	s->fd = TAKE_FD(fd);
	s->watch = fd_watch_new(c->loop, s->fd, FD_READ, on_readable, s);
	*ret = s;
	return 0;
}

/* Runs the program, which goes on in the background by itself once its socket listens. It outlives this process, so
 * nothing of ours may go with it: libcurl's connections are not close-on-exec. */
static int launch(const struct shim_config *c, struct err *e)
{
	char *argv[] = { (char *)c->shim_path, (char *)"--dir", (char *)c->dir, c->cgroup ? (char *)"--cgroup" : NULL,
			 (char *)c->cgroup, NULL };
	char *env[] = { (char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid;
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	int r = -posix_spawn(&pid, c->shim_path, &actions, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	if (r < 0)
		return err_code(e, r, "start %s", c->shim_path);
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "wait for %s", c->shim_path);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return err_set(e, -EIO, "%s did not start (status %d)", c->shim_path, status);
	return 0;
}

int shim_start(const struct shim_config *c, const struct shim_ops *ops, void *arg, struct shim **ret, struct err *e)
{
	int r = launch(c, e);
	return r < 0 ? r : shim_connect(c, ops, arg, ret, e);
}

void shim_free(struct shim *s)
{
	if (!s)
		return;
	if (s->freed)
		*s->freed = true;
	LIST_FOR_EACH(c, &s->calls, struct call, link)
		free(c);
	fd_watch_free(s->watch);
	close_fd(&s->fd);
	close_fd(&s->got_fd);
	free(s->dir);
	free(s);
}

int shim_take_fd(struct shim *s)
{
	return TAKE_FD(s->got_fd);
}

struct late {
	struct shim *shim;
	struct call *call;
	int code;
};

/* A call that could not be sent is answered from the loop like every other. */
static void fail_late(void *arg)
{
	struct late *l = arg;
	struct err e = ERR_INIT;
	err_code(&e, l->code, "ask the pod's supervisor");
	if (l->call->state_fn)
		l->call->state_fn(l->call->arg, NULL, l->code, &e);
	else if (l->call->done)
		l->call->done(l->call->arg, l->code, &(struct shim_answer){ 0 }, &e);
	free(l->call);
	free(l);
}

static void send_call(struct shim *s, struct shim_request *req, const int *fds, int n_fds, struct call tmpl, int early)
{
	struct call *c = xmemdup(&tmpl, sizeof(tmpl));
	req->version = SHIM_PROTO_VERSION;
	req->id_no = c->id_no = ++s->next_id;
	int r = early ? early : s->gone ? -ECONNRESET : fd_pass_send(s->fd, req, sizeof(*req), fds, n_fds, MSG_DONTWAIT);
	if (r == 0) {
		list_add(&s->calls, &c->link);
		return;
	}
	struct late *l = xcalloc(1, sizeof(*l));
	*l = (struct late){ s, c, r };
	loop_defer(s->loop, fail_late, l);
}

static int set_text(char *to, size_t room, const char *text)
{
	return (size_t)snprintf(to, room, "%s", text ? text : "") < room ? 0 : -ENAMETOOLONG;
}

static void simple(struct shim *s, enum shim_op op, const char *id, struct shim_request *more, shim_done done, void *arg)
{
	struct shim_request req = more ? *more : (struct shim_request){ 0 };
	req.op = op;
	int r = set_text(req.id, sizeof(req.id), id);
	send_call(s, &req, NULL, 0, (struct call){ .done = done, .arg = arg }, r);
}

void shim_create(struct shim *s, const struct shim_container *c, shim_done done, void *arg)
{
	struct shim_request req = { .op = SHIM_OP_CREATE };
	req.flags = (c->tty ? SHIM_TTY : 0) | (c->stdin_ ? SHIM_STDIN : 0) | (c->stdin_once ? SHIM_STDIN_ONCE : 0);
	int r = set_text(req.id, sizeof(req.id), c->id);
	if (r == 0)
		r = set_text(req.path, sizeof(req.path), c->bundle);
	if (r == 0)
		r = set_text(req.log, sizeof(req.log), c->log);
	send_call(s, &req, NULL, 0, (struct call){ .done = done, .arg = arg }, r);
}

void shim_start_container(struct shim *s, const char *id, shim_done done, void *arg)
{
	simple(s, SHIM_OP_START, id, NULL, done, arg);
}

void shim_signal(struct shim *s, const char *id, int signo, bool all, shim_done done, void *arg)
{
	struct shim_request req = { .signal = (uint32_t)signo, .flags = all ? SHIM_ALL : 0 };
	simple(s, SHIM_OP_SIGNAL, id, &req, done, arg);
}

void shim_remove(struct shim *s, const char *id, shim_done done, void *arg)
{
	simple(s, SHIM_OP_REMOVE, id, NULL, done, arg);
}

void shim_reopen_log(struct shim *s, const char *id, shim_done done, void *arg)
{
	simple(s, SHIM_OP_REOPEN, id, NULL, done, arg);
}

void shim_resize(struct shim *s, const char *id, unsigned width, unsigned height, shim_done done, void *arg)
{
	struct shim_request req = { .width = width, .height = height };
	simple(s, SHIM_OP_RESIZE, id, &req, done, arg);
}

void shim_state(struct shim *s, shim_state_fn fn, void *arg)
{
	struct shim_request req = { .op = SHIM_OP_STATE };
	send_call(s, &req, NULL, 0, (struct call){ .state_fn = fn, .arg = arg }, 0);
}

void shim_exec(struct shim *s, const char *id, const char *exec, const json_t *process, bool tty, const int fds[3],
	       shim_done done, void *arg)
{
	struct shim_request req = { .op = SHIM_OP_EXEC, .flags = tty ? SHIM_TTY : 0 };
	int r = set_text(req.id, sizeof(req.id), id);
	if (r == 0)
		r = set_text(req.exec, sizeof(req.exec), exec);
	AUTO_FREE char *path = xasprintf("%s/exec-%u.json", s->dir, s->next_id + 1);
	if (r == 0)
		r = set_text(req.path, sizeof(req.path), path);
	if (r == 0)
		r = json_write_file(path, process, 0600, NULL);
	send_call(s, &req, fds, tty ? 0 : 3, (struct call){ .done = done, .arg = arg }, r);
}

void shim_attach(struct shim *s, const char *id, const int fds[3], shim_done done, void *arg)
{
	struct shim_request req = { .op = SHIM_OP_ATTACH };
	int r = set_text(req.id, sizeof(req.id), id);
	send_call(s, &req, fds, 3, (struct call){ .done = done, .arg = arg }, r);
}

void shim_shutdown(struct shim *s, shim_done done, void *arg)
{
	simple(s, SHIM_OP_SHUTDOWN, "", NULL, done, arg);
}

int shim_clean_dead(const struct shim_config *c, struct err *e)
{
	AUTO_CGROUP_HOST *host = NULL;
	AUTO_CGROUP *cg = NULL;
	int r = 0;
	if (c->cgroup) {
		r = cgroup_host_open(&host, e);
		if (r == 0)
			r = cgroup_open(host, c->cgroup, &cg, e);
		if (r == 0 && cgroup_exists(cg)) {
			r = cgroup_kill(cg, e);
			if (r == 0)
				r = cgroup_destroy(cg, e);
		}
	}
	static const char *const left[] = { SHIM_RUNTIME_DIR, SHIM_SOCKET_NAME, SHIM_PID_NAME };
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(left); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", c->dir, left[i]);
		r = fs_remove_tree(path, e);
	}
	return r;
}
