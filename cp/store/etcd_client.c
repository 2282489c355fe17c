/* Calls to etcd.
 *
 * Happy path: one POST to the member that served the last one. What can fail: a member that does not answer; the next
 * one is asked then, each of them once a call, where nothing can have been done yet or doing it again does no harm.
 * What always holds: done is called once for each call, unless the client was freed before. */
#include "cp/store/etcd_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"
#include "cp/store/etcd_codec.h"
#include "io/h2_client.h"

enum { CONNECT_MS = 2000, WAIT_CALL_MS = 10000, MESSAGE_MAX_BYTES = 1 << 30 };

struct etcd_client {
	struct loop *loop;
	struct h2_client **members; /* one for each server */
	char **servers;
	size_t n, at;
	struct list calls, streams;
};

struct call {
	struct list link;
	struct etcd_client *client;
	struct h2_call *http;
	char *path, *body;
	size_t len, tries, at; /* at: the member asked */
	int timeout_ms;
	bool again;
	etcd_done done;
	void *arg;
};

struct etcd_stream {
	struct list link;
	struct etcd_client *client;
	struct h2_call *http;
	struct str pending;
	bool inside, dead;
	void (*on_message)(void *arg, const char *bytes, size_t len);
	void (*on_end)(void *arg, const struct err *e);
	void *arg;
};

static const char *some(const char *text)
{
	return str_empty(text) ? NULL : text;
}

int etcd_client_new(struct loop *l, const struct etcd_config *config, struct etcd_client **ret, struct err *e)
{
	AUTO_STRV char **servers = str_split(config->servers ? config->servers : "", ',');
	if (!servers || !servers[0])
		return err_set(e, -EINVAL, "etcd: no server is given");
	for (size_t i = 0; servers[i]; i++) {
		if (!str_has_prefix(servers[i], "http://") && !str_has_prefix(servers[i], "https://"))
			return err_set(e, -EINVAL, "etcd: \"%s\" is no http or https URL", servers[i]);
		for (size_t n = strlen(servers[i]); n && servers[i][n - 1] == '/'; n--)
			servers[i][n - 1] = '\0';
	}
	struct etcd_client *c = xcalloc(1, sizeof(*c));
	c->loop = l;
	c->n = strv_len(servers);
	c->servers = TAKE(servers);
	c->members = xcalloc(c->n, sizeof(struct h2_client *));
	list_init(&c->calls);
	list_init(&c->streams);
	int r = 0;
	for (size_t i = 0; i < c->n && r == 0; i++)
		r = h2_client_new(&(struct h2_client_config){.loop = l,
							     .url = c->servers[i],
							     .ca_file = some(config->ca_file),
							     .cert_file = some(config->cert_file),
							     .key_file = some(config->key_file),
							     .connect_timeout_ms = CONNECT_MS},
				  &c->members[i], e);
	if (r < 0) {
		etcd_client_free(c);
		return err_wrap(e, r, "etcd");
	}
	*ret = c;
	return 0;
}

static void call_free(struct call *k)
{
	list_remove(&k->link);
	free(k->path);
	free(k->body);
	free(k);
}

static void stream_free(struct etcd_stream *s)
{
	list_remove(&s->link);
	str_done(&s->pending);
	free(s);
}

void etcd_client_free(struct etcd_client *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		h2_client_free(c->members[i]);
	free(c->members);
	while (!list_is_empty(&c->calls))
		call_free(LIST_ENTRY(list_pop(&c->calls), struct call, link));
	while (!list_is_empty(&c->streams))
		stream_free(LIST_ENTRY(list_pop(&c->streams), struct etcd_stream, link));
	free_strv(&c->servers);
	free(c);
}

void etcd_client_rotate(struct etcd_client *c)
{
	c->at = (c->at + 1) % c->n;
}

static void call_send(struct call *k);

/* Whether the request cannot have reached a member. */
static bool not_sent(const struct err *e)
{
	return e->code == -ECONNREFUSED || e->code == -EHOSTUNREACH || e->code == -ENETUNREACH ||
	       e->code == -EADDRNOTAVAIL;
}

/* In the words of the original's client. */
static void reword(struct etcd_client *c, size_t at, const struct err *why, struct err *e)
{
	const char *host = strstr(c->servers[at], "://") + 3;
	if (not_sent(why))
		err_set(e, why->code,
			"rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: "
			"dial tcp %s: connect: %s\"",
			host, err_reason(why->code));
	else if (why->code == -ETIMEDOUT)
		err_set(e, why->code, "etcdserver: request timed out");
	else
		err_set(e, why->code, "rpc error: code = Unavailable desc = error reading from server: %s", err_text(why));
}

/* The status behind the messages (gRPC over HTTP/2, Responses). 0: good. */
static int outcome(const struct h2_call *call, int status, struct err *e)
{
	const char *code = h2_call_header(call, "grpc-status"), *words = h2_call_header(call, "grpc-message");
	int64_t n = 0;
	if (status != 200)
		return err_set(e, -EPROTO, "etcd: unexpected answer with status %d", status);
	if (!code || str_to_i64(code, &n) < 0)
		return err_set(e, -ECONNRESET, "etcd: the answer ended before its status");
	if (!n)
		return 0;
	AUTO_FREE char *text = xstrdup(words ? words : "");
	if (url_decode(text, false) < 0)
		text[0] = '\0';
	return etcd_error(n, text, e);
}

static void on_answer(void *arg, int status, const char *body, size_t len, const struct err *failure)
{
	struct call *k = arg;
	struct etcd_client *c = k->client;
	struct err e = ERR_INIT;
	const char *message = NULL;
	size_t n = 0;
	int r = failure ? failure->code : outcome(k->http, status, &e);
	if (!r && etcd_unframe(body, len, &message, &n) <= 0)
		r = err_set(&e, -EPROTO, "etcd: an answer without a message");
	bool next = failure ? not_sent(failure) || k->again : (r == -EAGAIN || r == -ECONNRESET) && k->again;
	if (r && k->at == c->at)
		etcd_client_rotate(c);
	/* What kept silent for all that time is not asked once more: the request's own client waits as well. */
	size_t tries = r == -ETIMEDOUT ? MIN(c->n, 2) : MAX(c->n, 2);
	if (r && next && ++k->tries < tries) {
		call_send(k);
		return;
	}
	if (failure)
		reword(c, k->at, failure, &e);
	etcd_done done = k->done;
	void *of = k->arg;
	call_free(k);
	done(of, r, r ? NULL : message, r ? 0 : n, r ? &e : NULL);
}

static void call_send(struct call *k)
{
	static const struct http_header headers[] = {{"content-type", "application/grpc"}, {"te", "trailers"}, {NULL, NULL}};
	struct etcd_client *c = k->client;
	k->at = c->at;
	k->http = h2_call_start(c->members[k->at], &(struct h2_call_opts){.path = k->path,
									  .headers = headers,
									  .body = k->body,
									  .body_len = k->len,
									  .timeout_ms = k->timeout_ms,
									  .on_done = on_answer,
									  .arg = k});
}

void etcd_call(struct etcd_client *c, const char *path, const char *body, size_t len, int timeout_ms, bool again,
	       etcd_done done, void *arg)
{
	struct call *k = xcalloc(1, sizeof(*k));
	k->client = c;
	k->path = xstrdup(path);
	AUTO_STR frame = STR_INIT;
	etcd_frame(&frame, body, len);
	k->len = frame.len;
	k->body = str_take(&frame);
	k->timeout_ms = timeout_ms;
	k->again = again;
	k->done = done;
	k->arg = arg;
	list_add(&c->calls, &k->link);
	call_send(k);
}

/* Tells what is whole of the bytes; returns how many they were. */
static size_t take_messages(struct etcd_stream *s, const char *bytes, size_t n)
{
	const char *message, *at = bytes, *end = bytes + n;
	size_t len;
	int r;
	while (!s->dead && (r = etcd_unframe(at, (size_t)(end - at), &message, &len))) {
		if (r < 0)
			return n; /* nothing that could be told; the status will say why */
		s->on_message(s->arg, message, len);
		at = message + len;
	}
	return (size_t)(at - bytes);
}

static void on_stream_data(void *arg, const char *data, size_t len)
{
	struct etcd_stream *s = arg;
	if (s->dead || h2_call_status(s->http) != 200 || s->pending.len + len > MESSAGE_MAX_BYTES)
		return;
	s->inside = true;
	if (s->pending.len) {
		str_addn(&s->pending, data, len);
		size_t n = take_messages(s, s->pending.p, s->pending.len);
		str_consume(&s->pending, n);
	} else {
		size_t n = take_messages(s, data, len);
		str_addn(&s->pending, data + n, len - n);
	}
	s->inside = false;
	if (s->dead)
		stream_free(s);
}

static void on_stream_done(void *arg, int status, const char *body, size_t len, const struct err *failure)
{
	struct etcd_stream *s = arg;
	struct err e = ERR_INIT;
	(void)body, (void)len;
	if (failure)
		reword(s->client, s->client->at, failure, &e);
	else if (!outcome(s->http, status, &e))
		err_set(&e, -ECONNRESET, "etcd: the stream has ended");
	s->http = NULL;
	s->on_end(s->arg, &e);
}

struct etcd_stream *etcd_stream_new(struct etcd_client *c, const char *path, const char *body, size_t len,
				    void (*on_message)(void *arg, const char *bytes, size_t len),
				    void (*on_end)(void *arg, const struct err *e), void *arg)
{
	/* A member that has lost the others ends the stream instead of keeping silent. */
	static const struct http_header headers[] = {
	    {"content-type", "application/grpc"}, {"te", "trailers"}, {"hasleader", "true"}, {NULL, NULL}};
	struct etcd_stream *s = xcalloc(1, sizeof(*s));
	AUTO_STR frame = STR_INIT;
	etcd_frame(&frame, body, len);
	s->client = c;
	s->on_message = on_message;
	s->on_end = on_end;
	s->arg = arg;
	list_add(&c->streams, &s->link);
	s->http = h2_call_start(c->members[c->at], &(struct h2_call_opts){.path = path,
									  .headers = headers,
									  .body = frame.p,
									  .body_len = frame.len,
									  .on_data = on_stream_data,
									  .on_done = on_stream_done,
									  .arg = s});
	return s;
}

void etcd_stream_free(struct etcd_stream *s)
{
	if (!s || s->dead)
		return;
	h2_call_cancel(s->http);
	s->http = NULL;
	if (s->inside)
		s->dead = true;
	else
		stream_free(s);
}

struct waiting {
	bool done;
	int r;
	char *text;
	size_t len;
	struct err e;
};

static void on_waited(void *arg, int r, const char *body, size_t len, const struct err *e)
{
	struct waiting *w = arg;
	w->done = true;
	w->r = r;
	if (r)
		w->e = *e;
	else
		w->text = xstrndup(body, w->len = len);
}

int etcd_call_wait(struct etcd_client *c, const char *path, const char *body, size_t len, char **ret, size_t *ret_len,
		   struct err *e)
{
	struct waiting w = {.e = ERR_INIT};
	etcd_call(c, path, body, len, WAIT_CALL_MS, true, on_waited, &w);
	while (!w.done)
		loop_run_once(c->loop, 1000);
	if (w.r)
		return err_set(e, w.r, "%s", w.e.text);
	*ret = w.text;
	*ret_len = w.len;
	return 0;
}
