/* /portForward over WebSocket (v4.channel.k8s.io): for the n-th port, channel 2n carries data and 2n+1 errors; each
 * begins with the port's number in two bytes, little-endian.
 *
 * Happy path: a socket made in the pod's network namespace connects to the port on loopback and is copied both ways.
 * What can fail: the connection (text on the error channel). What always holds: the agent's thread is back in its own
 * namespace before anything else happens. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/server.h"
#include "base/mem.h"
#include "io/net/rtnl.h"
#include "io/ws.h"

enum { PORTS_MAX = 64, PIECE = 16384, HIGH_WATER = 262144 };

struct forward;

struct link {
	struct forward *f;
	uint8_t channel;
	uint16_t port;
	int fd;
	bool connected;
	struct fd_watch *watch;
	struct str pending;
};

struct forward {
	struct agent *agent;
	struct ws *ws;
	size_t n;
	struct link links[PORTS_MAX];
};

static void close_link(struct link *l)
{
	fd_watch_free(l->watch);
	l->watch = NULL;
	close_fd(&l->fd);
	str_done(&l->pending);
}

static void on_close(void *arg)
{
	struct forward *f = arg;
	for (size_t i = 0; i < f->n; i++)
		close_link(&f->links[i]);
	free(f);
}

static void update(struct link *l)
{
	bool room = ws_pending_bytes(l->f->ws) < HIGH_WATER;
	if (l->watch)
		fd_watch_set(l->watch,
			     (room && l->connected ? FD_READ : 0) | (l->pending.len || !l->connected ? FD_WRITE : 0));
}

static void update_all(struct forward *f)
{
	bool full = false;
	for (size_t i = 0; i < f->n; i++) {
		update(&f->links[i]);
		full |= f->links[i].pending.len > HIGH_WATER;
	}
	ws_pause(f->ws, full);
}

static void broken(struct link *l, const char *text)
{
	struct forward *f = l->f;
	AUTO_FREE char *line = xasprintf("port %u: %s", l->port, text);
	if (*text)
		ws_send_channel(f->ws, l->channel + 1, line, strlen(line));
	close_link(l);
	bool any = false;
	for (size_t i = 0; i < f->n; i++)
		any |= f->links[i].fd >= 0;
	if (!any)
		ws_close(f->ws, 1000, "");
}

static bool flush(struct link *l)
{
	while (l->pending.len) {
		ssize_t n = send(l->fd, l->pending.p, l->pending.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (n < 0)
			return false;
		str_consume(&l->pending, (size_t)n);
	}
	return true;
}

static void on_socket(void *arg, int events)
{
	struct link *l = arg;
	struct forward *f = l->f;
	char buf[PIECE];
	if (!l->connected) {
		int code = 0;
		socklen_t len = sizeof(code);
		(void)getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &code, &len);
		if (code) {
			broken(l, strerror(code));
			return;
		}
		l->connected = true;
	}
	if (!flush(l)) {
		broken(l, strerror(errno));
		return;
	}
	if (events & FD_READ) {
		ssize_t n = read(l->fd, buf, sizeof(buf));
		if (n > 0) {
			ws_send_channel(f->ws, l->channel, buf, (size_t)n);
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			broken(l, n < 0 ? strerror(errno) : "");
			return;
		}
	}
	update_all(f);
}

static int socket_in(const struct pod *p)
{
	if (pod_host_network(p->state))
		return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	AUTO_FD int ns = netns_open(p->netns, NULL);
	int back = ns < 0 ? -1 : netns_enter(ns, NULL);
	if (back < 0)
		return -1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	netns_leave(back);
	return fd;
}

static void open_link(struct forward *f, const struct pod *p, uint16_t port)
{
	struct link *l = &f->links[f->n];
	uint8_t number[2] = {(uint8_t)(port & 0xff), (uint8_t)(port >> 8)};
	*l = (struct link){.f = f, .channel = (uint8_t)(f->n * 2), .port = port, .fd = socket_in(p)};
	f->n++;
	ws_send_channel(f->ws, l->channel, number, sizeof(number));
	ws_send_channel(f->ws, l->channel + 1, number, sizeof(number));
	struct sockaddr_in sa = {
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (l->fd < 0 || (connect(l->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 && errno != EINPROGRESS)) {
		AUTO_FREE char *line = xasprintf("port %u: %s", port, strerror(errno));
		ws_send_channel(f->ws, l->channel + 1, line, strlen(line));
		close_link(l);
		return;
	}
	l->watch = fd_watch_new(f->agent->loop, l->fd, FD_WRITE, on_socket, l);
}

static void on_message(void *arg, const uint8_t *data, size_t len)
{
	struct forward *f = arg;
	if (len < 2 || data[0] % 2 || data[0] / 2 >= f->n)
		return;
	struct link *l = &f->links[data[0] / 2];
	if (l->fd < 0)
		return;
	str_addn(&l->pending, data + 1, len - 1);
	update_all(f);
}

static void on_drain(void *arg)
{
	update_all(arg);
}

static size_t read_ports(struct http_exchange *x, uint16_t ports[PORTS_MAX])
{
	size_t n = 0;
	const char *text;
	for (size_t i = 0; (text = http_query_nth(x, "ports", i)) || (i == 0 && (text = http_query_get(x, "port")));
	     i++) {
		AUTO_STRV char **list = str_split(text, ',');
		for (char **s = list; s && *s && n < PORTS_MAX; s++) {
			uint32_t port;
			if (str_to_u32(*s, &port) < 0 || port == 0 || port > 65535)
				return 0;
			ports[n++] = (uint16_t)port;
		}
	}
	return n;
}

void server_port_forward(struct agent *a, struct http_exchange *x, const struct target *t)
{
	static const char *const protocols[] = {"v4.channel.k8s.io", "portforward.k8s.io", NULL};
	static const struct ws_ops ops = {on_message, on_drain, on_close};
	struct err e = ERR_INIT;
	uint16_t ports[PORTS_MAX];
	size_t n = read_ports(x, ports);
	if (!n || !ws_is_upgrade(x)) {
		server_text(x, 400,
			    n ? "unable to upgrade: this server speaks WebSocket\n"
			      : "query parameter \"ports\" is required\n");
		return;
	}
	if (t->pod->state->sandbox != SANDBOX_READY) {
		server_text(x, 400, "pod \"%s\" is not running\n", t->pod->state->name);
		return;
	}
	struct forward *f = xcalloc(1, sizeof(*f));
	f->agent = a;
	if (ws_accept(x, ws_choose_protocol(x, protocols), 1 << 20, &ops, f, &f->ws, &e) < 0) {
		free(f);
		server_text(x, 400, "%s\n", err_text(&e));
		return;
	}
	for (size_t i = 0; i < n; i++)
		open_link(f, t->pod, ports[i]);
}
