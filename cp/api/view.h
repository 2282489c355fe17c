/* One stored object under two kinds: events of the core group are also those of events.k8s.io, with other field names;
 * autoscalers are shown in two versions. */
#ifndef KNARR_CP_API_VIEW_H
#define KNARR_CP_API_VIEW_H

#include "cp/api/api_internal.h"

/* The object as res shows it. Returns owned. */
json_t *view_parse(const struct resource *res, const struct cobj *o);
/* The same, for a write: of what was written just now no bytes are parsed. */
json_t *view_take(const struct resource *res, struct cobj *o);
struct buf *view_bytes(const struct resource *res, const struct cobj *o); /* owned; the same bytes where they are plain */
/* Whether res shows the object's bytes as they are. */
bool view_is_plain(const struct resource *res, const struct cobj *o);
/* Changes an object of res' kind into the kind that is stored, or back, in place. */
void view_to_stored(const struct resource *res, json_t *object);
void view_from_stored(const struct resource *res, json_t *object, uint64_t rev); /* stored at that revision */
/* As encode_stored(), in the stored kind; object keeps its form. Returns owned. */
struct buf *view_encode_stored(const struct resource *res, json_t *object);
/* A field selector in the names of the stored kind. Returns owned. */
char *view_field_selector(const struct kind *k, const char *text);

#endif
