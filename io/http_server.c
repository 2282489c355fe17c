/* The HTTP server: listening, accepting, stopping.
 *
 * Happy path: accept until there is no more; a connection lives by itself (http_conn.c).
 * What can fail: binding; running out of descriptors, when accepting pauses for a moment.
 * What always holds: after http_server_stop() the server frees itself once its last connection has gone, and only then
 * tells done. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/http_conn.h"

enum { BACKLOG = 4096, ACCEPT_PER_EVENT = 64, ACCEPT_PAUSE_MS = 100 };

static int parse_address(const char *text, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *four = (struct sockaddr_in *)ret;
	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET6, str_empty(text) ? "::" : text, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(port);
		return 0;
	}
	if (inet_pton(AF_INET, text, &four->sin_addr) != 1)
		return -EINVAL;
	four->sin_family = AF_INET;
	four->sin_port = htons(port);
	return 0;
}

static int try_listen(const struct sockaddr_storage *sa, bool dual)
{
	AUTO_FD int fd = socket(sa->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int on = 1, only6 = !dual;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (sa->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof(only6));
	if (bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* Any address: both families on one socket, IPv4 alone where there is no IPv6. 0.0.0.0 is that, too, as the programs of
 * Kubernetes have it. */
static int open_listener(const struct http_server_config *c, struct err *e)
{
	struct sockaddr_storage sa;
	bool any = str_empty(c->bind_address) || !strcmp(c->bind_address, "0.0.0.0");
	if (parse_address(any ? "" : c->bind_address, c->port, &sa) < 0)
		return err_set(e, -EINVAL, "not a numeric address: %s", c->bind_address);
	int fd = try_listen(&sa, any);
	if (any && (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL)) {
		parse_address("0.0.0.0", c->port, &sa);
		fd = try_listen(&sa, false);
	}
	if (fd < 0)
		return err_code(e, fd, "listen on %s port %u", any ? "*" : c->bind_address, c->port);
	return fd;
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof(sa);
	memset(&sa, 0, sizeof(sa));
	if (getsockname(fd, (struct sockaddr *)&sa, &n) < 0)
		return 0;
	return ntohs(sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&sa)->sin6_port :
						((struct sockaddr_in *)&sa)->sin_port);
}

/* IPv4 peers of a dual socket show as IPv4. */
static void peer_text(const struct sockaddr_storage *sa, char ret[INET6_ADDRSTRLEN])
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)sa;
	if (sa->ss_family == AF_INET) {
		inet_ntop(AF_INET, &((const struct sockaddr_in *)sa)->sin_addr, ret, INET6_ADDRSTRLEN);
	} else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], ret, INET6_ADDRSTRLEN);
	} else {
		inet_ntop(AF_INET6, &six->sin6_addr, ret, INET6_ADDRSTRLEN);
	}
}

static void tune(int fd)
{
	int on = 1, idle = 30, interval = 15, count = 4;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

static void accept_again(void *arg)
{
	struct http_server *s = arg;
	if (s->watch)
		fd_watch_set(s->watch, FD_READ);
}

static void on_listener(void *arg, int events)
{
	struct http_server *s = arg;
	(void)events;
	for (int i = 0; i < ACCEPT_PER_EVENT; i++) {
		struct sockaddr_storage sa;
		socklen_t n = sizeof(sa);
		memset(&sa, 0, sizeof(sa));
		int fd = accept4(s->fd, (struct sockaddr *)&sa, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
			fd_watch_set(s->watch, 0);
			timer_start(s->accept_again, ACCEPT_PAUSE_MS);
		}
		if (fd < 0 && errno != ECONNABORTED && errno != EINTR)
			return;
		if (fd < 0)
			continue;
		char peer[INET6_ADDRSTRLEN] = "";
		peer_text(&sa, peer);
		tune(fd);
		http_conn_new(s, fd, peer);
	}
}

static void kill_all(struct http_server *s)
{
	LIST_FOR_EACH (c, &s->conns, struct http_conn, link)
		http_conn_die(c);
}

static void on_grace(void *arg)
{
	kill_all(arg);
}

static void set_defaults(struct http_server_config *c)
{
	c->max_body = c->max_body ? c->max_body : 3 << 20;
	c->header_timeout_ms = c->header_timeout_ms ? c->header_timeout_ms : 10000;
	c->idle_timeout_ms = c->idle_timeout_ms ? c->idle_timeout_ms : 90000;
}

int http_server_start(const struct http_server_config *c, struct http_server **ret, struct err *e)
{
	int fd = open_listener(c, e);
	if (fd < 0)
		return fd;
	struct http_server *s = xcalloc(1, sizeof(*s));
	s->config = *c;
	set_defaults(&s->config);
	s->config.bind_address = NULL;
	s->tls = c->tls ? tls_ref(c->tls) : NULL;
	s->fd = fd;
	s->port = bound_port(fd);
	list_init(&s->conns);
	s->input = xmalloc(2 * HTTP_READ_SIZE);
	s->accept_again = timer_new(c->loop, accept_again, s);
	s->grace = timer_new(c->loop, on_grace, s);
	s->watch = fd_watch_new(c->loop, fd, FD_READ, on_listener, s);
	*ret = s;
	return 0;
}

uint16_t http_server_port(const struct http_server *s)
{
	return s->port;
}

static void server_free(void *arg)
{
	struct http_server *s = arg;
	loop_fn done = s->done;
	void *done_arg = s->done_arg;
	timer_free(s->accept_again);
	timer_free(s->grace);
	tls_unref(s->tls);
	free(s->input);
	free(s);
	if (done)
		done(done_arg);
}

bool http_server_streams(void *arg, const struct http_request *head)
{
	const struct http_server_config *c = &((const struct http_server *)arg)->config;
	return c->streams && c->streams(c->arg, head->method, head->path);
}

void http_server_conn_gone(struct http_server *s)
{
	if (!s->stopping || s->finishing || !list_is_empty(&s->conns))
		return;
	s->finishing = true;
	loop_defer(s->config.loop, server_free, s);
}

void http_server_stop(struct http_server *s, int grace_ms, loop_fn done, void *arg)
{
	if (s->stopping)
		return;
	s->stopping = true;
	s->done = done;
	s->done_arg = arg;
	fd_watch_free(TAKE(s->watch));
	close(s->fd);
	if (grace_ms > 0) {
		timer_start(s->grace, grace_ms);
		LIST_FOR_EACH (c, &s->conns, struct http_conn, link)
			http_conn_shutdown(c);
	} else {
		kill_all(s);
	}
	http_server_conn_gone(s);
}
