/* Hash map: an index of open-addressed slots into an insertion-ordered array of entries (removed ones leave holes
 * that the next growth squeezes out). What always holds: at least a quarter of the slots is free. */
#include "base/map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct entry {
	char *key; /* NULL: removed */
	void *value;
	uint64_t hash;
};

struct map {
	void (*free_value)(void *);
	struct entry *entries;
	uint32_t *slots; /* entry index + 1; 0 free, TOMB removed */
	size_t n_slots, n_entries, cap_entries, live;
};

#define TOMB UINT32_MAX

static uint64_t hash_key(const char *s)
{
	uint64_t h = 0xcbf29ce484222325ULL;
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ULL;
	return h ^ h >> 29;
}

struct map *map_new(void (*free_value)(void *))
{
	struct map *m = xcalloc(1, sizeof(*m));
	m->free_value = free_value;
	return m;
}

static void drop(struct map *m, struct entry *e)
{
	free(e->key);
	e->key = NULL;
	if (m->free_value)
		m->free_value(e->value);
}

void map_clear(struct map *m)
{
	for (size_t i = 0; i < m->n_entries; i++)
		if (m->entries[i].key)
			drop(m, &m->entries[i]);
	if (m->slots)
		memset(m->slots, 0, m->n_slots * sizeof(*m->slots));
	m->n_entries = m->live = 0;
}

void map_free(struct map *m)
{
	if (!m)
		return;
	map_clear(m);
	free(m->entries);
	free(m->slots);
	free(m);
}

void map_free_ptr(struct map **m)
{
	map_free(*m);
	*m = NULL;
}

static void rebuild(struct map *m)
{
	size_t n = 0;
	for (size_t i = 0; i < m->n_entries; i++)
		if (m->entries[i].key)
			m->entries[n++] = m->entries[i];
	m->n_entries = n;
	m->n_slots = 8;
	while (m->n_slots < (n + 1) * 2)
		m->n_slots *= 2;
	m->cap_entries = m->n_slots * 3 / 4;
	m->entries = xreallocarray(m->entries, m->cap_entries, sizeof(*m->entries));
	free(m->slots);
	m->slots = xcalloc(m->n_slots, sizeof(*m->slots));
	for (size_t i = 0; i < n; i++) {
		size_t s = m->entries[i].hash & (m->n_slots - 1);
		while (m->slots[s])
			s = (s + 1) & (m->n_slots - 1);
		m->slots[s] = (uint32_t)i + 1;
	}
}

/* The slot of key, or -1. */
static long find(const struct map *m, const char *key, uint64_t hash)
{
	if (!m || !m->live)
		return -1;
	for (size_t s = hash & (m->n_slots - 1); m->slots[s]; s = (s + 1) & (m->n_slots - 1)) {
		if (m->slots[s] == TOMB)
			continue;
		const struct entry *e = &m->entries[m->slots[s] - 1];
		if (e->hash == hash && !strcmp(e->key, key))
			return (long)s;
	}
	return -1;
}

void *map_get(const struct map *m, const char *key)
{
	if (!map_len(m))
		return NULL;
	long s = find(m, key, hash_key(key));
	return s < 0 ? NULL : m->entries[m->slots[s] - 1].value;
}

bool map_has(const struct map *m, const char *key)
{
	return map_len(m) && find(m, key, hash_key(key)) >= 0;
}

void map_set(struct map *m, const char *key, void *value)
{
	uint64_t hash = hash_key(key);
	long at = find(m, key, hash);
	if (at >= 0) {
		struct entry *e = &m->entries[m->slots[at] - 1];
		if (m->free_value && e->value != value)
			m->free_value(e->value);
		e->value = value;
		return;
	}
	if (m->n_entries == m->cap_entries)
		rebuild(m);
	size_t s = hash & (m->n_slots - 1);
	while (m->slots[s] && m->slots[s] != TOMB)
		s = (s + 1) & (m->n_slots - 1);
	m->entries[m->n_entries] = (struct entry){ xstrdup(key), value, hash };
	m->slots[s] = (uint32_t)++m->n_entries;
	m->live++;
}

void *map_steal(struct map *m, const char *key)
{
	long s = find(m, key, hash_key(key));
	if (s < 0)
		return NULL;
	struct entry *e = &m->entries[m->slots[s] - 1];
	void *value = e->value;
	free(e->key);
	e->key = NULL;
	m->slots[s] = TOMB;
	m->live--;
	return value;
}

void map_remove(struct map *m, const char *key)
{
	if (!map_has(m, key))
		return;
	void *value = map_steal(m, key);
	if (m->free_value)
		m->free_value(value);
}

size_t map_len(const struct map *m)
{
	return m ? m->live : 0;
}

bool map_next(const struct map *m, size_t *at, const char **ret_key, void *ret_value_ptr)
{
	for (; m && *at < m->n_entries; ++*at) {
		const struct entry *e = &m->entries[*at];
		if (!e->key)
			continue;
		if (ret_key)
			*ret_key = e->key;
		if (ret_value_ptr)
			*(void **)ret_value_ptr = e->value;
		++*at;
		return true;
	}
	return false;
}
