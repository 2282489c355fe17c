/* OpenAPI documents made from the tables of kinds: what clients validate, explain, merge and complete by. */
#ifndef KNARR_CP_SCHEMA_OPENAPI_H
#define KNARR_CP_SCHEMA_OPENAPI_H

#include <jansson.h>

#include "base/str.h"
#include "cp/schema/schema.h"

/* Everything in one Swagger 2.0 document (OpenAPI specification 2.0). Returns owned. */
json_t *openapi_v2(const struct schema *s);
/* One group and version as OpenAPI 3.0 (OpenAPI specification 3.0.0); NULL when it has no kinds. Returns owned. */
json_t *openapi_v3(const struct schema *s, const char *group, const char *version);
/* A page that leads to resources or tells of the server ("api", "apis", "apis/apps", "version" ...); NULL: no such page.
 * Returns owned. */
json_t *openapi_v3_page(const struct schema *s, const char *path);
/* The paths of those that every server has; NULL behind the last. */
const char *openapi_page_nth(size_t n);
/* The index of version 3: {"paths":{"apis/apps/v1":{"serverRelativeURL":"/openapi/v3/apis/apps/v1?hash=..."}}}. Adds
 * one path to an object that starts empty. */
void openapi_v3_index_add(json_t *index, const char *path, const char *hash);
/* Adds what another server serves below "/apis/GROUP/VERSION/" to a document of version 2, both borrowed: its paths that the
 * document has not, what they refer to under the same name where that is new or says the same, else under NAME_v2, _v3 ...
 * What refers to nothing that is there is left out. */
void openapi_v2_merge(json_t *document, const json_t *other, const char *group, const char *version);
/* "api/v1", "apis/apps/v1": the path of a group and version. Returns owned. */
char *openapi_path(const char *group, const char *version);
/* "io.k8s.api.core.v1.Pod" of "core.v1.Pod": a type's published name. Returns owned. */
char *openapi_name(const char *type_name);

/* The documents as protocol buffers: gnostic's messages openapi.v2.Document and openapi.v3.Document. Adds to out. */
void openapi_v2_proto(const json_t *document, struct str *out);
void openapi_v3_proto(const json_t *document, struct str *out);

#endif
