/* The HTTP client. Purpose: many calls at once over pooled connections, driven by the loop (libcurl's multi interface).
 *
 * Happy path: a call is added to the multi handle at the end of the current callback; sockets and one timer of libcurl
 * live on the loop; finished calls are told by on_done and freed.
 * What can fail: everything after the start, told once through on_done with an errno; libcurl, too, which the first call
 * loads (curl_load.c).
 * What always holds: libcurl is never called from inside its own callbacks (starting, cancelling and resuming are
 * deferred), and nothing is told about a call after it was cancelled. */
#include "io/http_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/curl_load.h"

enum {
	MAX_COLLECTED = 64 << 20,
	MAX_HEADERS = 256 << 10,
	MAX_TOKEN = 64 << 10,
	CONNECT_TIMEOUT_MS = 10000,
	MAX_IDLE_CONNECTIONS = 16,
};

struct http_client {
	struct loop *loop;
	CURLM *multi;
	struct timer *timer;
	struct list calls; /* all */
	struct list work;  /* those that want something done outside libcurl */
	char *ca_file, *cert_file, *key_file, *token_file;
	bool insecure;
	char *token;
	struct stat token_stat;
	bool scheduled, freed;
	int depth; /* on the stack: not to be destroyed */
};

struct http_call {
	struct http_client *client;
	struct list link, work;
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	void *body;
	struct http_call_opts o;
	int status;
	struct str response;      /* collected */
	struct str response_head; /* NUL-terminated lines of the last response */
	char error[CURL_ERROR_SIZE];
	int failure; /* -errno of our own that stopped the transfer */
	bool added, cancelled, paused, status_told;
};

struct client_socket {
	struct http_client *client;
	curl_socket_t fd;
	struct fd_watch *watch;
};

static void client_work(void *arg);

static void schedule(struct http_client *c)
{
	if (c->scheduled)
		return;
	c->scheduled = true;
	loop_defer(c->loop, client_work, c);
}

static void call_wants(struct http_call *call)
{
	list_remove(&call->work);
	list_add(&call->client->work, &call->work);
	schedule(call->client);
}

static void call_free(struct http_call *call)
{
	if (call->added)
		curl.multi_remove_handle(call->client->multi, call->easy);
	if (call->easy) {
		curl.easy_cleanup(call->easy);
		curl.slist_free_all(call->headers);
		curl.slist_free_all(call->connect_to);
	}
	list_remove(&call->link);
	list_remove(&call->work);
	free((char *)call->o.method);
	free((char *)call->o.url);
	free(call->body);
	str_done(&call->response);
	str_done(&call->response_head);
	free(call);
}

/* Which errno says what libcurl's result means. */
static const struct {
	CURLcode code;
	int error;
} errors[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH },
	{ CURLE_COULDNT_CONNECT, -ECONNREFUSED },
	{ CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT },
	{ CURLE_GOT_NOTHING, -ECONNRESET },
	{ CURLE_SEND_ERROR, -ECONNRESET },
	{ CURLE_RECV_ERROR, -ECONNRESET },
	{ CURLE_PARTIAL_FILE, -ECONNRESET },
	{ CURLE_URL_MALFORMAT, -EINVAL },
	{ CURLE_UNSUPPORTED_PROTOCOL, -EPROTONOSUPPORT },
	{ CURLE_SSL_CERTPROBLEM, -EINVAL },
	{ CURLE_SSL_CACERT_BADFILE, -EINVAL },
	{ CURLE_OUT_OF_MEMORY, -ENOMEM },
};

static int error_of(struct http_call *call, CURLcode code)
{
	if (call->failure)
		return call->failure;
	long os = 0;
	curl.easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &os);
	if (code == CURLE_COULDNT_CONNECT && os > 0 && os != EINPROGRESS)
		return -(int)os;
	for (size_t i = 0; i < ARRAY_LEN(errors); i++)
		if (errors[i].code == code)
			return errors[i].error;
	return -EPROTO;
}

static void call_done(struct http_call *call, CURLcode code)
{
	struct err e = ERR_INIT;
	struct err *told = NULL;
	if (code != CURLE_OK || call->failure) {
		told = &e;
		err_set(&e, error_of(call, code), "%s %s: %s", call->o.method, call->o.url,
			call->failure == -E2BIG ? "response too large" :
			call->error[0]          ? call->error :
						  curl.easy_strerror(code));
	}
	call->cancelled = true; /* cancelling it in on_done does nothing */
	call->o.on_done(call->o.arg, call->status, str_text(&call->response), call->response.len, told);
	call_free(call);
}

static void collect_done(struct http_client *c)
{
	CURLMsg *m;
	int left;
	while (!c->freed && c->multi && (m = curl.multi_info_read(c->multi, &left))) {
		struct http_call *call = NULL;
		if (m->msg != CURLMSG_DONE)
			continue;
		CURLcode code = m->data.result;
		curl.easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		if (!call->cancelled)
			call_done(call, code);
	}
}

static void drive(struct http_client *c, curl_socket_t fd, int what)
{
	int running;
	c->depth++;
	curl.multi_socket_action(c->multi, fd, what, &running);
	c->depth--;
	schedule(c);
}

static void on_timer(void *arg)
{
	drive(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void on_socket(void *arg, int events)
{
	struct client_socket *s = arg;
	drive(s->client, s->fd,
	      ((events & FD_READ) ? CURL_CSELECT_IN : 0) | ((events & FD_WRITE) ? CURL_CSELECT_OUT : 0));
}

static int set_timer(CURLM *multi, long ms, void *arg)
{
	struct http_client *c = arg;
	(void)multi;
	if (ms < 0) {
		timer_stop(c->timer);
	} else {
		timer_start(c->timer, ms);
	}
	return 0;
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
	struct http_client *c = arg;
	struct client_socket *s = socket;
	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (s)
			fd_watch_free(s->watch);
		free(s);
		curl.multi_assign(c->multi, fd, NULL);
		return 0;
	}
	int events = ((what & CURL_POLL_IN) ? FD_READ : 0) | ((what & CURL_POLL_OUT) ? FD_WRITE : 0);
	if (!s) {
		s = xcalloc(1, sizeof(*s));
		s->client = c;
		s->fd = fd;
		s->watch = fd_watch_new(c->loop, fd, events, on_socket, s);
		curl.multi_assign(c->multi, fd, s);
	} else {
		fd_watch_set(s->watch, events);
	}
	return s->watch ? 0 : -1;
}

/* The token is read again when the file has changed (projected tokens are renamed into place). */
static void refresh_token(struct http_client *c)
{
	struct stat st;
	if (!c->token_file || stat(c->token_file, &st) < 0)
		return;
	if (c->token && st.st_ino == c->token_stat.st_ino && st.st_size == c->token_stat.st_size &&
	    st.st_mtim.tv_sec == c->token_stat.st_mtim.tv_sec && st.st_mtim.tv_nsec == c->token_stat.st_mtim.tv_nsec)
		return;
	AUTO_STR text = STR_INIT;
	if (fs_read_file(c->token_file, MAX_TOKEN, &text, NULL) < 0)
		return;
	while (text.len && strchr(" \r\n\t", text.p[text.len - 1]))
		text.p[--text.len] = '\0';
	free(c->token);
	c->token = str_take(&text);
	c->token_stat = st;
}

static void parse_status(struct http_call *call, const char *line, size_t n)
{
	str_reset(&call->response_head);
	call->status_told = false;
	call->status = 0;
	const char *space = memchr(line, ' ', n);
	if (space && line + n - space > 3)
		call->status = (int)strtol(space + 1, NULL, 10);
}

/* One header line at a time; the empty one ends a head. 1xx heads are not the response yet. */
static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_call *call = arg;
	(void)size;
	if (call->cancelled)
		return 0;
	size_t len = n;
	while (len && (line[len - 1] == '\r' || line[len - 1] == '\n'))
		len--;
	if (len > 5 && !memcmp(line, "HTTP/", 5)) {
		parse_status(call, line, len);
	} else if (len) {
		if (call->response_head.len + len > MAX_HEADERS) {
			call->failure = -E2BIG;
			return 0;
		}
		str_addn(&call->response_head, line, len);
		str_addc(&call->response_head, '\0');
	} else if (call->status >= 200 && call->o.on_status && !call->status_told) {
		call->status_told = true;
		call->o.on_status(call->o.arg, call->status);
	}
	return call->cancelled ? 0 : n;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_call *call = arg;
	(void)size;
	if (call->cancelled)
		return CURL_WRITEFUNC_ERROR;
	if (call->paused)
		return CURL_WRITEFUNC_PAUSE;
	if (call->o.on_data) {
		call->o.on_data(call->o.arg, bytes, n);
		return call->cancelled ? CURL_WRITEFUNC_ERROR : n;
	}
	if (n > MAX_COLLECTED - call->response.len) {
		call->failure = -E2BIG;
		return CURL_WRITEFUNC_ERROR;
	}
	str_addn(&call->response, bytes, n);
	return n;
}

static void set_tls(struct http_call *call)
{
	struct http_client *c = call->client;
	if (c->ca_file)
		curl.easy_setopt(call->easy, CURLOPT_CAINFO, c->ca_file);
	if (c->cert_file)
		curl.easy_setopt(call->easy, CURLOPT_SSLCERT, c->cert_file);
	if (c->key_file)
		curl.easy_setopt(call->easy, CURLOPT_SSLKEY, c->key_file);
	if (c->insecure) {
		curl.easy_setopt(call->easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl.easy_setopt(call->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

static void set_headers(struct http_call *call)
{
	struct http_client *c = call->client;
	struct curl_slist *h = NULL;
	bool authorized = false, typed = false;
	for (const char *const *x = call->o.headers; x && *x; x++) {
		authorized |= !strncasecmp(*x, "authorization:", 14);
		typed |= !strncasecmp(*x, "content-type:", 13);
		h = curl.slist_append(h, *x);
	}
	h = curl.slist_append(h, "Expect:"); /* no round trip before a body */
	if (!typed)
		h = curl.slist_append(h, "Content-Type:"); /* none rather than libcurl's guess */
	refresh_token(c);
	if (c->token && !authorized) {
		AUTO_FREE char *line = xasprintf("Authorization: Bearer %s", c->token);
		h = curl.slist_append(h, line);
	}
	call->headers = h;
	curl.easy_setopt(call->easy, CURLOPT_HTTPHEADER, h);
}

static void set_body(struct http_call *call)
{
	const struct http_call_opts *o = &call->o;
	if (!strcmp(o->method, "HEAD")) {
		curl.easy_setopt(call->easy, CURLOPT_NOBODY, 1L);
	} else if (call->body) {
		curl.easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)o->body_len);
		curl.easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->body);
	} else if (!strcmp(o->method, "POST") || !strcmp(o->method, "PUT")) {
		curl.easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE, 0L);
		curl.easy_setopt(call->easy, CURLOPT_POSTFIELDS, "");
	}
	curl.easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, o->method);
}

/* Where to dial and whom to trust, for this call alone. */
static void set_peer(struct http_call *call)
{
	const struct http_call_opts *o = &call->o;
	if (o->connect_to) {
		AUTO_FREE char *rule = xasprintf("::%s", o->connect_to);
		call->connect_to = curl.slist_append(NULL, rule);
		curl.easy_setopt(call->easy, CURLOPT_CONNECT_TO, call->connect_to);
	}
	if (o->ca_pem) {
		struct curl_blob blob = { (void *)o->ca_pem, strlen(o->ca_pem), CURL_BLOB_COPY };
		curl.easy_setopt(call->easy, CURLOPT_CAINFO_BLOB, &blob);
		curl.easy_setopt(call->easy, CURLOPT_CAPATH, NULL);
	}
}

static void set_options(struct http_call *call)
{
	CURL *x = call->easy;
	const struct http_call_opts *o = &call->o;
	bool plain = !strncasecmp(o->url, "http:", 5);
	long version = o->http2 && plain ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE : CURL_HTTP_VERSION_2TLS;
	int connect_ms = o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_TIMEOUT_MS;
	curl.easy_setopt(x, CURLOPT_PRIVATE, call);
	curl.easy_setopt(x, CURLOPT_URL, o->url);
	curl.easy_setopt(x, CURLOPT_ERRORBUFFER, call->error);
	curl.easy_setopt(x, CURLOPT_NOSIGNAL, 1L);
	curl.easy_setopt(x, CURLOPT_NOPROXY, "*");
	curl.easy_setopt(x, CURLOPT_PATH_AS_IS, 1L);
	curl.easy_setopt(x, CURLOPT_PROTOCOLS_STR, "http,https");
	curl.easy_setopt(x, CURLOPT_HTTP_VERSION, version);
	curl.easy_setopt(x, CURLOPT_PIPEWAIT, 1L);
	if (version == CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE) {
		/* libcurl 7.88 begins a second session on a connection that it uses again. */
		curl.easy_setopt(x, CURLOPT_FRESH_CONNECT, 1L);
		curl.easy_setopt(x, CURLOPT_FORBID_REUSE, 1L);
	}
	curl.easy_setopt(x, CURLOPT_TCP_KEEPALIVE, 1L);
	curl.easy_setopt(x, CURLOPT_TCP_KEEPIDLE, 30L);
	curl.easy_setopt(x, CURLOPT_TCP_KEEPINTVL, 15L);
	curl.easy_setopt(x, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
	curl.easy_setopt(x, CURLOPT_TIMEOUT_MS, (long)o->timeout_ms);
	curl.easy_setopt(x, CURLOPT_HEADERFUNCTION, on_header);
	curl.easy_setopt(x, CURLOPT_HEADERDATA, call);
	curl.easy_setopt(x, CURLOPT_WRITEFUNCTION, on_body);
	curl.easy_setopt(x, CURLOPT_WRITEDATA, call);
	curl.easy_setopt(x, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	if (o->unix_socket)
		curl.easy_setopt(x, CURLOPT_UNIX_SOCKET_PATH, o->unix_socket);
	set_peer(call);
	set_body(call);
	set_headers(call);
	set_tls(call);
}

static void call_start(struct http_call *call)
{
	if (!call->easy) {
		call_done(call, CURLE_FAILED_INIT);
		return;
	}
	call->added = true;
	CURLMcode r = curl.multi_add_handle(call->client->multi, call->easy);
	if (r == CURLM_OK)
		return;
	call->added = false;
	call->failure = -EINVAL;
	call_done(call, CURLE_FAILED_INIT);
}

static void client_destroy(struct http_client *c)
{
	while (!list_is_empty(&c->calls))
		call_free(LIST_ENTRY(list_pop(&c->calls), struct http_call, link));
	if (c->multi)
		curl.multi_cleanup(c->multi);
	timer_free(c->timer);
	free(c->ca_file);
	free(c->cert_file);
	free(c->key_file);
	free(c->token_file);
	free(c->token);
	free(c);
}

static void serve_call(struct http_call *call)
{
	list_remove(&call->work);
	if (call->cancelled) {
		call_free(call);
	} else if (!call->added) {
		call_start(call);
	} else {
		curl.easy_pause(call->easy, CURLPAUSE_CONT);
	}
}

/* Everything that may not happen inside libcurl's callbacks. */
static void client_work(void *arg)
{
	struct http_client *c = arg;
	c->scheduled = false;
	c->depth++;
	while (!c->freed && !list_is_empty(&c->work))
		serve_call(LIST_ENTRY(list_pop(&c->work), struct http_call, work));
	collect_done(c);
	c->depth--;
	if (c->freed && !c->scheduled)
		client_destroy(c);
}

int http_client_new(const struct http_client_config *config, struct http_client **ret, struct err *e)
{
	(void)e;
	struct http_client *c = xcalloc(1, sizeof(*c));
	c->loop = config->loop;
	c->timer = timer_new(c->loop, on_timer, c);
	list_init(&c->calls);
	list_init(&c->work);
	c->ca_file = xstrdup(config->ca_file);
	c->cert_file = xstrdup(config->cert_file);
	c->key_file = xstrdup(config->key_file);
	c->token_file = xstrdup(config->token_file);
	c->insecure = config->insecure;
	*ret = c;
	return 0;
}

/* libcurl's part of the client, which the first call makes. */
static int client_open(struct http_client *c, struct err *e)
{
	int r = c->multi ? 0 : curl_load(e);
	if (r < 0 || c->multi)
		return r;
	c->multi = curl.multi_init();
	if (!c->multi)
		return err_set(e, -ENOMEM, "cannot initialise libcurl");
	curl.multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl.multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl.multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl.multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	curl.multi_setopt(c->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	curl.multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)MAX_IDLE_CONNECTIONS);
	return 0;
}

void http_client_free(struct http_client *c)
{
	if (!c || c->freed)
		return;
	c->freed = true;
	LIST_FOR_EACH (call, &c->calls, struct http_call, link)
		call->cancelled = true;
	if (c->depth) {
		schedule(c);
	} else if (!c->scheduled) {
		client_destroy(c);
	}
}

struct http_call *http_call_start(struct http_client *c, const struct http_call_opts *o)
{
	struct http_call *call = xcalloc(1, sizeof(*call));
	struct err why = ERR_INIT;
	call->client = c;
	call->failure = client_open(c, &why);
	if (call->failure)
		snprintf(call->error, sizeof(call->error), "%s", err_text(&why));
	call->easy = call->failure ? NULL : curl.easy_init();
	if (!call->easy && !call->failure)
		abort(); /* out of memory */
	call->o = *o;
	call->body = o->body ? xmemdup(o->body, o->body_len) : NULL;
	call->o.method = xstrdup(o->method ? o->method : "GET");
	call->o.url = xstrdup(o->url);
	if (call->easy)
		set_options(call);
	call->o.headers = NULL;
	call->o.body = NULL;
	call->o.unix_socket = NULL;
	call->o.connect_to = NULL;
	call->o.ca_pem = NULL;
	list_add(&c->calls, &call->link);
	list_init(&call->work);
	call_wants(call);
	return call;
}

void http_call_cancel(struct http_call *call)
{
	if (!call || call->cancelled)
		return;
	call->cancelled = true;
	call_wants(call);
}

void http_call_pause(struct http_call *call, int paused)
{
	if (call->paused == !!paused)
		return;
	call->paused = paused;
	if (!paused && call->added && !call->cancelled)
		call_wants(call);
}

const char *http_call_header(const struct http_call *call, const char *name)
{
	size_t n = strlen(name);
	const struct str *s = &call->response_head;
	for (const char *line = s->p; line && line < s->p + s->len; line += strlen(line) + 1) {
		if (strncasecmp(line, name, n) != 0 || line[n] != ':')
			continue;
		const char *value = line + n + 1;
		return value + strspn(value, " \t");
	}
	return NULL;
}

const char *http_call_header_line(const struct http_call *call, size_t n)
{
	const struct str *s = &call->response_head;
	for (const char *line = s->p; line && line < s->p + s->len; line += strlen(line) + 1)
		if (n-- == 0)
			return line;
	return NULL;
}
