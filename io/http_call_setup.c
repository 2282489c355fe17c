/* A call as libcurl wants to know it.
 *
 * Purpose: method, URL, headers, body, trust and limits of a call become options of its easy handle. Happy path: each is set
 * once, before the call is added. Nothing fails. What always holds: no proxy of the environment is used, paths go as they
 * are, and of other protocols than HTTP there are none. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "base/mem.h"
#include "io/http_client_internal.h"

enum { MAX_TOKEN = 64 << 10, CONNECT_TIMEOUT_MS = 10000 };

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
	} else if (o->read_body) {
		curl.easy_setopt(call->easy, CURLOPT_UPLOAD, 1L);
		curl.easy_setopt(call->easy, CURLOPT_READFUNCTION, http_call_on_send);
		curl.easy_setopt(call->easy, CURLOPT_READDATA, call);
		curl.easy_setopt(call->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)o->read_len);
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

void http_call_set_options(struct http_call *call)
{
	CURL *x = call->easy;
	const struct http_call_opts *o = &call->o;
	bool plain = !strncasecmp(o->url, "http:", 5);
	long version = o->read_body	   ? CURL_HTTP_VERSION_1_1
		       : o->http2 && plain ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
					   : CURL_HTTP_VERSION_2TLS;
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
	if (o->read_body) /* what was read cannot be sent a second time when an idle connection turns out to be dead */
		curl.easy_setopt(x, CURLOPT_FRESH_CONNECT, 1L);
	curl.easy_setopt(x, CURLOPT_TCP_KEEPALIVE, 1L);
	curl.easy_setopt(x, CURLOPT_TCP_KEEPIDLE, 30L);
	curl.easy_setopt(x, CURLOPT_TCP_KEEPINTVL, 15L);
	curl.easy_setopt(x, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
	curl.easy_setopt(x, CURLOPT_TIMEOUT_MS, (long)o->timeout_ms);
	curl.easy_setopt(x, CURLOPT_HEADERFUNCTION, http_call_on_header);
	curl.easy_setopt(x, CURLOPT_HEADERDATA, call);
	curl.easy_setopt(x, CURLOPT_WRITEFUNCTION, http_call_on_body);
	curl.easy_setopt(x, CURLOPT_WRITEDATA, call);
	curl.easy_setopt(x, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	if (o->unix_socket)
		curl.easy_setopt(x, CURLOPT_UNIX_SOCKET_PATH, o->unix_socket);
	set_peer(call);
	set_body(call);
	set_headers(call);
	set_tls(call);
}
