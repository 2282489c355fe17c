/* A measuring client's connection. Happy path: a request is encrypted and sent in one go; the answer is decrypted, its head
 * read for status and length, its body handed on. What fails ends the program: figures of a broken run are worth nothing. */
#include "bench/load_conn.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/tls_conn.h"

enum { READ_SIZE = 65536 };

struct load_conn {
	struct load_conn_config config;
	int fd;
	struct tls_conn *tls;
	struct fd_watch *watch;
	struct str head, body, chunk;
	int status; /* 0: the head has not come yet */
	bool chunked;
	size_t left; /* of the body or chunk */
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "api-load: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

static void send_wire(struct load_conn *c)
{
	struct str *wire = tls_conn_wire(c->tls);
	while (wire->len) {
		ssize_t n = send(c->fd, wire->p, wire->len, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			fd_watch_set(c->watch, FD_READ | FD_WRITE);
			return;
		}
		if (n < 0)
			die("send", strerror(errno));
		str_consume(wire, (size_t)n);
	}
	fd_watch_set(c->watch, FD_READ);
}

static void finish(struct load_conn *c)
{
	int status = c->status;
	AUTO_STR body = c->body;
	c->body = STR_INIT;
	c->status = 0;
	c->config.on_done(c->config.arg, status, &body);
}

static void give(struct load_conn *c, const char *p, size_t n)
{
	if (c->config.on_body)
		c->config.on_body(c->config.arg, p, n);
	else
		str_addn(&c->body, p, n);
}

/* The head is complete: what matters of it. */
static void read_head(struct load_conn *c)
{
	const char *length = strcasestr(c->head.p, "\r\ncontent-length:");
	c->chunked = strcasestr(c->head.p, "\r\ntransfer-encoding: chunked") != NULL;
	c->left = length ? strtoul(length + strlen("\r\ncontent-length:"), NULL, 10) : 0;
	if (sscanf(c->head.p, "HTTP/1.1 %d", &c->status) != 1)
		die("no answer of HTTP/1.1", c->head.p);
	str_reset(&c->head);
	if (!c->chunked && !c->left)
		finish(c);
}

/* Each takes some of the bytes and returns how many. */
static size_t take_head(struct load_conn *c, const char *p, size_t n)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4);
	size_t before = c->head.len, take = end ? (size_t)(end - p) + 4 : n;
	str_addn(&c->head, p, take);
	if (!end && (end = strstr(c->head.p + (before > 3 ? before - 3 : 0), "\r\n\r\n")) != NULL)
		take = (size_t)(end - c->head.p) + 4 - before;
	if (end)
		read_head(c);
	return take;
}

static size_t take_chunk_size(struct load_conn *c, const char *p, size_t n)
{
	const char *end = memchr(p, '\n', n);
	size_t take = end ? (size_t)(end - p) + 1 : n;
	str_addn(&c->chunk, p, take);
	if (!end || c->chunk.len <= 2) { /* the line's end behind a chunk */
		if (end)
			str_reset(&c->chunk);
		return take;
	}
	c->left = strtoul(c->chunk.p, NULL, 16);
	str_reset(&c->chunk);
	if (!c->left) {
		c->chunked = false;
		finish(c);
	}
	return take;
}

static size_t take_body(struct load_conn *c, const char *p, size_t n)
{
	size_t take = MIN(n, c->left);
	c->left -= take;
	give(c, p, take);
	if (!c->left && !c->chunked)
		finish(c);
	return take;
}

static void input(struct load_conn *c, const char *p, size_t n)
{
	while (n) {
		size_t took = !c->status ? take_head(c, p, n) : c->left ? take_body(c, p, n) : take_chunk_size(c, p, n);
		p += took;
		n -= took;
	}
}

static void on_socket(void *arg, int events)
{
	static char wire[READ_SIZE], plain[READ_SIZE];
	struct load_conn *c = arg;
	struct err e = ERR_INIT;
	if (events & FD_WRITE)
		send_wire(c);
	if (!(events & FD_READ))
		return;
	ssize_t n = recv(c->fd, wire, sizeof(wire), 0), got;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		die("the server ended the connection", n ? strerror(errno) : "end of stream");
	tls_conn_feed(c->tls, wire, (size_t)n);
	while ((got = tls_conn_read(c->tls, plain, sizeof(plain), &e)) > 0)
		input(c, plain, (size_t)got);
	if (got != -EAGAIN)
		die("TLS", got ? err_text(&e) : "the server ended the session");
}

static int dial(const struct load_conn_config *c, struct err *e)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *a = NULL;
	if (getaddrinfo(c->host, c->port, &hints, &a))
		return err_set(e, -EINVAL, "%s: no address", c->host);
	AUTO_FD int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = fd < 0 || connect(fd, a->ai_addr, a->ai_addrlen) < 0 ? -errno : 0;
	freeaddrinfo(a);
	if (r)
		return err_code(e, r, "%s port %s", c->host, c->port);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	return TAKE_FD(fd);
}

/* The socket still blocks. */
static int shake_hands(struct load_conn *c, struct err *e)
{
	char wire[READ_SIZE];
	int r;
	while ((r = tls_conn_handshake(c->tls, e)) == -EAGAIN) {
		struct str *out = tls_conn_wire(c->tls);
		if (out->len && send(c->fd, out->p, out->len, MSG_NOSIGNAL) != (ssize_t)out->len)
			return err_code(e, -errno, "send");
		str_reset(out);
		ssize_t n = recv(c->fd, wire, sizeof(wire), 0);
		if (n <= 0)
			return err_code(e, n ? -errno : -ECONNRESET, "handshake");
		tls_conn_feed(c->tls, wire, (size_t)n);
	}
	return r;
}

int load_conn_new(const struct load_conn_config *config, struct load_conn **ret, struct err *e)
{
	int fd = dial(config, e);
	if (fd < 0)
		return fd;
	struct load_conn *c = xcalloc(1, sizeof(*c));
	c->config = *config;
	c->fd = fd;
	c->tls = tls_conn_new(config->tls, config->host);
	int r = shake_hands(c, e);
	if (r < 0) {
		load_conn_free(c);
		return r;
	}
	c->watch = fd_watch_new(config->loop, fd, FD_READ, on_socket, c);
	send_wire(c);
	*ret = c;
	return 0;
}

void load_conn_free(struct load_conn *c)
{
	if (!c)
		return;
	fd_watch_free(c->watch);
	tls_conn_free(c->tls);
	close(c->fd);
	str_done(&c->head);
	str_done(&c->body);
	str_done(&c->chunk);
	free(c);
}

void load_conn_request(struct load_conn *c, const char *method, const char *path, const char *type, const struct str *body)
{
	AUTO_STR out = STR_INIT;
	str_addf(&out,
		 "%s %s HTTP/1.1\r\nHost: %s:%s\r\nUser-Agent: kubectl/v1.36.0 (linux/amd64) kubernetes/0000000\r\n"
		 "Accept: application/json\r\n",
		 method, path, c->config.host, c->config.port);
	if (body && body->len)
		str_addf(&out, "Content-Type: %s\r\nContent-Length: %zu\r\n", type, body->len);
	str_add(&out, "\r\n");
	if (body)
		str_addn(&out, body->p, body->len);
	if (tls_conn_write(c->tls, out.p, out.len) < 0)
		die("TLS", "cannot encrypt");
	send_wire(c);
}
