/* Binding, finalize. Purpose: small writes that have a resource of their own. Happy path: binding sets a
 * pod's node once and its PodScheduled condition; finalize takes the namespace's
 * spec.finalizers. Fails with 400, 404, 409 (bound already, being deleted). */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/api/admit.h"
#include "cp/api/update.h"
#include "cp/kinds/kind_ops.h"

static json_t *pod_condition(json_t *pod, const char *type)
{
	json_t *list = json_array_at(pod, "status.conditions"), *c = json_find(list, "type", type);
	if (c)
		return c;
	c = json_pack("{s:s}", "type", type);
	json_array_append_new(list, c);
	return c;
}

/* Binding says more than a node now and then: labels and annotations for the pod. */
static void merge_strings(json_t *pod, const char *path, const json_t *from)
{
	const char *key;
	json_t *value;
	if (json_object_size(from))
		json_object_foreach((json_t *)from, key, value) json_object_set(json_object_at(pod, path), key, value);
}

static json_t *change_bind(struct write *w, const json_t *old, json_t **ret)
{
	const json_t *binding = w->arg;
	const char *node = json_str_or(binding, "target.name", ""), *now_on = json_str_or(old, "spec.nodeName", "");
	const char *uid = json_str_or(binding, "metadata.uid", "");
	if (*uid && strcmp(uid, json_str_or(old, "metadata.uid", "")) != 0)
		return update_other_uid(w, uid, old);
	if (json_at(old, "metadata.deletionTimestamp"))
		return status_conflict("", "pods/binding", w->name,
				       "pod %s is being deleted, cannot be assigned to a host", w->name);
	if (*now_on)
		return status_conflict("", "pods/binding", w->name, "pod %s is already assigned to node \"%s\"",
				       w->name, now_on);
	if (json_array_size(json_at(old, "spec.schedulingGates")))
		return status_conflict("", "pods/binding", w->name, "pod %s has non-empty .spec.schedulingGates",
				       w->name);
	json_t *pod = json_clone(old), *condition;
	char now[RFC3339_MAX];
	json_set_str(pod, "spec.nodeName", node);
	merge_strings(pod, "metadata.annotations", json_at(binding, "metadata.annotations"));
	merge_strings(pod, "metadata.labels", json_at(binding, "metadata.labels"));
	condition = pod_condition(pod, "PodScheduled");
	if (!str_eq(json_str_at(condition, "status"), "True"))
		json_set_str(condition, "lastTransitionTime", rfc3339(clock_wall_ms(), now));
	json_set_str(condition, "status", "True");
	if (!json_object_get(condition, "lastProbeTime"))
		json_object_set_new(condition, "lastProbeTime", json_null());
	json_object_del(condition, "reason");
	json_object_del(condition, "message");
	*ret = pod;
	return NULL;
}

static void on_bound(struct write *w, json_t *status, struct buf *json, bool created)
{
	(void)json;
	(void)created;
	if (status) {
		reply_status(w->q, json_incref(status));
		return;
	}
	json_t *ok = status_success(NULL, NULL, NULL, NULL);
	json_object_set_new(ok, "code", json_integer(201));
	reply_status(w->q, ok);
}

static json_t *check_binding(struct req *q, const json_t *b)
{
	const char *name = json_str_or(b, "metadata.name", ""), *kind = json_str_or(b, "target.kind", "");
	AUTO_FIELD_ERRORS errors = {0};
	static const char *const kinds[] = {"Node", "<empty>", NULL};
	if (*q->route.name && strcmp(name, q->route.name) != 0)
		return status_bad_request("name in URL does not match name in Binding object");
	if (*kind && strcmp(kind, "Node") != 0) {
		AUTO_JSON *value = json_string(kind);
		field_not_supported(&errors, "target.kind", value, kinds);
	}
	if (!*json_str_or(b, "target.name", ""))
		field_required(&errors, "target.name", NULL);
	if (!errors.n)
		return NULL;
	AUTO_FREE char *all = field_errors_text(&errors);
	return status_plain_500("%s", all);
}

static void bind(struct req *q, json_t *status, json_t *binding)
{
	if (status) {
		reply_status(q, status);
		return;
	}
	struct write *w = write_new(q, api_resource(q->api, "", "v1", "pods"), WRITE_RAW, q->route.ns,
				    *q->route.name ? q->route.name : json_str_or(binding, "metadata.name", ""));
	w->change = change_bind;
	w->arg = json_incref(binding);
	w->free_arg = write_free_json;
	w->finish = on_bound;
	w->admitted = true;
	write_start(w);
}

void binding_create(struct req *q)
{
	AUTO_JSON *b = NULL;
	json_t *status = options_check(q, "CreateOptions");
	if (!status)
		status = body_object(q, schema_find(q->api->schema, "", "v1", "bindings"), &b);
	if (!status && q->res)
		status = namespace_matches(q, b);
	if (!status)
		status = check_binding(q, b);
	if (status) {
		reply_status(q, status);
		return;
	}
	if (q->res)
		admit_request(q, ADMIT_CREATE, b, bind);
	else
		bind(q, NULL, b);
}

static json_t *change_finalize(struct write *w, const json_t *old, json_t **ret)
{
	json_t *status = update_check_preconditions(w, w->arg, old), *list = json_at(w->arg, "spec.finalizers");
	AUTO_FIELD_ERRORS errors = {0};
	if (status)
		return status;
	namespace_finalizers_validate(w->arg, true, &errors);
	if (errors.n)
		return status_invalid("", "Namespace", w->name, &errors);
	*ret = json_clone(old);
	if (json_array_size(list))
		json_set_at(*ret, "spec.finalizers", json_clone(list));
	else
		json_del_at(*ret, "spec.finalizers");
	return NULL;
}

void finalize_update(struct req *q)
{
	AUTO_JSON *object = NULL;
	json_t *status = options_check(q, "UpdateOptions");
	if (!status)
		status = body_object(q, q->res->kind, &object);
	if (!status)
		status = update_check_identity(q, object);
	if (status) {
		reply_status(q, status);
		return;
	}
	struct write *w = write_new(q, q->res, WRITE_RAW, "", q->route.name);
	w->change = change_finalize;
	w->arg = TAKE(object);
	w->free_arg = write_free_json;
	write_start(w);
}
