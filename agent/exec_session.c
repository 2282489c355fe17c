/* The connection of an exec or attach, over WebSocket channels (v5 and v4) or SPDY streams (v4).
 *
 * Happy path: channels 0 stdin, 1 stdout, 2 stderr, 3 the final Status, 4 the terminal's size; with v5 a message on 255
 * closes a channel; with SPDY the client opens a stream for each, and all is begun when those that it announced are there.
 * Bytes go through pipes (or the pty's master) between the socket and the supervisor. What can fail:
 * the start (a Status of failure), the peer's going away. What always holds: neither side is read faster than the other
 * takes, and the Status comes after the last output. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/exec_session.h"
#include "base/json.h"
#include "base/mem.h"

enum { PIECE = 16384, HIGH_WATER = 262144, DRAIN_MS = 200, OPEN_MS = 30000, RESIZE_MAX = 4096 };

static void close_output(struct output *o)
{
	fd_watch_free(o->watch);
	o->watch = NULL;
	close_fd(&o->fd);
}

static void close_input(struct session *s)
{
	fd_watch_free(s->in_watch);
	s->in_watch = NULL;
	if (!s->tty || s->attach)
		close_fd(&s->in_fd);
	s->in_fd = -1;
}

static void on_connection_close(void *arg)
{
	struct session *s = arg;
	exec_detach(s->exec);
	close_input(s);
	close_output(&s->out[0]);
	close_output(&s->out[1]);
	timer_free(s->timer);
	str_done(&s->in_pending);
	str_done(&s->resizes);
	free_strv(&s->argv);
	free(s->uid);
	free(s->container);
	free(s->message);
	free(s);
}

static void send_status(struct session *s)
{
	AUTO_JSON *o =
	    json_pack("{s:{}, s:s}", "metadata", "status", s->failed || s->exit_code ? "Failure" : "Success");
	if (s->failed) {
		json_set_str(o, "message", s->message ? s->message : "");
		json_set_str(o, "reason", "InternalError");
		json_set_int(o, "code", 500);
	} else if (s->exit_code) {
		AUTO_FREE char *code = xasprintf("%d", s->exit_code);
		AUTO_FREE char *text =
		    xasprintf("command terminated with non-zero exit code: exit status %d", s->exit_code);
		json_set_str(o, "message", text);
		json_set_str(o, "reason", "NonZeroExitCode");
		json_object_set_new(o, "details",
				    json_pack("{s:[{s:s, s:s}]}", "causes", "reason", "ExitCode", "message", code));
	}
	AUTO_FREE char *text = json_text(o);
	streams_send(s->streams, s->ids[CH_ERROR], text, strlen(text));
}

/* Everything has been said: the Status, then the end. */
static void maybe_finish(struct session *s, bool force)
{
	if (s->told || !s->ended || (!force && (s->out[0].fd >= 0 || s->out[1].fd >= 0)))
		return;
	s->told = true;
	close_output(&s->out[0]);
	close_output(&s->out[1]);
	close_input(s);
	send_status(s);
	for (int i = CH_STDOUT; i <= CH_ERROR; i++)
		if (s->ids[i])
			streams_end(s->streams, s->ids[i]);
	streams_close(s->streams);
}

/* What did not open its streams is given up; what has ended is done, whoever holds its pipes. */
static void on_timer(void *arg)
{
	struct session *s = arg;
	if (s->wanted)
		streams_close(s->streams);
	else
		maybe_finish(s, true);
}

/* A terminal is there only when the process is: what the client sends before waits. */
static bool is_early(const struct session *s)
{
	return s->tty && !s->attach && !s->has_tty && !s->ended;
}

static void write_input(struct session *s)
{
	if (is_early(s))
		return;
	while (s->in_fd >= 0 && s->in_pending.len) {
		ssize_t n = write(s->in_fd, s->in_pending.p, s->in_pending.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			close_input(s);
			break;
		}
		if (n < 0)
			break;
		str_consume(&s->in_pending, (size_t)n);
	}
	if (s->in_fd < 0)
		str_reset(&s->in_pending);
	else if (!s->in_pending.len && s->in_close)
		close_input(s);
}

static void on_io(void *arg, int events);

/* The pipe is watched for room only while something waits; the master has one watch for both. */
static void update_watches(struct session *s)
{
	bool want = s->in_pending.len && (s->in_fd >= 0 || is_early(s)), room = streams_pending_bytes(s->streams) < HIGH_WATER;
	streams_pause(s->streams, want);
	for (int i = 0; i < 2; i++)
		if (s->out[i].watch)
			fd_watch_set(s->out[i].watch,
				     (room ? FD_READ : 0) | (i == 0 && s->tty && !s->attach && want ? FD_WRITE : 0));
	if (s->tty && !s->attach)
		return;
	if (want && !s->in_watch)
		s->in_watch = fd_watch_new(s->agent->loop, s->in_fd, FD_WRITE, on_io, s);
	else if (!want) {
		fd_watch_free(s->in_watch);
		s->in_watch = NULL;
	}
}

static void on_io(void *arg, int events)
{
	(void)events;
	struct session *s = arg;
	write_input(s);
	update_watches(s);
}

static void on_output(void *arg, int events)
{
	struct output *o = arg;
	struct session *s = o->s;
	char buf[PIECE];
	if (events & FD_WRITE)
		write_input(s);
	ssize_t n = events & FD_READ ? read(o->fd, buf, sizeof(buf)) : -1;
	if (n > 0)
		streams_send(s->streams, s->ids[o->channel], buf, (size_t)n);
	else if ((events & FD_READ) && (n == 0 || (errno != EAGAIN && errno != EINTR))) {
		close_output(o);
		if (s->tty && !s->attach)
			s->in_fd = -1;
		if (s->attach && s->out[0].fd < 0 && s->out[1].fd < 0)
			s->ended = true; /* the container has */
		maybe_finish(s, false);
		return;
	}
	update_watches(s);
}

static void resize_attached(struct session *s)
{
	struct pod *p = map_get(s->agent->pods, s->uid);
	const struct container_state *c = p ? pod_state_find(p->state, s->container) : NULL;
	if (c && p->shim)
		shim_resize(p->shim, c->id, s->size.ws_col, s->size.ws_row, NULL, NULL);
}

static void resize(struct session *s)
{
	if (s->attach)
		resize_attached(s);
	else if (s->tty && s->out[0].fd >= 0)
		(void)ioctl(s->out[0].fd, TIOCSWINSZ, &s->size);
}

static void on_resize(struct session *s, const char *text, size_t len)
{
	AUTO_JSON *o = NULL;
	if (json_parse(text, len, &o, NULL) < 0)
		return;
	s->size.ws_col = (unsigned short)json_int_at(o, "Width", 80);
	s->size.ws_row = (unsigned short)json_int_at(o, "Height", 24);
	resize(s);
}

/* Objects one behind the other, in pieces as they come. */
static void take_resizes(struct session *s, const char *bytes, size_t n)
{
	const char *end;
	str_addn(&s->resizes, bytes, n);
	while (s->resizes.len && (end = memchr(s->resizes.p, '}', s->resizes.len))) {
		size_t len = (size_t)(end - s->resizes.p) + 1;
		on_resize(s, s->resizes.p, len);
		str_consume(&s->resizes, len);
	}
	if (s->resizes.len > RESIZE_MAX)
		str_reset(&s->resizes);
}

static bool is_channel(const struct session *s, int channel, uint32_t id)
{
	return s->ids[channel] == id && (id || !streams_are_spdy(s->streams));
}

static void on_data(void *arg, uint32_t id, const void *bytes, size_t n)
{
	struct session *s = arg;
	if (s->told)
		return;
	if (is_channel(s, CH_STDIN, id))
		str_addn(&s->in_pending, bytes, n);
	else if (is_channel(s, CH_RESIZE, id))
		take_resizes(s, bytes, n);
	if (s->in_fd >= 0 || !s->ended)
		write_input(s);
	update_watches(s);
}

static void on_end(void *arg, uint32_t id)
{
	struct session *s = arg;
	if (s->told || !is_channel(s, CH_STDIN, id))
		return;
	if (s->tty)
		str_addc(&s->in_pending, 4); /* a terminal's end of file */
	else
		s->in_close = true;
	write_input(s);
	update_watches(s);
}

static void on_open(void *arg, uint32_t id, const struct stream_headers *h)
{
	static const char *const types[CHANNELS] = {"stdin", "stdout", "stderr", "error", "resize"};
	struct session *s = arg;
	for (int i = 0; i < CHANNELS; i++) {
		if (!str_eq(h->type, types[i]) || s->ids[i])
			continue;
		s->ids[i] = id;
		if (!s->wanted)
			return;
		s->wanted &= ~(1U << i);
		if (!s->wanted) {
			timer_stop(s->timer);
			s->begin(s);
		}
		return;
	}
}

static void on_drain(void *arg)
{
	update_watches(arg);
}

void session_read(struct session *s, int i, uint8_t channel, int fd)
{
	s->out[i] = (struct output){s, channel, fd, NULL};
	s->out[i].watch = fd_watch_new(s->agent->loop, fd, FD_READ, on_output, &s->out[i]);
}

void session_fail(struct session *s, const char *text)
{
	s->failed = s->ended = true;
	text_set(&s->message, text);
	maybe_finish(s, true);
}

void session_on_started(void *arg, int r, int tty_fd, const struct err *e)
{
	struct session *s = arg;
	if (r < 0) {
		s->exec = NULL;
		close_fd(&tty_fd);
		AUTO_FREE char *text =
		    xasprintf("Internal error occurred: error executing command in container: %s", err_text(e));
		session_fail(s, text);
		return;
	}
	if (tty_fd < 0)
		return;
	session_read(s, 0, CH_STDOUT, tty_fd);
	s->in_fd = tty_fd;
	s->has_tty = true;
	if (s->size.ws_col)
		resize(s);
	write_input(s);
	update_watches(s);
}

void session_on_ended(void *arg, int exit_code)
{
	struct session *s = arg;
	s->exec = NULL;
	s->exit_code = exit_code;
	s->ended = true;
	timer_start(s->timer, DRAIN_MS);
	maybe_finish(s, false);
}

bool session_flag(struct http_exchange *x, const char *agent_name, const char *api_name)
{
	return server_flag(x, http_query_get(x, agent_name) ? agent_name : api_name);
}

/* The streams that a client of SPDY is going to open, by what it asks for. */
static unsigned announced(struct http_exchange *x, bool tty)
{
	return 1U << CH_ERROR | (session_flag(x, "input", "stdin") ? 1U << CH_STDIN : 0) | (session_flag(x, "output", "stdout") ? 1U << CH_STDOUT : 0) |
	       (session_flag(x, "error", "stderr") && !tty ? 1U << CH_STDERR : 0) |
	       (tty ? 1U << CH_RESIZE : 0);
}

static void session_free(struct session *s)
{
	timer_free(s->timer);
	free_strv(&s->argv);
	free(s->uid);
	free(s->container);
	free(s);
}

void session_start(struct agent *a, struct http_exchange *x, const struct target *t, void (*begin)(struct session *s), bool tty,
		   bool attach, char **argv, const bool want[3])
{
	static const char *const channels[] = {"v5.channel.k8s.io", "v4.channel.k8s.io", NULL};
	static const char *const spdy[] = {"v4.channel.k8s.io", NULL};
	static const struct streams_protocols protocols = {channels, spdy, NULL};
	static const struct streams_ops ops = {on_open, on_data, on_end, on_drain, on_connection_close};
	struct err e = ERR_INIT;
	struct session *s = xcalloc(1, sizeof(*s));
	*s = (struct session){.agent = a, .in_fd = -1, .tty = tty, .attach = attach, .begin = begin, .argv = argv,
			      .out = {{.fd = -1}, {.fd = -1}}};
	s->timer = timer_new(a->loop, on_timer, s);
	s->uid = xstrdup(t->pod->state->uid);
	s->container = xstrdup(t->container->name);
	memcpy(s->want, want, sizeof(s->want));
	bool running = t->container->phase == PHASE_RUNNING && t->pod->shim;
	if (!running)
		server_text(x, 400, "container \"%s\" in pod \"%s\" is not running\n", t->container->name, t->pod->state->name);
	else if (streams_accept(x, &protocols, &ops, s, &s->streams, &e) < 0)
		server_text(x, 400, "%s\n", err_text(&e));
	if (!s->streams) {
		session_free(s);
		return;
	}
	if (streams_are_spdy(s->streams)) {
		s->wanted = announced(x, tty);
		timer_start(s->timer, OPEN_MS);
		return;
	}
	for (uint32_t i = 0; i < CHANNELS; i++)
		s->ids[i] = i;
	begin(s);
}
