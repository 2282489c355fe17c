/* Request bodies. Purpose: bytes become an object of the kind that the path names. Happy path: JSON or YAML parses,
 * kind and apiVersion fit or are filled in, the schema decodes it, unknown fields go where fieldValidation sends them.
 * Fails with the 400 or 415 Status that the original gives. */
#include <errno.h>
#include <string.h>

#include "api/yaml.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/api/api_internal.h"
#include "cp/schema/json_error.h"
#include "cp/api/protobuf.h"

json_t *body_parse(struct req *q, enum body_type type, json_t **ret)
{
	*ret = NULL;
	if (q->local) {
		*ret = q->local_body ? json_incref(q->local_body) : NULL;
		return NULL;
	}
	size_t len = 0;
	const char *text = q->x ? http_body(q->x, &len) : "";
	struct err e = ERR_INIT;
	if (!len)
		return NULL;
	if (type == BODY_YAML || type == BODY_APPLY) {
		if (yaml_parse(text, len, ret, &e) < 0)
			return status_bad_request("error converting YAML to JSON: %s", err_text(&e));
		return NULL;
	}
	if (type == BODY_PROTOBUF)
		return protobuf_parse(text, len, ret, &e) < 0 ? status_bad_request("%s", err_text(&e)) : NULL;
	if (json_parse(text, len, ret, &e) == 0)
		return NULL;
	AUTO_FREE char *why = json_error_text(text, len);
	return status_bad_request("%s", why ? why : err_text(&e));
}

static json_t *cannot_handle(const struct kind *k, const char *kind, const char *version, const char *why)
{
	return status_bad_request("%s in version \"%s\" cannot be handled as a %s: %s", kind, version, k->kind, why);
}

/* "core", "apps", "rbac": the original's name for the package of a group. */
static char *package_of(const char *group)
{
	return *group ? xstrndup(group, strcspn(group, ".")) : xstrdup("core");
}

/* Objects of definitions have to say what they are. */
static json_t *check_custom_kind(const struct kind *k, const char *own, const json_t *object)
{
	const char *api = json_str_or(object, "apiVersion", ""), *kind = json_str_or(object, "kind", "");
	AUTO_FIELD_ERRORS errors = {0};
	if (*api && strcmp(api, own) != 0)
		return status_bad_request(
		    "the API version in the data (%s) does not match the expected API version (%s)", api, own);
	if (!*kind) {
		AUTO_FREE char *text = json_text(object);
		return status_bad_request("Object 'Kind' is missing in '%s'", text);
	}
	field_invalid(&errors, "kind", json_object_get(object, "kind"), "must be %s", k->kind);
	return status_invalid(k->group, k->kind, json_str_or(object, "metadata.name", ""), &errors);
}

static json_t *check_kind(struct req *q, const struct kind *k, json_t *object)
{
	AUTO_FREE char *own = *k->group ? xasprintf("%s/%s", k->group, k->version) : xstrdup(k->version);
	const char *api = json_str_or(object, "apiVersion", ""), *kind = json_str_or(object, "kind", "");
	api = *api ? api : own;
	kind = *kind ? kind : k->kind;
	const char *slash = strchr(api, '/'), *version = slash ? slash + 1 : api;
	AUTO_FREE char *group = slash ? xstrndup(api, (size_t)(slash - api)) : xstrdup("");
	if (strcmp(api, own) == 0 && strcmp(kind, k->kind) == 0) {
		json_object_set_new(object, "kind", json_string(k->kind));
		json_object_set_new(object, "apiVersion", json_string(own));
		return NULL;
	}
	if (k->custom)
		return check_custom_kind(k, own, object);
	AUTO_FREE char *why = NULL;
	if (schema_find_kind(q->api->schema, group, version, kind)) {
		AUTO_FREE char *package = package_of(k->group);
		why = xasprintf("converting (%s.%s) to (%s.%s): unknown conversion", version, kind, package, k->kind);
	} else {
		why = xasprintf(
		    "no kind \"%s\" is registered for version \"%s\" in scheme \"pkg/api/legacyscheme/scheme.go:30\"",
		    kind, api);
	}
	return cannot_handle(k, kind, version, why);
}

static json_t *body_decode(struct req *q, const struct kind *k, json_t *object)
{
	AUTO_STRV char **unknown = NULL;
	struct err e = ERR_INIT;
	const char *validation = req_param(q, "fieldValidation");
	if (schema_decode(k, object, &unknown, &e) < 0)
		return cannot_handle(k, k->kind, k->version, err_text(&e));
	if (!unknown || str_eq(validation, "Ignore") || q->local)
		return NULL;
	if (str_eq(validation, "Strict")) {
		AUTO_FREE char *all = str_join(unknown, ", ");
		AUTO_FREE char *why = xasprintf("strict decoding error: %s", all);
		return cannot_handle(k, k->kind, k->version, why);
	}
	for (size_t i = 0; unknown[i]; i++)
		req_warn(q, unknown[i]);
	return NULL;
}

json_t *body_object(struct req *q, const struct kind *k, json_t **ret)
{
	enum body_type type = negotiate_body(q->content_type);
	if (type != BODY_JSON && type != BODY_YAML && type != BODY_PROTOBUF)
		return status_unsupported_body();
	AUTO_JSON *body = NULL;
	json_t *status = body_parse(q, type, &body);
	if (status) {
		AUTO_FREE char *why = xstrdup(json_str_or(status, "message", ""));
		json_decref(status);
		return status_bad_request(
		    "the object provided is unrecognized (must be of type %s): couldn't get version/kind; json "
		    "parse error: %s",
		    k->kind, why);
	}
	if (!json_is_object(body)) {
		if (!body)
			return status_bad_request(
			    "the object provided is unrecognized (must be of type %s): couldn't get "
			    "version/kind; json parse error: unexpected end of JSON input",
			    k->kind);
		return status_bad_request(
		    "the object provided is unrecognized (must be of type %s): couldn't get version/kind; json "
		    "parse error: json: cannot unmarshal %s into Go value of type struct { APIVersion string "
		    "\"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }",
		    k->kind,
		    json_is_array(body)    ? "array"
		    : json_is_string(body) ? "string"
					   : "number");
	}
	if (q->local) {
		json_t *copy = json_deep_copy(body);
		json_decref(body);
		body = copy;
	}
	if ((status = check_kind(q, k, body)) || (status = body_decode(q, k, body)))
		return status;
	*ret = TAKE(body);
	return NULL;
}
