/* A hash map from strings to pointers; keys are copied, values are the caller's unless a destructor is given. */
#ifndef KNARR_BASE_MAP_H
#define KNARR_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

struct map;

/* free_value may be NULL; else it gets each value that is replaced, removed or left at map_free(). */
struct map *map_new(void (*free_value)(void *value));
void map_free(struct map *m);
void map_free_ptr(struct map **m);
#define AUTO_MAP AUTO(map_free_ptr) struct map

void *map_get(const struct map *m, const char *key); /* NULL when absent */
bool map_has(const struct map *m, const char *key);
void map_set(struct map *m, const char *key, void *value);
void map_remove(struct map *m, const char *key);  /* absent is fine */
void *map_steal(struct map *m, const char *key);  /* removes without destroying; NULL when absent */
size_t map_len(const struct map *m);
void map_clear(struct map *m);

/* Iteration in insertion order, disturbed only by map_set() of new keys; removal of the current key is allowed.
 *   size_t at = 0; const char *key; void *value; while (map_next(m, &at, &key, &value)) ... */
bool map_next(const struct map *m, size_t *at, const char **ret_key, void *ret_value_ptr);

#endif
