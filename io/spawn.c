/* Child processes run to their end. Purpose: plugins, hooks and helpers without blocking the loop.
 *
 * Happy path: posix_spawn() with pipes; input is fed and both outputs are read as the loop finds them ready; when the
 * pidfd says that the child is dead and both streams have ended, it is reaped and done is told.
 * What can fail: starting it (execve's errors come back directly); afterwards only the child itself.
 * What always holds: the child is reaped last, so that its process group's number stays ours while we may signal it. */
#include "io/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

enum { DEFAULT_MAX_OUTPUT = 1 << 20, AFTER_KILL_MS = 1000, REAP_WAIT_MS = 20 };

extern char **environ;

struct stream {
	struct spawn *owner;
	int fd;
	struct fd_watch *watch;
	struct str text; /* of stdin: what is still to write */
};

struct spawn {
	struct loop *loop;
	pid_t pid;
	int pid_fd;
	struct fd_watch *exit_watch;
	struct timer *timer;
	struct stream in, out, err;
	size_t max_output;
	bool exited, timed_out, cancelled;
	spawn_done done;
	void *arg;
};

static void stream_close(struct stream *s)
{
	fd_watch_free(TAKE(s->watch));
	close_fd(&s->fd);
}

static void spawn_free(struct spawn *s)
{
	stream_close(&s->in);
	stream_close(&s->out);
	stream_close(&s->err);
	fd_watch_free(s->exit_watch);
	timer_free(s->timer);
	close_fd(&s->pid_fd);
	str_done(&s->in.text);
	str_done(&s->out.text);
	str_done(&s->err.text);
	free(s);
}

static int reap(const struct spawn *s)
{
	int status = 0;
	while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static void finish_when_over(struct spawn *s)
{
	if (!s->exited || s->out.fd >= 0 || s->err.fd >= 0)
		return;
	struct spawn_result result = { .status = reap(s), .timed_out = s->timed_out, .out = s->out.text,
				       .err = s->err.text };
	s->cancelled = true; /* cancelling it in done does nothing */
	s->done(s->arg, &result);
	spawn_free(s);
}

static void on_exit_event(void *arg, int events)
{
	struct spawn *s = arg;
	(void)events;
	s->exited = true;
	fd_watch_free(TAKE(s->exit_watch));
	if (s->cancelled) {
		reap(s);
		spawn_free(s);
	} else {
		finish_when_over(s);
	}
}

static void kill_group(const struct spawn *s)
{
	if (kill(-s->pid, SIGKILL) < 0)
		kill(s->pid, SIGKILL);
}

/* The first time the child is killed; the second, whatever holds its streams open has left its group: let go. */
static void on_timeout(void *arg)
{
	struct spawn *s = arg;
	if (!s->timed_out) {
		s->timed_out = true;
		kill_group(s);
		timer_start(s->timer, AFTER_KILL_MS);
		return;
	}
	stream_close(&s->out);
	stream_close(&s->err);
	finish_when_over(s);
}

static void on_output(void *arg, int events)
{
	struct stream *s = arg;
	char buf[16384];
	(void)events;
	ssize_t n = read(s->fd, buf, sizeof(buf));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		str_addn(&s->text, buf, MIN((size_t)n, s->owner->max_output - s->text.len));
		return;
	}
	stream_close(s);
	finish_when_over(s->owner);
}

static void on_input(void *arg, int events)
{
	struct stream *s = arg;
	(void)events;
	ssize_t n = write(s->fd, s->text.p, s->text.len);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		str_consume(&s->text, (size_t)n);
	if (n < 0 || !s->text.len)
		stream_close(s);
}

/* The descriptors of the child's side, by number. */
struct ends {
	int fd[3];
};

static void ends_close(struct ends *e)
{
	for (int i = 0; i < 3; i++)
		close_fd(&e->fd[i]);
}

static int open_pipes(struct spawn *s, bool input, struct ends *child)
{
	int p[2];
	if (!input) {
		child->fd[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (child->fd[0] < 0)
			return -errno;
	} else {
		if (pipe2(p, O_CLOEXEC) < 0)
			return -errno;
		child->fd[0] = p[0];
		s->in.fd = p[1];
	}
	struct stream *outputs[] = { &s->out, &s->err };
	for (int i = 0; i < 2; i++) {
		if (pipe2(p, O_CLOEXEC) < 0)
			return -errno;
		outputs[i]->fd = p[0];
		child->fd[i + 1] = p[1];
	}
	return 0;
}

static int start(struct spawn *s, const struct spawn_opts *o, const struct ends *child)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t all, none;
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	for (int i = 0; i < 3; i++)
		posix_spawn_file_actions_adddup2(&actions, child->fd[i], i);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	if (o->cwd)
		posix_spawn_file_actions_addchdir_np(&actions, o->cwd);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	int r = posix_spawn(&s->pid, o->argv[0], &actions, &attr, o->argv, o->env ? o->env : environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return -r;
}

static void watch_stream(struct stream *s, struct spawn *owner, int events, void (*fn)(void *arg, int events))
{
	s->owner = owner;
	if (s->fd >= 0)
		s->watch = fd_watch_new(owner->loop, s->fd, events, fn, s);
}

static void watch_all(struct spawn *s, const struct spawn_opts *o)
{
	if (s->in.fd >= 0)
		str_addn(&s->in.text, o->input, o->input_len);
	watch_stream(&s->in, s, FD_WRITE, on_input);
	watch_stream(&s->out, s, FD_READ, on_output);
	watch_stream(&s->err, s, FD_READ, on_output);
	s->exit_watch = fd_watch_new(s->loop, s->pid_fd, FD_READ, on_exit_event, s);
	if (o->timeout_ms) {
		s->timer = timer_new(s->loop, on_timeout, s);
		timer_start(s->timer, o->timeout_ms);
	}
}

static int open_pid_fd(struct spawn *s)
{
	s->pid_fd = (int)syscall(SYS_pidfd_open, s->pid, 0);
	if (s->pid_fd >= 0)
		return 0;
	int r = -errno;
	kill_group(s);
	reap(s);
	return r;
}

int spawn_start(struct loop *l, const struct spawn_opts *o, spawn_done done, void *arg, struct spawn **ret,
		struct err *e)
{
	AUTO(ends_close) struct ends child = { { -1, -1, -1 } };
	struct spawn *s = xcalloc(1, sizeof(*s));
	s->loop = l;
	s->pid_fd = s->in.fd = s->out.fd = s->err.fd = -1;
	s->max_output = o->max_output ? o->max_output : DEFAULT_MAX_OUTPUT;
	s->done = done;
	s->arg = arg;
	int r = open_pipes(s, o->input && o->input_len, &child);
	if (r == 0)
		r = start(s, o, &child);
	if (r == 0)
		r = open_pid_fd(s);
	if (r < 0) {
		spawn_free(s);
		return err_code(e, r, "%s", o->argv[0]);
	}
	watch_all(s, o);
	if (ret)
		*ret = s;
	return 0;
}

/* A killed child is normally gone at once; one that is stuck in the kernel is reaped from the loop. */
void spawn_cancel(struct spawn *s)
{
	if (!s || s->cancelled)
		return;
	s->cancelled = true;
	kill_group(s);
	stream_close(&s->in);
	stream_close(&s->out);
	stream_close(&s->err);
	timer_free(TAKE(s->timer));
	struct pollfd p = { .fd = s->pid_fd, .events = POLLIN };
	if (s->exited || poll(&p, 1, REAP_WAIT_MS) == 1) {
		reap(s);
		spawn_free(s);
	}
}
