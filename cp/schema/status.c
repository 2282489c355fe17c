/* Status objects. Purpose: the one place where the API's error wording lives. Happy path: pick the builder for the
 * case, hand it to the reply. Nothing fails. Every Status has kind, apiVersion, metadata, status and code. */
#include "cp/schema/status.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

static json_t *status_base(int code, const char *reason, const char *message)
{
	json_t *s = json_object();
	json_object_set_new(s, "kind", json_string("Status"));
	json_object_set_new(s, "apiVersion", json_string("v1"));
	json_object_set_new(s, "metadata", json_object());
	json_object_set_new(s, "status", json_string("Failure"));
	json_object_set_new(s, "message", json_string(message));
	if (reason)
		json_object_set_new(s, "reason", json_string(reason));
	return json_object_set_new(s, "code", json_integer(code)), s;
}

static json_t *vstatus(int code, const char *reason, const char *fmt, va_list ap)
{
	AUTO_FREE char *message = xvasprintf(fmt, ap);
	return status_base(code, reason, message);
}

json_t *status_new(int code, const char *reason, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	json_t *s = vstatus(code, reason, fmt, ap);
	va_end(ap);
	return s;
}

/* Puts details before code, as the original encodes it. */
static json_t *with_details(json_t *s, const char *name, const char *group, const char *kind)
{
	json_t *details = json_object();
	if (!str_empty(name))
		json_object_set_new(details, "name", json_string(name));
	if (!str_empty(group))
		json_object_set_new(details, "group", json_string(group));
	if (!str_empty(kind))
		json_object_set_new(details, "kind", json_string(kind));
	json_t *code = json_incref(json_object_get(s, "code"));
	json_object_del(s, "code");
	json_object_set_new(s, "details", details);
	if (code)
		json_object_set_new(s, "code", code);
	return s;
}

char *status_qualified(const char *group, const char *resource)
{
	return str_empty(group) ? xstrdup(resource) : xasprintf("%s.%s", resource, group);
}

json_t *status_unknown_resource(void)
{
	return with_details(status_base(404, "NotFound", "the server could not find the requested resource"), NULL,
			    NULL, NULL);
}

json_t *status_method_not_allowed(void)
{
	return with_details(
	    status_base(405, "MethodNotAllowed", "the server does not allow this method on the requested resource"),
	    NULL, NULL, NULL);
}

json_t *status_not_found(const char *group, const char *resource, const char *name)
{
	AUTO_FREE char *q = status_qualified(group, resource);
	return with_details(status_new(404, "NotFound", "%s \"%s\" not found", q, name), name, group, resource);
}

json_t *status_already_exists(const char *group, const char *resource, const char *name)
{
	AUTO_FREE char *q = status_qualified(group, resource);
	return with_details(status_new(409, "AlreadyExists", "%s \"%s\" already exists", q, name), name, group,
			    resource);
}

json_t *status_name_conflict(const char *group, const char *resource, const char *name)
{
	AUTO_FREE char *q = status_qualified(group, resource);
	json_t *s = with_details(
	    status_new(409, "AlreadyExists", "%s \"%s\" already exists, the server was not able to generate a unique name for the object", q, name),
	    name, group, resource);
	json_object_set_new(json_object_get(s, "details"), "retryAfterSeconds", json_integer(1));
	return s;
}

json_t *status_conflict(const char *group, const char *resource, const char *name, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	AUTO_FREE char *why = xvasprintf(fmt, ap);
	va_end(ap);
	AUTO_FREE char *q = status_qualified(group, resource);
	return with_details(status_new(409, "Conflict", "Operation cannot be fulfilled on %s \"%s\": %s", q, name, why),
			    name, group, resource);
}

json_t *status_modified(const char *group, const char *resource, const char *name)
{
	return status_conflict(
	    group, resource, name,
	    "the object has been modified; please apply your changes to the latest version and try again");
}

json_t *status_forbidden(const char *group, const char *resource, const char *name, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	AUTO_FREE char *why = xvasprintf(fmt, ap);
	va_end(ap);
	AUTO_FREE char *q = status_qualified(group, resource);
	json_t *s = str_empty(name) ? status_new(403, "Forbidden", "%s is forbidden: %s", q, why)
				    : status_new(403, "Forbidden", "%s \"%s\" is forbidden: %s", q, name, why);
	return with_details(s, name, group, resource);
}

json_t *status_forbidden_path(const char *user, const char *verb, const char *path, const char *why)
{
	return with_details(
	    status_new(403, "Forbidden", "forbidden: User \"%s\" cannot %s path \"%s\"%s", user, verb, path, why), NULL, NULL,
	    NULL);
}

json_t *status_bad_request(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	json_t *s = vstatus(400, "BadRequest", fmt, ap);
	va_end(ap);
	return s;
}

json_t *status_plain_500(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	json_t *s = vstatus(500, NULL, fmt, ap);
	va_end(ap);
	return s;
}

void status_add_cause(json_t *status, const char *reason, const char *message, const char *field)
{
	json_t *details = json_object_get(status, "details");
	if (!details) {
		with_details(status, NULL, NULL, NULL);
		details = json_object_get(status, "details");
	}
	json_t *cause = json_object();
	if (reason)
		json_object_set_new(cause, "reason", json_string(reason));
	if (message)
		json_object_set_new(cause, "message", json_string(message));
	if (field)
		json_object_set_new(cause, "field", json_string(field));
	json_array_append_new(json_array_at(details, "causes"), cause);
}

/* "field: message", several as "[a, b]" with repetitions left out. */
char *field_errors_text(const struct field_errors *errors)
{
	AUTO_STRV char **seen = NULL;
	for (size_t i = 0; i < errors->n; i++) {
		AUTO_FREE char *one = xasprintf("%s: %s", errors->v[i].field, errors->v[i].message);
		if (!strv_has(seen, one))
			strv_add(&seen, one);
	}
	if (seen && !seen[1])
		return xstrdup(seen[0]);
	AUTO_FREE char *all = seen ? str_join(seen, ", ") : xstrdup("");
	return xasprintf("[%s]", all);
}

json_t *status_invalid(const char *group, const char *kind, const char *name, const struct field_errors *errors)
{
	AUTO_FREE char *q = status_qualified(group, kind);
	AUTO_FREE char *text = field_errors_text(errors);
	json_t *s =
	    with_details(status_new(422, "Invalid", "%s \"%s\" is invalid: %s", q, name, text), name, group, kind);
	for (size_t i = 0; i < errors->n; i++)
		status_add_cause(s, errors->v[i].reason, errors->v[i].message, errors->v[i].field);
	return s;
}

json_t *status_expired(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	json_t *s = vstatus(410, "Expired", fmt, ap);
	va_end(ap);
	return s;
}

json_t *status_too_large_rv(uint64_t wanted, uint64_t current)
{
	json_t *s = status_new(504, "Timeout", "Timeout: Too large resource version: %llu, current: %llu",
			       (unsigned long long)wanted, (unsigned long long)current);
	status_add_cause(s, "ResourceVersionTooLarge", "Too large resource version", NULL);
	json_object_set_new(json_object_get(s, "details"), "retryAfterSeconds", json_integer(1));
	return s;
}

json_t *status_unauthorized(void)
{
	return status_base(401, "Unauthorized", "Unauthorized");
}

#define MEDIA_TYPES "application/json, application/yaml, application/vnd.kubernetes.protobuf"

json_t *status_not_acceptable(void)
{
	return status_base(406, "NotAcceptable", "only the following media types are accepted: " MEDIA_TYPES);
}

json_t *status_not_acceptable_stream(void)
{
	return status_base(406, "NotAcceptable",
			   "only the following media types are accepted: application/json;stream=watch, "
			   "application/vnd.kubernetes.protobuf;stream=watch");
}

json_t *status_unsupported_body(void)
{
	return status_base(
	    415, "UnsupportedMediaType",
	    "the body of the request was in an unknown format - accepted media types include: " MEDIA_TYPES);
}

json_t *status_unsupported_patch(void)
{
	return with_details(status_base(415, "UnsupportedMediaType", "415: Unsupported Media Type"), NULL, NULL, NULL);
}

json_t *status_unsupported_custom_patch(void)
{
	return status_base(415, "UnsupportedMediaType",
			   "the body of the request was in an unknown format - accepted media types include: "
			   "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml");
}

json_t *status_success(const char *group, const char *resource, const char *name, const char *uid)
{
	json_t *s = status_base(200, NULL, "");
	json_object_set_new(s, "status", json_string("Success"));
	json_object_del(s, "message");
	json_object_del(s, "code");
	if (!resource)
		return s;
	with_details(s, name, group, resource);
	if (uid)
		json_object_set_new(json_object_get(s, "details"), "uid", json_string(uid));
	return s;
}

int status_code(const json_t *status)
{
	return (int)json_int_at(status, "code", 200);
}
