/* A client of any Kubernetes API server. Purpose: JSON in and out over io/http_client, Status answers as errors.
 *
 * Happy path: a call is sent at the end of the current callback; its answer is parsed and handed to done once.
 * What can fail: the transport, an answer that is no JSON, and every non-2xx Status; all of it comes through done.
 * What always holds: the handle lives until done returned or api_cancel(). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/client_internal.h"
#include "base/json.h"
#include "base/list.h"
#include "base/mem.h"

enum { TIMEOUT_MS = 30000 };

struct api_client {
	struct loop *loop;
	struct http_client *http;
	struct list calls;
	char *server; /* without a slash at the end */
};

struct api_call {
	struct list link;
	struct http_call *http;
	char *what; /* "GET /api/v1/pods" */
	api_done done;
	void *arg;
};

#define ACCEPT "Accept: application/json"
#define AGENT "User-Agent: knarr/" KNARR_VERSION

static const char *const plain_headers[] = { ACCEPT, AGENT, NULL };
static const char *const json_headers[] = { ACCEPT, AGENT, "Content-Type: application/json", NULL };
static const char *const patch_headers[][4] = {
	[API_PATCH_JSON] = { ACCEPT, AGENT, "Content-Type: application/json-patch+json", NULL },
	[API_PATCH_MERGE] = { ACCEPT, AGENT, "Content-Type: application/merge-patch+json", NULL },
	[API_PATCH_STRATEGIC] = { ACCEPT, AGENT, "Content-Type: application/strategic-merge-patch+json", NULL },
	[API_PATCH_APPLY] = { ACCEPT, AGENT, "Content-Type: application/apply-patch+yaml", NULL },
};

int api_client_new(struct loop *l, const struct kubeconfig *k, struct api_client **ret, struct err *e)
{
	struct http_client_config config = { .loop = l, .ca_file = k->ca_file, .cert_file = k->cert_file,
					     .key_file = k->key_file, .token_file = k->token_file,
					     .insecure = k->insecure };
	struct http_client *http;
	if (str_empty(k->server))
		return err_set(e, -EINVAL, "no API server given");
	int r = http_client_new(&config, &http, e);
	if (r < 0)
		return r;
	struct api_client *c = xcalloc(1, sizeof(*c));
	size_t n = strlen(k->server);
	while (n && k->server[n - 1] == '/')
		n--;
	c->loop = l;
	c->http = http;
	c->server = xstrndup(k->server, n);
	list_init(&c->calls);
	*ret = c;
	return 0;
}

static void call_free(struct api_call *call)
{
	list_remove(&call->link);
	free(call->what);
	free(call);
}

void api_client_free(struct api_client *c)
{
	if (!c)
		return;
	while (!list_is_empty(&c->calls))
		api_cancel(LIST_ENTRY(list_pop(&c->calls), struct api_call, link));
	http_client_free(c->http);
	free(c->server);
	free(c);
}

struct loop *api_client_loop(struct api_client *c)
{
	return c->loop;
}

struct http_client *api_client_http(struct api_client *c)
{
	return c->http;
}

char *api_client_url(const struct api_client *c, const char *path)
{
	return xasprintf("%s%s", c->server, path);
}

const char *const *api_client_headers(void)
{
	return plain_headers;
}

static int code_of(int status, const json_t *body)
{
	static const struct {
		int status, code;
	} codes[] = { { 404, -ENOENT }, { 409, -ESTALE }, { 403, -EACCES }, { 401, -EACCES }, { 410, -EOVERFLOW },
		      { 422, -EINVAL }, { 400, -EINVAL }, { 429, -EAGAIN }, { 503, -EAGAIN } };
	if (status == 409 && str_eq(json_str_at(body, "reason"), "AlreadyExists"))
		return -EEXIST;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i].status == status)
			return codes[i].code;
	return -EPROTO;
}

int api_status_error(const char *what, int status, const json_t *body, struct err *e)
{
	if (status >= 200 && status < 300)
		return 0;
	const char *message = json_str_at(body, "message");
	int code = code_of(status, body);
	if (!str_empty(message))
		return err_set(e, code, "%s", message);
	return err_set(e, code, "%s: HTTP status %d", what, status);
}

/* Health pages and the like are text: they have no body for the caller. */
static bool is_json(const struct api_call *call)
{
	const char *type = http_call_header(call->http, "content-type");
	return !type || strstr(type, "json");
}

static void on_done(void *arg, int status, const char *text, size_t len, const struct err *transport)
{
	struct api_call *call = arg;
	struct err e = ERR_INIT;
	AUTO_JSON *body = NULL;
	int r = 0;
	if (transport) {
		e = *transport;
		r = transport->code;
	} else if (len && is_json(call) && json_parse(text, len, &body, &e) < 0 && status >= 200 && status < 300) {
		r = err_wrap(&e, -EPROTO, "%s: answer", call->what);
	} else {
		e = ERR_INIT;
		r = api_status_error(call->what, status, body, &e);
	}
	if (call->done)
		call->done(call->arg, status, body, r < 0 ? &e : NULL);
	call_free(call);
}

static struct api_call *start(struct api_client *c, const char *method, const char *path, const char *const *headers,
			      const json_t *body, api_done done, void *arg)
{
	struct api_call *call = xcalloc(1, sizeof(*call));
	AUTO_FREE char *url = api_client_url(c, path), *text = body ? json_text(body) : NULL;
	call->what = xasprintf("%s %s", method, path);
	call->done = done;
	call->arg = arg;
	list_add(&c->calls, &call->link);
	struct http_call_opts o = { .method = method, .url = url, .headers = headers, .body = text,
				    .body_len = text ? strlen(text) : 0, .timeout_ms = TIMEOUT_MS, .on_done = on_done,
				    .arg = call };
	call->http = http_call_start(c->http, &o);
	return call;
}

struct api_call *api_get(struct api_client *c, const char *path, api_done done, void *arg)
{
	return start(c, "GET", path, plain_headers, NULL, done, arg);
}

struct api_call *api_create(struct api_client *c, const char *path, const json_t *body, api_done done, void *arg)
{
	return start(c, "POST", path, json_headers, body, done, arg);
}

struct api_call *api_update(struct api_client *c, const char *path, const json_t *body, api_done done, void *arg)
{
	return start(c, "PUT", path, json_headers, body, done, arg);
}

struct api_call *api_patch(struct api_client *c, const char *path, enum api_patch type, const json_t *body,
			   api_done done, void *arg)
{
	return start(c, "PATCH", path, patch_headers[type], body, done, arg);
}

struct api_call *api_delete(struct api_client *c, const char *path, const json_t *options, api_done done, void *arg)
{
	return start(c, "DELETE", path, options ? json_headers : plain_headers, options, done, arg);
}

void api_cancel(struct api_call *call)
{
	if (!call)
		return;
	http_call_cancel(call->http);
	call_free(call);
}
