/* Requests for extension servers. Purpose: pass a request on as the user who sent it, and the answer back as it comes.
 * Happy path: method, path, query, body and the headers that mean something to the other side go out with X-Remote-*
 * headers over a connection with the front proxy's certificate; the answer streams back, held up where the client is
 * slow. A server that is not there gives 503. What always holds: headers by which a client could name another user are
 * never passed on. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "cp/api/apiservice.h"
#include "cp/api/audit.h"

#define MAX_PENDING 65536

struct proxied {
	struct req *q;
	struct http_call *call;
	char *type, *encoding;
	bool paused;
};

static void proxied_end(struct proxied *p)
{
	struct req *q = p->q;
	q->on_close = NULL;
	q->data = NULL;
	free(p->type);
	free(p->encoding);
	free(p);
	reply_done(q);
}

static void on_closed(struct req *q)
{
	struct proxied *p = q->data;
	if (p->call)
		http_call_cancel(p->call);
	proxied_end(p);
}

/* Headers of the answer that a client needs. */
static const char *const returned[] = {"content-encoding", "etag", "cache-control", "location", "retry-after", "warning", "vary",
				       "audit-id"};

static void on_status(void *arg, int status)
{
	struct proxied *p = arg;
	struct http_header h[REPLY_HEADERS] = {0};
	size_t n = 0;
	if (!p->q->x || http_started(p->q->x))
		return;
	const char *type = http_call_header(p->call, "content-type");
	if (type)
		h[n++] = (struct http_header){"content-type", type};
	for (size_t i = 0; i < ARRAY_LEN(returned); i++)
		if (http_call_header(p->call, returned[i]))
			h[n++] = (struct http_header){returned[i], http_call_header(p->call, returned[i])};
	request_answered(p->q, status);
	audit_answer(p->q, status, NULL);
	http_start(p->q->x, status, h);
}

static void on_drained(void *arg, struct http_exchange *x)
{
	struct proxied *p = arg;
	(void)x;
	if (p->paused && p->call)
		http_call_pause(p->call, 0);
	p->paused = false;
}

static void on_data(void *arg, const char *data, size_t len)
{
	struct proxied *p = arg;
	if (!p->q->x)
		return;
	http_write(p->q->x, data, len);
	if (http_pending_bytes(p->q->x) > MAX_PENDING && !p->paused) {
		p->paused = true;
		http_call_pause(p->call, 1);
	}
}

static void unavailable(struct req *q, const char *text)
{
	reply_text(q, 503, text);
}

static void on_done(void *arg, int status, const char *body, size_t len, const struct err *e)
{
	struct proxied *p = arg;
	struct req *q = p->q;
	(void)status;
	(void)body;
	(void)len;
	p->call = NULL;
	if (q->x && !http_started(q->x)) {
		AUTO_FREE char *why = xasprintf("error trying to reach service: %s\n", err_text(e));
		q->on_close = NULL;
		q->data = NULL;
		free(p);
		unavailable(q, why);
		return;
	}
	if (q->x && e)
		http_abort(q->x);
	else if (q->x)
		http_end(q->x);
	proxied_end(p);
}

/* Headers that speak of the connection, or of who asks: ours are put in their place. */
static bool is_kept_back(const char *name)
{
	static const char *const own[] = {"host",	  "connection",	   "content-length", "transfer-encoding", "upgrade",
					  "keep-alive", "authorization", "te",		      "trailer",	   "proxy-connection", "expect"};
	if (*name == ':' || strncasecmp(name, "x-remote-", 9) == 0 || strncasecmp(name, "impersonate-", 12) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (strcasecmp(own[i], name) == 0)
			return true;
	return false;
}

static void add_header(char ***out, const char *name, const char *value)
{
	AUTO_FREE char *line = xasprintf("%s: %s", name, value);
	if (!strpbrk(line, "\r\n"))
		strv_add(out, line);
}

static char **request_headers(const struct req *q)
{
	char **out = NULL;
	size_t n = 0;
	const struct http_header *h = http_headers(q->x, &n);
	for (size_t i = 0; i < n; i++)
		if (!is_kept_back(h[i].name))
			add_header(&out, h[i].name, h[i].value);
	add_header(&out, "X-Remote-User", q->user.name);
	if (!str_empty(q->user.uid))
		add_header(&out, "X-Remote-Uid", q->user.uid);
	for (size_t i = 0; q->user.groups && q->user.groups[i]; i++)
		add_header(&out, "X-Remote-Group", q->user.groups[i]);
	for (size_t i = 0; i < q->user.n_extra; i++) {
		AUTO_STR name = STR_INIT;
		str_add(&name, "X-Remote-Extra-");
		str_add_url(&name, q->user.extra[i].key);
		for (size_t v = 0; q->user.extra[i].values && q->user.extra[i].values[v]; v++)
			add_header(&out, str_text(&name), q->user.extra[i].values[v]);
	}
	return out;
}

static char *target(const struct req *q)
{
	AUTO_STRV char **segments = str_split(q->route.path, '/');
	struct str out = STR_INIT;
	for (size_t i = 1; segments && segments[i]; i++) {
		str_addc(&out, '/');
		str_add_url(&out, segments[i]);
	}
	if (*http_query(q->x))
		str_addf(&out, "?%s", http_query(q->x));
	return str_take(&out);
}

void apiservice_proxy(struct req *q, struct apiservice *v)
{
	struct err e = ERR_INIT;
	size_t len = 0;
	if (!q->x) {
		reply_status(q, status_new(503, "ServiceUnavailable", "calls from within do not go to extension servers"));
		return;
	}
	if (!v->available) {
		unavailable(q, "service unavailable\n");
		return;
	}
	struct proxied *p = xcalloc(1, sizeof(*p));
	AUTO_STRV char **headers = request_headers(q);
	AUTO_FREE char *path = target(q);
	const char *body = http_body(q->x, &len);
	p->q = q;
	p->call = apiservice_call(v, path, (const char *const *)headers,
				  &(struct http_call_opts){.method = q->method,
							   .body = len ? body : NULL,
							   .body_len = len,
							   .on_status = on_status,
							   .on_data = on_data,
							   .on_done = on_done,
							   .arg = p},
				  &e);
	if (!p->call) {
		free(p);
		unavailable(q, "service unavailable\n");
		return;
	}
	q->data = p;
	q->on_close = on_closed;
	http_on_drain(q->x, on_drained, p);
}
