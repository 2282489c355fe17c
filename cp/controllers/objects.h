/* Parsed forms of cached objects, kept while they are likely to be asked for again. */
#ifndef KNARR_CP_CONTROLLERS_OBJECTS_H
#define KNARR_CP_CONTROLLERS_OBJECTS_H

#include <jansson.h>

#include "cp/cache/cache.h"

struct objects;

struct objects *objects_new(size_t max);
void objects_free(struct objects *o); /* NULL is fine */
/* The parsed object, to be read only. Returns a reference: json_decref() it. */
json_t *objects_get(struct objects *o, const struct cobj *obj);

#endif
