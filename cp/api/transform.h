/* Answers in other forms: Table and PartialObjectMetadata (meta.k8s.io). */
#ifndef KNARR_CP_API_TRANSFORM_H
#define KNARR_CP_API_TRANSFORM_H

#include "cp/api/api_internal.h"

/* Only metadata of object. Returns owned. */
json_t *transform_partial(const json_t *object, const char *version);
/* A Table of n objects of a kind by q's includeObject; list_meta is the list's metadata (NULL for a single object: its
 * resourceVersion), borrowed. columns: with columnDefinitions. Returns owned. */
json_t *transform_table(const struct req *q, const struct kind *k, json_t *const *objects, size_t n, const json_t *list_meta,
			bool columns);
/* Answers with an object of a kind that is not stored, in the form that was asked for. Takes object. */
void transform_reply(struct req *q, const struct kind *k, int code, json_t *object);
/* The 406 for metadata of one object where there is a list, and the reverse. */
json_t *transform_no_object(const struct kind *k);
json_t *transform_no_list(const struct kind *k);

#endif
