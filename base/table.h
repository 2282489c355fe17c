/* A hash table of items that know their own key: one pointer an item, for tens of thousands of small ones. */
#ifndef KNARR_BASE_TABLE_H
#define KNARR_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct table;

/* The bytes of an item's key, borrowed; they must not change while the item is in a table. */
typedef const void *(*table_key_fn)(const void *item, size_t *ret_len);

struct table *table_new(table_key_fn key);
void table_free(struct table *t); /* not the items; NULL is fine */
void *table_get(const struct table *t, const void *key, size_t len); /* NULL when absent */
void table_add(struct table *t, void *item);    /* no item with its key may be there */
void table_remove(struct table *t, void *item); /* absent is fine */
void table_clear(struct table *t);
size_t table_len(const struct table *t);
/* Walks in no order: size_t at = 0; while ((item = table_next(t, &at))) ... Nothing may be added or removed meanwhile. */
void *table_next(const struct table *t, size_t *at);

#endif
