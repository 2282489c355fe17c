/* A sorted list of rows. Nothing here can fail. What always holds: it has every row that was added with a revision above
 * `from`, and none but those. */
#include "cp/store/past_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

uint32_t past_rows_part(const char *key)
{
	const char *from = *key ? strchr(key + 1, '/') : NULL;
	const char *to = from ? strchr(from + 1, '/') : NULL;
	uint32_t h = 2166136261; /* FNV-1a */
	if (!to)
		return 0;
	for (const char *p = from; p < to; p++)
		h = (h ^ (unsigned char)*p) * 16777619;
	return h;
}

/* Room for one more: what was dropped gives way first. */
static void make_room(struct past_rows *p)
{
	if (p->n < p->cap)
		return;
	if (p->head > p->n / 2) {
		memmove(p->v, p->v + p->head, (p->n - p->head) * sizeof(*p->v));
		p->n -= p->head;
		p->head = 0;
	} else {
		p->cap = p->cap ? p->cap * 2 : 256;
		p->v = xreallocarray(p->v, p->cap, sizeof(*p->v));
	}
}

static void drop_first(struct past_rows *p)
{
	uint64_t rev = p->v[p->head++].rev;
	p->from = MAX(p->from, rev);
	if (p->head == p->n)
		past_rows_free(p);
}

void past_rows_add(struct past_rows *p, uint64_t rev, int64_t row, int64_t before, const char *key)
{
	make_room(p);
	p->v[p->n++] = (struct past_row){rev, row, before, past_rows_part(key)};
	if (p->n - p->head > PAST_ROWS_MAX)
		drop_first(p);
}

void past_rows_undo(struct past_rows *p, uint64_t rev)
{
	while (p->n > p->head && p->v[p->n - 1].rev > rev)
		p->n--;
}

void past_rows_drop(struct past_rows *p, uint64_t rev)
{
	while (p->n > p->head && p->v[p->head].rev <= rev)
		drop_first(p);
}

/* States that were volatile are written late. */
static int compare(const void *a, const void *b)
{
	const struct past_row *x = a, *y = b;
	if (x->rev != y->rev)
		return x->rev < y->rev ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

void past_rows_sort(struct past_rows *p)
{
	if (p->n > p->head)
		qsort(p->v + p->head, p->n - p->head, sizeof(*p->v), compare);
}

size_t past_rows_after(const struct past_rows *p, uint64_t rev)
{
	size_t lo = p->head, hi = p->n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (p->v[mid].rev <= rev)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void past_rows_free(struct past_rows *p)
{
	free(p->v);
	*p = (struct past_rows){.from = p->from};
}
