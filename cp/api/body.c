/* Request bodies. Purpose: bytes become an object of the kind that the path names. Happy path: JSON or YAML parses,
 * kind and apiVersion fit or are filled in, the schema decodes it, unknown fields go where fieldValidation sends them.
 * Fails with the 400 or 415 Status that the original gives. */
#include <errno.h>
#include <string.h>

#include "api/yaml.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/api/api_internal.h"
#include "cp/api/protobuf.h"
#include "cp/api/strict.h"
#include "cp/api/traits.h"
#include "cp/schema/json_error.h"

enum { MAX_QUOTED = 64 * 1024 }; /* of a body in an error */

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
		AUTO_JSON *value = NULL;
		if (yaml_parse_noting(text, len, &value, &q->repeats, &e) < 0)
			return status_bad_request("%s", err_text(&e));
		*ret = json_sorted(value);
		return NULL;
	}
	if (type == BODY_PROTOBUF)
		return protobuf_parse(text, len, ret, &e) < 0 ? status_bad_request("%s", err_text(&e)) : NULL;
	if (json_parse_noting(text, len, ret, &q->repeats_json, &e) == 0)
		return NULL;
	AUTO_FREE char *why = json_error_text(text, len);
	return status_bad_request("%s", why ? why : err_text(&e));
}

static json_t *cannot_handle(const struct kind *k, const char *kind, const char *version, const char *why)
{
	return status_bad_request("%s in version \"%s\" cannot be handled as a %s: %s", kind, version, k->kind, why);
}

/* Objects of definitions have to say what they are. */
static json_t *check_custom_kind(const struct kind *k, const char *own, const json_t *object)
{
	const char *api = json_str_or(object, "apiVersion", ""), *kind = json_str_or(object, "kind", "");
	AUTO_FIELD_ERRORS errors = {0};
	if (strcmp(api, own) != 0)
		return status_bad_request(
		    "the API version in the data (%s) does not match the expected API version (%s)", api, own);
	if (!strcmp(kind, k->kind))
		return NULL;
	field_invalid(&errors, "kind", json_object_get(object, "kind"), "must be %s", k->kind);
	return status_invalid(k->group, k->kind, json_str_or(object, "metadata.name", ""), &errors);
}

static json_t *check_kind(struct req *q, const struct kind *k, json_t *object)
{
	AUTO_FREE char *own = *k->group ? xasprintf("%s/%s", k->group, k->version) : xstrdup(k->version);
	const char *api = json_str_or(object, "apiVersion", ""), *kind = json_str_or(object, "kind", "");
	if (k->custom && !q->local)
		return check_custom_kind(k, own, object);
	api = *api ? api : own;
	kind = *kind ? kind : k->kind;
	const char *slash = strchr(api, '/'), *version = slash ? slash + 1 : api;
	AUTO_FREE char *group = slash ? xstrndup(api, (size_t)(slash - api)) : xstrdup("");
	if (strcmp(api, own) == 0 && strcmp(kind, k->kind) == 0) {
		json_object_set_new(object, "kind", json_string(k->kind));
		json_object_set_new(object, "apiVersion", json_string(own));
		return NULL;
	}
	AUTO_FREE char *why = NULL;
	if (schema_find_kind(q->api->schema, group, version, kind)) {
		AUTO_FREE char *package = traits_package(k);
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
	if (schema_decode(k, object, &unknown, &e) < 0)
		return cannot_handle(k, k->kind, k->version, err_text(&e));
	if (!strict_asked(q))
		return NULL;
	AUTO_STRV char **problems = strict_problems(q, !k->custom, "", unknown);
	if (problems && strict_refuses(q)) {
		AUTO_FREE char *why = strict_error(problems);
		return cannot_handle(k, k->kind, k->version, why);
	}
	strict_warn(q, problems);
	return NULL;
}

/* A body that does not even say what it is, and how it begins. */
static json_t *unrecognized(struct req *q, const struct kind *k, enum body_type type, const char *why)
{
	enum { SHOWN = 30 };
	const char *lead = type == BODY_YAML ? "" : "couldn't get version/kind; json parse error: ";
	AUTO_STR summary = STR_INIT;
	size_t len = 0;
	const char *text = q->x ? http_body(q->x, &len) : "";
	for (size_t i = 0; i < MIN(len, (size_t)SHOWN); i++)
		str_addf(&summary, *text == '{' ? "%c" : "%02x", (unsigned char)text[i]);
	return status_bad_request("the object provided is unrecognized (must be of type %s): %s%s (%s%s)", k->kind, lead,
				  why, len ? str_text(&summary) : "<empty>", len > SHOWN ? " ..." : "");
}

/* What stands twice in a typed body adds up. */
static bool merge_repeats(struct req *q, const struct kind *k, json_t **body)
{
	size_t len = 0;
	const char *text = q->x ? http_body(q->x, &len) : "";
	json_t *merged = NULL;
	if (schema_merge_duplicates(k->type, text, len, &merged) < 0)
		return false;
	json_decref(*body);
	*body = merged;
	return true;
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
		return unrecognized(q, k, type, why);
	}
	if (!body && type != BODY_YAML)
		return unrecognized(q, k, type, "unexpected end of JSON input");
	if (!body || json_is_null(body)) {
		json_decref(body);
		body = json_object();
	}
	if (!json_is_object(body)) {
		AUTO_FREE char *why = json_misfit(
		    body, "struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string "
			  "\"json:\\\"kind,omitempty\\\"\" }");
		return unrecognized(q, k, BODY_JSON, why);
	}
	static const char *const names[] = {"apiVersion", "kind"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const json_t *v = json_object_get(body, names[i]);
		if (!v || json_is_string(v) || json_is_null(v))
			continue;
		AUTO_FREE char *why = xasprintf("json: cannot unmarshal %s into Go struct field .%s of type string",
						json_class(v), names[i]);
		return unrecognized(q, k, BODY_JSON, why);
	}
	if (k->custom && !q->local && !*json_str_or(body, "kind", "")) {
		size_t len = 0;
		const char *text = http_body(q->x, &len);
		AUTO_FREE char *why = xasprintf("Object 'Kind' is missing in '%.*s'", (int)MIN(len, (size_t)MAX_QUOTED), text);
		return unrecognized(q, k, BODY_YAML, why);
	}
	if (q->repeats_json && !k->custom && !merge_repeats(q, k, &body))
		return status_bad_request("the body is not valid JSON");
	if (q->local) {
		json_t *copy = json_clone(body);
		json_decref(body);
		body = copy;
	}
	if ((status = check_kind(q, k, body)) || (status = body_decode(q, k, body)))
		return status;
	*ret = TAKE(body);
	return NULL;
}
