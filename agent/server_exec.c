/* /exec and /attach over WebSocket, with Kubernetes' channel protocols v5 and v4.
 *
 * Happy path: channels 0 stdin, 1 stdout, 2 stderr, 3 the final Status, 4 the terminal's size; with v5 a message on 255
 * closes a channel. Bytes go through pipes (or the pty's master) between the socket and the supervisor. What can fail:
 * the start (a Status of failure), the peer's going away. What always holds: neither side is read faster than the other
 * takes, and the Status comes after the last output. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/server.h"
#include "base/json.h"
#include "base/mem.h"
#include "io/ws.h"

enum { CH_STDIN, CH_STDOUT, CH_STDERR, CH_ERROR, CH_RESIZE, CH_CLOSE = 255 };
enum { PIECE = 16384, HIGH_WATER = 262144, DRAIN_MS = 200 };

struct session;

struct output {
	struct session *s;
	uint8_t channel;
	int fd;
	struct fd_watch *watch;
};

struct session {
	struct agent *agent;
	struct ws *ws;
	struct exec *exec;
	struct output out[2];
	int in_fd;                 /* pipe to stdin; the master with tty (owned by out[0]) */
	struct fd_watch *in_watch; /* while the pipe is full */
	struct str in_pending;
	struct timer *timer;   /* after the exit: a child may keep the pipes open */
	char *uid, *container; /* attach: for resizing */
	char *message;
	bool tty, attach, in_close, ended, failed, told;
	int exit_code;
	struct winsize size;
};

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

static void on_ws_close(void *arg)
{
	struct session *s = arg;
	exec_detach(s->exec);
	close_input(s);
	close_output(&s->out[0]);
	close_output(&s->out[1]);
	timer_free(s->timer);
	str_done(&s->in_pending);
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
	ws_send_channel(s->ws, CH_ERROR, text, strlen(text));
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
	ws_close(s->ws, 1000, "");
}

static void on_timer(void *arg)
{
	maybe_finish(arg, true);
}

static void write_input(struct session *s)
{
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
	bool want = s->in_pending.len && s->in_fd >= 0, room = ws_pending_bytes(s->ws) < HIGH_WATER;
	ws_pause(s->ws, want);
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
		ws_send_channel(s->ws, o->channel, buf, (size_t)n);
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

static void on_message(void *arg, const uint8_t *data, size_t len)
{
	struct session *s = arg;
	if (len == 0 || s->told)
		return;
	if (data[0] == CH_STDIN) {
		str_addn(&s->in_pending, data + 1, len - 1);
	} else if (data[0] == CH_RESIZE) {
		on_resize(s, (const char *)data + 1, len - 1);
	} else if (data[0] == CH_CLOSE && len > 1 && data[1] == CH_STDIN) {
		if (s->tty)
			str_addc(&s->in_pending, 4); /* a terminal's end of file */
		else
			s->in_close = true;
	}
	if (s->in_fd >= 0 || !s->ended)
		write_input(s);
	update_watches(s);
}

static void on_drain(void *arg)
{
	update_watches(arg);
}

static void open_output(struct session *s, int i, uint8_t channel, int fd)
{
	s->out[i] = (struct output){s, channel, fd, NULL};
	s->out[i].watch = fd_watch_new(s->agent->loop, fd, FD_READ, on_output, &s->out[i]);
}

static void fail(struct session *s, const char *text)
{
	s->failed = s->ended = true;
	text_set(&s->message, text);
	maybe_finish(s, true);
}

static void on_started(void *arg, int r, int tty_fd, const struct err *e)
{
	struct session *s = arg;
	if (r < 0) {
		s->exec = NULL;
		close_fd(&tty_fd);
		AUTO_FREE char *text =
		    xasprintf("Internal error occurred: error executing command in container: %s", err_text(e));
		fail(s, text);
		return;
	}
	if (tty_fd < 0)
		return;
	open_output(s, 0, CH_STDOUT, tty_fd);
	s->in_fd = tty_fd;
	if (s->size.ws_col)
		resize(s);
	write_input(s);
	update_watches(s);
}

static void on_ended(void *arg, int exit_code)
{
	struct session *s = arg;
	s->exec = NULL;
	s->exit_code = exit_code;
	s->ended = true;
	timer_start(s->timer, DRAIN_MS);
	maybe_finish(s, false);
}

static bool flag(struct http_exchange *x, const char *kubelet_name, const char *api_name)
{
	const char *v = http_query_get(x, kubelet_name);
	v = v ? v : http_query_get(x, api_name);
	return v && (!strcmp(v, "1") || !strcmp(v, "true"));
}

static struct session *accept_session(struct agent *a, struct http_exchange *x, const struct target *t)
{
	static const char *const protocols[] = {"v5.channel.k8s.io", "v4.channel.k8s.io", NULL};
	static const struct ws_ops ops = {on_message, on_drain, on_ws_close};
	struct err e = ERR_INIT;
	const char *protocol = ws_is_upgrade(x) ? ws_choose_protocol(x, protocols) : NULL;
	if (!protocol) {
		server_text(
		    x, 400,
		    "unable to upgrade: this server speaks WebSocket with v5.channel.k8s.io and v4.channel.k8s.io\n");
		return NULL;
	}
	if (t->container->phase != PHASE_RUNNING || !t->pod->shim) {
		server_text(x, 400, "container \"%s\" in pod \"%s\" is not running\n", t->container->name,
			    t->pod->state->name);
		return NULL;
	}
	struct session *s = xcalloc(1, sizeof(*s));
	*s = (struct session){.agent = a, .in_fd = -1, .tty = flag(x, "tty", "tty"), .out = {{.fd = -1}, {.fd = -1}}};
	s->timer = timer_new(a->loop, on_timer, s);
	s->uid = xstrdup(t->pod->state->uid);
	s->container = xstrdup(t->container->name);
	if (ws_accept(x, protocol, 1 << 20, &ops, s, &s->ws, &e) < 0) {
		timer_free(s->timer);
		free(s->uid);
		free(s->container);
		free(s);
		server_text(x, 400, "%s\n", err_text(&e));
		return NULL;
	}
	return s;
}

/* Pipes for what the client asked for; theirs[] are the other ends, /dev/null for the rest. */
static int make_pipes(struct session *s, bool in, bool out, bool err, int theirs[3])
{
	const bool want[3] = {in, out, err};
	for (int i = 0; i < 3; i++) {
		int pair[2];
		theirs[i] = -1;
		if (!want[i]) {
			theirs[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
			continue;
		}
		if (pipe2(pair, O_CLOEXEC) < 0)
			return -errno;
		theirs[i] = pair[i == 0 ? 0 : 1];
		int ours = pair[i == 0 ? 1 : 0];
		if (i == 0) {
			(void)fcntl(ours, F_SETFL, O_NONBLOCK);
			s->in_fd = ours;
		} else {
			open_output(s, i - 1, (uint8_t)i, ours);
		}
	}
	return 0;
}

static void close_three(int fds[3])
{
	for (int i = 0; i < 3; i++)
		close_fd(&fds[i]);
}

void server_exec(struct agent *a, struct http_exchange *x, const struct target *t)
{
	AUTO_STRV char **argv = NULL;
	const char *arg;
	bool in = flag(x, "input", "stdin"), out = flag(x, "output", "stdout"), err = flag(x, "error", "stderr");
	int fds[3] = {-1, -1, -1};
	for (size_t i = 0; (arg = http_query_nth(x, "command", i)); i++)
		strv_add(&argv, arg);
	if (!argv) {
		server_text(x, 400, "you must specify at least one command\n");
		return;
	}
	struct session *s = accept_session(a, x, t);
	if (!s)
		return;
	if (!s->tty && make_pipes(s, in, out, err, fds) < 0) {
		close_three(fds);
		fail(s, "no more descriptors");
		return;
	}
	s->exec = exec_start(t->pod, t->container, argv, s->tty, fds, on_started, on_ended, s);
	close_three(fds);
}

static void on_attached(void *arg, int r, const struct shim_answer *a, const struct err *e)
{
	(void)arg; /* a failure closes the pipes, which ends the session */
	(void)r;
	(void)a;
	(void)e;
}

void server_attach(struct agent *a, struct http_exchange *x, const struct target *t)
{
	bool in = flag(x, "input", "stdin") && json_bool_at(t->container->spec, "stdin", false);
	bool tty = json_bool_at(t->container->spec, "tty", false), err = flag(x, "error", "stderr") && !tty;
	int fds[3] = {-1, -1, -1};
	struct session *s = accept_session(a, x, t);
	if (!s)
		return;
	s->attach = true;
	s->tty = tty;
	if (make_pipes(s, in, flag(x, "output", "stdout") || tty, err, fds) < 0)
		fail(s, "no more descriptors");
	else
		shim_attach(t->pod->shim, t->container->id, fds, on_attached, s);
	close_three(fds);
}
