/* PATCH, on objects and their status. Purpose: change parts of an object. Happy path: the patch applies to the newest
 * state and what results is written like an update; when somebody was faster it is applied again. A patch that names a
 * resourceVersion fails instead (409). Fails with 400, 404, 409, 415, 422. */
#include "cp/api/patch_verb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/managers.h"
#include "cp/api/strict.h"
#include "cp/api/update.h"
#include "cp/schema/go_format.h"
#include "cp/schema/json_error.h"
#include "cp/schema/patch.h"

/* Why the value is no patch of its type; NULL: it is one. A JSON patch that is null has no operations. Returns owned. */
static char *misfit(enum body_type type, const json_t *patch)
{
	size_t i;
	json_t *op;
	if (json_is_null(patch) && (type == BODY_JSON_PATCH || type == BODY_APPLY || type == BODY_STRATEGIC_PATCH))
		return NULL;
	if (type == BODY_MERGE_PATCH && json_is_null(patch))
		return xstrdup("Invalid JSON Patch");
	if (type != BODY_JSON_PATCH)
		return json_is_object(patch) ? NULL : json_misfit(patch, "map[string]interface {}");
	if (!json_is_array(patch))
		return json_misfit(patch, "[]handlers.jsonPatchOp");
	json_array_foreach(patch, i, op)
	{
		static const char *const texts[] = {"op", "from", "path"};
		if (!json_is_object(op) && !json_is_null(op))
			return json_misfit(op, "handlers.jsonPatchOp");
		for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
			const json_t *v = json_object_get(op, texts[t]);
			if (v && !json_is_string(v) && !json_is_null(v))
				return xasprintf("json: cannot unmarshal %s into Go struct field jsonPatchOp.%s of type string",
						 json_class(v), texts[t]);
		}
	}
	return NULL;
}

static const char *error_lead(enum body_type type, const char *why, bool parsed, bool strict)
{
	if (type == BODY_APPLY)
		return parsed ? "error decoding YAML: error unmarshaling JSON: while decoding JSON: "
			      : "error decoding YAML: error converting YAML to JSON: ";
	return type == BODY_STRATEGIC_PATCH || !strict || str_eq(why, "Invalid JSON Patch") ? "" : "error decoding patch: ";
}

json_t *patch_body_read(struct req *q, struct patch_body **ret)
{
	enum body_type type = negotiate_body(q->content_type);
	AUTO_JSON *patch = NULL;
	if (type == BODY_STRATEGIC_PATCH && q->res && q->res->custom)
		return status_unsupported_custom_patch();
	if (type != BODY_JSON_PATCH && type != BODY_MERGE_PATCH && type != BODY_STRATEGIC_PATCH && type != BODY_APPLY)
		return status_unsupported_patch();
	json_t *status = body_parse(q, type == BODY_APPLY ? BODY_YAML : BODY_JSON, &patch);
	AUTO_FREE char *why = status  ? xstrdup(json_str_or(status, "message", ""))
			      : patch ? misfit(type, patch)
			      : type == BODY_APPLY ? NULL : xstrdup("unexpected end of JSON input");
	json_decref(status);
	if (why)
		return status_bad_request("%s%s", error_lead(type, why, patch != NULL, strict_asked(q)), why);
	*ret = xcalloc(1, sizeof(**ret));
	(*ret)->type = type;
	(*ret)->patch = patch && !json_is_null(patch) ? TAKE(patch) : type == BODY_JSON_PATCH ? json_array() : json_object();
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
	if (r == -E2BIG)
		return status_new(413, "RequestEntityTooLarge", "Request entity too large: %s", err_text(&e));
	if (r == -EPROTO)
		return status_plain_500("%s", err_text(&e));
	if (r < 0)
		return status_bad_request("%s", err_text(&e));
	if (!json_is_object(*ret)) {
		json_decref(*ret);
		*ret = NULL;
		return status_bad_request("the patch does not leave an object");
	}
	return NULL;
}

/* A patched object that does not decode is the patch's fault. It is shown as it was before decoding, which leaves out what
 * it does not know. */
static json_t *patch_invalid(const struct patch_body *p, const struct type *t, const json_t *old, json_t *decoded,
			     const char *why)
{
	AUTO_FIELD_ERRORS errors = {0};
	AUTO_JSON *again = NULL;
	if (old && p->type != BODY_STRATEGIC_PATCH && p->type != BODY_APPLY)
		json_decref(patch_apply(p, t, old, &again));
	const json_t *object = again ? again : decoded;
	AUTO_FREE char *shown = p->type == BODY_STRATEGIC_PATCH ? go_format(p->patch) : json_text(object);
	AUTO_JSON *value = json_string(shown);
	field_invalid(&errors, "patch", value, "%s", why);
	return status_invalid("", "", "", &errors);
}

/* Members of operations that are none. */
static void unknown_members(const struct patch_body *p, char ***ret)
{
	static const char *const known[] = {"op", "from", "path", "value"};
	size_t i, n;
	json_t *op, *value;
	const char *key;
	json_array_foreach(p->patch, i, op)
	json_object_foreach(op, key, value)
	{
		for (n = 0; n < ARRAY_LEN(known) && strcmp(known[n], key) != 0; n++)
			;
		if (n < ARRAY_LEN(known))
			continue;
		AUTO_FREE char *line = xasprintf("json patch unknown field \"[%zu].%s\"", i, key);
		strv_add(ret, line);
	}
}

json_t *patch_decode(struct req *q, const struct patch_body *p, const struct type *t, const json_t *old, json_t *object)
{
	AUTO_STRV char **unknown = NULL;
	struct err e = ERR_INIT;
	unknown_members(p, &unknown);
	if (schema_decode_type(t, object, &unknown, &e) < 0)
		return patch_invalid(p, t, old, object, err_text(&e));
	if (!strict_asked(q) || p->type == BODY_APPLY)
		return NULL;
	const char *prefix = p->type == BODY_JSON_PATCH ? "json patch " : "";
	AUTO_STRV char **problems = strict_problems(q, false, prefix, unknown);
	if (problems && strict_refuses(q)) {
		AUTO_FREE char *why = strict_error(problems);
		return patch_invalid(p, t, old, object, why);
	}
	strict_warn(q, problems);
	return NULL;
}

static json_t *other_custom_kind(const struct kind *k, const json_t *object)
{
	AUTO_FIELD_ERRORS errors = {0};
	AUTO_FREE char *own = xasprintf("%s/%s", k->group, k->version);
	if (strcmp(json_str_or(object, "kind", ""), k->kind) != 0)
		field_invalid(&errors, "kind", json_object_get(object, "kind"), "must be %s", k->kind);
	if (strcmp(json_str_or(object, "apiVersion", ""), own) != 0)
		field_invalid(&errors, "apiVersion", json_object_get(object, "apiVersion"), "must be %s", own);
	return status_invalid(k->group, k->kind, json_str_or(object, "metadata.name", ""), &errors);
}

/* A strategic patch is merged into an object that has its type already; a kind that is gone is that of the type. */
static json_t *check_same_kind(const struct kind *k, const struct patch_body *p, json_t *object, const json_t *old)
{
	if (p->type == BODY_STRATEGIC_PATCH) {
		json_object_set(object, "kind", json_object_get(old, "kind"));
		json_object_set(object, "apiVersion", json_object_get(old, "apiVersion"));
	}
	if (!json_object_get(object, "kind"))
		json_object_set(object, "kind", json_object_get(old, "kind"));
	if (json_equal(json_object_get(object, "kind"), json_object_get(old, "kind")) &&
	    json_equal(json_object_get(object, "apiVersion"), json_object_get(old, "apiVersion")))
		return NULL;
	if (k->custom)
		return other_custom_kind(k, object);
	AUTO_FREE char *why = xasprintf("converting to %s: unknown conversion", json_str_or(object, "kind", ""));
	return patch_invalid(p, k->type, old, object, why);
}

static json_t *change_patch(struct write *w, const json_t *old, json_t **ret)
{
	const struct patch_body *p = w->arg;
	AUTO_JSON *object = NULL;
	json_t *status = patch_apply(p, w->res->kind->type, old, &object);
	if (!status)
		status = check_same_kind(w->res->kind, p, object, old);
	if (!status)
		status = patch_decode(w->q, p, w->res->kind->type, old, object);
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

static json_t *check_config(const struct kind *k, const json_t *config)
{
	AUTO_FREE char *own = *k->group ? xasprintf("%s/%s", k->group, k->version) : xstrdup(k->version);
	const char *kind = json_str_or(config, "kind", ""), *version = json_str_or(config, "apiVersion", "");
	if (strcmp(kind, k->kind) || strcmp(version, own))
		return status_bad_request("invalid object type: %s%s, Kind=%s", strchr(version, '/') ? "" : "/", version, kind);
	if (json_is_array(json_at(config, "metadata.managedFields")))
		return status_bad_request("metadata.managedFields must be nil");
	return NULL;
}

/* The object that comes out is the path's; one that is made cannot be known before. */
static json_t *check_applied(struct write *w, const json_t *config, const json_t *old)
{
	const char *uid = json_str_or(config, "metadata.uid", "");
	if (!old && *uid)
		return status_conflict(w->res->kind->group, w->res->kind->plural, w->name,
				       "uid mismatch: the provided object specified uid %s, and no existing object was found",
				       uid);
	json_t *status = namespace_matches(w->q, config);
	if (!status && (!old || *json_str_or(config, "metadata.name", "")))
		status = update_check_identity(w->q, config);
	return status;
}

/* A configuration that has something twice is refused when all the rest went well. */
static json_t *check_repeats(struct write *w)
{
	if (!w->q->repeats || !strict_asked(w->q))
		return NULL;
	AUTO_STRV char **problems = strict_problems(w->q, false, "", NULL);
	if (strict_refuses(w->q))
		return status_bad_request("error strict decoding YAML: error converting YAML to JSON: %s", problems[0]);
	strict_warn(w->q, problems);
	return NULL;
}

/* The state that a configuration asks for has the path's name and namespace. */
static void take_identity(struct write *w, json_t *object)
{
	json_set_str(object, "metadata.name", w->name);
	if (w->res->kind->namespaced)
		json_set_str(object, "metadata.namespace", w->ns);
}

json_t *patch_apply_config(struct write *w, const struct patch_body *p, const struct kind *k, const json_t *old, json_t **ret)
{
	AUTO_JSON *object = NULL;
	json_t *status = check_config(k, p->patch);
	if (!status && old)
		status = update_check_preconditions(w, p->patch, old);
	if (!status)
		status = managers_apply(w, k, old, p->patch, query_bool(&w->q->query, "force"), &object);
	if (!status)
		status = check_repeats(w);
	if (!status)
		*ret = TAKE(object);
	return status;
}

static json_t *change_apply(struct write *w, const json_t *old, json_t **ret)
{
	const struct patch_body *p = w->arg;
	const json_t *config = p->patch;
	AUTO_JSON *object = NULL;
	json_t *status = patch_apply_config(w, p, w->res->kind, old, &object);
	if (!status)
		status = check_applied(w, config, old);
	if (!status)
		status = patch_decode(w->q, p, w->res->kind->type, old, object);
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
json_t *patch_options_check(struct req *q)
{
	bool apply = negotiate_body(q->content_type) == BODY_APPLY;
	json_t *status = options_check(q, "PatchOptions");
	if (status)
		return status;
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
		status = patch_options_check(q);
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
