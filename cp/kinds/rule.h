/* Small rules that many kinds share: each looks at one member of an object and adds what is wrong with it at
 * "path.key". A member that is not there breaks none but rule_required(). Pure. */
#ifndef KNARR_CP_KINDS_RULE_H
#define KNARR_CP_KINDS_RULE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cp/schema/schema.h"

/* Not there, or an empty text, list or map: "Required value". Returns whether it is there. detail may be NULL. */
bool rule_required(const json_t *obj, const char *path, const char *key, const char *detail, struct field_errors *errors);
/* One of words (ended by NULL, in the order in which the error names them). An absent one is unsupported, too. */
void rule_word(const json_t *obj, const char *path, const char *key, const char *const *words, struct field_errors *errors);
/* A text that is not empty passes check (api/names.h). */
void rule_name(const json_t *obj, const char *path, const char *key, const char *(*check)(const char *),
	       struct field_errors *errors);
/* "must be between %d and %d, inclusive". */
void rule_range(const json_t *obj, const char *path, const char *key, int64_t min, int64_t max, struct field_errors *errors);
void rule_forbidden(const json_t *obj, const char *path, const char *key, const char *why, struct field_errors *errors);
/* {apiGroup, kind, name} of another object. */
void rule_reference(const json_t *ref, const char *path, struct field_errors *errors);
/* A path below some directory: relative, without "..". Reserved names begin with "..", too. */
void rule_path_inside_at(const json_t *text, const char *path, struct field_errors *errors); /* the text itself, at path */
void rule_path_inside(const json_t *obj, const char *path, const char *key, struct field_errors *errors);
void rule_path_not_reserved(const json_t *obj, const char *path, const char *key, struct field_errors *errors);
void rule_no_backsteps(const json_t *obj, const char *path, const char *key, struct field_errors *errors);
/* What an update changed: "field is immutable". The value is shown as the reference shows a type where one is given. */
void rule_unchanged(const json_t *obj, const json_t *old, const char *path, const char *key, struct field_errors *errors);

/* An address, or a range, in a form that all readers agree about; was: texts that an update may leave (NULL: none). */
void rule_ip(const json_t *value, const json_t *was, const char *path, struct field_errors *errors);
void rule_cidr(const json_t *value, const json_t *was, const char *path, struct field_errors *errors);

/* Whether text is one of words. */
bool rule_is_one_of(const char *text, const char *const *words);
/* Conditions of the usual form (cp/kinds/conditions.c). */
void rule_conditions(const json_t *conditions, const char *path, struct field_errors *errors);
/* {url} or {service} of a webhook (cp/kinds/webhook_client.c). */
void rule_webhook_client(const json_t *client, const char *path, struct field_errors *errors);

#endif
