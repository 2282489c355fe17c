/* Requests, from their arrival to the last who holds them. Purpose: what a request is, however it came. Happy path: one comes
 * over HTTP or from within, its user is found out, its turn comes (flow.c), and it goes to its handler (dispatch.c). What can
 * fail: the user is not known (401), the deadline makes no sense (400). Every request is answered exactly once. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/rand.h"
#include "cp/api/api_internal.h"
#include "cp/api/apiservice.h"
#include "cp/api/audit.h"
#include "cp/api/custom.h"
#include "cp/api/deadline.h"
#include "cp/api/flow.h"
#include "cp/api/impersonate.h"
#include "cp/api/metrics.h"

enum { MAX_LATE = 10000 }; /* calls from within that callers make while they are refused */

struct req *req_ref(struct req *q)
{
	q->refs++;
	return q;
}

void req_unref(struct req *q)
{
	if (--q->refs)
		return;
	list_remove(&q->link);
	query_done(&q->query);
	route_done(&q->route);
	auth_user_done(&q->user);
	if (q->res)
		custom_unref(q->res->custom);
	free(q->content_type);
	free(q->etag);
	free(q->method_text);
	free(q->selected_name);
	json_decref(q->local_body);
	free_strv(&q->repeats);
	free_strv(&q->warnings);
	json_decref(q->annotations);
	audit_event_free(q->audit);
	api_unref(q->api);
	free(q);
}

void req_warn(struct req *q, const char *text)
{
	if (!strv_has(q->warnings, text))
		strv_add(&q->warnings, text);
}

void req_annotate(struct req *q, const char *key, const char *value)
{
	if (!q->annotations)
		q->annotations = json_object();
	json_object_set_new(q->annotations, key, json_string(value));
}

const char *req_param(const struct req *q, const char *name)
{
	return query_get(&q->query, name);
}

bool req_dry_run(const struct req *q)
{
	return req_param(q, "dryRun") != NULL;
}

static void on_exchange_close(void *arg, struct http_exchange *x)
{
	struct req *q = arg;
	(void)x;
	q->x = NULL;
	q->closed = true;
	if (!q->api->gone && flow_release(q))
		reply_done(q);
	if (q->on_close)
		q->on_close(q);
	req_unref(q);
}

/* The one object that a list, watch or deletion of a collection is narrowed down to by its field selector; NULL: none. */
static char *selected_name(const struct req *q)
{
	AUTO_SELECTOR *s = NULL;
	const char *fields = req_param(q, "fieldSelector");
	if (!fields || *q->route.name || !strstr(fields, "metadata.name") || selector_parse_fields(fields, &s, NULL) < 0)
		return NULL;
	const char *name = selector_requires(s, "metadata.name");
	bool fits = name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strpbrk(name, "/%");
	return fits && *name ? xstrdup(name) : NULL;
}

static struct req *req_new(struct api *a, const char *method, const char *path, const char *query)
{
	struct req *q = xcalloc(1, sizeof(*q));
	q->refs = 1;
	q->api = a;
	a->refs++;
	q->method_text = xstrdup(method);
	q->method = q->method_text;
	q->started_us = clock_wall_us();
	q->arrived_us = clock_mono_us();
	list_init(&q->link);
	list_add(&a->requests, &q->link);
	query_parse(query, &q->query);
	route_parse(method, path, query_bool(&q->query, "watch"), &q->route);
	q->selected_name = selected_name(q);
	return q;
}

static void start_request(struct req *q)
{
	req_ref(q);
	flow_request(q);
	deadline_start(q);
	req_unref(q);
}

/* Whether a path below /apis belongs to an extension server. */
static bool is_remote(const struct api *a, const char *path)
{
	if (!str_has_prefix(path, "/apis/") || !apiservices_any(a->apiservices))
		return false;
	AUTO_STRV char **segments = str_split(path, '/');
	return strv_len(segments) > 3 && apiservices_find(a->apiservices, segments[2], segments[3]);
}

bool api_streams(void *arg, const char *method, const char *path)
{
	struct route r;
	if (is_remote(arg, path))
		return true;
	if (!strstr(path, "/proxy"))
		return false;
	route_parse(method, path, false, &r);
	bool proxied = r.is_resource && strcmp(r.prefix, "api") == 0 && strcmp(r.subresource, "proxy") == 0;
	route_done(&r);
	return proxied;
}

void api_on_request(void *arg, struct http_exchange *x)
{
	struct req *q = req_new(arg, http_method(x), http_path(x), http_query(x));
	q->x = x;
	req_ref(q); /* the exchange's */
	http_on_close(x, on_exchange_close, q);
	const char *type = http_header_get(x, "content-type");
	q->content_type = xstrdup(type ? type : "");
	const char *id = http_header_get(x, "audit-id");
	if (!str_empty(id) && strlen(id) < sizeof(q->audit_id))
		memcpy(q->audit_id, id, strlen(id));
	else
		rand_uuid(q->audit_id);
	json_t *status = deadline_read(q);
	bool known = authn_request(q->api->authn, x, &q->user) >= 0;
	request_count_authenticated(q, known);
	if (!known && !status)
		status = status_unauthorized();
	audit_begin(q);
	if (!status)
		status = impersonate(q);
	if (status)
		reply_status(q, status);
	else
		start_request(q);
}

static void run_local(void *arg)
{
	struct req *q = arg;
	if (q->answered || q->api->gone)
		reply_done(q); /* api_free() was quicker */
	else
		request_run(q);
}

static struct req *next_local(struct api *a)
{
	LIST_FOR_EACH(q, &a->requests, struct req, link)
	{
		if (q->local && !q->answered)
			return q;
	}
	return NULL;
}

/* What a handler says later is dropped, as behind a deadline. */
void requests_refuse_local(struct api *a)
{
	struct req *q;
	for (int n = 0; n < MAX_LATE && (q = next_local(a)); n++) {
		q->owes_answer = true;
		req_ref(q);
		reply_status(q, status_new(503, "ServiceUnavailable", "the server is shutting down"));
	}
}

void api_local(struct api *a, const char *user, const char *method, const char *path, const char *content_type,
	       const json_t *body, api_local_done done, void *arg)
{
	const char *question = strchr(path, '?');
	AUTO_FREE char *plain = question ? xstrndup(path, (size_t)(question - path)) : xstrdup(path);
	if (url_decode(plain, false) < 0)
		plain[0] = '\0';
	struct req *q = req_new(a, method, plain, question ? question + 1 : "");
	q->local = true;
	q->done = done;
	q->done_arg = arg;
	q->content_type = xstrdup(content_type ? content_type : "application/json");
	q->local_body = body ? json_clone(body) : NULL;
	char *const groups[] = {(char *)"system:cluster-internal", NULL};
	auth_user_set(&q->user, user, groups);
	loop_defer(a->loop, run_local, q);
}
