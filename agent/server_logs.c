/* GET /containerLogs: a container's log, from the file, as far as asked for, and on as it grows.
 *
 * Happy path: the beginning is found (tail, since), pieces are read and filtered as fast as the client takes them; with
 * follow inotify tells of more, until the container has ended or the client is gone. What can fail: no such attempt
 * (the text that kubectl shows). What always holds: memory is one piece and one line. A client that asks for a WebSocket gets the
 * same bytes as its messages. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/log_read.h"
#include "agent/server.h"
#include "base/clock.h"
#include "base/mem.h"
#include "io/ws.h"

enum { PIECE = 32768 };

struct stream {
	struct agent *agent;
	struct http_exchange *x;
	struct ws *ws; /* NULL: an ordinary answer */
	char *uid, *container, *id, *path;
	int fd, inotify_fd;
	off_t at;
	bool follow, last_look, ended;
	struct log_filter filter;
	struct fd_watch *watch;
	struct timer *timer; /* looks again whether the container still runs */
};

static void stream_free(struct stream *s)
{
	fd_watch_free(s->watch);
	timer_free(s->timer);
	close_fd(&s->fd);
	close_fd(&s->inotify_fd);
	log_filter_done(&s->filter);
	free(s->uid);
	free(s->container);
	free(s->id);
	free(s->path);
	free(s);
}

static void on_close(void *arg, struct http_exchange *x)
{
	(void)x;
	stream_free(arg);
}

/* Whether more can come: the attempt that is read still runs. */
static bool is_live(const struct stream *s)
{
	const struct pod *p = map_get(s->agent->pods, s->uid);
	const struct container_state *c = p ? pod_state_find(p->state, s->container) : NULL;
	return c && !strcmp(c->id, s->id) && (c->phase == PHASE_RUNNING || c->phase == PHASE_STARTING);
}

/* The file was cut by rotation: what is new is read from its beginning. */
static void check_rotated(struct stream *s)
{
	struct stat now, open_st;
	if (stat(s->path, &now) < 0 || fstat(s->fd, &open_st) < 0)
		return;
	if (now.st_ino == open_st.st_ino && now.st_size >= s->at)
		return;
	int fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	close(s->fd);
	s->fd = fd;
	s->at = 0;
}

static void end(struct stream *s)
{
	s->ended = true;
	if (s->ws)
		ws_close(s->ws, 1000, "");
	else
		http_end(s->x);
}

static size_t pending(const struct stream *s)
{
	return s->ws ? ws_pending_bytes(s->ws) : http_pending_bytes(s->x);
}

static void pump(struct stream *s)
{
	char buf[PIECE];
	while (!s->ended && pending(s) < 4 * PIECE) {
		AUTO_STR out = STR_INIT;
		ssize_t n = pread(s->fd, buf, sizeof(buf), s->at);
		if (n <= 0) {
			bool live = s->follow && is_live(s);
			if (!live && (s->last_look || !s->follow)) {
				end(s);
				return;
			}
			s->last_look = !live; /* what was written before the end was seen */
			check_rotated(s);
			timer_start_slack(s->timer, live ? 1000 : 50, live ? 500 : 0);
			return;
		}
		s->at += n;
		bool more = log_filter_feed(&s->filter, buf, (size_t)n, &out);
		if (out.len && s->ws)
			ws_send(s->ws, out.p, out.len);
		else if (out.len)
			http_write(s->x, out.p, out.len);
		if (!more) {
			end(s);
			return;
		}
	}
}

static void on_drain(void *arg, struct http_exchange *x)
{
	(void)x;
	pump(arg);
}

static void on_timer(void *arg)
{
	pump(arg);
}

static void on_change(void *arg, int events)
{
	(void)events;
	struct stream *s = arg;
	char buf[2048];
	while (read(s->inotify_fd, buf, sizeof(buf)) > 0)
		;
	pump(s);
}

static int number(struct http_exchange *x, const char *name, int64_t *ret)
{
	const char *text = http_query_get(x, name);
	return !text ? 0 : str_to_i64(text, ret) < 0 || *ret < 0 ? -EINVAL : 1;
}

/* The query into filter and *tail (-1: none). -EINVAL. */
static int parse(struct http_exchange *x, struct log_filter *f, int64_t *tail)
{
	int64_t since = 0, limit = -1;
	const char *since_time = http_query_get(x, "sinceTime"), *stream = http_query_get(x, "stream");
	*tail = -1;
	if (number(x, "tailLines", tail) < 0 || number(x, "limitBytes", &limit) < 0 ||
	    number(x, "sinceSeconds", &since) < 0)
		return -EINVAL;
	f->limit_bytes = limit;
	f->timestamps = server_flag(x, "timestamps");
	f->streams = str_eq(stream, "Stdout") ? LOG_STDOUT : str_eq(stream, "Stderr") ? LOG_STDERR : LOG_ALL;
	if (since)
		f->since_us = clock_wall_us() - since * 1000000;
	return since_time && rfc3339_parse(since_time, &f->since_us) < 0 ? -EINVAL : 0;
}

static void watch(struct stream *s)
{
	s->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (s->inotify_fd >= 0 && inotify_add_watch(s->inotify_fd, s->path, IN_MODIFY | IN_MOVE_SELF) >= 0)
		s->watch = fd_watch_new(s->agent->loop, s->inotify_fd, FD_READ, on_change, s);
}

static void on_ws_message(void *arg, const uint8_t *data, size_t len)
{
	(void)arg, (void)data, (void)len; /* nothing is expected */
}

static void on_ws_drain(void *arg)
{
	pump(arg);
}

static void on_ws_close(void *arg)
{
	struct stream *s = arg;
	s->ws = NULL;
	s->ended = true; /* on_close follows */
}

/* Answers as the client wants it. -EINVAL: it asked for a WebSocket that is none. */
static int begin(struct stream *s)
{
	static const struct http_header headers[] = {{"content-type", "text/plain"}, {NULL, NULL}};
	static const char *const protocols[] = {"binary.k8s.io", NULL};
	static const struct ws_ops ops = {on_ws_message, on_ws_drain, on_ws_close};
	http_on_close(s->x, on_close, s);
	if (ws_is_upgrade(s->x))
		return ws_accept(s->x, ws_choose_protocol(s->x, protocols), PIECE, &ops, s, &s->ws, NULL);
	http_on_drain(s->x, on_drain, s);
	http_start(s->x, 200, headers);
	return 0;
}

void server_logs(struct agent *a, struct http_exchange *x, const struct target *t)
{
	struct container_state *c = t->container;
	struct log_filter filter = LOG_FILTER_INIT;
	int64_t tail;
	bool previous = server_flag(x, "previous");
	if (parse(x, &filter, &tail) < 0) {
		server_text(x, 400, "invalid log options\n");
		return;
	}
	if (previous && c->restart_count == 0) {
		server_text(x, 400, "previous terminated container \"%s\" in pod \"%s\" not found\n", c->name,
			    t->pod->state->name);
		return;
	}
	AUTO_FREE char *path = container_log_path(t->pod, c, c->restart_count - (previous ? 1 : 0));
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		server_text(x, 400, "container \"%s\" in pod \"%s\" is waiting to start: %s\n", c->name,
			    t->pod->state->name, c->wait_reason ? c->wait_reason : "ContainerCreating");
		return;
	}
	struct stream *s = xcalloc(1, sizeof(*s));
	*s = (struct stream){.agent = a,
			     .x = x,
			     .uid = xstrdup(t->pod->state->uid),
			     .container = xstrdup(c->name),
			     .id = xstrdup(c->id),
			     .path = TAKE(path),
			     .fd = fd,
			     .inotify_fd = -1,
			     .follow = server_flag(x, "follow") && !previous,
			     .filter = filter};
	s->at = tail >= 0 ? log_tail_offset(fd, tail) : 0;
	s->timer = timer_new(a->loop, on_timer, s);
	if (s->follow)
		watch(s);
	if (begin(s) < 0)
		server_text(x, 400, "invalid upgrade\n"); /* s goes with the exchange */
	else
		pump(s);
}
