/* Metrics of requests. Purpose: the numbers that dashboards and alerts of Kubernetes ask for. Happy path: the rows of a
 * request are found by one look into a map, whose key is put together on the stack, and are kept for the next of its
 * kind. Nothing fails. Labels are only what is served: a path or resource that nobody knows has none, so that clients
 * cannot make rows. */
#include "cp/api/metrics.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cp/admission/admission.h"
#include "cp/api/custom.h"
#include "cp/api/flow.h"
#include "cp/store/store.h"

#define REQUEST "verb,dry_run,group,version,resource,subresource,scope,component"
#define STREAM "verb,group,version,resource,subresource,scope,component"

static const double durations[] = {0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1,  1.25, 1.5, 2,
				   3,     4,     5,    6,   8,   10,  15,  20,  30, 45,   60};
static const double slis[] = {0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60};
static const double sizes[] = {1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
static const double event_sizes[] = {1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072};

METRIC_DEF(total, "apiserver_request_total", "Requests that were answered.", METRIC_COUNTER, REQUEST ",code");
METRIC_BUCKETS(duration, "apiserver_request_duration_seconds", "From a request's arrival to the end of its answer.",
	       REQUEST, durations);
METRIC_BUCKETS(sli, "apiserver_request_sli_duration_seconds", "The same without waiting in queues.", STREAM, slis);
METRIC_BUCKETS(answer_sizes, "apiserver_response_sizes", "Bytes of answers.", STREAM, sizes);
METRIC_DEF(streams, "apiserver_longrunning_requests", "Requests that stream.", METRIC_GAUGE, STREAM);
METRIC_DEF(ended, "apiserver_request_terminations_total",
	   "Requests that the server ended or refused to protect itself.", METRIC_COUNTER, STREAM ",code");
METRIC_DEF(aborts, "apiserver_request_aborts_total", "Requests whose client left before the answer.", METRIC_COUNTER,
	   "verb,group,version,resource,subresource,scope");
METRIC_DEF(events, "apiserver_watch_events_total", "Events sent to watchers.", METRIC_COUNTER,
	   "group,version,resource");
METRIC_BUCKETS(events_sizes, "apiserver_watch_events_sizes", "Bytes of events sent to watchers.",
	       "group,version,resource", event_sizes);
METRIC_DEF(authentications, "authentication_attempts", "Requests by the outcome of authentication.", METRIC_COUNTER,
	   "result");
METRIC_DEF(users, "authenticated_user_requests", "Requests by who is known to ask.", METRIC_COUNTER, "username");
METRIC_DEF(authorizations, "authorization_attempts_total", "Requests by the outcome of authorization.", METRIC_COUNTER,
	   "result");
METRIC_DEF(audited, "apiserver_audit_event_total", "Events told to the audit log.", METRIC_COUNTER, "");
METRIC_BUCKETS(stored, "etcd_request_duration_seconds", "How long the store took.", "operation,group,resource",
	       durations);

/* The rows of all requests that have their labels in common. */
struct request_rows {
	struct metric *codes[8]; /* of the codes seen first */
	int code[8];
	struct metric *duration, *sli, *sizes, *streams;
};

struct labels {
	const char *verb, *dry_run, *group, *version, *resource, *subresource, *scope;
};

/* --- labels ------------------------------------------------------------------------------------------------------------- */

static bool has_subresource(const struct kind *k, const char *sub)
{
	for (size_t i = 0; k->subresources && k->subresources[i]; i++)
		if (strcmp(k->subresources[i], sub) == 0)
			return true;
	return false;
}

/* The known page that a path is or is below of. */
static const char *page_of(const char *path)
{
	static const char *const pages[] = {"/healthz", "/livez", "/readyz", "/metrics", "/version", "/apis", "/api",
					    "/openapi/v2", "/openapi/v3", "/openid/v1/jwks", "/.well-known/openid-configuration"};
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		size_t n = strlen(pages[i]);
		if (strncmp(path, pages[i], n) == 0 && (!path[n] || path[n] == '/'))
			return pages[i];
	}
	return "";
}

static const char *verb_of(const struct req *q)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
	static const char *const connects[] = {"exec", "attach", "portforward", "proxy"};
	const struct route *r = &q->route;
	for (size_t i = 0; r->is_resource && i < ARRAY_LEN(connects); i++)
		if (strcmp(r->subresource, connects[i]) == 0)
			return "CONNECT";
	if (r->is_resource && strcmp(r->verb, "list") == 0)
		return "LIST";
	if (r->is_resource && strcmp(r->verb, "watch") == 0)
		return "WATCH";
	if (r->is_resource && strcmp(r->verb, "deletecollection") == 0)
		return "DELETECOLLECTION";
	if (r->is_resource && strcmp(r->verb, "patch") == 0 && str_has_prefix(q->content_type, "application/apply-patch"))
		return "APPLY";
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (strcasecmp(q->method, methods[i]) == 0)
			return methods[i];
	return "other";
}

static const char *scope_of(const struct route *r)
{
	if (!r->is_resource)
		return "";
	if (*r->name || strcmp(r->verb, "create") == 0)
		return "resource";
	return *r->ns ? "namespace" : "cluster";
}

/* Resources without storage are known by having been answered well. */
static bool is_known(const struct req *q)
{
	const struct route *r = &q->route;
	return q->res || (q->code >= 200 && q->code < 300) || api_resource(q->api, r->group, r->version, r->resource);
}

static struct labels labels_of(const struct req *q)
{
	const struct route *r = &q->route;
	struct labels l = {verb_of(q), req_dry_run(q) ? "All" : "", "", "", "", "", ""};
	if (!r->is_resource) {
		l.subresource = page_of(r->path);
		return l;
	}
	l.scope = scope_of(r);
	if (!is_known(q))
		return l;
	l.group = r->group;
	l.version = r->version;
	l.resource = r->resource;
	if (!q->res || has_subresource(q->res->kind, r->subresource))
		l.subresource = r->subresource;
	return l;
}

/* --- rows --------------------------------------------------------------------------------------------------------------- */

static struct request_rows *rows_new(struct api *a, const struct labels *l)
{
	struct request_rows *rows = xcalloc(1, sizeof(*rows));
	const char *const request[] = {l->verb, l->dry_run, l->group, l->version, l->resource, l->subresource, l->scope, "apiserver"};
	const char *const stream[] = {l->verb, l->group, l->version, l->resource, l->subresource, l->scope, "apiserver"};
	bool reads = strcmp(l->verb, "GET") == 0 || strcmp(l->verb, "LIST") == 0;
	bool lasts = strcmp(l->verb, "WATCH") == 0 || strcmp(l->verb, "CONNECT") == 0 || strcmp(l->subresource, "log") == 0;
	rows->duration = metrics_row(a->numbers, &duration, request);
	rows->sli = lasts ? NULL : metrics_row(a->numbers, &sli, stream);
	rows->sizes = reads && *l->resource ? metrics_row(a->numbers, &answer_sizes, stream) : NULL;
	rows->streams = lasts ? metrics_row(a->numbers, &streams, stream) : NULL;
	return rows;
}

enum { KEY_MAX = 512, ROWS_MAX = 2000 };

/* NULL for what is too long to be real. */
static struct request_rows *rows_of(const struct req *q, const struct labels *l)
{
	const char *const parts[] = {l->verb, l->dry_run, l->group, l->version, l->resource, l->subresource, l->scope};
	char key[KEY_MAX], *at = key;
	struct api *a = q->api;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		size_t n = strlen(parts[i]);
		if (n + 2 > (size_t)(key + KEY_MAX - at))
			return NULL;
		at = mempcpy(at, parts[i], n);
		*at++ = '\x1e';
	}
	*at = '\0';
	struct request_rows *rows = map_get(a->request_rows, key);
	if (rows || map_len(a->request_rows) >= ROWS_MAX)
		return rows;
	rows = rows_new(a, l);
	map_set(a->request_rows, key, rows);
	return rows;
}

static struct metric *code_row(struct api *a, struct request_rows *rows, const struct labels *l, int code)
{
	char text[12];
	size_t i = 0;
	while (i < ARRAY_LEN(rows->code) && rows->codes[i] && rows->code[i] != code)
		i++;
	if (i < ARRAY_LEN(rows->code) && rows->codes[i])
		return rows->codes[i];
	snprintf(text, sizeof(text), "%d", code);
	struct metric *row = metrics_row(a->numbers, &total,
					 METRIC_VALUES(l->verb, l->dry_run, l->group, l->version, l->resource,
						       l->subresource, l->scope, "apiserver", text));
	if (i < ARRAY_LEN(rows->code)) {
		rows->codes[i] = row;
		rows->code[i] = code;
	}
	return row;
}

void request_answered(struct req *q, int code)
{
	q->code = code;
	if (!flow_is_long_running(q) || (code > 299 || (code < 200 && code != 101)) || q->streaming)
		return;
	struct labels l = labels_of(q);
	const struct request_rows *rows = rows_of(q, &l);
	q->streaming = rows ? rows->streams : NULL;
	if (q->streaming)
		metric_add(q->streaming, 1);
}

/* Without the time in a queue. */
static int64_t own_us(const struct req *q, int64_t took_us)
{
	const struct flow_item *i = &q->flow.item;
	return i->started_us > i->arrived_us ? MAX(took_us - (i->started_us - i->arrived_us), 0) : took_us;
}

void request_count(struct req *q)
{
	struct api *a = q->api;
	if (q->streaming)
		metric_add(q->streaming, -1);
	q->streaming = NULL;
	struct labels l = labels_of(q);
	if (!q->code) {
		metric_add(metrics_row(a->numbers, &aborts,
				       METRIC_VALUES(l.verb, l.group, l.version, l.resource, l.subresource, l.scope)),
			   1);
		return;
	}
	struct request_rows *rows = rows_of(q, &l);
	if (!rows)
		return;
	int64_t took_us = clock_mono_us() - q->arrived_us;
	metric_add(code_row(a, rows, &l, q->code), 1);
	metric_observe(rows->duration, (double)took_us / 1e6);
	if (rows->sli)
		metric_observe(rows->sli, (double)own_us(q, took_us) / 1e6);
	if (rows->sizes)
		metric_observe(rows->sizes, (double)q->answer_bytes);
}

void request_count_ended(const struct req *q, int code)
{
	struct labels l = labels_of(q);
	char text[12];
	snprintf(text, sizeof(text), "%d", code);
	metric_add(metrics_row(q->api->numbers, &ended,
			       METRIC_VALUES(l.verb, l.group, l.version, l.resource, l.subresource, l.scope,
					     "apiserver", text)),
		   1);
}

/* --- beside the answer -------------------------------------------------------------------------------------------------- */

void request_count_authenticated(const struct req *q, bool ok)
{
	struct metric **rows = q->api->fixed_rows;
	metric_add(rows[ok ? 0 : 1], 1);
	if (ok)
		metric_add(strchr(q->user.name, '@') ? rows[5] : rows[4], 1);
}

void request_count_authorized(const struct req *q, bool allowed)
{
	metric_add(q->api->fixed_rows[allowed ? 2 : 3], 1);
}

void audit_count(struct api *a)
{
	metric_add(a->fixed_rows[6], 1);
}

void watch_rows(const struct req *q, struct metric **ret_events, struct metric **ret_sizes)
{
	const char *const names[] = {q->route.group, q->route.version, q->route.resource};
	*ret_events = metrics_row(q->api->numbers, &events, names);
	*ret_sizes = metrics_row(q->api->numbers, &events_sizes, names);
}

void store_count(struct api *a, const struct kind *k, const char *operation, int64_t took_us)
{
	metric_observe(metrics_row(a->numbers, &stored, METRIC_VALUES(operation, k->group, k->plural)),
		       (double)took_us / 1e6);
}

void api_metrics_start(struct api *a)
{
	struct metrics *m = a->numbers;
	a->request_rows = map_new(free);
	a->fixed_rows[0] = metrics_row(m, &authentications, METRIC_VALUES("success"));
	a->fixed_rows[1] = metrics_row(m, &authentications, METRIC_VALUES("failure"));
	a->fixed_rows[2] = metrics_row(m, &authorizations, METRIC_VALUES("allowed"));
	a->fixed_rows[3] = metrics_row(m, &authorizations, METRIC_VALUES("denied"));
	a->fixed_rows[4] = metrics_row(m, &users, METRIC_VALUES("other"));
	a->fixed_rows[5] = metrics_row(m, &users, METRIC_VALUES("email_id"));
	a->fixed_rows[6] = metrics_row(m, &audited, NULL);
	process_metrics_start(a);
}

void api_write_metrics(struct api *a, struct str *out)
{
	admission_metrics(a->admission, out);
	metrics_write(a->numbers, out);
}
