/* The HTTP/2 client. Purpose: many small calls and long streams to one server over one connection.
 *
 * Happy path: a call waits until the end of the callback, becomes a stream of the connection (which is dialled when there is
 * none), its answer's pieces are told as they come, its end once nghttp2 has returned.
 * What can fail: reaching the server, at each of its addresses; the connection: all its calls end, the next call dials. A
 * server that takes no more on a connection (GOAWAY) finishes what it has; the next call dials.
 * What always holds: every call is told once, unless it was cancelled; a connection is freed when its last call has ended and
 * it takes no more. */
#include "io/h2_client.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/resolve.h"
#include "io/upstream.h"

enum { STREAM_WINDOW = 4 << 20, CONN_WINDOW = 16 << 20, MAX_COLLECTED = 64 << 20, MAX_HEAD = 64 << 10, MAX_HEADERS = 16 };

struct h2_client {
	struct loop *loop;
	char *host, *authority; /* authority: host:port as in the URL */
	uint16_t port;
	bool secure;
	char *ca_file, *cert_file, *key_file;
	int connect_timeout_ms;
	struct conn *current; /* where calls go; NULL: dial */
	struct list conns, waiting;
	bool scheduled, freed;
};

struct conn {
	struct list link; /* in client->conns */
	struct h2_client *client;
	struct resolve *resolve;
	struct tls_ctx *tls;
	char **addresses;
	size_t at;
	struct upstream *upstream; /* NULL: not dialled yet */
	nghttp2_session *session;
	struct list calls, finished;
	int inside; /* nghttp2 or a callback of ours is on the stack */
	bool dead;  /* takes nothing, is freed when nothing is on the stack */
};

struct h2_call {
	struct list link; /* in client->waiting, conn->calls or conn->finished */
	struct h2_client *client;
	struct conn *conn; /* NULL: waits */
	int32_t id;
	char *path;
	struct str head; /* "name\0value\0" of headers and trailers that came */
	struct str headers; /* the same of those that go out */
	char *body;
	size_t body_len, body_sent;
	struct timer *timer;
	struct str collected;
	int status, failure;
	struct h2_call_opts o;
};

static void client_work(void *arg);

static void schedule(struct h2_client *c)
{
	if (c->scheduled)
		return;
	c->scheduled = true;
	loop_defer(c->loop, client_work, c);
}

static void call_free(struct h2_call *k)
{
	list_remove(&k->link);
	timer_free(k->timer);
	free(k->path);
	free(k->body);
	str_done(&k->head);
	str_done(&k->headers);
	str_done(&k->collected);
	free(k);
}

static void call_done(struct h2_call *k, const struct err *e)
{
	list_remove(&k->link);
	list_init(&k->link);
	timer_stop(k->timer);
	k->o.on_done(k->o.arg, k->status, str_text(&k->collected), k->collected.len, e);
	call_free(k);
}

static void call_failed(struct h2_call *k, int code, const char *what)
{
	struct err e = ERR_INIT;
	err_set(&e, code, "%s", what);
	call_done(k, &e);
}

/* --- a connection ------------------------------------------------------------------------------------------------- */

static void conn_free(struct conn *c)
{
	list_remove(&c->link);
	resolve_cancel(c->resolve);
	upstream_free(c->upstream);
	nghttp2_session_del(c->session);
	tls_unref(c->tls);
	free_strv(&c->addresses);
	free(c);
}

static void conn_no_more(struct conn *c)
{
	if (c->client->current == c)
		c->client->current = NULL;
}

/* Every call of it ends. */
static void conn_fail(struct conn *c, const struct err *e)
{
	c->dead = true;
	conn_no_more(c);
	c->inside++;
	while (!list_is_empty(&c->calls))
		call_done(LIST_ENTRY(list_pop(&c->calls), struct h2_call, link), e);
	c->inside--;
}

/* What is ready goes out, as far as the queue is short. */
static void pump(struct conn *c)
{
	const uint8_t *p;
	ssize_t n = 0;
	if (c->dead || !c->upstream || !upstream_is_ready(c->upstream))
		return;
	c->inside++;
	while (upstream_pending(c->upstream) < UPSTREAM_HIGH_WATER && (n = nghttp2_session_mem_send(c->session, &p)) > 0)
		upstream_write(c->upstream, p, (size_t)n);
	c->inside--;
}

static void tell_finished(struct conn *c)
{
	struct err e = ERR_INIT;
	c->inside++;
	while (!list_is_empty(&c->finished)) {
		struct h2_call *k = LIST_ENTRY(list_pop(&c->finished), struct h2_call, link);
		if (k->failure)
			err_set(&e, k->failure, "%s",
				k->failure == -E2BIG	      ? "response too large"
				: k->failure == -ECONNREFUSED ? "the server takes no more calls on this connection"
							      : "the server ended the call");
		call_done(k, k->failure ? &e : NULL);
	}
	c->inside--;
}

/* After anything that may have ended calls, or made it take no more. */
static void conn_settle(struct conn *c)
{
	if (c->inside || c->client->freed)
		return;
	tell_finished(c);
	if (c->client->freed)
		return;
	if (!c->dead && !nghttp2_session_check_request_allowed(c->session))
		conn_no_more(c);
	pump(c);
	bool idle = list_is_empty(&c->calls) && list_is_empty(&c->finished);
	if (c->dead || (c->client->current != c && idle))
		conn_free(c);
}

static void on_ready(void *arg)
{
	struct conn *c = arg;
	pump(c);
	conn_settle(c);
}

static void on_data(void *arg, const char *p, size_t n)
{
	struct conn *c = arg;
	struct err e = ERR_INIT;
	if (c->dead)
		return;
	c->inside++;
	ssize_t r = nghttp2_session_mem_recv(c->session, (const uint8_t *)p, n);
	c->inside--;
	if (r < 0) {
		tell_finished(c);
		err_set(&e, -EPROTO, "the server does not speak HTTP/2");
		conn_fail(c, &e);
	}
	conn_settle(c);
}

static void on_drain(void *arg)
{
	struct conn *c = arg;
	pump(c);
	conn_settle(c);
}

static void dial(struct conn *c);

static void on_end(void *arg, const struct err *e)
{
	struct conn *c = arg;
	struct err closed = ERR_INIT;
	bool reached = upstream_is_ready(c->upstream);
	if (e && !reached && c->addresses[c->at + 1]) {
		upstream_free(TAKE(c->upstream));
		c->at++;
		dial(c);
		return;
	}
	if (!e)
		err_set(&closed, -ECONNRESET, "the server closed the connection");
	conn_fail(c, e ? e : &closed);
	conn_settle(c);
}

static const struct upstream_ops upstream_ops = {.on_ready = on_ready, .on_data = on_data, .on_drain = on_drain, .on_end = on_end};

static void dial(struct conn *c)
{
	struct h2_client *client = c->client;
	c->upstream = upstream_dial(&(struct upstream_opts){.loop = client->loop,
							    .host = c->addresses[c->at],
							    .port = client->port,
							    .tls = c->tls,
							    .server_name = client->host,
							    .timeout_ms = client->connect_timeout_ms,
							    .ops = &upstream_ops,
							    .arg = c});
}

static void on_resolved(void *arg, char *const *addresses, const struct err *e)
{
	struct conn *c = arg;
	c->resolve = NULL;
	if (e) {
		conn_fail(c, e);
		conn_settle(c);
		return;
	}
	for (size_t i = 0; addresses[i]; i++)
		strv_add(&c->addresses, addresses[i]);
	dial(c);
}

/* --- what nghttp2 tells ------------------------------------------------------------------------------------------- */

static struct h2_call *call_of(nghttp2_session *s, int32_t id)
{
	return nghttp2_session_get_stream_user_data(s, id);
}

static void give_up(struct h2_call *k, int code)
{
	k->failure = code;
	nghttp2_submit_rst_stream(k->conn->session, NGHTTP2_FLAG_NONE, k->id, NGHTTP2_CANCEL);
}

static int on_header(nghttp2_session *s, const nghttp2_frame *f, const uint8_t *name, size_t name_len, const uint8_t *value,
		     size_t value_len, uint8_t flags, void *arg)
{
	struct h2_call *k = call_of(s, f->hd.stream_id);
	(void)flags, (void)arg;
	if (!k || k->failure)
		return 0;
	if (name_len == 7 && memcmp(name, ":status", 7) == 0) {
		int status = (int)strtol((const char *)value, NULL, 10);
		k->status = status >= 200 ? status : 0;
		return 0;
	}
	if (k->head.len + name_len + value_len > MAX_HEAD) {
		give_up(k, -E2BIG);
		return 0;
	}
	str_addn(&k->head, name, name_len);
	str_addc(&k->head, '\0');
	str_addn(&k->head, value, value_len);
	str_addc(&k->head, '\0');
	return 0;
}

static int on_piece(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg)
{
	struct h2_call *k = call_of(s, id);
	(void)flags, (void)arg;
	if (!k || k->failure)
		return 0;
	if (k->o.on_data)
		k->o.on_data(k->o.arg, (const char *)p, n);
	else if (n > MAX_COLLECTED - k->collected.len)
		give_up(k, -E2BIG);
	else
		str_addn(&k->collected, p, n);
	return 0;
}

static int on_stream_close(nghttp2_session *s, int32_t id, uint32_t code, void *arg)
{
	struct h2_call *k = call_of(s, id);
	(void)arg;
	if (!k)
		return 0;
	nghttp2_session_set_stream_user_data(s, id, NULL);
	k->id = 0;
	if (!k->failure && (code != NGHTTP2_NO_ERROR || !k->status))
		k->failure = code == NGHTTP2_REFUSED_STREAM ? -ECONNREFUSED : -ECONNRESET;
	list_remove(&k->link);
	list_add(&k->conn->finished, &k->link);
	schedule(k->client);
	return 0;
}

static ssize_t read_body(nghttp2_session *s, int32_t id, uint8_t *p, size_t n, uint32_t *flags, nghttp2_data_source *source,
			 void *arg)
{
	struct h2_call *k = call_of(s, id);
	(void)source, (void)arg;
	if (!k)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	size_t take = MIN(n, k->body_len - k->body_sent);
	if (take)
		memcpy(p, k->body + k->body_sent, take);
	k->body_sent += take;
	if (k->body_sent == k->body_len)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)take;
}

static nghttp2_session_callbacks *callbacks(void)
{
	static nghttp2_session_callbacks *cb;
	if (cb)
		return cb;
	if (nghttp2_session_callbacks_new(&cb) != 0)
		abort(); /* out of memory */
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_piece);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
	return cb;
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

static int conn_tls(struct conn *c, struct err *e)
{
	struct h2_client *client = c->client;
	return client->secure ? tls_client_new(&(struct tls_config){.ca_file = client->ca_file,
								    .cert_file = client->cert_file,
								    .key_file = client->key_file,
								    .http2 = 1},
					       &c->tls, e)
			      : 0;
}

static int conn_new(struct h2_client *client, struct err *e)
{
	struct conn *c = xcalloc(1, sizeof(*c));
	c->client = client;
	list_init(&c->link);
	list_init(&c->calls);
	list_init(&c->finished);
	int r = conn_tls(c, e);
	if (r < 0) {
		conn_free(c);
		return r;
	}
	nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}, {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW}};
	if (nghttp2_session_client_new(&c->session, callbacks(), c) != 0)
		abort(); /* out of memory */
	nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings));
	nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, CONN_WINDOW);
	list_add(&client->conns, &c->link);
	client->current = c;
	c->resolve = resolve_start(client->loop, client->host, on_resolved, c);
	return 0;
}

static nghttp2_nv pair(const char *name, const char *value)
{
	return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static void submit(struct h2_call *k)
{
	struct h2_client *client = k->client;
	struct conn *c = client->current;
	nghttp2_nv nv[4 + MAX_HEADERS] = {pair(":method", "POST"), pair(":scheme", client->secure ? "https" : "http"),
					  pair(":authority", client->authority), pair(":path", k->path)};
	size_t n = 4;
	const char *end = k->headers.p + k->headers.len;
	for (const char *at = k->headers.p; at && at < end && n < ARRAY_LEN(nv);) {
		const char *value = at + strlen(at) + 1;
		nv[n++] = pair(at, value);
		at = value + strlen(value) + 1;
	}
	nghttp2_data_provider body = {.read_callback = read_body};
	k->conn = c;
	list_add(&c->calls, &k->link);
	k->id = nghttp2_submit_request(c->session, NULL, nv, n, &body, k);
	if (k->id < 0)
		call_failed(k, -ECONNREFUSED, "the server takes no more calls on this connection");
}

static void start_waiting(struct h2_client *c)
{
	while (!c->freed && !list_is_empty(&c->waiting)) {
		struct h2_call *k = LIST_ENTRY(list_pop(&c->waiting), struct h2_call, link);
		struct err e = ERR_INIT;
		if (!c->current && conn_new(c, &e) < 0)
			call_done(k, &e);
		else
			submit(k);
	}
}

static void client_destroy(struct h2_client *c)
{
	while (!list_is_empty(&c->conns))
		conn_free(LIST_ENTRY(list_pop(&c->conns), struct conn, link));
	free(c->host);
	free(c->authority);
	free(c->ca_file);
	free(c->cert_file);
	free(c->key_file);
	free(c);
}

static void client_work(void *arg)
{
	struct h2_client *c = arg;
	c->scheduled = false;
	if (c->freed) {
		client_destroy(c);
		return;
	}
	start_waiting(c);
	LIST_FOR_EACH(conn, &c->conns, struct conn, link)
	{
		conn_settle(conn); /* frees no other */
		if (c->freed)
			break;
	}
}

static void on_timeout(void *arg)
{
	struct h2_call *k = arg;
	struct h2_client *client = k->client;
	if (k->conn && k->id > 0) { /* whoever keeps silent is dialled anew; what still runs there goes on */
		nghttp2_session_set_stream_user_data(k->conn->session, k->id, NULL);
		nghttp2_submit_rst_stream(k->conn->session, NGHTTP2_FLAG_NONE, k->id, NGHTTP2_CANCEL);
		conn_no_more(k->conn);
	}
	schedule(client);
	call_failed(k, -ETIMEDOUT, "the server did not answer in time");
}

static void keep_headers(struct h2_call *k, const struct http_header *h)
{
	for (; h && h->name; h++) {
		str_addn(&k->headers, h->name, strlen(h->name) + 1);
		str_addn(&k->headers, h->value, strlen(h->value) + 1);
	}
}

struct h2_call *h2_call_start(struct h2_client *c, const struct h2_call_opts *o)
{
	struct h2_call *k = xcalloc(1, sizeof(*k));
	k->client = c;
	k->o = *o;
	k->path = xstrdup(o->path);
	k->body = o->body_len ? xmemdup(o->body, o->body_len) : NULL;
	k->body_len = o->body_len;
	keep_headers(k, o->headers);
	k->o.headers = NULL;
	k->o.body = NULL;
	k->timer = timer_new(c->loop, on_timeout, k);
	if (o->timeout_ms)
		timer_start(k->timer, o->timeout_ms);
	list_init(&k->link);
	list_add(&c->waiting, &k->link);
	schedule(c);
	return k;
}

void h2_call_cancel(struct h2_call *k)
{
	if (!k)
		return;
	if (k->conn && k->id > 0) {
		nghttp2_session_set_stream_user_data(k->conn->session, k->id, NULL);
		nghttp2_submit_rst_stream(k->conn->session, NGHTTP2_FLAG_NONE, k->id, NGHTTP2_CANCEL);
	}
	schedule(k->client);
	call_free(k);
}

int h2_call_status(const struct h2_call *k)
{
	return k->status;
}

const char *h2_call_header(const struct h2_call *k, const char *name)
{
	const char *end = k->head.p + k->head.len;
	for (const char *at = k->head.p; at && at < end;) {
		const char *value = at + strlen(at) + 1;
		if (strcasecmp(at, name) == 0)
			return value;
		at = value + strlen(value) + 1;
	}
	return NULL;
}

/* --- the client --------------------------------------------------------------------------------------------------- */

/* HOST[:PORT] behind the scheme. */
static int split_url(struct h2_client *c, const char *url, struct err *e)
{
	c->secure = str_has_prefix(url, "https://");
	if (!c->secure && !str_has_prefix(url, "http://"))
		return err_set(e, -EINVAL, "\"%s\" is no http or https URL", url);
	const char *at = strstr(url, "://") + 3;
	c->authority = xstrndup(at, strcspn(at, "/?#"));
	char *six = *c->authority == '[' ? strchr(c->authority, ']') : NULL;
	const char *colon = strchr(six ? six : c->authority, ':');
	uint32_t port = c->secure ? 443 : 80;
	if (colon && (str_to_u32(colon + 1, &port) < 0 || !port || port > UINT16_MAX))
		return err_set(e, -EINVAL, "\"%s\" has no valid port", url);
	c->port = (uint16_t)port;
	c->host = six ? xstrndup(c->authority + 1, (size_t)(six - c->authority - 1))
		      : xstrndup(c->authority, colon ? (size_t)(colon - c->authority) : strlen(c->authority));
	return *c->host ? 0 : err_set(e, -EINVAL, "\"%s\" has no host", url);
}

int h2_client_new(const struct h2_client_config *config, struct h2_client **ret, struct err *e)
{
	struct h2_client *c = xcalloc(1, sizeof(*c));
	list_init(&c->conns);
	list_init(&c->waiting);
	c->loop = config->loop;
	c->ca_file = xstrdup(config->ca_file);
	c->cert_file = xstrdup(config->cert_file);
	c->key_file = xstrdup(config->key_file);
	c->connect_timeout_ms = config->connect_timeout_ms;
	int r = split_url(c, config->url, e);
	if (r < 0) {
		client_destroy(c);
		return r;
	}
	*ret = c;
	return 0;
}

static void free_calls(struct list *calls)
{
	while (!list_is_empty(calls))
		call_free(LIST_ENTRY(list_pop(calls), struct h2_call, link));
}

void h2_client_free(struct h2_client *c)
{
	if (!c)
		return;
	c->freed = true;
	free_calls(&c->waiting);
	LIST_FOR_EACH(conn, &c->conns, struct conn, link)
	{
		conn->dead = true;
		free_calls(&conn->calls);
		free_calls(&conn->finished);
	}
	schedule(c); /* what it has may be on the stack */
}
