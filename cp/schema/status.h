/* Status objects: every error (and success without an object) that the API answers, in Kubernetes' wording. */
#ifndef KNARR_CP_SCHEMA_STATUS_H
#define KNARR_CP_SCHEMA_STATUS_H

#include <jansson.h>

#include "cp/schema/schema.h"

/* Each returns an owned Status object. resource is a plural ("pods"), shown with its group ("deployments.apps"). */
json_t *status_new(int code, const char *reason, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
json_t *status_unknown_resource(void); /* 404 of a path below /api or /apis that is not served */
json_t *status_method_not_allowed(void);
json_t *status_not_found(const char *group, const char *resource, const char *name);
json_t *status_already_exists(const char *group, const char *resource, const char *name);
/* The same where a name was to be generated: worth another try. */
json_t *status_name_conflict(const char *group, const char *resource, const char *name);
json_t *status_conflict(const char *group, const char *resource, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
json_t *status_modified(const char *group, const char *resource, const char *name); /* the usual conflict */
json_t *status_forbidden(const char *group, const char *resource, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
json_t *status_forbidden_path(const char *user, const char *verb, const char *path, const char *why); /* why: ": ..." or "" */
json_t *status_bad_request(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
json_t *status_plain_500(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
json_t *status_invalid(const char *group, const char *kind, const char *name, const struct field_errors *errors);
json_t *status_expired(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* 410 */
/* "a: wrong" or "[a: wrong, b: missing]". Returns owned. */
char *field_errors_text(const struct field_errors *errors);
json_t *status_too_large_rv(uint64_t wanted, uint64_t current);
json_t *status_unauthorized(void);
json_t *status_not_acceptable(void);
json_t *status_not_acceptable_stream(void); /* of a watch */
json_t *status_unsupported_body(void);
json_t *status_unsupported_patch(void);
json_t *status_unsupported_custom_patch(void); /* strategic merge patches need a table */
json_t *status_success(const char *group, const char *resource, const char *name, const char *uid);

int status_code(const json_t *status);
/* Adds details.causes[] {reason, message, field}; texts may be NULL. */
void status_add_cause(json_t *status, const char *reason, const char *message, const char *field);
/* "pods" or "deployments.apps". Returns owned. */
char *status_qualified(const char *group, const char *resource);

#endif
