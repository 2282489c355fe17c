/* Sets of slots that share a value, kept in a map by that value: what indexes are made of. */
#ifndef KNARR_CP_CACHE_SLOT_SET_H
#define KNARR_CP_CACHE_SLOT_SET_H

#include <stddef.h>

#include "base/map.h"

struct slot;
struct slot_set;

/* The destructor of a map's values. */
void slot_set_free(void *p);
/* Adds to (removes from) the set of a value; a set comes with its first slot and goes with its last. A slot that is there
 * (is not there) already changes nothing. */
void slot_set_add(struct map *m, const char *value, struct slot *s);
void slot_set_remove(struct map *m, const char *value, struct slot *s);
/* How many have it. */
size_t slot_set_len(const struct map *m, const char *value);
/* Copies them into ret, which has room for slot_set_len(), in no order. Returns how many. */
size_t slot_set_copy(const struct map *m, const char *value, struct slot **ret);

#endif
