/* Which rows of the log hold which changes: where store_past() finds them. */
#ifndef KNARR_CP_STORE_PAST_ROWS_H
#define KNARR_CP_STORE_PAST_ROWS_H

#include <stddef.h>
#include <stdint.h>

struct past_row {
	uint64_t rev;
	int64_t row, before; /* before: the last row that its key had; 0: none */
	uint32_t part;       /* past_rows_part() of its key */
};

/* Complete after `from`. */
enum { PAST_ROWS_MAX = 65536 };
struct past_rows {
	struct past_row *v; /* [head, n), sorted by revision, then row, once past_rows_sort() was called */
	size_t head, n, cap;
	uint64_t from;
};

/* What tells most keys of one resource from those of others: a hash of what stands between the second slash and the third
 * ("/registry/PART/..."); 0 where that is not complete, as in a prefix of all keys. */
uint32_t past_rows_part(const char *key);
/* Beyond PAST_ROWS_MAX the oldest go. */
void past_rows_add(struct past_rows *p, uint64_t rev, int64_t row, int64_t before, const char *key);
/* Takes back what was added last with revisions above this one. */
void past_rows_undo(struct past_rows *p, uint64_t rev);
/* Drops those up to a revision. */
void past_rows_drop(struct past_rows *p, uint64_t rev);
void past_rows_sort(struct past_rows *p);
/* The place of the first row after a revision: n, if there is none. */
size_t past_rows_after(const struct past_rows *p, uint64_t rev);
void past_rows_free(struct past_rows *p); /* what it holds */

#endif
