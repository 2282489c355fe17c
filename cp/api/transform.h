/* Answers in other forms: Table and PartialObjectMetadata (meta.k8s.io). */
#ifndef KNARR_CP_API_TRANSFORM_H
#define KNARR_CP_API_TRANSFORM_H

#include "cp/api/api_internal.h"

/* Only metadata of object. Returns owned. */
json_t *transform_partial(const json_t *object, const char *version);
/* A Table of n objects by q's includeObject; list_meta is the list's metadata (NULL for a single object: its
 * resourceVersion), borrowed. columns: with columnDefinitions. Returns owned. */
json_t *transform_table(const struct req *q, json_t *const *objects, size_t n, const json_t *list_meta, bool columns);

#endif
