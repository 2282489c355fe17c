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

/* What is wrong with an openAPIV3Schema at path ("spec.validation.openAPIV3Schema"): keywords that are not allowed,
 * what keeps it from being structural, defaults that do not fit. */
void crd_check_schema(const json_t *openapi, const char *path,
		      struct field_errors *errors);

#endif
