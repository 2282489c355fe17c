/* The forwarder. Purpose: one way by which requests reach other servers. Happy path: method, path, query, body and the
 * headers that are not about this connection go out; status, headers and body stream back, held up where the client is
 * slow; pages and redirects are led through the path that the client used; upgrades become tunnels. What can fail: the
 * server is not reached (the caller's on_unreachable answers), or its answer breaks off (so does ours). What always
 * holds: headers by which a client could show or name a user are never passed on. */
#include "cp/api/forward.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "base/mem.h"
#include "cp/api/audit.h"
#include "cp/api/link_rewrite.h"
#include "io/http_tunnel.h"

enum { MAX_PENDING = 65536, MAX_REFUSAL = 65536, INFLATE_PIECE = 32768, GZIP_HEADER = 16 };

struct forward {
	struct req *q;
	struct http_call *call; /* NULL for tunnels */
	char *prefix, *address, *asked;
	void (*on_unreachable)(struct req *q, const struct err *e, bool upgrade);
	void (*on_refused)(struct req *q, int status, const char *text);
	int refused; /* the status of a refusal that is collected; 0: none */
	struct str refusal;
	struct html_rewrite *html; /* NULL: the body is passed on as it is */
	z_stream *zipped;	   /* the page comes compressed */
	bool paused, broken;
};

static void forward_free(struct forward *f)
{
	if (f->zipped)
		inflateEnd(f->zipped);
	free(f->zipped);
	html_rewrite_free(f->html);
	str_done(&f->refusal);
	free(f->prefix);
	free(f->address);
	free(f->asked);
	free(f);
}

/* --- headers ------------------------------------------------------------------------------------------------------ */

static bool is_in(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

/* Those of one connection alone (RFC 9110 7.6.1). */
static bool is_of_connection(const char *name)
{
	static const char *const own[] = {"connection", "keep-alive", "proxy-connection",  "proxy-authenticate", "proxy-authorization",
					  "te",		"trailer",    "transfer-encoding", "upgrade"};
	return is_in(own, ARRAY_LEN(own), name);
}

static bool is_kept_back(const char *name)
{
	static const char *const own[] = {"host", "content-length", "authorization", "expect", "x-forwarded-for"};
	return *name == ':' || is_in(own, ARRAY_LEN(own), name) || strncasecmp(name, "x-remote-", 9) == 0 ||
	       strncasecmp(name, "impersonate-", 12) == 0;
}

void forward_add_header(char ***out, const char *name, const char *value)
{
	AUTO_FREE char *line = xasprintf("%s: %s", name, value);
	if (!strpbrk(line, "\r\n"))
		strv_add(out, line);
}

static char *host_port(const char *host, uint16_t port)
{
	return xasprintf(strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
}

/* What goes out. An upgrade keeps what it says about the connection. */
static char **request_lines(const struct req *q, const struct forward_opts *o, const struct forward *f, bool upgrade)
{
	char **out = NULL;
	size_t n = 0;
	const char *came = http_header_get(q->x, "x-forwarded-for"), *peer = http_peer_address(q->x);
	const struct http_header *h = http_headers(q->x, &n);
	forward_add_header(&out, "Host",
			   !o->own_host && f->asked ? f->asked
			   : o->server_name         ? o->server_name
						    : f->address);
	for (size_t i = 0; i < n; i++)
		if (!is_kept_back(h[i].name) && (upgrade || !is_of_connection(h[i].name)))
			forward_add_header(&out, h[i].name, h[i].value);
	AUTO_FREE char *chain = str_empty(came) ? xstrdup(peer) : xasprintf("%s, %s", came, peer);
	forward_add_header(&out, "X-Forwarded-For", chain);
	if (f->prefix) {
		AUTO_FREE char *uri = xasprintf("%s%.*s", f->prefix, (int)strcspn(o->target, "?"), o->target);
		forward_add_header(&out, "X-Forwarded-Uri", uri);
	}
	for (size_t i = 0; o->headers && o->headers[i]; i++)
		strv_add(&out, o->headers[i]);
	if (!http_header_get(q->x, "accept") && !upgrade)
		strv_add(&out, "Accept:"); /* none, rather than the client library's */
	return out;
}

/* Whether a page is to be rewritten, and how it comes. */
static void choose_filter(struct forward *f)
{
	const char *type = http_call_header(f->call, "content-type"), *encoding = http_call_header(f->call, "content-encoding");
	bool plain = str_empty(encoding) || strcasecmp(encoding, "identity") == 0;
	bool gzip = !plain && strcasecmp(encoding, "gzip") == 0;
	if (!f->prefix || !type || strncasecmp(type, "text/html", 9) != 0 || (!plain && !gzip))
		return;
	if (gzip) {
		f->zipped = xcalloc(1, sizeof(*f->zipped));
		if (inflateInit2(f->zipped, MAX_WBITS + GZIP_HEADER) != Z_OK)
			abort(); /* out of memory */
	}
	f->html = html_rewrite_new(&(struct link_base){f->prefix, f->address, f->asked});
}

/* What a rewritten page or a page of another origin does not keep. */
static bool is_dropped(const struct forward *f, const char *name)
{
	static const char *const cors[] = {"access-control-allow-credentials", "access-control-allow-headers",
					   "access-control-allow-methods", "access-control-allow-origin"};
	static const char *const rewritten[] = {"content-length", "content-encoding", "content-md5"};
	return is_of_connection(name) || (f->prefix && is_in(cors, ARRAY_LEN(cors), name)) ||
	       (f->html && is_in(rewritten, ARRAY_LEN(rewritten), name)) || strcasecmp(name, "date") == 0;
}

static char *returned_value(const struct forward *f, const char *name, const char *value)
{
	AUTO_STR out = STR_INIT;
	if (!f->prefix || strcmp(name, "location") != 0)
		return xstrdup(value);
	link_rewrite(&(struct link_base){f->prefix, f->address, f->asked}, value, strlen(value), &out);
	return str_take(&out);
}

/* The answer's headers, ended by {NULL, NULL}; owned texts. */
static struct http_header *answer_headers(const struct forward *f)
{
	struct http_header *h = xcalloc(1, sizeof(*h));
	const char *line;
	size_t kept = 0;
	for (size_t i = 0; (line = http_call_header_line(f->call, i)); i++) {
		const char *colon = strchr(line, ':');
		if (!colon)
			continue;
		char *name = xstrndup(line, (size_t)(colon - line));
		for (char *c = name; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		if (is_dropped(f, name)) {
			free(name);
			continue;
		}
		h = xreallocarray(h, kept + 2, sizeof(*h));
		h[kept++] = (struct http_header){name, returned_value(f, name, colon + 1 + strspn(colon + 1, " \t"))};
		h[kept] = (struct http_header){NULL, NULL};
	}
	return h;
}

/* --- the answer --------------------------------------------------------------------------------------------------- */

static struct req *forward_end(struct forward *f)
{
	struct req *q = f->q;
	q->on_close = NULL;
	q->data = NULL;
	if (q->x) {
		http_on_body(q->x, NULL, NULL);
		http_on_drain(q->x, NULL, NULL);
	}
	forward_free(f);
	return q;
}

static void on_closed(struct req *q)
{
	struct forward *f = q->data;
	if (f->call)
		http_call_cancel(f->call);
	reply_done(forward_end(f));
}

static void on_status(void *arg, int status)
{
	struct forward *f = arg;
	if (!f->q->x || http_started(f->q->x))
		return;
	if (f->on_refused && status >= 400) {
		f->refused = status;
		return;
	}
	choose_filter(f);
	struct http_header *h = answer_headers(f);
	request_answered(f->q, status);
	audit_answer(f->q, status, NULL);
	http_start(f->q->x, status, h);
	for (size_t i = 0; h[i].name; i++) {
		free((char *)h[i].name);
		free((char *)h[i].value);
	}
	free(h);
}

static void on_drained(void *arg, struct http_exchange *x)
{
	struct forward *f = arg;
	(void)x;
	if (f->paused && f->call)
		http_call_pause(f->call, 0);
	f->paused = false;
}

static void feed_page(struct forward *f, const char *data, size_t len, struct str *out)
{
	char plain[INFLATE_PIECE];
	if (!f->zipped) {
		html_rewrite_feed(f->html, data, len, out);
		return;
	}
	f->zipped->next_in = (Bytef *)data;
	f->zipped->avail_in = (uInt)len;
	do {
		f->zipped->next_out = (Bytef *)plain;
		f->zipped->avail_out = sizeof(plain);
		int r = inflate(f->zipped, Z_NO_FLUSH);
		html_rewrite_feed(f->html, plain, sizeof(plain) - f->zipped->avail_out, out);
		f->broken = r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR;
		if (r != Z_OK)
			return;
	} while (f->zipped->avail_in || !f->zipped->avail_out);
}

static void on_data(void *arg, const char *data, size_t len)
{
	struct forward *f = arg;
	AUTO_STR page = STR_INIT;
	if (!f->q->x)
		return;
	if (f->refused) {
		str_addn(&f->refusal, data, MIN(len, MAX_REFUSAL - f->refusal.len));
		return;
	}
	if (f->html) {
		feed_page(f, data, len, &page);
		http_write(f->q->x, page.p, page.len);
	} else {
		http_write(f->q->x, data, len);
	}
	if (http_pending_bytes(f->q->x) > MAX_PENDING && !f->paused) {
		f->paused = true;
		http_call_pause(f->call, 1);
	}
}

static void refuse(struct forward *f)
{
	void (*fn)(struct req *, int, const char *) = f->on_refused;
	int status = f->refused;
	struct req *q = f->q;
	while (f->refusal.len && strchr("\r\n", f->refusal.p[f->refusal.len - 1]))
		f->refusal.p[--f->refusal.len] = '\0';
	AUTO_FREE char *text = str_take(&f->refusal);
	forward_end(f);
	fn(q, status, text);
}

/* In the words that clients' users look for. */
static void unreachable(struct forward *f, const struct err *e, bool upgrade)
{
	static const int dialling[] = {-ECONNREFUSED, -EHOSTUNREACH, -ENETUNREACH, -EADDRNOTAVAIL, -EACCES, -EPERM};
	void (*fn)(struct req *, const struct err *, bool) = f->on_unreachable;
	struct err told = ERR_INIT;
	bool dialled = false;
	for (size_t i = 0; i < ARRAY_LEN(dialling); i++)
		dialled |= e->code == dialling[i];
	if (e->code == -ETIMEDOUT)
		err_set(&told, e->code, "dial tcp %s: i/o timeout", f->address);
	else if (dialled)
		err_set(&told, e->code, "dial tcp %s: connect: %s", f->address, err_reason(e->code));
	else
		err_set(&told, e->code, "%s", err_text(e));
	fn(forward_end(f), &told, upgrade);
}

static void on_done(void *arg, int status, const char *body, size_t len, const struct err *e)
{
	struct forward *f = arg;
	struct req *q = f->q;
	AUTO_STR rest = STR_INIT;
	(void)status, (void)body, (void)len;
	f->call = NULL;
	if (q->x && f->refused) {
		refuse(f);
		return;
	}
	if (q->x && !http_started(q->x)) {
		unreachable(f, e, false);
		return;
	}
	if (q->x && f->html && !e)
		html_rewrite_end(f->html, &rest);
	if (q->x && (e || f->broken)) {
		http_abort(q->x);
	} else if (q->x) {
		http_write(q->x, rest.p, rest.len);
		http_end(q->x);
	}
	reply_done(forward_end(f));
}

/* --- the request -------------------------------------------------------------------------------------------------- */

static void on_tunnel_error(void *arg, struct http_exchange *x, const struct err *e)
{
	(void)x;
	unreachable(arg, e, true);
}

static void start_tunnel(struct forward *f, const struct forward_opts *o, char *const *lines)
{
	request_answered(f->q, 101);
	audit_started(f->q, 101);
	http_tunnel(f->q->x, &(struct http_tunnel_opts){.host = o->host,
							.port = o->port,
							.tls = o->tls,
							.target = o->target,
							.headers = (const char *const *)lines,
							.on_error = on_tunnel_error,
							.arg = f});
}

static ssize_t read_body(void *arg, void *p, size_t n)
{
	struct forward *f = arg;
	return f->q->x ? http_body_read(f->q->x, p, n) : -ECONNRESET;
}

static void on_body(void *arg, struct http_exchange *x)
{
	struct forward *f = arg;
	(void)x;
	http_call_resume(f->call);
}

static void start_call(struct forward *f, const struct forward_opts *o, char *const *lines)
{
	size_t len = 0;
	const char *body = http_body(f->q->x, &len);
	AUTO_FREE char *named = o->server_name ? host_port(o->server_name, o->port) : xstrdup(f->address);
	AUTO_FREE char *url = xasprintf("%s://%s%s", o->tls ? "https" : "http", named, o->target);
	bool streams = http_body_streams(f->q->x);
	http_on_drain(f->q->x, on_drained, f);
	http_on_body(f->q->x, on_body, f);
	f->call = http_call_start(o->http, &(struct http_call_opts){.method = f->q->method,
								    .url = url,
								    .headers = (const char *const *)lines,
								    .body = len ? body : NULL,
								    .body_len = len,
								    .read_body = streams ? read_body : NULL,
								    .read_len = http_body_length(f->q->x),
								    .connect_to = o->server_name ? f->address : NULL,
								    .ca_pem = o->ca_pem,
								    .on_status = on_status,
								    .on_data = on_data,
								    .on_done = on_done,
								    .arg = f});
}

bool forward_is_upgrade(const struct req *q)
{
	const char *upgrade = http_header_get(q->x, "upgrade"), *connection = http_header_get(q->x, "connection");
	AUTO_STRV char **words = str_split(connection ? connection : "", ',');
	for (size_t i = 0; words && words[i]; i++) {
		const char *word = words[i] + strspn(words[i], " \t");
		if (!str_empty(upgrade) && strncasecmp(word, "upgrade", 7) == 0 && !word[7 + strspn(word + 7, " \t")])
			return true;
	}
	return false;
}

void forward_request(struct req *q, const struct forward_opts *o)
{
	struct forward *f = xcalloc(1, sizeof(*f));
	bool upgrade = forward_is_upgrade(q);
	f->q = q;
	f->prefix = xstrdup(o->prefix);
	f->address = host_port(o->host, o->port);
	f->asked = xstrdup(http_header_get(q->x, "host"));
	f->on_unreachable = o->on_unreachable;
	f->on_refused = o->on_refused;
	q->data = f;
	q->on_close = on_closed;
	AUTO_STRV char **lines = request_lines(q, o, f, upgrade);
	if (upgrade)
		start_tunnel(f, o, lines);
	else
		start_call(f, o, lines);
}

void forward_unreachable(struct req *q, const struct err *e, bool upgrade)
{
	AUTO_FREE char *text = xasprintf("error trying to reach service: %s", err_text(e));
	if (upgrade)
		reply_status(q, status_new(500, "InternalError", "error dialing backend: %s", err_text(e)));
	else
		reply_text(q, 503, text);
}

void forward_add_path(struct str *out, const char *path)
{
	for (; *path; path++) {
		if (isalnum((unsigned char)*path) || strchr("-_.~$&+,/:;=@", *path))
			str_addc(out, *path);
		else
			str_addf(out, "%%%02X", (unsigned char)*path);
	}
}
