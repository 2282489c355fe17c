/* Group commit: many transactions, one SQLite transaction, one fsync.
 *
 * Happy path: each transaction's preconditions are checked against the index, it gets the next revision, its rows are
 * inserted; at the end one commit makes all of them durable. A group of nothing but volatile changes writes nothing
 * unless the block of reserved revisions is used up.
 * What can fail: any write. Then every transaction of the group gets the error and the index is as before. Where it was
 * the sync that failed, the revisions are burnt and the next group commits to disk even if it is volatile: it
 * overwrites what the failed commit may have left in the log file, so that a crash cannot bring that back beside what
 * was acknowledged since. (A full disk leaves nothing behind: heartbeats go on.) What always holds: no revision above
 * `reserved` leaves this file, so none is ever given out twice; a key's rows in order of id have ascending revisions.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cp/store/store_sqlite.h"

struct group {
	struct store_sqlite *q;
	uint64_t before, rev; /* newest before the group, and so far */
	int64_t now;
	bool begun;
	uint64_t txns;
	struct err e;
};

static int begin(struct group *g)
{
	if (g->begun)
		return 0;
	int r = store_db_begin(g->q->db, &g->e);
	g->begun = !r;
	return r;
}

static int write_row(struct group *g, const char *key, uint64_t rev, uint64_t create_rev, uint64_t prev_rev,
		     bool deleted, const struct buf *value, int64_t *ret)
{
	struct store_sqlite *q = g->q;
	struct store_row row = {.id = q->next_row,
				.rev = rev,
				.create_rev = create_rev,
				.prev_rev = prev_rev,
				.at = g->now,
				.deleted = deleted,
				.key = key};
	int r = begin(g);
	if (!r)
		r = store_db_insert(q->db, &row, value, &g->e);
	if (r)
		return r;
	q->next_row++;
	*ret = row.id;
	return 0;
}

static int refuse(struct store_txn *t, int r, const char *why, const char *key)
{
	struct err e;
	err_set(&e, r, "%s: %s", key, why);
	store_txn_fail(t, r, &e);
	return r;
}

static bool named_before(const struct store_txn *t, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (!strcmp(t->ops[j].key, t->ops[i].key))
			return true;
	return false;
}

/* Checks every operation before any is done. */
static int check(const struct store_sqlite *q, struct store_txn *t)
{
	for (size_t i = 0; i < t->n; i++) {
		struct store_txn_op *op = &t->ops[i];
		const struct store_key *k = store_index_get(q->index, op->key);
		if (named_before(t, i))
			return refuse(t, -EINVAL, "named twice in one transaction", op->key);
		if (op->type == STORE_PUT && !op->value)
			return refuse(t, -EINVAL, "put without a value", op->key);
		if (op->expect != STORE_ANY && op->expect != (k ? k->rev : STORE_ABSENT))
			return refuse(t, -ESTALE,
				      op->expect == STORE_ABSENT ? "exists"
				      : k                        ? "has changed"
								 : "is gone",
				      op->key);
		op->skipped = op->type == STORE_DELETE && !k;
		op->volatile_ = op->volatile_ && op->type == STORE_PUT && k;
		op->prev_rev = k ? k->rev : 0;
		op->create_rev = k ? k->create_rev : t->rev;
	}
	return 0;
}

static void put_volatile(struct group *g, struct store_txn *t, struct store_txn_op *op)
{
	struct store_key k = *store_index_get(g->q->index, op->key);
	k.rev = t->rev;
	k.held = op->value;
	store_index_put(g->q->index, op->key, &k);
}

static int write_op(struct group *g, struct store_txn *t, struct store_txn_op *op)
{
	struct store_index *x = g->q->index;
	const struct store_key *k = store_index_get(x, op->key);
	int64_t row;
	bool deleted = op->type == STORE_DELETE;
	int r = write_row(g, op->key, t->rev, op->create_rev, op->prev_rev, deleted, op->value, &row);
	if (r)
		return r;
	past_rows_add(&g->q->past, t->rev, row, k ? k->row : 0, op->key);
	if (k)
		store_index_retire(x, k->row, t->rev, g->now);
	if (deleted) {
		store_index_retire(x, row, t->rev, g->now);
		store_index_remove(x, op->key);
	} else {
		struct store_key now = {.rev = t->rev, .create_rev = op->create_rev, .row = row, .row_rev = t->rev};
		store_index_put(x, op->key, &now);
	}
	return 0;
}

/* A transaction is kept in memory only if all of it is volatile: it stays atomic over a crash. */
static int apply(struct group *g, struct store_txn *t)
{
	bool all = true;
	for (size_t i = 0; i < t->n; i++)
		all = all && (t->ops[i].volatile_ || t->ops[i].skipped);
	int r = 0;
	for (size_t i = 0; !r && i < t->n; i++) {
		struct store_txn_op *op = &t->ops[i];
		op->volatile_ = op->volatile_ && all;
		if (op->skipped)
			continue;
		if (op->volatile_)
			put_volatile(g, t, op);
		else
			r = write_op(g, t, op);
	}
	return r;
}

/* Reserves the next block of revisions where this group needs it. Where the group must be written because of what a
 * failed commit left, one more does: a number that does not change would not be written. */
static int reserve(struct group *g, uint64_t *ret_reserved)
{
	struct store_sqlite *q = g->q;
	if (g->rev <= q->reserved && !store_db_uncertain(q->db))
		return 0;
	uint64_t wanted = g->rev > q->reserved ? g->rev + STORE_REVISION_BLOCK : q->reserved + 1;
	int r = begin(g);
	if (!r)
		r = store_db_set(q->db, STORE_RESERVED, wanted, &g->e);
	if (!r)
		*ret_reserved = wanted;
	return r;
}

/* Ends the SQLite transaction and the index's together: both stand, or neither. */
static int finish(struct group *g, int r)
{
	struct store_sqlite *q = g->q;
	uint64_t reserved = q->reserved;
	if (!r)
		r = reserve(g, &reserved);
	if (!r && g->begun)
		r = store_db_commit(q->db, &g->e);
	if (!r || store_db_uncertain(q->db))
		q->last = g->rev;
	if (r) {
		store_db_rollback(q->db);
		store_index_rollback(q->index);
		past_rows_undo(&q->past, g->before);
		return r;
	}
	store_index_commit(q->index);
	q->reserved = reserved;
	return 0;
}

static void count(struct store_sqlite *q, const struct group *g)
{
	__atomic_store_n(&q->stats.txns, q->stats.txns + g->txns, __ATOMIC_RELAXED);
	__atomic_store_n(&q->stats.commits, q->stats.commits + g->begun, __ATOMIC_RELAXED);
	__atomic_store_n(&q->stats.keys, store_index_len(q->index), __ATOMIC_RELAXED);
	__atomic_store_n(&q->stats.bytes_written, store_db_bytes_written(q->db), __ATOMIC_RELAXED);
}

void store_group_commit(struct store_sqlite *q, struct store_txn *first)
{
	struct group g = {.q = q, .before = q->last, .rev = q->last, .now = clock_wall_ms() / 1000};
	int r = 0;
	for (struct store_txn *t = first; !r && t; t = t->next) {
		t->rev = g.rev + 1;
		if (check(q, t))
			continue;
		g.rev++;
		g.txns++;
		r = apply(&g, t);
	}
	r = finish(&g, r);
	if (r) {
		for (struct store_txn *t = first; t; t = t->next)
			store_txn_fail(t, r, &g.e);
		store_db_checkpoint(q->db, 1); /* a full disk: the log may start over in the space it has */
		g.txns = 0;
	}
	count(q, &g);
}

static int write_held(struct group *g, const char *key, const struct store_key *k)
{
	struct store_key now = {.rev = k->rev, .create_rev = k->create_rev, .row_rev = k->rev};
	int r = write_row(g, key, k->rev, k->create_rev, k->row_rev, false, k->held, &now.row);
	if (r)
		return r;
	store_index_retire(g->q->index, k->row, k->rev, g->now);
	store_index_put(g->q->index, key, &now);
	return 0;
}

/* The keys are gathered first: writing changes the index that is walked. */
static int write_all_held(struct group *g)
{
	AUTO_STRV char **keys = NULL;
	size_t at = 0, n = 0, cap = 0;
	const char *key;
	const struct store_key *k;
	while (store_index_next(g->q->index, &at, &key, &k)) {
		if (!k->held)
			continue;
		if (n + 1 >= cap) {
			cap = cap ? cap * 2 : 16;
			keys = xreallocarray(keys, cap, sizeof(*keys));
		}
		keys[n++] = xstrdup(key);
		keys[n] = NULL;
	}
	int r = 0;
	for (size_t i = 0; !r && i < n; i++)
		r = write_held(g, keys[i], store_index_get(g->q->index, keys[i]));
	return r;
}

int store_group_flush(struct store_sqlite *q, struct err *e)
{
	struct group g = {.q = q, .before = q->last, .rev = q->last, .now = clock_wall_ms() / 1000};
	int r = write_all_held(&g);
	if (!r && q->reserved != q->last) {
		r = begin(&g);
		if (!r)
			r = store_db_set(q->db, STORE_RESERVED, q->last, &g.e);
	}
	uint64_t before = q->reserved;
	if (!r)
		q->reserved = q->last;
	r = finish(&g, r);
	if (r) {
		q->reserved = before;
		err_set(e, r, "%s", g.e.text);
	}
	count(q, &g);
	return r;
}

static bool is_expired(const struct store_sqlite *q, size_t i, int64_t now)
{
	const struct store_old_row *o = store_index_old(q->index, i);
	return o && (o->since + q->history_s <= now || store_index_n_old(q->index) - i > STORE_HISTORY_ROWS);
}

int64_t store_group_compact_in_ms(const struct store_sqlite *q)
{
	const struct store_old_row *o = store_index_old(q->index, 0);
	int64_t now = clock_wall_ms() / 1000;
	if (!o)
		return -1;
	if (is_expired(q, STORE_COMPACT_ROWS - 1, now))
		return 0;
	/* A clock that was set back makes nobody wait longer than the window and a minute from now. */
	int64_t wait = MIN(o->since, now) + q->history_s + STORE_COMPACT_LAZY_S - now;
	return wait > 0 ? wait * 1000 : 0;
}

static int delete_expired(struct store_sqlite *q, size_t n, uint64_t *ret_compacted, struct err *e)
{
	uint64_t compacted = store_compacted_revision(&q->s);
	int r = store_db_begin(q->db, e);
	for (size_t i = 0; !r && i < n; i++) {
		const struct store_old_row *o = store_index_old(q->index, i);
		compacted = MAX(compacted, o->rev);
		r = store_db_delete(q->db, o->row, e);
	}
	if (!r)
		r = store_db_set(q->db, STORE_COMPACTED, compacted, e);
	if (!r)
		r = store_db_commit(q->db, e);
	if (r)
		store_db_rollback(q->db);
	else
		*ret_compacted = compacted;
	return r;
}

int store_group_compact(struct store_sqlite *q, bool all, struct err *e)
{
	int64_t now = clock_wall_ms() / 1000;
	size_t n = 0;
	while (n < STORE_COMPACT_ROWS && is_expired(q, n, now))
		n++;
	if (!n || (!all && store_group_compact_in_ms(q) > 0))
		return 0;
	uint64_t compacted;
	int r = delete_expired(q, n, &compacted, e);
	if (r)
		return r;
	__atomic_store_n(&q->s.compacted, compacted, __ATOMIC_RELEASE);
	store_index_drop_old(q->index, n);
	past_rows_drop(&q->past, compacted);
	return (int)n;
}
