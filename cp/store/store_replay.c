/* Reading the log: into the index when the store opens, as events for the cache.
 *
 * Happy path: one scan in the order of writing; the last row of a key is its state, each earlier one is superseded at
 * the time of its successor. What can fail: reading, and rows that make no sense (-EUCLEAN). What always holds: nothing
 * is written here. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cp/store/store_sqlite.h"

struct opening {
	struct store_sqlite *q;
	int64_t now, last_since;
	uint64_t newest;
};

static int index_row(void *arg, const struct store_row *row)
{
	struct opening *o = arg;
	struct store_index *x = o->q->index;
	const struct store_key *k = store_index_get(x, row->key);
	/* Clocks jump: the queue of old rows stays in order of time and never waits for the future. */
	int64_t since = o->last_since = MAX(MIN(row->at, o->now), o->last_since);
	o->q->next_row = row->id + 1;
	o->newest = MAX(o->newest, row->rev);
	if (k)
		store_index_retire(x, k->row, row->rev, since);
	if (row->deleted) {
		store_index_retire(x, row->id, row->rev, since);
		store_index_remove(x, row->key);
	} else {
		struct store_key now = {
		    .rev = row->rev, .create_rev = row->create_rev, .row = row->id, .row_rev = row->rev};
		store_index_put(x, row->key, &now);
	}
	store_index_commit(x);
	return 0;
}

int store_replay_open(struct store_sqlite *q, struct err *e)
{
	struct opening o = {.q = q, .now = clock_wall_ms() / 1000};
	uint64_t compacted = 0;
	q->next_row = 1;
	store_db_read_ahead(q->db, true);
	int r = store_db_scan(q->db, index_row, &o, e);
	store_db_read_ahead(q->db, false);
	if (!r)
		r = store_db_get(q->db, STORE_RESERVED, 1, &q->reserved, e);
	if (!r)
		r = store_db_get(q->db, STORE_COMPACTED, 0, &compacted, e);
	if (r)
		return r;
	if (o.newest > q->reserved || q->reserved > INT64_MAX)
		return err_set(e, -EUCLEAN, "revision %llu is above the reserved %llu", (unsigned long long)o.newest,
			       (unsigned long long)q->reserved);
	q->s.revision = q->last = q->reserved;
	q->s.compacted = compacted;
	q->stats.keys = store_index_len(q->index);
	return 0;
}

static int emit(struct store_sqlite *q, int64_t id, store_watch fn, void *arg, struct err *e)
{
	struct store_row row;
	AUTO_FREE char *key = NULL;
	AUTO_BUF *value = NULL;
	int r = store_db_read(q->db, id, &row, &key, &value, e);
	if (r)
		return r == -ENOENT ? -EUCLEAN : r;
	if (!row.deleted && !value)
		return err_set(e, -EUCLEAN, "store: row %lld has no value", (long long)id);
	struct store_event ev = {.type = row.deleted ? STORE_DELETE : STORE_PUT,
				 .key = row.key,
				 .value = value,
				 .rev = row.rev,
				 .create_rev = row.create_rev,
				 .prev_rev = row.prev_rev};
	fn(arg, &ev);
	return 0;
}

struct sorted_key {
	const char *key;
	int64_t row;
};

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct sorted_key *)a)->key, ((const struct sorted_key *)b)->key);
}

int store_replay_load(struct store *s, store_watch fn, void *arg, struct err *e)
{
	struct store_sqlite *q = CONTAINER_OF(s, struct store_sqlite, s);
	pthread_mutex_lock(&q->db_lock);
	size_t n = 0, at = 0;
	AUTO_FREE struct sorted_key *v = xcalloc(store_index_len(q->index) + 1, sizeof(*v));
	const struct store_key *k;
	while (store_index_next(q->index, &at, &v[n].key, &k))
		v[n++].row = k->row;
	qsort(v, n, sizeof(*v), compare_keys);
	int r = 0;
	store_db_read_ahead(q->db, true);
	for (size_t i = 0; !r && i < n; i++)
		r = emit(q, v[i].row, fn, arg, e);
	store_db_read_ahead(q->db, false);
	pthread_mutex_unlock(&q->db_lock);
	return r;
}

struct history {
	struct past {
		uint64_t rev;
		int64_t row;
	} * v;
	size_t n, cap;
};

static int gather(void *arg, const struct store_row *row)
{
	struct history *h = arg;
	if (h->n == h->cap) {
		h->cap = h->cap ? h->cap * 2 : 256;
		h->v = xreallocarray(h->v, h->cap, sizeof(*h->v));
	}
	h->v[h->n++] = (struct past){row->rev, row->id};
	return 0;
}

/* By revision: states that were volatile are written late. */
static int compare_past(const void *a, const void *b)
{
	const struct past *x = a, *y = b;
	if (x->rev != y->rev)
		return x->rev < y->rev ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

int store_replay_history(struct store *s, store_watch fn, void *arg, struct err *e)
{
	struct store_sqlite *q = CONTAINER_OF(s, struct store_sqlite, s);
	struct history h = {0};
	pthread_mutex_lock(&q->db_lock);
	store_db_read_ahead(q->db, true);
	int r = store_db_scan(q->db, gather, &h, e);
	if (h.n)
		qsort(h.v, h.n, sizeof(*h.v), compare_past);
	for (size_t i = 0; !r && i < h.n; i++)
		r = emit(q, h.v[i].row, fn, arg, e);
	store_db_read_ahead(q->db, false);
	pthread_mutex_unlock(&q->db_lock);
	free(h.v);
	return r;
}
