/* Objects in the words of the reference's errors, which show its own structures: Go's field names, every field, in its order. Pure. */
#ifndef KNARR_CP_KINDS_GO_VALUE_H
#define KNARR_CP_KINDS_GO_VALUE_H

#include <jansson.h>

#include "cp/schema/schema.h"

/* value of a type as the reference would encode its internal structure. Returns owned. */
json_t *go_value(const struct type *t, const json_t *value);
/* The same of a type by its name, for an error; the value itself where the schema is not at hand. Returns owned. */
json_t *go_shown(const struct field_errors *errors, const char *type, const json_t *value);
/* What changed from a to b (both of type t) as hunks of a unified diff of their indented text. Returns owned. */
char *go_diff(const struct type *t, const json_t *a, const json_t *b);

#endif
