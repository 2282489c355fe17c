/* Sets of slots, hashed by address: one of thousands leaves a set as fast as one of two.
 *
 * Open addressing; an entry that goes is filled by those behind it that it kept from their place. Nothing here can fail.
 * What always holds: at least a quarter of the places is free, so that every search ends. */
#include "cp/cache/slot_set.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

enum { PLACES_MIN = 4 };

struct slot_set {
	struct slot **v; /* NULL: free */
	uint32_t n, places; /* a power of two */
};

void slot_set_free(void *p)
{
	struct slot_set *s = p;
	if (s)
		free(s->v);
	free(s);
}

static uint32_t home(const struct slot_set *s, const struct slot *slot)
{
	return (uint32_t)(((uintptr_t)slot >> 4) * 0x9e3779b97f4a7c15ULL >> 32) & (s->places - 1);
}

/* Where the slot stands, or the free place where it would. */
static uint32_t place_of(const struct slot_set *s, const struct slot *slot)
{
	uint32_t i = home(s, slot);
	while (s->v[i] && s->v[i] != slot)
		i = (i + 1) & (s->places - 1);
	return i;
}

static void resize(struct slot_set *s, uint32_t places)
{
	struct slot_set out = {.v = xcalloc(places, sizeof(*out.v)), .n = s->n, .places = places};
	for (uint32_t i = 0; i < s->places; i++)
		if (s->v[i])
			out.v[place_of(&out, s->v[i])] = s->v[i];
	free(s->v);
	*s = out;
}

void slot_set_add(struct map *m, const char *value, struct slot *slot)
{
	struct slot_set *s = map_get(m, value);
	if (!s) {
		map_set(m, value, s = xcalloc(1, sizeof(*s)));
		resize(s, PLACES_MIN);
	}
	if ((s->n + 1) * 4 > s->places * 3)
		resize(s, s->places * 2);
	uint32_t i = place_of(s, slot);
	s->n += !s->v[i];
	s->v[i] = slot;
}

/* Whether what stands at i may move to the hole: its home is not between the two. */
static bool may_fill(const struct slot_set *s, uint32_t hole, uint32_t i)
{
	uint32_t h = home(s, s->v[i]), mask = s->places - 1;
	return ((i - h) & mask) >= ((i - hole) & mask);
}

static void close_gap(struct slot_set *s, uint32_t hole)
{
	uint32_t mask = s->places - 1;
	for (uint32_t i = (hole + 1) & mask; s->v[i]; i = (i + 1) & mask) {
		if (!may_fill(s, hole, i))
			continue;
		s->v[hole] = s->v[i];
		hole = i;
	}
	s->v[hole] = NULL;
}

void slot_set_remove(struct map *m, const char *value, struct slot *slot)
{
	struct slot_set *s = map_get(m, value);
	uint32_t i = s ? place_of(s, slot) : 0;
	if (!s || !s->v[i])
		return;
	close_gap(s, i);
	s->n--;
	if (!s->n)
		map_remove(m, value);
	else if (s->places > PLACES_MIN && s->n * 8 < s->places)
		resize(s, s->places / 2);
}

size_t slot_set_len(const struct map *m, const char *value)
{
	const struct slot_set *s = map_get(m, value);
	return s ? s->n : 0;
}

size_t slot_set_copy(const struct map *m, const char *value, struct slot **ret)
{
	const struct slot_set *s = map_get(m, value);
	size_t n = 0;
	for (uint32_t i = 0; s && i < s->places; i++)
		if (s->v[i])
			ret[n++] = s->v[i];
	return n;
}
