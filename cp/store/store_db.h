/* The store's SQLite file: an append-only log of key states and a few named numbers (docs/formats/store.md). Not
 * thread-safe: one caller at a time. */
#ifndef KNARR_CP_STORE_STORE_DB_H
#define KNARR_CP_STORE_STORE_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct store_db;

struct store_row {
	int64_t id; /* ascending in the order of writing */
	uint64_t rev, create_rev, prev_rev;
	int64_t at; /* wall clock, seconds */
	bool deleted;
	const char *key; /* valid during a scan's callback */
};

enum store_number { STORE_RESERVED, STORE_COMPACTED };

/* Opens or creates path and locks it against every other process. -EBUSY, -EUCLEAN, -EPROTONOSUPPORT (a newer
 * format), -EIO ... */
int store_db_open(const char *path, struct store_db **ret, struct err *e);
void store_db_close(struct store_db *d); /* NULL is fine */

int store_db_begin(struct store_db *d, struct err *e);
/* Durable when it returns 0; else nothing happened and the transaction is over. But see store_db_uncertain(). */
int store_db_commit(struct store_db *d, struct err *e);
/* Whether a crash now might bring the last, failed commit back, because it was the sync that failed. The next
 * successful commit writes over its remains. */
bool store_db_uncertain(const struct store_db *d);
void store_db_rollback(struct store_db *d); /* harmless outside a transaction */
int store_db_insert(struct store_db *d, const struct store_row *row, const struct buf *value, struct err *e);
int store_db_delete(struct store_db *d, int64_t id, struct err *e);
int store_db_set(struct store_db *d, enum store_number which, uint64_t value, struct err *e);
/* otherwise where the number was never set. */
int store_db_get(struct store_db *d, enum store_number which, uint64_t otherwise, uint64_t *ret, struct err *e);

/* Calls fn for each row in order of id until it returns non-zero, which is returned. Values are not read. */
int store_db_scan(struct store_db *d, int (*fn)(void *arg, const struct store_row *row), void *arg, struct err *e);
/* One row; key in row is returned owned, value NULL where it has none. -ENOENT. */
int store_db_read(struct store_db *d, int64_t id, struct store_row *ret, char **ret_key, struct buf **ret_value,
		  struct err *e);

/* Those rows, ascending, until fn returns non-zero, which is returned. The key is valid during the call; the value (NULL where
 * there is none) as long as a reference is kept. fn makes no other call. -ENOENT. */
int store_db_read_rows(struct store_db *d, const int64_t *ids, size_t n,
		       int (*fn)(void *arg, const struct store_row *row, struct buf *value), void *arg, struct err *e);

/* Many reads follow, until it is said that they are over or something is written: the file is mapped, the log looked at
 * once. */
void store_db_read_ahead(struct store_db *d, bool on);

/* Moves the write-ahead log into the database when it has grown to min_pages. Errors matter only to the log's size:
 * the next call tries again. */
void store_db_checkpoint(struct store_db *d, int min_pages);
uint64_t store_db_bytes_written(struct store_db *d);
/* A compact copy under path (made beside and renamed over it). */
int store_db_backup(struct store_db *d, const char *path, struct err *e);

#endif
