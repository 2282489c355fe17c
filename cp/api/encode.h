/* Objects to bytes, in one canonical form: fields in their declared order, map keys sorted, kind and apiVersion first.
 * Two objects with the same content give the same bytes. */
#ifndef KNARR_CP_API_ENCODE_H
#define KNARR_CP_API_ENCODE_H

#include <jansson.h>

#include "base/buf.h"
#include "base/str.h"
#include "cp/schema/schema.h"

/* As it is stored: without metadata.resourceVersion. Returns owned. */
struct buf *encode_stored(const struct kind *k, json_t *object);
/* As it is answered: whole. Returns owned. */
struct buf *encode_object(const struct kind *k, const json_t *object);

#endif
