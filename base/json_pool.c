/* Slabs of pieces of one size for jansson.
 *
 * Happy path: a piece comes from its size's first slab that has a free one, and goes back to its own slab, which is found by
 * its address. A slab without pieces goes back to malloc(), but for one of each size. Large pieces, and those of other
 * threads, are malloc()'s, eight bytes into the block: a multiple of 16 is a slab's. Small allocations never fail. */
#include "base/json_pool.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/mem.h"

enum { SLAB = 16384, UNIT = 16, LARGEST = 512, SIZES = LARGEST / UNIT, MALLOC_HEAD = 16, OUTSIDE = 8 };

struct piece {
	struct piece *next;
};

struct slab {
	struct list link; /* in its size's list while it has room */
	struct piece *free;
	uint32_t size, live;
	uint32_t fresh; /* where what was never given out begins */
	bool full;
};

static struct list partial[SIZES + 1];
static __thread bool is_owner;

static struct slab *slab_new(size_t size)
{
	/* Together with malloc()'s own head a slab is as long as its alignment: they lie close. */
	struct slab *s = aligned_alloc(SLAB, SLAB - MALLOC_HEAD);
	if (!s)
		abort();
	*s = (struct slab){.size = (uint32_t)size, .fresh = (sizeof(*s) + UNIT - 1) / UNIT * UNIT};
	list_init(&s->link);
	list_add(&partial[size / UNIT], &s->link);
	return s;
}

static bool has_room(const struct slab *s)
{
	return s->free || s->fresh + s->size <= SLAB - MALLOC_HEAD;
}

static void *take(struct slab *s)
{
	struct piece *p = s->free;
	if (p) {
		s->free = p->next;
	} else {
		p = (void *)((char *)s + s->fresh);
		s->fresh += s->size;
	}
	s->live++;
	if (!has_room(s)) {
		s->full = true;
		list_remove(&s->link);
	}
	return p;
}

static void *outside(size_t n)
{
	char *p = malloc(n + OUTSIDE);
	return p ? p + OUTSIDE : NULL;
}

static void *pool_malloc(size_t n)
{
	if (n > LARGEST || !is_owner)
		return outside(n);
	size_t size = n ? (n + UNIT - 1) / UNIT * UNIT : UNIT;
	struct list *l = &partial[size / UNIT];
	return take(list_is_empty(l) ? slab_new(size) : LIST_ENTRY(l->next, struct slab, link));
}

static void pool_free(void *memory)
{
	struct piece *p = memory;
	if (!p)
		return;
	if ((uintptr_t)p % UNIT) {
		free((char *)p - OUTSIDE);
		return;
	}
	struct slab *s = (void *)((uintptr_t)p & ~(uintptr_t)(SLAB - 1));
	struct list *l = &partial[s->size / UNIT];
	p->next = s->free;
	s->free = p;
	if (s->full) {
		s->full = false;
		list_add(l, &s->link);
	}
	if (--s->live == 0 && l->next != l->prev) {
		list_remove(&s->link);
		free(s);
	}
}

/* Under a sanitizer every value stays an allocation of its own. */
#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

void json_pool_use(void)
{
	if (SANITIZED)
		return;
	for (size_t i = 0; i < ARRAY_LEN(partial); i++)
		list_init(&partial[i]);
	is_owner = true;
	json_set_alloc_funcs(pool_malloc, pool_free);
}
