/* The rules of a schema that a CustomResourceDefinition brings (OpenAPI 3.0 as structural schemas allow it), compiled
 * once and then checked against values. The shape of values is the types' affair (crd.h). */
#ifndef KNARR_CP_SCHEMA_RULES_H
#define KNARR_CP_SCHEMA_RULES_H

#include <jansson.h>
#include <stdbool.h>

#include "cp/schema/arena.h"
#include "cp/schema/schema.h"

struct rules;

/* From a schema document (borrowed; it has to live as long as the rules). The memory is the arena's but for compiled
 * patterns: rules_done() frees those. Keywords of a wrong JSON type count as absent: rules on the document itself are
 * crd_check.h's. */
const struct rules *rules_new(struct arena *a, const json_t *schema);
void rules_done(const struct rules *r);
/* Whether something below has rules in the expression language (x-kubernetes-validations). */
bool rules_have_expressions(const struct rules *r);

/* Adds what is wrong with a value, in the original's words: fields are named below path ("": the root of an object),
 * the words speak of paths from the value on. old: the value before, NULL: there was none; what is as it was may stay wrong. */
void rules_check(const struct rules *r, const json_t *value, const json_t *old, const char *path, struct field_errors *errors);

/* Of a whole object, but only what is said of its status, as a value of its own, and of lists. */
void rules_check_status(const struct rules *r, const json_t *object, const json_t *old, struct field_errors *errors);

/* A text of a named format (date-time, ipv4, uuid ...). Formats that are not known accept everything. */
bool rules_format_known(const char *format);
bool rules_format_holds(const char *format, const char *text);

#endif
