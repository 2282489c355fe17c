/* Reading the log: into the index when the store opens, as events for the cache.
 *
 * Happy path: one scan in the order of writing; the last row of a key is its state, each earlier one is superseded at
 * the time of its successor. The states are told then; of changes it is only noted where their rows are, until somebody
 * asks for them. What can fail: reading, and rows that make no sense (-EUCLEAN). What always
 * holds: nothing is written here; the row that a kept change replaced is kept as well. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cp/store/store_sqlite.h"

struct opening {
	struct store_sqlite *q;
	int64_t now, last_since;
	uint64_t newest, compacted;
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
	if (row->rev > o->compacted)
		past_rows_add(&o->q->past, row->rev, row->id, k ? k->row : 0, row->key);
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
	q->next_row = 1;
	int r = store_db_get(q->db, STORE_RESERVED, 1, &q->reserved, e);
	if (!r)
		r = store_db_get(q->db, STORE_COMPACTED, 0, &o.compacted, e);
	if (r)
		return r;
	store_db_read_ahead(q->db, true);
	r = store_db_scan(q->db, index_row, &o, e); /* the load goes on reading */
	if (r)
		return r;
	past_rows_sort(&q->past);
	if (o.newest > q->reserved || q->reserved > INT64_MAX)
		return err_set(e, -EUCLEAN, "revision %llu is above the reserved %llu", (unsigned long long)o.newest,
			       (unsigned long long)q->reserved);
	q->s.revision = q->last = q->opened = q->reserved;
	q->s.compacted = o.compacted;
	q->stats.keys = store_index_len(q->index);
	return 0;
}

/* A row as it is told; borrows the key and the value. */
static int event_of(const struct store_row *row, struct buf *value, struct store_event *ret, struct err *e)
{
	if (!row->deleted && !value)
		return err_set(e, -EUCLEAN, "store: row %lld has no value", (long long)row->id);
	*ret = (struct store_event){.type = row->deleted ? STORE_DELETE : STORE_PUT,
				    .key = row->key,
				    .value = value,
				    .rev = row->rev,
				    .create_rev = row->create_rev,
				    .prev_rev = row->prev_rev};
	return 0;
}

/* key and value own what the event borrows. */
static int read_event(struct store_sqlite *q, int64_t id, struct store_event *ret, char **ret_key, struct buf **ret_value,
		      struct err *e)
{
	struct store_row row;
	int r = store_db_read(q->db, id, &row, ret_key, ret_value, e);
	if (r)
		return r == -ENOENT ? -EUCLEAN : r;
	return event_of(&row, *ret_value, ret, e);
}

static int compare_rows(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

/* In the order of the file, which a disk likes. */
static int64_t *rows_of_states(const struct store_index *x, size_t *ret_n)
{
	int64_t *v = xcalloc(store_index_len(x) + 1, sizeof(*v));
	size_t n = 0, at = 0;
	const char *key;
	const struct store_key *k;
	while (store_index_next(x, &at, &key, &k))
		v[n++] = k->row;
	qsort(v, n, sizeof(*v), compare_rows);
	*ret_n = n;
	return v;
}

struct telling {
	store_watch fn;
	void *arg;
	struct err *e;
};

static int tell_state(void *arg, const struct store_row *row, struct buf *value)
{
	const struct telling *t = arg;
	struct store_event ev;
	int r = event_of(row, value, &ev, t->e);
	if (r)
		return r;
	ev.state = true;
	t->fn(t->arg, &ev);
	return 0;
}

int store_replay_load(struct store *s, store_watch fn, void *arg, uint64_t *ret_from, struct err *e)
{
	struct store_sqlite *q = CONTAINER_OF(s, struct store_sqlite, s);
	pthread_mutex_lock(&q->db_lock);
	size_t n;
	AUTO_FREE int64_t *rows = rows_of_states(q->index, &n);
	store_db_read_ahead(q->db, true);
	int r = store_db_read_rows(q->db, rows, n, tell_state, &(struct telling){fn, arg, e}, e);
	store_db_read_ahead(q->db, false);
	if (r == -ENOENT)
		r = -EUCLEAN;
	*ret_from = q->opened;
	pthread_mutex_unlock(&q->db_lock);
	return r;
}

/* The state that a change replaced; -ENOENT where there was none or it was not written. */
static int read_before(struct store_sqlite *q, int64_t row, uint64_t rev, struct store_event *ret, char **ret_key,
		       struct buf **ret_value, struct err *e)
{
	int r = row && rev ? read_event(q, row, ret, ret_key, ret_value, e) : -ENOENT;
	return !r && ret->rev != rev ? -ENOENT : r;
}

struct recall {
	const char *prefix;
	store_past_fn fn;
	void *arg;
};

/* Returns 1 when the caller has heard enough. */
static int tell_change(struct store_sqlite *q, const struct past_row *row, const struct recall *c, struct err *e)
{
	struct store_event ev, before;
	AUTO_FREE char *key = NULL, *before_key = NULL;
	AUTO_BUF *value = NULL, *before_value = NULL;
	int r = read_event(q, row->row, &ev, &key, &value, e);
	if (r || !str_has_prefix(key, c->prefix))
		return r;
	int p = read_before(q, row->before, ev.prev_rev, &before, &before_key, &before_value, e);
	if (p && p != -ENOENT)
		return p;
	return !c->fn(c->arg, &ev, p ? NULL : &before);
}

static int tell_changes(struct store_sqlite *q, const struct recall *c, uint64_t after, uint64_t until, struct err *e)
{
	uint32_t part = past_rows_part(c->prefix);
	size_t from = past_rows_after(&q->past, after);
	int r = 0;
	for (size_t i = past_rows_after(&q->past, until); !r && i-- > from;)
		if (!part || part == q->past.v[i].part)
			r = tell_change(q, &q->past.v[i], c, e);
	return MIN(r, 0);
}

int store_replay_past(struct store *s, const char *prefix, uint64_t after, uint64_t until, store_past_fn fn, void *arg,
		      struct err *e)
{
	struct store_sqlite *q = CONTAINER_OF(s, struct store_sqlite, s);
	int r;
	pthread_mutex_lock(&q->db_lock);
	uint64_t kept = MAX(q->s.compacted, q->past.from);
	if (after < kept)
		r = err_set(e, -EOVERFLOW, "the changes from revision %llu to %llu are not kept: compacted to %llu",
			    (unsigned long long)after, (unsigned long long)until, (unsigned long long)kept);
	else
		r = tell_changes(q, &(struct recall){prefix, fn, arg}, after, until, e);
	pthread_mutex_unlock(&q->db_lock);
	return r;
}
