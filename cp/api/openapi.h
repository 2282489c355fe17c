/* OpenAPI documents made from the schema's types. */
#ifndef KNARR_CP_API_OPENAPI_H
#define KNARR_CP_API_OPENAPI_H

#include <jansson.h>

#include "cp/schema/schema.h"

enum openapi_version { OPENAPI_V2, OPENAPI_V3 };

/* Adds the definition of t and of everything that it refers to, under their published names. */
void openapi_add_type(json_t *definitions, const struct schema *s, const struct type *t, enum openapi_version v);
/* "io.k8s.api.core.v1.Pod" of "core.v1.Pod". Returns owned. */
char *openapi_name(const char *type_name);
/* The paths of a kind: collection, object and subresources with their methods and parameters. */
void openapi_add_paths(json_t *paths, const struct kind *k, enum openapi_version v);
/* A whole document: of one group and version (v3), or of everything (group NULL). NULL when nothing is served there. */
json_t *openapi_document(const struct schema *s, const char *group, const char *version, enum openapi_version v);

#endif
