/* The scale subresource (autoscaling/v1 Scale) of workloads. Purpose: one small object for whoever only counts
 * replicas. Happy path: made from the workload for reads; a write changes spec.replicas of the workload as an update
 * would. Managers of the workload's replicas are those of the scale. Fails as updates do. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/custom.h"
#include "cp/api/managers.h"
#include "cp/api/patch_verb.h"
#include "cp/api/transform.h"
#include "cp/api/update.h"
#include "cp/schema/managed_scale.h"
#include "cp/kinds/table_cells.h"

/* The kind, as tables know it. */
static const struct kind shown = {.group = "autoscaling", .version = "v1", .kind = "Scale", .plural = "scales"};

/* ".spec.replicas" as the helpers of JSON write it. */
static const char *plain_path(const char *path)
{
	return path + (*path == '.');
}

/* What a definition's paths find. */
static void fill_custom(const struct custom_kind *k, const json_t *object, json_t *scale)
{
	int64_t replicas = json_int_at(object, plain_path(k->replicas), 0);
	const char *selector = k->selector ? json_str_at(object, plain_path(k->selector)) : NULL;
	if (replicas)
		json_set_int(scale, "spec.replicas", replicas);
	json_set_int(scale, "status.replicas",
		     k->status_replicas ? json_int_at(object, plain_path(k->status_replicas), 0) : 0);
	if (!str_empty(selector))
		json_set_str(scale, "status.selector", selector);
}

static json_t *scale_of(const struct kind *k, const json_t *workload)
{
	static const char *const copied[] = {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"};
	json_t *meta = json_object(), *from = json_object_get(workload, "metadata");
	for (size_t i = 0; i < ARRAY_LEN(copied); i++)
		if (json_object_get(from, copied[i]))
			json_object_set(meta, copied[i], json_object_get(from, copied[i]));
	json_t *selector = json_at(workload, "spec.selector");
	AUTO_JSON *wrapped = str_eq(k->kind, "ReplicationController") ? json_pack("{s:O*}", "matchLabels", selector) : NULL;
	json_t *o =
	    json_pack("{s:s,s:s,s:o,s:{},s:{s:I}}", "kind", "Scale", "apiVersion", "autoscaling/v1", "metadata", meta,
		      "spec", "status", "replicas", (json_int_t)json_int_at(workload, "status.replicas", 0));
	if (k->custom) {
		fill_custom(k->custom, workload, o);
		return o;
	}
	int64_t replicas = json_int_at(workload, "spec.replicas", 1);
	if (replicas)
		json_set_int(o, "spec.replicas", replicas);
	if (selector) {
		AUTO_FREE char *text = label_selector_text(wrapped ? wrapped : selector);
		json_set_str(o, "status.selector", text);
	}
	return o;
}

static json_t *find(struct req *q, struct cobj **ret)
{
	const struct kind *k = q->res->kind;
	*ret = bucket_get(q->res->bucket, q->route.ns, q->route.name);
	return *ret ? NULL : status_not_found(k->group, k->plural, q->route.name);
}

static bool no_replicas(const struct kind *k, const json_t *object)
{
	return k->custom && !json_at(object, plain_path(k->custom->replicas));
}

static json_t *no_replicas_status(const struct kind *k)
{
	AUTO_FREE char *why = xasprintf("the spec replicas field \"%s\" does not exist", k->custom->replicas);
	json_t *s = status_new(500, "InternalError", "Internal error occurred: %s", why);
	status_add_cause(s, NULL, why, NULL);
	return s;
}

void scale_get(struct req *q)
{
	struct cobj *o = NULL;
	json_t *status = find(q, &o);
	if (status) {
		reply_status(q, status);
		return;
	}
	AUTO_JSON *workload = cobj_parse(o);
	if (no_replicas(q->res->kind, workload))
		reply_status(q, no_replicas_status(q->res->kind));
	else
		transform_reply(q, &shown, 200, scale_of(q->res->kind, workload));
}

static void on_written(struct write *w, json_t *status, struct buf *json, bool created)
{
	(void)created;
	if (status) {
		reply_status(w->q, json_incref(status));
		return;
	}
	AUTO_JSON *workload = NULL;
	json_parse(json->data, json->len, &workload, NULL);
	transform_reply(w->q, &shown, 200, scale_of(w->res->kind, workload));
}

static const struct type *scale_type(const struct req *q)
{
	return schema_type(q->api->schema, "autoscaling.v1.Scale");
}

/* --- managers ------------------------------------------------------------------------------------------------------ */

static struct kind scale_kind(const struct req *q)
{
	return (struct kind){.group = "autoscaling", .version = "v1", .kind = "Scale", .type = scale_type(q)};
}

/* Where the replicas are in a version of the resource that the entries of managers may name. */
static const char *replicas_at(const void *arg, const char *api_version)
{
	static const char *const built_in[] = {"apps/v1", "v1", "apps/v1beta1", "apps/v1beta2", "extensions/v1beta1"};
	const struct resource *res = arg;
	for (size_t i = 0; !res->custom && i < ARRAY_LEN(built_in); i++)
		if (!strcmp(api_version, built_in[i]))
			return "spec.replicas";
	for (size_t i = 0; res->custom && i < res->custom->n; i++) {
		const struct kind *k = &res->custom->v[i].kind;
		AUTO_FREE char *own = xasprintf("%s/%s", k->group, k->version);
		if (!strcmp(api_version, own))
			return k->custom->replicas ? plain_path(k->custom->replicas) : "";
	}
	return NULL;
}

/* The scale with those of the workload's managers that manage its replicas. */
static json_t *managed_scale_of(const struct write *w, const struct managed_scale *m, const json_t *workload)
{
	json_t *scale = scale_of(w->res->kind, workload);
	json_t *managers = managed_scale_show(m, json_at(workload, "metadata.managedFields"));
	if (managers)
		json_set_at(scale, "metadata.managedFields", managers);
	return scale;
}

static void take_managers(struct write *w, const struct managed_scale *m, const json_t *scale, json_t *workload)
{
	json_t *managers =
	    managed_scale_store(m, json_at(workload, "metadata.managedFields"), json_at(scale, "metadata.managedFields"));
	if (managers)
		json_set_at(workload, "metadata.managedFields", managers);
	else
		json_del_at(workload, "metadata.managedFields");
	w->applied = true;
}

/* Where a kind keeps the number that is wanted. */
static const char *replicas_path(const struct kind *k)
{
	return k->custom ? plain_path(k->custom->replicas) : "spec.replicas";
}

/* Puts what scale says into a copy of the workload. */
static json_t *take_scale(struct write *w, const json_t *scale, const json_t *old, json_t **ret)
{
	json_t *wanted = json_at(scale, "spec.replicas");
	int64_t replicas = json_int_at(scale, "spec.replicas", 0);
	AUTO_FIELD_ERRORS errors = {0};
	json_t *status = update_check_identity(w->q, scale);
	if (!status)
		status = update_check_preconditions(w, scale, old);
	if (status)
		return status;
	if (replicas < 0)
		field_invalid(&errors, "spec.replicas", wanted, "must be greater than or equal to 0");
	if (errors.n)
		return status_invalid("autoscaling", "Scale", w->name, &errors);
	*ret = json_clone(old);
	json_set_int(*ret, replicas_path(w->res->kind), replicas);
	return NULL;
}

static char *api_version_of(const struct kind *k)
{
	return *k->group ? xasprintf("%s/%s", k->group, k->version) : xstrdup(k->version);
}

/* What write makes of the scale becomes a new state of the workload. */
static json_t *change_by(struct write *w, const json_t *old, json_t **ret,
		      json_t *(*write)(struct write *w, const struct kind *k, const json_t *live, json_t **ret))
{
	AUTO_FREE char *api_version = api_version_of(w->res->kind);
	const struct managed_scale m = {.api_version = api_version, .path = replicas_at, .arg = w->res};
	const struct kind kind = scale_kind(w->q);
	AUTO_JSON *live = managed_scale_of(w, &m, old), *scale = NULL;
	json_t *status = write(w, &kind, live, &scale);
	if (!status)
		status = take_scale(w, scale, old, ret);
	if (!status)
		take_managers(w, &m, scale, *ret);
	return status;
}

static json_t *write_update(struct write *w, const struct kind *k, const json_t *live, json_t **ret)
{
	*ret = json_clone(w->arg);
	managers_update_of(w->q, k, live, *ret);
	return NULL;
}

static json_t *change_update(struct write *w, const json_t *old, json_t **ret)
{
	return change_by(w, old, ret, write_update);
}

static json_t *write_patch(struct write *w, const struct kind *k, const json_t *live, json_t **ret)
{
	const struct patch_body *p = w->arg;
	AUTO_JSON *changed = NULL;
	bool apply = p->type == BODY_APPLY;
	json_t *status = apply ? patch_apply_config(w, p, k, live, &changed) : patch_apply(p, k->type, live, &changed);
	if (!status)
		status = patch_decode(w->q, p, k->type, live, changed);
	if (status)
		return status;
	if (!apply)
		managers_update_of(w->q, k, live, changed);
	*ret = TAKE(changed);
	return NULL;
}

static json_t *change_patch(struct write *w, const json_t *old, json_t **ret)
{
	json_t *status = change_by(w, old, ret, write_patch);
	w->conditional = false;
	return status;
}

static void start(struct req *q, write_fn change, void *arg, void (*free_arg)(void *arg))
{
	struct write *w = write_new(q, q->res, WRITE_UPDATE, q->route.ns, q->route.name);
	w->change = change;
	w->arg = arg;
	w->free_arg = free_arg;
	w->finish = on_written;
	write_start(w);
}

void scale_update(struct req *q)
{
	const struct kind kind = scale_kind(q);
	AUTO_JSON *scale = NULL;
	json_t *status = options_check(q, "UpdateOptions");
	if (!status)
		status = body_object(q, &kind, &scale);
	if (!status)
		status = namespace_matches(q, scale);
	if (status)
		reply_status(q, status);
	else
		start(q, change_update, TAKE(scale), write_free_json);
}

void scale_patch(struct req *q)
{
	struct patch_body *p = NULL;
	json_t *status = patch_body_read(q, &p);
	if (!status)
		status = patch_options_check(q);
	if (!status) {
		start(q, change_patch, p, patch_body_free);
		return;
	}
	patch_body_free(p);
	reply_status(q, status);
}
