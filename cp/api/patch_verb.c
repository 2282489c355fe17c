/* PATCH, on objects and their status. Purpose: change parts of an object. Happy path: the patch applies to the newest
 * state and what results is written like an update; when somebody was faster it is applied again. A patch that names a
 * resourceVersion fails instead (409). Fails with 400, 404, 409, 415, 422. */
#include "cp/api/patch_verb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/go_format.h"
#include "cp/api/managers.h"
#include "cp/api/update.h"
#include "cp/schema/patch.h"

json_t *patch_body_read(struct req *q, struct patch_body **ret)
{
	enum body_type type = negotiate_body(q->content_type);
	AUTO_JSON *patch = NULL;
	if (type == BODY_STRATEGIC_PATCH && q->res && q->res->custom)
		return status_unsupported_custom_patch();
	if (type != BODY_JSON_PATCH && type != BODY_MERGE_PATCH && type != BODY_STRATEGIC_PATCH && type != BODY_APPLY)
		return status_unsupported_patch();
	json_t *status = body_parse(q, type == BODY_APPLY ? BODY_YAML : BODY_JSON, &patch);
	if (status)
		return status;
	bool fits = type == BODY_JSON_PATCH ? json_is_array(patch) : json_is_object(patch);
	if (!fits)
		return status_bad_request("error decoding patch: %s",
					  patch ? "json: cannot unmarshal the document into a patch"
						: "unexpected end of JSON input");
	*ret = xcalloc(1, sizeof(**ret));
	(*ret)->type = type;
	(*ret)->patch = TAKE(patch);
	return NULL;
}

void patch_body_free(void *body)
{
	struct patch_body *p = body;
	if (p)
		json_decref(p->patch);
	free(p);
}

static json_t *rejected(void)
{
	json_t *s = status_new(422, "Invalid", "the server rejected our request due to an error in our request");
	json_object_set_new(s, "details", json_object());
	return s;
}

json_t *patch_apply(const struct patch_body *p, const struct type *t, const json_t *doc, json_t **ret)
{
	struct err e = ERR_INIT;
	int r = p->type == BODY_JSON_PATCH    ? patch_json(doc, p->patch, ret, &e)
		: p->type == BODY_MERGE_PATCH ? patch_merge(doc, p->patch, ret, &e)
					      : patch_strategic(t, doc, p->patch, ret, &e);
	if (r == -ENOENT)
		return rejected();
	if (r < 0)
		return status_bad_request("%s", err_text(&e));
	if (!json_is_object(*ret)) {
		json_decref(*ret);
		*ret = NULL;
		return status_bad_request("the patch does not leave an object");
	}
	return NULL;
}

/* A patched object that does not decode is the patch's fault. */
static json_t *patch_invalid(const struct patch_body *p, const json_t *object, const char *why)
{
	AUTO_FIELD_ERRORS errors = {0};
	AUTO_FREE char *shown = p->type == BODY_STRATEGIC_PATCH ? go_format(p->patch) : json_text(object);
	AUTO_JSON *value = json_string(shown);
	field_invalid(&errors, "patch", value, "%s", why);
	return status_invalid("", "", "", &errors);
}

static json_t *decode_patched(struct write *w, json_t *object)
{
	const struct patch_body *p = w->arg;
	AUTO_STRV char **unknown = NULL;
	struct err e = ERR_INIT;
	AUTO_JSON *before = json_deep_copy(object);
	const char *validation = req_param(w->q, "fieldValidation");
	if (schema_decode(w->res->kind, object, &unknown, &e) < 0)
		return patch_invalid(p, before, err_text(&e));
	if (!unknown || str_eq(validation, "Ignore") || w->q->local)
		return NULL;
	if (str_eq(validation, "Strict")) {
		AUTO_FREE char *all = str_join(unknown, ", ");
		AUTO_FREE char *why = xasprintf("strict decoding error: %s", all);
		return patch_invalid(p, before, why);
	}
	for (size_t i = 0; unknown[i]; i++)
		req_warn(w->q, unknown[i]);
	return NULL;
}

static json_t *check_same_kind(const struct patch_body *p, const json_t *object, const json_t *old)
{
	if (json_equal(json_object_get(object, "kind"), json_object_get(old, "kind")) &&
	    json_equal(json_object_get(object, "apiVersion"), json_object_get(old, "apiVersion")))
		return NULL;
	AUTO_FREE char *why = xasprintf("converting to %s: unknown conversion", json_str_or(object, "kind", ""));
	return patch_invalid(p, object, why);
}

static json_t *change_patch(struct write *w, const json_t *old, json_t **ret)
{
	AUTO_JSON *object = NULL;
	json_t *status = patch_apply(w->arg, w->res->kind->type, old, &object);
	if (!status)
		status = check_same_kind(w->arg, object, old);
	if (!status)
		status = decode_patched(w, object);
	if (!status)
		status = namespace_matches(w->q, object);
	if (!status)
		status = update_check_identity(w->q, object);
	if (!status)
		status = update_check_preconditions(w, object, old);
	w->conditional = false; /* a resourceVersion in the patch is compared again with the newer state */
	if (!status)
		*ret = TAKE(object);
	return status;
}

/* --- server-side apply ------------------------------------------------------------------------------------------- */

static json_t *check_config(struct write *w, const json_t *config)
{
	const struct kind *k = w->res->kind;
	AUTO_FREE char *own = *k->group ? xasprintf("%s/%s", k->group, k->version) : xstrdup(k->version);
	const char *kind = json_str_or(config, "kind", ""), *version = json_str_or(config, "apiVersion", "");
	if (!*kind)
		return status_bad_request("Object 'Kind' is missing in apply configuration");
	if (strcmp(kind, k->kind) || strcmp(version, own))
		return status_bad_request("invalid object type: %s, Kind=%s, expected %s, Kind=%s", version, kind, own, k->kind);
	if (json_array_size(json_at(config, "metadata.managedFields")))
		return status_bad_request("metadata.managedFields must be nil");
	json_t *status = namespace_matches(w->q, config);
	if (!status && *json_str_or(config, "metadata.name", ""))
		status = update_check_identity(w->q, config);
	return status;
}

/* The state that a configuration asks for has the path's name and namespace. */
static void take_identity(struct write *w, json_t *object)
{
	json_set_str(object, "metadata.name", w->name);
	if (w->res->kind->namespaced)
		json_set_str(object, "metadata.namespace", w->ns);
}

static json_t *change_apply(struct write *w, const json_t *old, json_t **ret)
{
	const struct patch_body *p = w->arg;
	const json_t *config = p->patch;
	AUTO_JSON *object = NULL;
	json_t *status = check_config(w, config);
	if (!status && old)
		status = update_check_preconditions(w, config, old);
	if (!status)
		status = managers_apply(w, old, config, query_bool(&w->q->query, "force"), &object);
	if (!status)
		status = decode_patched(w, object);
	if (status)
		return status;
	take_identity(w, object);
	json_del_at(object, "metadata.resourceVersion");
	if (old)
		json_set_str(object, "metadata.resourceVersion", json_str_or(old, "metadata.resourceVersion", ""));
	w->applied = true;
	*ret = TAKE(object);
	return NULL;
}

/* An applier has to have a name, and only an applier may force. */
static json_t *check_apply_options(struct req *q, bool apply)
{
	AUTO_FIELD_ERRORS errors = {0};
	const char *force = req_param(q, "force");
	if (apply && str_empty(req_param(q, "fieldManager")))
		field_required(&errors, "fieldManager", "is required for apply patch");
	if (!apply && force)
		field_forbidden(&errors, "force", "may not be specified for non-apply patch");
	return errors.n ? status_invalid("meta.k8s.io", "PatchOptions", "", &errors) : NULL;
}

void verb_patch(struct req *q)
{
	struct patch_body *p = NULL;
	bool apply = negotiate_body(q->content_type) == BODY_APPLY;
	json_t *status = patch_body_read(q, &p);
	if (!status)
		status = options_check(q, "PatchOptions");
	if (!status)
		status = check_apply_options(q, apply);
	if (status) {
		patch_body_free(p);
		reply_status(q, status);
		return;
	}
	struct write *w = write_new(q, q->res, write_kind_of(q),
				    q->res->kind->namespaced ? q->route.ns : "", q->route.name);
	w->create_allowed = apply && !*q->route.subresource;
	w->change = apply ? change_apply : change_patch;
	w->arg = p;
	w->free_arg = patch_body_free;
	write_start(w);
}
