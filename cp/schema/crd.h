/* The schema of one version of a CustomResourceDefinition as the engine knows kinds: a type (decoding, defaults, apply,
 * patches) and rules (validation). Apiextensions: structural schemas. */
#ifndef KNARR_CP_SCHEMA_CRD_H
#define KNARR_CP_SCHEMA_CRD_H

#include <jansson.h>
#include <stdbool.h>

#include "cp/schema/schema.h"

struct crd_schema;

/* openapi: an openAPIV3Schema (NULL: any object), which is copied; name: the published name of the type
 * ("com.example.v1.Widget"). preserve: nothing is pruned (spec.preserveUnknownFields). A schema that does not keep the
 * rules of crd_check_schema() gives a type that knows less. Returns owned. */
struct crd_schema *crd_schema_new(const struct schema *builtin, const json_t *openapi, bool preserve, const char *name);
void crd_schema_free(struct crd_schema *c); /* NULL is fine */
const struct type *crd_schema_type(const struct crd_schema *c);
const struct rules *crd_schema_rules(const struct crd_schema *c);

/* What is wrong with an openAPIV3Schema at path ("spec.validation.openAPIV3Schema"): what keeps it from being structural, defaults
 * that do not fit, keywords that are not allowed. has_status: a version that it is of has status as a subresource. */
void crd_check_schema(const json_t *openapi, const char *path, bool has_status, struct field_errors *errors);
/* The schema of the field that a path like ".spec.size" leads to; brackets: also ".labels['a']". Returns what is wrong with the path,
 * owned, or NULL. */
char *crd_find_field(const json_t *schema, const char *path, bool brackets, const json_t **ret);
/* Whether value has members that the schema would have taken away. */
bool crd_has_unknown(const json_t *schema, const json_t *value);
/* Adds the formats of texts in a schema that nobody knows, once for each place. */
void crd_unknown_formats(const json_t *openapi, char ***formats);

#endif
