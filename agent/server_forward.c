/* /portForward. Over WebSocket channels (v4.channel.k8s.io): for the n-th port of the query, channel 2n carries data and 2n+1
 * errors; each begins with the port's number in two bytes, little-endian. Over SPDY, bare or inside a WebSocket: the client opens
 * a pair of streams for every connection.
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
#include "base/list.h"
#include "io/streams.h"

enum { PORTS_MAX = 64, LINKS_MAX = 1024, PIECE = 16384, HIGH_WATER = 262144 };

struct forward;

/* One connection to a port. The streams' ids are 0 while they are not open (channel 0 is a real one). */
struct link {
	struct list at; /* forward.links */
	struct forward *f;
	uint32_t data, error;
	bool has_data, has_error;
	char *request; /* SPDY: what its two streams have in common */
	uint16_t port;
	int fd;
	bool connected, peer_done, shut;
	struct fd_watch *watch;
	struct str pending;
};

struct forward {
	struct agent *agent;
	char *uid;
	struct streams *streams;
	struct list links;
	size_t n;
};

static void link_free(struct link *l)
{
	fd_watch_free(l->watch);
	close_fd(&l->fd);
	str_done(&l->pending);
	free(l->request);
	list_remove(&l->at);
	l->f->n--;
	free(l);
}

static struct link *link_new(struct forward *f, uint16_t port)
{
	struct link *l = xcalloc(1, sizeof(*l));
	l->f = f;
	l->fd = -1;
	l->port = port;
	list_init(&l->at);
	list_add(&f->links, &l->at);
	f->n++;
	return l;
}

static void on_close(void *arg)
{
	struct forward *f = arg;
	LIST_FOR_EACH(l, &f->links, struct link, at)
	{
		link_free(l);
	}
	free(f->uid);
	free(f);
}

static void update(struct link *l)
{
	bool room = streams_pending_bytes(l->f->streams) < HIGH_WATER;
	if (l->watch)
		fd_watch_set(l->watch,
			     (room && l->connected ? FD_READ : 0) | (l->pending.len || !l->connected ? FD_WRITE : 0));
}

static void update_all(struct forward *f)
{
	bool full = false;
	LIST_FOR_EACH(l, &f->links, struct link, at)
	{
		update(l);
		full |= l->pending.len > HIGH_WATER;
	}
	streams_pause(f->streams, full);
}

/* The connection is over, with a reason or without. Channels end with their last connection, SPDY goes on for others. */
static void broken(struct link *l, const char *text)
{
	struct forward *f = l->f;
	AUTO_FREE char *line = xasprintf("port %u: %s", l->port, text);
	if (*text && l->has_error)
		streams_send(f->streams, l->error, line, strlen(line));
	if (l->has_error)
		streams_end(f->streams, l->error);
	if (l->has_data)
		streams_end(f->streams, l->data);
	link_free(l);
	if (!f->n && !streams_are_spdy(f->streams))
		streams_close(f->streams);
}

/* False when the socket takes no more. */
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
	if (l->peer_done && l->connected && !l->shut)
		l->shut = shutdown(l->fd, SHUT_WR) == 0;
	return true;
}

static int connect_error(struct link *l)
{
	int code = 0;
	socklen_t len = sizeof(code);
	(void)getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &code, &len);
	l->connected = !code;
	return code;
}

static void on_socket(void *arg, int events)
{
	struct link *l = arg;
	struct forward *f = l->f;
	char buf[PIECE];
	int code = l->connected ? 0 : connect_error(l);
	if (code || !flush(l)) {
		broken(l, strerror(code ? code : errno));
		return;
	}
	if (events & FD_READ) {
		ssize_t n = read(l->fd, buf, sizeof(buf));
		if (n > 0) {
			streams_send(f->streams, l->data, buf, (size_t)n);
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

static void connect_link(struct link *l, const struct pod *p)
{
	struct sockaddr_in sa = {
	    .sin_family = AF_INET, .sin_port = htons(l->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	l->fd = socket_in(p);
	if (l->fd < 0 || (connect(l->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 && errno != EINPROGRESS)) {
		broken(l, strerror(errno));
		return;
	}
	l->watch = fd_watch_new(l->f->agent->loop, l->fd, FD_WRITE, on_socket, l);
}

/* Channels 2n and 2n + 1 of the n-th port, each beginning with the port's number. */
static void open_channels(struct forward *f, const struct pod *p, size_t n, uint16_t port)
{
	uint8_t number[2] = {(uint8_t)(port & 0xff), (uint8_t)(port >> 8)};
	struct link *l = link_new(f, port);
	l->data = (uint32_t)(n * 2);
	l->error = l->data + 1;
	l->has_data = l->has_error = true;
	streams_send(f->streams, l->data, number, sizeof(number));
	streams_send(f->streams, l->error, number, sizeof(number));
	connect_link(l, p);
}

static struct link *find_request(struct forward *f, const char *request)
{
	LIST_FOR_EACH(l, &f->links, struct link, at)
	{
		if (str_eq(l->request, request))
			return l;
	}
	return NULL;
}

/* A pair of streams, data and error, of one request makes a connection. */
static void on_open(void *arg, uint32_t id, const struct stream_headers *h)
{
	struct forward *f = arg;
	uint32_t port = 0;
	const char *request = h->request_id ? h->request_id : "";
	struct link *l = find_request(f, request);
	bool data = str_eq(h->type, "data");
	if ((!data && !str_eq(h->type, "error")) || str_to_u32(h->port ? h->port : "", &port) < 0 || !port || port > 65535 ||
	    (!l && f->n >= LINKS_MAX)) {
		streams_end(f->streams, id);
		return;
	}
	if (!l) {
		l = link_new(f, (uint16_t)port);
		l->request = xstrdup(request);
	}
	*(data ? &l->data : &l->error) = id;
	*(data ? &l->has_data : &l->has_error) = true;
	struct pod *p = map_get(f->agent->pods, f->uid);
	if (l->has_data && l->has_error && l->fd < 0) {
		if (p)
			connect_link(l, p);
		else
			broken(l, "the pod is gone");
	}
}

static struct link *find_data(struct forward *f, uint32_t id)
{
	LIST_FOR_EACH(l, &f->links, struct link, at)
	{
		if (l->has_data && l->data == id)
			return l;
	}
	return NULL;
}

static void on_data(void *arg, uint32_t id, const void *bytes, size_t n)
{
	struct forward *f = arg;
	struct link *l = find_data(f, id);
	if (!l)
		return;
	str_addn(&l->pending, bytes, n);
	update_all(f);
}

static void on_end(void *arg, uint32_t id)
{
	struct forward *f = arg;
	struct link *l = find_data(f, id);
	if (!l)
		return;
	l->peer_done = true;
	if (l->connected && !flush(l))
		broken(l, strerror(errno));
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
	static const char *const channels[] = {"v4.channel.k8s.io", NULL};
	static const char *const spdy[] = {"portforward.k8s.io", NULL}, *const tunnels[] = {"SPDY/3.1+portforward.k8s.io", NULL};
	static const struct streams_protocols protocols = {channels, spdy, tunnels};
	static const struct streams_ops ops = {on_open, on_data, on_end, on_drain, on_close};
	struct err e = ERR_INIT;
	uint16_t ports[PORTS_MAX];
	size_t n = read_ports(x, ports);
	if (t->pod->state->sandbox != SANDBOX_READY) {
		server_text(x, 400, "pod \"%s\" is not running\n", t->pod->state->name);
		return;
	}
	struct forward *f = xcalloc(1, sizeof(*f));
	f->agent = a;
	f->uid = xstrdup(t->pod->state->uid);
	list_init(&f->links);
	if (streams_accept(x, &protocols, &ops, f, &f->streams, &e) < 0) {
		free(f->uid);
		free(f);
		server_text(x, 400, "%s\n", err_text(&e));
		return;
	}
	for (size_t i = 0; i < n && !streams_are_spdy(f->streams); i++)
		open_channels(f, t->pod, i, ports[i]);
	if (!n && !streams_are_spdy(f->streams))
		streams_close(f->streams); /* channels are of the ports that the query names */
}
