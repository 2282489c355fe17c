/* A sorted list of rows. Nothing here can fail. */
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

void past_rows_add(struct past_rows *p, uint64_t rev, int64_t row, const char *key)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 256;
		p->v = xreallocarray(p->v, p->cap, sizeof(*p->v));
	}
	p->v[p->n++] = (struct past_row){rev, row, past_rows_part(key)};
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
	if (p->n)
		qsort(p->v, p->n, sizeof(*p->v), compare);
}

size_t past_rows_after(const struct past_rows *p, uint64_t rev)
{
	size_t lo = 0, hi = p->n;
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
	*p = (struct past_rows){0};
}
