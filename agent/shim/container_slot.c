/* The supervisor's containers: their output goes to the CRI log, their exits are recorded and told.
 *
 * Happy path of an exit: waitpid() gives it, output is read to its end, a worker looks whether memory ran out, exit.json
 * is written, the event is sent. What can fail: the log's disk is full (lines are lost, ignoring; the container goes
 * on). What always holds: exit.json is there before anybody is told, and comes after the last byte of output. */
#include "agent/shim/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

struct container *container_find(const char *id)
{
	for (int i = 0; i < MAX_CONTAINERS; i++)
		if (sv.containers[i].used && !strcmp(sv.containers[i].id, id))
			return &sv.containers[i];
	return NULL;
}

struct container *container_alloc(const char *id)
{
	for (int i = 0; i < MAX_CONTAINERS; i++) {
		struct container *c = &sv.containers[i];
		if (c->used)
			continue;
		c->used = true;
		c->tty = c->stdin_once = c->oom = c->finishing = false;
		c->state = SHIM_CREATING;
		c->pid = 0;
		c->removed = false;
		c->log_fd = c->stdin_fd = -1;
		c->out.src.fd = c->err.src.fd = c->in.src.fd = c->in.out.fd = -1;
		c->out.line.len = c->err.line.len = 0;
		c->exit_code = c->signal = 0;
		c->created_ns = c->started_ns = c->finished_ns = 0;
		snprintf(c->id, sizeof(c->id), "%s", id);
		return c;
	}
	return NULL;
}

static void close_streams(struct container *c)
{
	attach_drop(c);
	source_close(&c->out.src);
	source_close(&c->err.src);
	if (c->stdin_fd >= 0 && c->stdin_fd != c->out.src.fd)
		close(c->stdin_fd);
	c->stdin_fd = -1;
	if (c->log_fd >= 0)
		close(c->log_fd);
	c->log_fd = -1;
}

void container_release(struct container *c)
{
	close_streams(c);
	c->used = false;
}

int container_open_log(struct container *c)
{
	if (!c->log[0])
		return 0;
	int fd = open(c->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return -errno;
	if (c->log_fd >= 0)
		close(c->log_fd);
	c->log_fd = fd;
	return 0;
}

static void log_line(void *arg, char tag, const char *text, size_t len)
{
	struct stream *s = arg;
	if (s->container->log_fd >= 0)
		(void)cri_log_write(s->container->log_fd, s->err ? "stderr" : "stdout", tag, wall_ns(), text, len);
}

/* Reads what is there now. False at the end of the stream. */
static bool stream_read(struct stream *s)
{
	size_t room;
	char *to = cri_line_room(&s->line, &room);
	ssize_t n = read(s->src.fd, to, room);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	if (!attach_copy(s->container, s->err, to, (size_t)n))
		source_set(&s->src, 0);
	cri_line_feed(&s->line, (size_t)n, log_line, s);
	return true;
}

static void stream_end(struct stream *s)
{
	cri_line_end(&s->line, log_line, s);
	source_close(&s->src);
}

static void on_output(struct source *src, uint32_t events)
{
	struct stream *s = CONTAINER_OF(src, struct stream, src);
	if (!(events & EPOLLIN) && attach_blocked(s->container, s->err))
		return;
	if (!stream_read(s))
		stream_end(s);
}

static void stream_open(struct stream *s, struct container *c, bool err, int fd)
{
	if (fd < 0)
		return;
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	s->container = c;
	s->err = err;
	if (source_add(&s->src, fd, EPOLLIN, on_output) < 0)
		close(fd);
}

void container_attach_streams(struct container *c, int out_fd, int err_fd, int stdin_fd)
{
	stream_open(&c->out, c, false, out_fd);
	stream_open(&c->err, c, true, err_fd);
	c->stdin_fd = stdin_fd;
	if (stdin_fd >= 0)
		(void)fcntl(stdin_fd, F_SETFL, O_NONBLOCK);
}

/* All that the dead container has written: until nothing is there (a child that lives on may keep the pipe open). */
static void stream_drain(struct stream *s)
{
	for (int i = 0; i < 1024 && s->src.fd >= 0; i++) {
		size_t room;
		char *to = cri_line_room(&s->line, &room);
		ssize_t n = read(s->src.fd, to, room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		(void)attach_copy(s->container, s->err, to, (size_t)n);
		cri_line_feed(&s->line, (size_t)n, log_line, s);
	}
	stream_end(s);
}

static void decode_status(struct container *c, int status)
{
	c->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	c->exit_code = WIFSIGNALED(status) ? 128 + c->signal : WEXITSTATUS(status);
}

static bool exec_exited(pid_t pid, int status, int64_t ns)
{
	for (int i = 0; i < MAX_EXECS; i++) {
		struct exec *x = &sv.execs[i];
		if (!x->used || x->pid != pid)
			continue;
		int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
		struct shim_message m = { .version = SHIM_PROTO_VERSION, .type = SHIM_EXIT, .pid = pid, .signal = sig,
					  .exit_code = sig ? 128 + sig : WEXITSTATUS(status), .time_ns = ns, .finished_ns = ns };
		memcpy(m.id, x->id, sizeof(m.id));
		memcpy(m.exec, x->exec, sizeof(m.exec));
		x->used = false;
		conn_broadcast(&m);
		return true;
	}
	return false;
}

bool container_exited(pid_t pid, int status, int64_t ns)
{
	for (int i = 0; i < MAX_CONTAINERS; i++) {
		struct container *c = &sv.containers[i];
		if (!c->used || c->pid != pid || c->state == SHIM_STOPPED || c->finishing)
			continue;
		decode_status(c, status);
		c->finished_ns = ns;
		c->finishing = true;
		stream_drain(&c->out);
		stream_drain(&c->err);
		struct shim_request req = { .version = SHIM_PROTO_VERSION };
		memcpy(req.id, c->id, sizeof(req.id));
		/* Only a death that want of memory can explain is worth the look. */
		if (c->exit_code == 0 || worker_start(JOB_EXIT_CHECK, -1, &req, c, NULL) < 0)
			container_finish(c, false);
		return true;
	}
	return exec_exited(pid, status, ns);
}

static void write_exit_file(const struct container *c)
{
	char path[SHIM_PATH_MAX + 32], tmp[SHIM_PATH_MAX + 32], text[512];
	snprintf(path, sizeof(path), "%s/%s", c->bundle, SHIM_EXIT_NAME);
	snprintf(tmp, sizeof(tmp), "%s/.%s", c->bundle, SHIM_EXIT_NAME);
	int n = snprintf(text, sizeof(text), "{\"container\":\"%s\",\"exit_code\":%d,\"signal\":%d,\"oom\":%s,\"started\":%lld,\"finished\":%lld}\n",
			 c->id, c->exit_code, c->signal, c->oom ? "true" : "false", (long long)c->started_ns, (long long)c->finished_ns);
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return; /* ignoring: the bundle was removed; the event still tells */
	bool ok = write(fd, text, (size_t)n) == n;
	close(fd);
	if (!ok || rename(tmp, path) < 0)
		unlink(tmp);
}

void container_finish(struct container *c, bool oom)
{
	c->oom = oom;
	c->state = SHIM_STOPPED;
	c->finishing = false;
	close_streams(c);
	write_exit_file(c);
	struct shim_message m = { .version = SHIM_PROTO_VERSION, .type = SHIM_EXIT, .pid = c->pid, .signal = c->signal,
				  .exit_code = c->exit_code, .flags = oom ? SHIM_OOM : 0, .time_ns = c->started_ns,
				  .created_ns = c->created_ns, .finished_ns = c->finished_ns };
	memcpy(m.id, c->id, sizeof(m.id));
	conn_broadcast(&m);
	c->pid = 0;
	if (c->removed)
		container_release(c);
}
