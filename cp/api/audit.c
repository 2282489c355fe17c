/* Audit events. Purpose: who asked for what, when, and what came of it. Happy path: the policy gives the request a level;
 * at each stage that is not left out a line of JSON goes to the log. Nothing fails; a body that is not JSON is not told.
 * Calls from within the server are not audited. */
#include "cp/api/audit.h"

#include <stdlib.h>
#include <string.h>

#include "api/yaml.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/api/audit_log.h"
#include "cp/api/metrics.h"
#include "cp/api/protobuf.h"
#include "cp/auth/audit_policy.h"

struct audit {
	struct audit_policy *policy;
	struct audit_log *log;
};

struct audit_event {
	struct audit_decision decision;
	json_t *user, *impersonated; /* owned, as all below; NULL: none */
	json_t *addresses, *object_ref, *request, *response;
	json_t *status; /* the answer's: a Status in part */
	char *uri, *verb, *agent;
	int code;
};

int audit_new(const struct api_audit_config *c, struct audit **ret, struct err *e)
{
	struct audit *a = xcalloc(1, sizeof(*a));
	int r = 0;
	*ret = NULL;
	if (!c->policy_file || !c->log_path) {
		free(a);
		return 0;
	}
	r = audit_policy_load(c->policy_file, &a->policy, e);
	if (r == 0)
		r = audit_log_new(&(struct audit_log_config){c->log_path, c->max_bytes, c->max_backups, c->max_age_days}, &a->log, e);
	if (r < 0)
		audit_free(a);
	else
		*ret = a;
	return r;
}

uint64_t audit_lost(const struct audit *a)
{
	return a->log ? audit_log_dropped(a->log) : 0;
}

void audit_free(struct audit *a)
{
	if (!a)
		return;
	audit_log_free(a->log);
	audit_policy_free(a->policy);
	free(a);
}

void audit_event_free(struct audit_event *ev)
{
	if (!ev)
		return;
	json_decref(ev->user);
	json_decref(ev->impersonated);
	json_decref(ev->addresses);
	json_decref(ev->object_ref);
	json_decref(ev->request);
	json_decref(ev->response);
	json_decref(ev->status);
	free(ev->uri);
	free(ev->verb);
	free(ev->agent);
	free(ev);
}

/* --- the request ---------------------------------------------------------------------------------------------------------- */

static void set_text(json_t *o, const char *key, const char *value)
{
	if (!str_empty(value))
		json_object_set_new(o, key, json_string(value));
}

/* What proxies say about the client, then the peer itself. */
static json_t *read_addresses(const struct http_exchange *x)
{
	json_t *list = json_array();
	const char *forwarded = http_header_get(x, "x-forwarded-for"), *real = http_header_get(x, "x-real-ip");
	AUTO_STRV char **hops = str_split(forwarded ? forwarded : "", ',');
	for (char **h = hops; h && *h; h++)
		json_array_append_new(list, json_string(*h + strspn(*h, " ")));
	if (!str_empty(real))
		json_array_append_new(list, json_string(real));
	json_array_append_new(list, json_string(http_peer_address(x)));
	return list;
}

static json_t *read_object_ref(const struct route *r, const json_t *body)
{
	if (!r->is_resource)
		return NULL;
	const json_t *meta = json_object_get(body, "metadata");
	json_t *ref = json_object();
	set_text(ref, "resource", r->resource);
	set_text(ref, "namespace", *r->ns ? r->ns : json_str_or(meta, "namespace", ""));
	set_text(ref, "name", *r->name ? r->name : json_str_or(meta, "name", ""));
	set_text(ref, "uid", json_str_or(meta, "uid", ""));
	set_text(ref, "apiGroup", r->group);
	set_text(ref, "apiVersion", r->version);
	set_text(ref, "resourceVersion", json_str_or(meta, "resourceVersion", ""));
	set_text(ref, "subresource", r->subresource);
	return ref;
}

static json_t *read_body(const struct req *q)
{
	size_t len = 0;
	const char *text = http_body(q->x, &len);
	json_t *body = NULL;
	enum body_type type = negotiate_body(q->content_type);
	if (!len || type == BODY_OTHER)
		return NULL;
	if (type == BODY_PROTOBUF)
		(void)protobuf_parse(text, len, &body, NULL);
	else if (type == BODY_YAML || type == BODY_APPLY)
		(void)yaml_parse(text, len, &body, NULL); /* what cannot be read is not told */
	else
		(void)json_parse(text, len, &body, NULL);
	return body;
}

/* An object in a body that leaves out its kind is of the resource's. */
static json_t *name_kind(const struct req *q, json_t *body)
{
	const struct kind *k = schema_find(q->api->schema, q->route.group, q->route.version, q->route.resource);
	bool whole = json_is_object(body) && (!strcmp(q->route.verb, "create") || !strcmp(q->route.verb, "update"));
	if (!whole || !k || *q->route.subresource || json_object_get(body, "kind"))
		return body;
	AUTO_FREE char *version = *k->group ? xasprintf("%s/%s", k->group, k->version) : xstrdup(k->version);
	json_set_str(body, "kind", k->kind);
	json_set_str(body, "apiVersion", version);
	return body;
}

/* --- telling -------------------------------------------------------------------------------------------------------------- */

static void drop_managers(json_t *object)
{
	json_t *item, *meta = json_object_get(object, "metadata");
	size_t i;
	if (json_is_object(meta))
		json_object_del(meta, "managedFields");
	json_array_foreach(json_object_get(object, "items"), i, item)
	{
		drop_managers(item);
	}
}

static void set_object(json_t *event, const char *key, const struct audit_event *ev, const json_t *object)
{
	if (!object)
		return;
	json_t *copy = json_clone(object);
	if (ev->decision.omit_managed_fields)
		drop_managers(copy);
	json_object_set_new(event, key, copy);
}

static json_t *describe(const struct req *q, const struct audit_event *ev, enum audit_stage stage)
{
	char received[RFC3339_MAX], now[RFC3339_MAX];
	json_t *e = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:O}", "kind", "Event", "apiVersion", "audit.k8s.io/v1", "level",
			      audit_level_name(ev->decision.level), "auditID", q->audit_id, "stage", audit_stage_name(stage),
			      "requestURI", ev->uri, "verb", ev->verb, "user", ev->user);
	if (ev->impersonated)
		json_object_set(e, "impersonatedUser", ev->impersonated);
	json_object_set(e, "sourceIPs", ev->addresses);
	set_text(e, "userAgent", ev->agent);
	if (ev->object_ref)
		json_object_set(e, "objectRef", ev->object_ref);
	if (stage != AUDIT_RECEIVED) {
		json_t *status = ev->status ? json_copy(ev->status) : json_pack("{s:{}}", "metadata");
		json_object_set_new(status, "code", json_integer(ev->code));
		json_object_set_new(e, "responseStatus", status);
		set_object(e, "requestObject", ev, ev->decision.level >= AUDIT_REQUEST ? ev->request : NULL);
		set_object(e, "responseObject", ev, ev->decision.level >= AUDIT_REQUEST_RESPONSE ? ev->response : NULL);
	}
	json_object_set_new(e, "requestReceivedTimestamp", json_string(rfc3339_micro(q->started_us, received)));
	json_object_set_new(e, "stageTimestamp", json_string(rfc3339_micro(clock_wall_us(), now)));
	if (q->annotations && stage != AUDIT_RECEIVED)
		json_object_set(e, "annotations", q->annotations);
	return e;
}

static void tell(struct req *q, enum audit_stage stage)
{
	const struct audit_event *ev = q->audit;
	if (ev->decision.omit & (unsigned)stage)
		return;
	AUTO_JSON *e = describe(q, ev, stage);
	AUTO_STR line = STR_INIT;
	str_add_jsonv(&line, e);
	audit_count(q->api);
	audit_log_add(q->api->audit->log, str_text(&line), line.len);
}

/* --- the stages ----------------------------------------------------------------------------------------------------------- */

void audit_begin(struct req *q)
{
	const struct audit *a = q->api->audit;
	struct auth_attributes what = api_attributes(q);
	if (!a || !q->x)
		return;
	struct audit_decision d = audit_policy_decide(a->policy, &q->user, &what);
	if (d.level == AUDIT_NONE)
		return;
	struct audit_event *ev = xcalloc(1, sizeof(*ev));
	AUTO_JSON *body = read_body(q);
	*ev = (struct audit_event){.decision = d,
				   .user = auth_user_json(&q->user),
				   .addresses = read_addresses(q->x),
				   .object_ref = read_object_ref(&q->route, NULL),
				   .uri = xstrdup(http_target(q->x)),
				   .verb = xstrdup(q->route.verb),
				   .agent = xstrdup(http_header_get(q->x, "user-agent"))};
	q->audit = ev;
	if (!str_empty(q->user.name)) /* of a user whose credentials are bad only the refusal is told */
		tell(q, AUDIT_RECEIVED);
	json_decref(ev->object_ref);
	ev->object_ref = read_object_ref(&q->route, body);
	if (d.level >= AUDIT_REQUEST)
		ev->request = name_kind(q, TAKE(body));
}

void audit_impersonated(struct req *q)
{
	if (q->audit && !q->audit->impersonated)
		q->audit->impersonated = auth_user_json(&q->user);
}

void audit_answer(struct req *q, int code, const struct buf *json)
{
	struct audit_event *ev = q->audit;
	AUTO_JSON *value = NULL;
	if (!ev)
		return;
	ev->code = code;
	if (!json || (ev->decision.level < AUDIT_REQUEST_RESPONSE && code < 300) || json_parse(json->data, json->len, &value, NULL) < 0)
		return;
	if (str_eq(json_str_at(value, "kind"), "Status"))
		ev->status = json_copy(value);
	if (ev->status) {
		json_object_del(ev->status, "kind");
		json_object_del(ev->status, "apiVersion");
	}
	ev->response = TAKE(value);
}

void audit_started(struct req *q, int code)
{
	if (!q->audit)
		return;
	q->audit->code = code;
	tell(q, AUDIT_STARTED);
}

void audit_end(struct req *q)
{
	if (!q->audit)
		return;
	tell(q, str_empty(q->user.name) ? AUDIT_STARTED : AUDIT_COMPLETE);
	audit_event_free(q->audit);
	q->audit = NULL;
}
