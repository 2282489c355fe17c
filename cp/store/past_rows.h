/* Which rows the log held when it was opened, by revision: where store_past() finds its changes. */
#ifndef KNARR_CP_STORE_PAST_ROWS_H
#define KNARR_CP_STORE_PAST_ROWS_H

#include <stddef.h>
#include <stdint.h>

struct past_row {
	uint64_t rev;
	int64_t row;
	uint32_t part; /* past_rows_part() of its key */
};

struct past_rows {
	struct past_row *v; /* sorted by revision, then row, once past_rows_sort() was called */
	size_t n, cap;
};

/* What tells most keys of one resource from those of others: a hash of what stands between the second slash and the third
 * ("/registry/PART/..."); 0 where that is not complete, as in a prefix of all keys. */
uint32_t past_rows_part(const char *key);
void past_rows_add(struct past_rows *p, uint64_t rev, int64_t row, const char *key);
void past_rows_sort(struct past_rows *p);
/* The place of the first row after a revision: n, if there is none. */
size_t past_rows_after(const struct past_rows *p, uint64_t rev);
void past_rows_free(struct past_rows *p); /* what it holds */

#endif
