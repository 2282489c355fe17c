/* The embedded store: one writer thread commits what is queued in groups, each group one fsync.
 *
 * Happy path: store_txn() copies the operations into the queue; the writer takes the whole queue, checks preconditions
 * against its index of keys, gives each transaction a revision, commits once, and posts the results to the loop, where
 * watchers hear of every change before the transaction's own caller does. What can fail: the disk; then every transaction
 * of the group gets the error and the index is as before. What always holds: revisions only grow, also over a crash,
 * because blocks of them are reserved on disk before heartbeats, which are not written, use them. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "cp/store/store_db.h"
#include "cp/store/store_driver.h"
#include "cp/store/store_index.h"

enum { GROUP_MAX = 1024, RESERVE = 10000, CHECKPOINT_PAGES = 1000, IDLE_S = 60, COMPACT_ROWS = 2000, COMPACT_INLINE = 64 };

struct txn {
	struct list link;
	size_t n;
	struct store_op *ops; /* keys and values owned */
	struct store_event *events;
	store_done done;
	void *arg;
	int r;
	uint64_t rev;
	struct err err;
};

/* Posted to the loop; outlives the store when the loop is slower. */
struct courier {
	struct sqlite_store *s;
};

struct sqlite_store {
	struct store base;
	struct store_db *db;
	struct store_index *index;
	int history_s;
	pthread_t thread;
	pthread_mutex_t lock;    /* queue, finished, stop, posted */
	pthread_mutex_t db_lock; /* db, index, next_rev: the writer's but for compact and backup */
	pthread_cond_t wake;
	struct list queue, finished;
	bool stop;
	struct courier *posted; /* on its way to the loop; NULL: none */
	uint64_t next_rev, reserved;
	int64_t next_row;
	struct store_stats stats;
};

static struct sqlite_store *of(const struct store *s)
{
	return CONTAINER_OF(s, struct sqlite_store, base);
}

static void txn_free(struct txn *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free((char *)t->ops[i].key);
		buf_unref(t->ops[i].value);
	}
	free(t->ops);
	free(t->events);
	free(t);
}

/* ---- on the loop's thread ---- */

static void deliver_txn(struct sqlite_store *s, struct txn *t)
{
	for (size_t i = 0; t->r == 0 && i < t->n; i++) {
		s->base.revision = t->rev;
		if (s->base.watch)
			s->base.watch(s->base.watch_arg, &t->events[i]);
	}
	if (t->done)
		t->done(t->arg, t->r, t->rev, t->r < 0 ? &t->err : NULL);
	txn_free(t);
}

static void deliver(struct sqlite_store *s)
{
	struct list batch;
	list_init(&batch);
	pthread_mutex_lock(&s->lock);
	while (!list_is_empty(&s->finished)) {
		struct list *l = s->finished.next;
		list_remove(l);
		list_add(&batch, l);
	}
	s->posted = NULL;
	pthread_mutex_unlock(&s->lock);
	LIST_FOR_EACH(t, &batch, struct txn, link)
		deliver_txn(s, t);
}

static void on_posted(void *arg)
{
	struct courier *c = arg;
	struct sqlite_store *s = c->s;
	free(c);
	if (s)
		deliver(s);
}

static void sqlite_txn(struct store *base, const struct store_op *ops, size_t n, store_done done, void *arg)
{
	struct sqlite_store *s = of(base);
	struct txn *t = xcalloc(1, sizeof(*t));
	t->n = n;
	t->ops = xcalloc(n, sizeof(*ops));
	t->events = xcalloc(n, sizeof(*t->events));
	t->done = done;
	t->arg = arg;
	for (size_t i = 0; i < n; i++) {
		t->ops[i] = ops[i];
		t->ops[i].key = xstrdup(ops[i].key);
		if (ops[i].value)
			buf_ref(ops[i].value);
	}
	pthread_mutex_lock(&s->lock);
	list_add(&s->queue, &t->link);
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
}

/* ---- on the writer's thread ---- */

static int check(struct sqlite_store *s, struct txn *t)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct store_op *op = &t->ops[i];
		const struct store_key *k = store_index_get(s->index, op->key);
		uint64_t now = k ? k->rev : STORE_ABSENT;
		if ((op->expect != STORE_ANY && op->expect != now) || (op->type == STORE_DELETE && !k))
			return err_set(&t->err, -ESTALE, "%s is at revision %llu", op->key, (unsigned long long)now);
	}
	return 0;
}

/* Begins the group's database transaction at its first need. */
static int begin(struct sqlite_store *s, bool *begun, struct err *e)
{
	int r = *begun ? 0 : store_db_begin(s->db, e);
	*begun |= r == 0;
	return r;
}

static int apply_delete(struct sqlite_store *s, const struct store_event *ev, const struct store_key *k, int64_t now, struct err *e)
{
	struct store_row row = { .id = s->next_row, .rev = ev->rev, .create_rev = ev->create_rev, .prev_rev = ev->prev_rev, .at = now,
				 .deleted = true, .key = ev->key };
	int r = store_db_insert(s->db, &row, ev->value, e);
	if (r < 0)
		return r;
	s->next_row++;
	if (k->row)
		store_index_retire(s->index, k->row, k->row_rev, now);
	store_index_retire(s->index, row.id, row.rev, now);
	store_index_remove(s->index, ev->key);
	return 0;
}

static int apply_put(struct sqlite_store *s, const struct store_event *ev, const struct store_key *k, int64_t now, struct err *e)
{
	struct store_key next = { .rev = ev->rev, .create_rev = ev->create_rev };
	if (ev->volatile_ && k) {
		next.row = k->row;
		next.row_rev = k->row_rev;
		next.held = ev->value;
	} else {
		struct store_row row = { .id = s->next_row, .rev = ev->rev, .create_rev = ev->create_rev, .prev_rev = ev->prev_rev,
					 .at = now, .key = ev->key };
		int r = store_db_insert(s->db, &row, ev->value, e);
		if (r < 0)
			return r;
		if (k && k->row)
			store_index_retire(s->index, k->row, k->row_rev, now);
		next.row = s->next_row++;
		next.row_rev = ev->rev;
	}
	store_index_put(s->index, ev->key, &next);
	return 0;
}

static int apply(struct sqlite_store *s, struct txn *t, bool *begun, int64_t now, struct err *e)
{
	t->rev = s->next_rev;
	for (size_t i = 0; i < t->n; i++) {
		const struct store_op *op = &t->ops[i];
		const struct store_key *k = store_index_get(s->index, op->key);
		/* A new key is always written: nothing on disk would know of it. */
		bool memory_only = op->volatile_ && op->type == STORE_PUT && k;
		t->events[i] = (struct store_event){ .type = op->type, .key = op->key, .value = op->value, .rev = t->rev,
						     .create_rev = k ? k->create_rev : t->rev, .prev_rev = k ? k->rev : 0,
						     .volatile_ = memory_only };
		int r = memory_only && t->rev <= s->reserved ? 0 : begin(s, begun, e);
		if (r == 0)
			r = op->type == STORE_PUT ? apply_put(s, &t->events[i], k, now, e) : apply_delete(s, &t->events[i], k, now, e);
		if (r < 0)
			return r;
		s->stats.bytes_written += memory_only || !op->value ? 0 : op->value->len;
	}
	s->next_rev++;
	return 0;
}

/* Keeps the reserved block ahead of what was given out. */
static int reserve(struct sqlite_store *s, bool *begun, uint64_t *ret, struct err *e)
{
	*ret = s->reserved;
	if (s->next_rev <= s->reserved)
		return 0;
	int r = begin(s, begun, e);
	if (r == 0)
		r = store_db_set(s->db, STORE_RESERVED, s->next_rev + RESERVE, e);
	if (r == 0)
		*ret = s->next_rev + RESERVE;
	return r;
}

/* Deletes rows whose history window has passed, at most max of them; a transaction must be open. */
static int drop_old(struct sqlite_store *s, size_t max, int64_t now, size_t *ret_n, struct err *e)
{
	uint64_t compacted = __atomic_load_n(&s->base.compacted, __ATOMIC_ACQUIRE);
	size_t n = 0;
	int r = 0;
	for (; r == 0 && n < max; n++) {
		const struct store_old_row *old = store_index_old(s->index, n);
		if (!old || old->since > now - s->history_s)
			break;
		r = store_db_delete(s->db, old->row, e);
		compacted = MAX(compacted, old->rev);
	}
	if (r == 0 && n)
		r = store_db_set(s->db, STORE_COMPACTED, compacted, e);
	*ret_n = n;
	return r;
}

static void dropped(struct sqlite_store *s, size_t n)
{
	uint64_t compacted = s->base.compacted;
	for (size_t i = 0; i < n; i++)
		compacted = MAX(compacted, store_index_old(s->index, i)->rev);
	__atomic_store_n(&s->base.compacted, compacted, __ATOMIC_RELEASE);
	store_index_drop_old(s->index, n);
}

/* Applies and commits the group; on failure every transaction in it that had passed gets the error. */
static void commit_group(struct sqlite_store *s, struct list *group)
{
	uint64_t first_rev = s->next_rev, reserved = s->reserved;
	int64_t first_row = s->next_row, now = clock_wall_ms() / 1000;
	struct err e = ERR_INIT;
	bool begun = false;
	size_t old = 0, n_old = store_index_n_old(s->index);
	int r = 0;
	LIST_FOR_EACH(t, group, struct txn, link) {
		t->r = r < 0 ? 0 : check(s, t);
		if (r == 0 && t->r == 0)
			r = apply(s, t, &begun, now, &e);
	}
	if (r == 0)
		r = reserve(s, &begun, &reserved, &e);
	if (r == 0 && begun && n_old >= COMPACT_INLINE)
		r = drop_old(s, COMPACT_ROWS, now, &old, &e);
	if (r == 0 && begun)
		r = store_db_commit(s->db, &e);
	if (r < 0) {
		store_db_rollback(s->db);
		store_index_rollback(s->index);
		s->next_rev = first_rev;
		s->next_row = first_row;
		LIST_FOR_EACH(t, group, struct txn, link)
			if (t->r == 0) {
				t->r = r;
				t->err = e;
			}
		return;
	}
	s->reserved = reserved;
	store_index_commit(s->index);
	dropped(s, old);
	s->stats.commits += begun;
	if (begun)
		store_db_checkpoint(s->db, CHECKPOINT_PAGES);
}

/* Room in the file for later rows; nothing to tell anybody. */
static void compact_idle(struct sqlite_store *s)
{
	int64_t now = clock_wall_ms() / 1000;
	const struct store_old_row *first = store_index_old(s->index, 0);
	size_t n = 0;
	if (!first || first->since > now - s->history_s || store_db_begin(s->db, NULL) < 0)
		return;
	if (drop_old(s, COMPACT_ROWS, now, &n, NULL) < 0 || store_db_commit(s->db, NULL) < 0)
		store_db_rollback(s->db);
	else
		dropped(s, n);
	store_db_checkpoint(s->db, 1);
}

/* Waits for work; false when it was only the idle minute. Called and left with the lock held. */
static bool wait_for_work(struct sqlite_store *s)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += IDLE_S;
	while (list_is_empty(&s->queue) && !s->stop) {
		if (store_index_n_old(s->index) == 0)
			pthread_cond_wait(&s->wake, &s->lock);
		else if (pthread_cond_timedwait(&s->wake, &s->lock, &until) == ETIMEDOUT)
			return false;
	}
	return true;
}

static void post(struct sqlite_store *s, struct list *group)
{
	struct courier *c = NULL;
	pthread_mutex_lock(&s->lock);
	while (!list_is_empty(group)) {
		struct list *l = group->next;
		list_remove(l);
		list_add(&s->finished, l);
	}
	if (!s->posted) {
		c = xcalloc(1, sizeof(*c));
		c->s = s;
		s->posted = c;
	}
	pthread_mutex_unlock(&s->lock);
	if (c)
		loop_post(s->base.loop, on_posted, c);
}

static size_t take_group(struct sqlite_store *s, struct list *group)
{
	size_t n = 0;
	for (; n < GROUP_MAX && !list_is_empty(&s->queue); n++) {
		struct list *l = s->queue.next;
		list_remove(l);
		list_add(group, l);
	}
	return n;
}

static void *writer(void *arg)
{
	struct sqlite_store *s = arg;
	for (;;) {
		struct list group;
		list_init(&group);
		pthread_mutex_lock(&s->lock);
		bool work = wait_for_work(s);
		bool over = s->stop && list_is_empty(&s->queue);
		size_t n = take_group(s, &group);
		pthread_mutex_unlock(&s->lock);
		if (over)
			return NULL;
		pthread_mutex_lock(&s->db_lock);
		s->stats.txns += n;
		if (work)
			commit_group(s, &group);
		else
			compact_idle(s);
		pthread_mutex_unlock(&s->db_lock);
		if (n)
			post(s, &group);
	}
}

/* ---- opening and closing ---- */

static int index_row(void *arg, const struct store_row *row)
{
	struct sqlite_store *s = arg;
	const struct store_key *k = store_index_get(s->index, row->key);
	if (k)
		store_index_retire(s->index, k->row, k->row_rev, row->at);
	if (row->deleted) {
		store_index_retire(s->index, row->id, row->rev, row->at);
		if (k)
			store_index_remove(s->index, row->key);
	} else {
		struct store_key next = { .rev = row->rev, .create_rev = row->create_rev, .row = row->id, .row_rev = row->rev };
		store_index_put(s->index, row->key, &next);
	}
	s->next_row = row->id + 1;
	s->next_rev = MAX(s->next_rev, row->rev + 1);
	return 0;
}

static int read_state(struct sqlite_store *s, struct err *e)
{
	uint64_t compacted = 0;
	int r = store_db_scan(s->db, index_row, s, e);
	store_index_commit(s->index);
	if (r == 0)
		r = store_db_get(s->db, STORE_RESERVED, 0, &s->reserved, e);
	if (r == 0)
		r = store_db_get(s->db, STORE_COMPACTED, 0, &compacted, e);
	/* Anything up to the reserved revision may have been seen by somebody. */
	s->next_rev = MAX(s->next_rev, s->reserved + 1);
	s->base.compacted = compacted;
	s->base.revision = s->next_rev - 1;
	return r;
}

/* Heartbeats that are only in memory become rows, as if they had been written. */
static void write_held(struct sqlite_store *s)
{
	size_t at = 0;
	const char *key;
	const struct store_key *k;
	int r = store_db_begin(s->db, NULL);
	while (r == 0 && store_index_next(s->index, &at, &key, &k)) {
		struct store_row row = { .id = s->next_row, .rev = k->rev, .create_rev = k->create_rev, .prev_rev = k->row_rev,
					 .at = clock_wall_ms() / 1000, .key = key };
		if (!k->held)
			continue;
		r = store_db_insert(s->db, &row, k->held, NULL);
		s->next_row++;
	}
	if (r == 0)
		r = store_db_set(s->db, STORE_RESERVED, s->next_rev - 1, NULL);
	if (r < 0 || store_db_commit(s->db, NULL) < 0)
		store_db_rollback(s->db); /* ignoring: a heartbeat may be lost */
}

static void sqlite_close(struct store *base)
{
	struct sqlite_store *s = of(base);
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	if (s->posted)
		s->posted->s = NULL;
	deliver(s);
	write_held(s);
	store_db_checkpoint(s->db, 1);
	store_db_close(s->db);
	store_index_free(s->index);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->db_lock);
	pthread_cond_destroy(&s->wake);
	free(s);
}

/* ---- reading ---- */

struct replay {
	struct sqlite_store *s;
	store_watch fn;
	void *arg;
	int64_t *rows;
	size_t n, cap;
};

static int note_row(void *arg, const struct store_row *row)
{
	struct replay *p = arg;
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 1024;
		p->rows = xreallocarray(p->rows, p->cap, sizeof(*p->rows));
	}
	p->rows[p->n++] = row->id;
	return 0;
}

static int replay_row(struct replay *p, int64_t id, struct err *e)
{
	struct store_row row;
	AUTO_FREE char *key = NULL;
	AUTO_BUF *value = NULL;
	int r = store_db_read(p->s->db, id, &row, &key, &value, e);
	if (r < 0)
		return r;
	struct store_event ev = { .type = row.deleted ? STORE_DELETE : STORE_PUT, .key = key, .value = value, .rev = row.rev,
				  .create_rev = row.create_rev, .prev_rev = row.prev_rev };
	p->fn(p->arg, &ev);
	return 0;
}

static int sqlite_load_history(struct store *base, store_watch fn, void *arg, struct err *e)
{
	struct replay p = { .s = of(base), .fn = fn, .arg = arg };
	pthread_mutex_lock(&p.s->db_lock);
	int r = store_db_scan(p.s->db, note_row, &p, e);
	for (size_t i = 0; r == 0 && i < p.n; i++)
		r = replay_row(&p, p.rows[i], e);
	pthread_mutex_unlock(&p.s->db_lock);
	free(p.rows);
	return r;
}

struct key_row {
	const char *key;
	int64_t row;
};

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct key_row *)a)->key, ((const struct key_row *)b)->key);
}

static int sqlite_load(struct store *base, store_watch fn, void *arg, struct err *e)
{
	struct replay p = { .s = of(base), .fn = fn, .arg = arg };
	pthread_mutex_lock(&p.s->db_lock);
	size_t n = 0, at = 0;
	AUTO_FREE struct key_row *keys = xcalloc(store_index_len(p.s->index), sizeof(*keys));
	const struct store_key *k;
	while (store_index_next(p.s->index, &at, &keys[n].key, &k))
		keys[n++].row = k->row;
	qsort(keys, n, sizeof(*keys), by_key);
	int r = 0;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = replay_row(&p, keys[i].row, e);
	pthread_mutex_unlock(&p.s->db_lock);
	return r;
}

static int sqlite_compact(struct store *base, struct err *e)
{
	struct sqlite_store *s = of(base);
	size_t n = 0;
	pthread_mutex_lock(&s->db_lock);
	int r = store_db_begin(s->db, e);
	if (r == 0)
		r = drop_old(s, SIZE_MAX, clock_wall_ms() / 1000, &n, e);
	if (r == 0)
		r = store_db_commit(s->db, e);
	if (r == 0)
		dropped(s, n);
	else
		store_db_rollback(s->db);
	pthread_mutex_unlock(&s->db_lock);
	return r;
}

static int sqlite_backup(struct store *base, const char *path, struct err *e)
{
	struct sqlite_store *s = of(base);
	pthread_mutex_lock(&s->db_lock);
	int r = store_db_backup(s->db, path, e);
	pthread_mutex_unlock(&s->db_lock);
	return r;
}

static void sqlite_get_stats(const struct store *base, struct store_stats *ret)
{
	struct sqlite_store *s = of(base);
	pthread_mutex_lock(&s->db_lock);
	*ret = s->stats;
	ret->keys = store_index_len(s->index);
	pthread_mutex_unlock(&s->db_lock);
}

static const struct store_driver driver = { sqlite_close, sqlite_load, sqlite_load_history, sqlite_txn, sqlite_compact, sqlite_backup, sqlite_get_stats };

static int start_writer(struct sqlite_store *s, struct err *e)
{
	sigset_t all, before;
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->db_lock, NULL);
	pthread_cond_init(&s->wake, &attr);
	pthread_condattr_destroy(&attr);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&s->thread, NULL, writer, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r ? err_code(e, -r, "start the store's writer") : 0;
}

int store_open_sqlite(struct loop *l, const char *path, int history_s, struct store **ret, struct err *e)
{
	struct sqlite_store *s = xcalloc(1, sizeof(*s));
	s->base.driver = &driver;
	s->base.loop = l;
	s->history_s = history_s > 0 ? history_s : 300;
	s->next_rev = s->next_row = 1;
	s->index = store_index_new();
	list_init(&s->queue);
	list_init(&s->finished);
	int r = store_db_open(path, &s->db, e);
	if (r == 0)
		r = read_state(s, e);
	if (r == 0)
		r = start_writer(s, e);
	if (r < 0) {
		store_db_close(s->db);
		store_index_free(s->index);
		free(s);
		return r;
	}
	*ret = &s->base;
	return 0;
}
