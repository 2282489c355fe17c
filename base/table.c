/* Open addressing with linear probing; a removal moves back what would not be found any more, so nothing marks what was
 * there. What always holds: at least a quarter of the slots is free, and between an item and the slot of its hash there
 * is no free one. Memory aborts; nothing else fails. */
#include "base/table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define MIN_SLOTS 16

struct table {
	table_key_fn key;
	void **slots;
	size_t n_slots, n; /* n_slots: a power of two, or 0 */
};

static size_t home(const struct table *t, const void *key, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ULL;
	for (size_t i = 0; i < len; i++)
		h = (h ^ ((const uint8_t *)key)[i]) * 0x100000001b3ULL;
	return (h ^ h >> 29) & (t->n_slots - 1);
}

static size_t home_of(const struct table *t, const void *item)
{
	size_t len;
	const void *key = t->key(item, &len);
	return home(t, key, len);
}

struct table *table_new(table_key_fn key)
{
	struct table *t = xcalloc(1, sizeof(*t));
	t->key = key;
	return t;
}

void table_free(struct table *t)
{
	if (t)
		free(t->slots);
	free(t);
}

void table_clear(struct table *t)
{
	free(TAKE(t->slots));
	t->n_slots = t->n = 0;
}

static void place(struct table *t, void *item)
{
	size_t at = home_of(t, item);
	while (t->slots[at])
		at = (at + 1) & (t->n_slots - 1);
	t->slots[at] = item;
}

static void grow(struct table *t)
{
	void **old = t->slots;
	size_t n = t->n_slots;
	t->n_slots = n ? n * 2 : MIN_SLOTS;
	t->slots = xcalloc(t->n_slots, sizeof(void *));
	for (size_t i = 0; i < n; i++)
		if (old[i])
			place(t, old[i]);
	free(old);
}

void table_add(struct table *t, void *item)
{
	if (t->n + 1 > t->n_slots / 4 * 3)
		grow(t);
	place(t, item);
	t->n++;
}

void *table_get(const struct table *t, const void *key, size_t len)
{
	if (!t->n)
		return NULL;
	for (size_t at = home(t, key, len); t->slots[at]; at = (at + 1) & (t->n_slots - 1)) {
		size_t other_len;
		const void *other = t->key(t->slots[at], &other_len);
		if (other_len == len && !memcmp(other, key, len))
			return t->slots[at];
	}
	return NULL;
}

/* Fills the hole with the next item that may stand there, and so on with the hole that it leaves. */
static void close_hole(struct table *t, size_t hole)
{
	size_t mask = t->n_slots - 1;
	for (size_t at = (hole + 1) & mask; t->slots[at]; at = (at + 1) & mask)
		if (((at - home_of(t, t->slots[at])) & mask) >= ((at - hole) & mask)) {
			t->slots[hole] = t->slots[at];
			hole = at;
		}
	t->slots[hole] = NULL;
}

void table_remove(struct table *t, void *item)
{
	if (!t->n)
		return;
	size_t at = home_of(t, item);
	while (t->slots[at] && t->slots[at] != item)
		at = (at + 1) & (t->n_slots - 1);
	if (!t->slots[at])
		return;
	close_hole(t, at);
	t->n--;
}

size_t table_len(const struct table *t)
{
	return t->n;
}

void *table_next(const struct table *t, size_t *at)
{
	while (*at < t->n_slots)
		if (t->slots[(*at)++])
			return t->slots[*at - 1];
	return NULL;
}
