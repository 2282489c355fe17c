/* What the writer knows of every key, so that preconditions need no query; changes of one group can be undone. */
#ifndef KNARR_CP_STORE_STORE_INDEX_H
#define KNARR_CP_STORE_STORE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct store_key {
	uint64_t rev, create_rev; /* last change, creation */
	int64_t row;              /* the row of the last written state */
	uint64_t row_rev;         /* and its revision: older than rev while a volatile state is held */
	struct buf *held;         /* the newest state while it is only in memory; NULL else */
};

/* A row that nothing needs any more once the history window has passed. */
struct store_old_row {
	int64_t row;
	uint64_t rev;  /* of the change that superseded it; a tombstone's own */
	int64_t since; /* of that change; wall clock, seconds */
};

struct store_index;

struct store_index *store_index_new(void);
void store_index_free(struct store_index *x);                                          /* NULL is fine */
const struct store_key *store_index_get(const struct store_index *x, const char *key); /* NULL: absent */
size_t store_index_len(const struct store_index *x);
bool store_index_next(const struct store_index *x, size_t *at, const char **ret_key, const struct store_key **ret);

/* Changes since the last store_index_commit(). state->held is referenced. */
void store_index_put(struct store_index *x, const char *key, const struct store_key *state);
void store_index_remove(struct store_index *x, const char *key);
void store_index_retire(struct store_index *x, int64_t row, uint64_t rev, int64_t since);
void store_index_commit(struct store_index *x);
void store_index_rollback(struct store_index *x);

/* The i-th oldest retired row, NULL behind the last; the first n leave when their rows were deleted. */
const struct store_old_row *store_index_old(const struct store_index *x, size_t i);
size_t store_index_n_old(const struct store_index *x);
void store_index_drop_old(struct store_index *x, size_t n);

#endif
