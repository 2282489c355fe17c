/* Attached clients: copies of a container's output go to them, what they send goes to its standard input.
 *
 * What can fail: the client's end breaks (the copy is dropped, the container does not notice). What always holds: no
 * byte of a living client is lost: while a sink has bytes that its descriptor did not take, the container's stream is
 * not read. */
#include "agent/shim/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/mem.h"

static void resume(struct container *c)
{
	if (!attach_blocked(c, false))
		source_set(&c->out.src, EPOLLIN);
	if (!attach_blocked(c, true))
		source_set(&c->err.src, EPOLLIN);
}

static void sink_close(struct sink *k)
{
	struct container *c = k->container;
	source_close(&k->src);
	k->container = NULL;
	k->len = 0;
	if (c)
		resume(c);
}

static void on_sink(struct source *s, uint32_t events)
{
	struct sink *k = CONTAINER_OF(s, struct sink, src);
	if (events & (EPOLLERR | EPOLLHUP)) {
		sink_close(k);
		return;
	}
	ssize_t n = write(s->fd, k->pending, k->len);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		sink_close(k);
		return;
	}
	if (n > 0) {
		k->len -= (size_t)n;
		memmove(k->pending, k->pending + n, k->len);
	}
	if (!k->len) {
		source_set(s, EPOLLERR);
		resume(k->container);
	}
}

static struct sink *sink_add(struct container *c, bool err, int fd)
{
	for (int i = 0; i < MAX_SINKS; i++) {
		struct sink *k = &sv.sinks[i];
		if (k->container)
			continue;
		(void)fcntl(fd, F_SETFL, O_NONBLOCK);
		if (source_add(&k->src, fd, EPOLLERR, on_sink) < 0)
			return NULL;
		k->container = c;
		k->err = err;
		k->len = 0;
		return k;
	}
	return NULL;
}

static void pump_close(struct pump *p)
{
	source_close(&p->src);
	source_close(&p->out);
	p->len = 0;
}

static void on_stdin_room(struct source *s, uint32_t events);

/* Gives the container what is there. What its pipe does not take waits for room, and the client is not read on. */
static void pump_write(struct pump *p)
{
	struct container *c = p->container;
	ssize_t w = c->stdin_fd >= 0 ? write(c->stdin_fd, p->bytes, p->len) : -1;
	if (w < 0 && (c->stdin_fd < 0 || (errno != EAGAIN && errno != EINTR))) {
		pump_close(p);
		return;
	}
	if (w > 0) {
		p->len -= (size_t)w;
		memmove(p->bytes, p->bytes + w, p->len);
	}
	if (!p->len) {
		source_close(&p->out);
		source_set(&p->src, EPOLLIN);
	} else if (p->out.fd < 0) {
		int fd = fcntl(c->stdin_fd, F_DUPFD_CLOEXEC, 0);
		source_set(&p->src, 0);
		if (fd < 0 || source_add(&p->out, fd, EPOLLOUT, on_stdin_room) < 0)
			pump_close(p);
	}
}

static void on_stdin_room(struct source *s, uint32_t events)
{
	(void)events;
	pump_write(CONTAINER_OF(s, struct pump, out));
}

static void on_pump(struct source *s, uint32_t events)
{
	(void)events;
	struct pump *p = CONTAINER_OF(s, struct pump, src);
	struct container *c = p->container;
	ssize_t n = read(s->fd, p->bytes, sizeof(p->bytes));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		p->len = (size_t)n;
		pump_write(p);
		return;
	}
	pump_close(p);
	if (c->stdin_once && !c->tty && c->stdin_fd >= 0) {
		close(c->stdin_fd);
		c->stdin_fd = -1;
	}
}

/* What the client does not want goes to /dev/null, which needs no sink. */
static bool is_wanted(int fd)
{
	struct stat st;
	return fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode);
}

int attach_add(struct container *c, int fds[3])
{
	bool want_out = is_wanted(fds[1]), want_err = !c->tty && is_wanted(fds[2]);
	struct sink *out = want_out ? sink_add(c, false, fds[1]) : NULL;
	if (want_out && !out)
		return -EBUSY;
	struct sink *err = want_err ? sink_add(c, true, fds[2]) : NULL;
	if (want_err && !err) {
		if (out) {
			out->src.fd = -1; /* the caller keeps its descriptors */
			(void)epoll_ctl(sv.epoll_fd, EPOLL_CTL_DEL, fds[1], NULL);
			out->container = NULL;
		}
		return -EBUSY;
	}
	if (out)
		fds[1] = -1;
	if (err)
		fds[2] = -1;
	if (c->stdin_fd >= 0 && c->in.src.fd < 0) {
		(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
		c->in.container = c;
		if (source_add(&c->in.src, fds[0], EPOLLIN, on_pump) == 0)
			fds[0] = -1;
	}
	return 0;
}

bool attach_copy(struct container *c, bool err, const char *bytes, size_t n)
{
	for (int i = 0; i < MAX_SINKS; i++) {
		struct sink *k = &sv.sinks[i];
		if (k->container != c || k->err != err)
			continue;
		ssize_t w = write(k->src.fd, bytes, n);
		if (w < 0 && errno != EAGAIN && errno != EINTR) {
			sink_close(k);
			continue;
		}
		size_t left = n - (w > 0 ? (size_t)w : 0);
		if (left) {
			memcpy(k->pending, bytes + (n - left), left);
			k->len = left;
			source_set(&k->src, EPOLLOUT);
		}
	}
	return !attach_blocked(c, err);
}

bool attach_blocked(const struct container *c, bool err)
{
	for (int i = 0; i < MAX_SINKS; i++)
		if (sv.sinks[i].container == c && sv.sinks[i].err == err && sv.sinks[i].len)
			return true;
	return false;
}

void attach_drop(struct container *c)
{
	for (int i = 0; i < MAX_SINKS; i++) {
		if (sv.sinks[i].container == c) {
			if (sv.sinks[i].len)
				(void)!write(sv.sinks[i].src.fd, sv.sinks[i].pending, sv.sinks[i].len);
			sink_close(&sv.sinks[i]);
		}
	}
	pump_close(&c->in);
}
