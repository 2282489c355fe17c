/* Internal: a connection of the server, below whichever protocol it speaks. */
#ifndef KNARR_IO_HTTP_CONN_H
#define KNARR_IO_HTTP_CONN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/str.h"
#include "io/http_exchange.h"
#include "io/outq.h"
#include "io/tls_conn.h"

/* A protocol on a connection. Every function but open() may find the connection dying (c->dead) and then does nothing.
 */
struct http_proto {
	void (*open)(struct http_conn *c);
	void (*input)(struct http_conn *c, const char *p, size_t n);
	void (*pull)(struct http_conn *c);    /* adds to c->out what is ready to go; may be NULL */
	void (*flushed)(struct http_conn *c); /* the queue has been offered to the socket */
	void (*eof)(struct http_conn *c);     /* the peer will send no more */
	void (*timeout)(struct http_conn *c); /* the deadline has passed */
	void (*shutdown)(struct http_conn *c); /* finish what runs, take nothing new */
	void (*close)(struct http_conn *c);   /* the connection is gone: end the exchanges, free c->state */
};

extern const struct http_proto http_proto_h1, http_proto_h2;

struct http_conn {
	struct http_server *server;
	struct list link; /* in server->conns */
	int fd;
	struct fd_watch *watch;
	struct tls_conn *tls;
	const struct http_proto *proto; /* NULL until it is known */
	void *state;                    /* the protocol's */
	struct str in;                  /* bytes that wait for the protocol */
	struct outq out;
	struct timer *timer;
	int64_t deadline_ms, armed_ms; /* monotonic; 0: none */
	bool scheduled;                /* conn_work() is deferred */
	bool paused;                   /* does not read */
	bool write_blocked;            /* waits for the socket to take more */
	bool finish;                   /* close when everything is sent */
	bool lingering;                /* sent everything, waits for the peer's end */
	bool dead;                     /* is freed at the end of this turn of the loop */
	char peer[INET6_ADDRSTRLEN];
};

struct http_server {
	struct http_server_config config;
	struct tls_ctx *tls;
	int fd;
	uint16_t port;
	struct fd_watch *watch;
	struct timer *accept_again, *grace;
	struct list conns;
	bool stopping, finishing;
	loop_fn done;
	void *done_arg;
	char *input; /* HTTP_READ_SIZE bytes for whatever is read right now, then as many for its plain text */
};

enum { HTTP_READ_SIZE = 65536, HTTP_BODY_TIMEOUT_MS = 30000 };

/* Takes fd. */
void http_conn_new(struct http_server *s, int fd, const char *peer);
/* Queues bytes; they leave at the end of the current callback, several writes together. */
void http_conn_write(struct http_conn *c, const void *bytes, size_t n);
void http_conn_write_buf(struct http_conn *c, struct buf *b);
void http_conn_schedule(struct http_conn *c);
size_t http_conn_pending(const struct http_conn *c);
void http_conn_pause(struct http_conn *c, bool paused);
/* The deadline from now; 0: none. */
void http_conn_deadline(struct http_conn *c, int64_t ms);
/* Closes once everything queued has left, and the peer had time to read it. */
void http_conn_finish(struct http_conn *c);
/* Cuts; the rest follows at the end of the current callback. */
void http_conn_die(struct http_conn *c);
void http_conn_shutdown(struct http_conn *c);
/* Whether the body of a request is to stream (http_server.c); arg is the server. */
bool http_server_streams(void *arg, const struct http_request *head);
/* A connection has been freed (http_server.c). */
void http_server_conn_gone(struct http_server *s);

#endif
