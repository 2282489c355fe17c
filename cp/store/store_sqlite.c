/* The embedded store: one SQLite file, one writer thread.
 *
 * Happy path: the loop gathers the transactions of a turn and queues them when the turn is over, because a commit costs
 * as much as a request and a busy loop would otherwise be given one for each; the writer takes all that wait (bounded),
 * commits them as one group, leaves the results in the mailbox and wakes the loop, which calls watcher and done callbacks
 * in order. When nothing waits the writer compacts expired history and moves the log into the database; when there is
 * nothing to do it sleeps. What can fail: opening (-EBUSY, -EUCLEAN ...), and any commit, which its transactions report.
 * What always holds: results leave in the order of their revisions; every queued transaction gets exactly one result. */
#include "cp/store/store_sqlite.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

static void mail_deliver(struct store_mailbox *m)
{
	struct store_txn_queue q;
	store_txn_queue_init(&q);
	pthread_mutex_lock(&m->lock);
	store_txn_queue_join(&q, &m->results);
	pthread_mutex_unlock(&m->lock);
	struct store_txn *t;
	while ((t = store_txn_queue_pop(&q)))
		store_txn_deliver(m->s, t);
}

/* Once the store is closed and nothing that knows it is left in the loop. */
static void mail_release(struct store_mailbox *m)
{
	if (m->s || m->deferred)
		return;
	pthread_mutex_lock(&m->lock);
	bool posted = m->posted;
	pthread_mutex_unlock(&m->lock);
	if (posted)
		return;
	pthread_mutex_destroy(&m->lock);
	free(m);
}

/* On the loop's thread. */
static void on_mail(void *arg)
{
	struct store_mailbox *m = arg;
	pthread_mutex_lock(&m->lock);
	m->posted = false;
	pthread_mutex_unlock(&m->lock);
	if (m->s)
		mail_deliver(m);
	else
		mail_release(m);
}

static void mail_send(struct store_sqlite *q, struct store_txn_queue *results)
{
	struct store_mailbox *m = q->mail;
	pthread_mutex_lock(&m->lock);
	store_txn_queue_join(&m->results, results);
	bool wake = !m->posted;
	m->posted = true;
	pthread_mutex_unlock(&m->lock);
	if (wake)
		loop_post(q->s.loop, on_mail, m);
}

/* Sleeps until something is queued, the store stops, or wait_ms (-1: for ever) have passed. */
static void wait_for_work(struct store_sqlite *q, int64_t wait_ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += wait_ms / 1000 + 1;
	int r = 0;
	while (!q->queue.head && !q->stop && wait_ms != 0 && r != ETIMEDOUT)
		r = wait_ms < 0 ? pthread_cond_wait(&q->queued, &q->queue_lock)
				: pthread_cond_timedwait(&q->queued, &q->queue_lock, &until);
}

/* Between groups; returns how long the next may be waited for. */
static int64_t maintain(struct store_sqlite *q)
{
	struct err e = ERR_INIT;
	pthread_mutex_lock(&q->db_lock);
	int64_t now = clock_mono_ms();
	int r = now >= q->compact_after_ms ? store_group_compact(q, false, &e) : 0;
	store_db_checkpoint(q->db, STORE_CHECKPOINT_PAGES);
	int64_t wait_ms = store_group_compact_in_ms(q);
	pthread_mutex_unlock(&q->db_lock);
	if (r < 0) {
		log_warn("cannot compact the store, trying again later error=%s", err_text(&e));
		q->compact_after_ms = now + STORE_COMPACT_LAZY_S * 1000;
	}
	return wait_ms < 0 ? -1 : MAX(wait_ms, q->compact_after_ms - now);
}

static void *writer(void *arg)
{
	struct store_sqlite *q = arg;
	int64_t wait_ms = 0;
	while (true) {
		struct store_txn_queue group;
		store_txn_queue_init(&group);
		pthread_mutex_lock(&q->queue_lock);
		wait_for_work(q, wait_ms);
		store_txn_queue_take(&q->queue, STORE_GROUP_TXNS, STORE_GROUP_BYTES, &group);
		bool stop = q->stop;
		pthread_mutex_unlock(&q->queue_lock);
		if (group.head) {
			pthread_mutex_lock(&q->db_lock);
			store_group_commit(q, group.head);
			pthread_mutex_unlock(&q->db_lock);
			mail_send(q, &group);
		} else if (stop) {
			return NULL;
		}
		wait_ms = maintain(q);
	}
}

static void hand_over(struct store_sqlite *q)
{
	pthread_mutex_lock(&q->queue_lock);
	store_txn_queue_join(&q->queue, &q->mail->orders);
	pthread_cond_signal(&q->queued);
	pthread_mutex_unlock(&q->queue_lock);
}

/* The turn of the loop is over. */
static void on_turn(void *arg)
{
	struct store_mailbox *m = arg;
	m->deferred = false;
	if (m->s)
		hand_over(CONTAINER_OF(m->s, struct store_sqlite, s));
	else
		mail_release(m);
}

static void sqlite_txn(struct store *s, const struct store_op *ops, size_t n, store_done done, void *arg)
{
	struct store_mailbox *m = CONTAINER_OF(s, struct store_sqlite, s)->mail;
	store_txn_queue_add(&m->orders, store_txn_new(ops, n, done, arg));
	if (m->deferred)
		return;
	m->deferred = true;
	loop_defer(s->loop, on_turn, m);
}

static int sqlite_compact(struct store *s, struct err *e)
{
	struct store_sqlite *q = CONTAINER_OF(s, struct store_sqlite, s);
	int r;
	do {
		pthread_mutex_lock(&q->db_lock);
		r = store_group_compact(q, true, e);
		pthread_mutex_unlock(&q->db_lock);
	} while (r > 0);
	return r;
}

/* The copy holds the volatile states, and its revision is exact. */
static int sqlite_backup(struct store *s, const char *path, struct err *e)
{
	struct store_sqlite *q = CONTAINER_OF(s, struct store_sqlite, s);
	pthread_mutex_lock(&q->db_lock);
	int r = store_group_flush(q, e);
	if (!r)
		r = store_db_backup(q->db, path, e);
	pthread_mutex_unlock(&q->db_lock);
	return r;
}

static void sqlite_get_stats(const struct store *s, struct store_stats *ret)
{
	const struct store_sqlite *q = CONTAINER_OF(s, const struct store_sqlite, s);
	ret->txns = __atomic_load_n(&q->stats.txns, __ATOMIC_RELAXED);
	ret->commits = __atomic_load_n(&q->stats.commits, __ATOMIC_RELAXED);
	ret->bytes_written = __atomic_load_n(&q->stats.bytes_written, __ATOMIC_RELAXED);
	ret->keys = __atomic_load_n(&q->stats.keys, __ATOMIC_RELAXED);
}

static void sqlite_free(struct store_sqlite *q)
{
	store_db_close(q->db);
	store_index_free(q->index);
	past_rows_free(&q->past);
	pthread_mutex_destroy(&q->queue_lock);
	pthread_mutex_destroy(&q->db_lock);
	pthread_cond_destroy(&q->queued);
	if (q->mail) {
		q->mail->s = NULL;
		mail_release(q->mail);
	}
	free(q);
}

/* Whatever the last callbacks queued after the writer ended gets its one result here. */
static void cancel_rest(struct store_sqlite *q)
{
	struct err e;
	err_set(&e, -ESHUTDOWN, "the store is closed");
	struct store_txn *t;
	while ((t = store_txn_queue_pop(&q->mail->orders))) {
		store_txn_fail(t, e.code, &e);
		store_txn_deliver(&q->s, t);
	}
}

static void sqlite_close(struct store *s)
{
	struct store_sqlite *q = CONTAINER_OF(s, struct store_sqlite, s);
	hand_over(q);
	pthread_mutex_lock(&q->queue_lock);
	q->stop = true;
	pthread_cond_signal(&q->queued);
	pthread_mutex_unlock(&q->queue_lock);
	pthread_join(q->thread, NULL);
	mail_deliver(q->mail);
	cancel_rest(q);
	struct err e = ERR_INIT;
	if (store_group_flush(q, &e))
		log_warn("cannot write the last volatile states, ignoring error=%s", err_text(&e));
	sqlite_free(q);
}

static const struct store_driver driver = {
    .close = sqlite_close,
    .load = store_replay_load,
    .past = store_replay_past,
    .txn = sqlite_txn,
    .compact = sqlite_compact,
    .backup = sqlite_backup,
    .get_stats = sqlite_get_stats,
};

static struct store_sqlite *sqlite_new(struct loop *l, int history_s)
{
	struct store_sqlite *q = xcalloc(1, sizeof(*q));
	q->s.driver = &driver;
	q->s.loop = l;
	q->history_s = history_s ? MAX(history_s, 0) : STORE_HISTORY_S;
	/* Whoever opens it wants to read first. */
	q->compact_after_ms = clock_mono_ms() + STORE_COMPACT_LAZY_S * 1000;
	q->index = store_index_new();
	store_txn_queue_init(&q->queue);
	pthread_mutex_init(&q->queue_lock, NULL);
	pthread_mutex_init(&q->db_lock, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->queued, &attr);
	pthread_condattr_destroy(&attr);
	q->mail = xcalloc(1, sizeof(*q->mail));
	pthread_mutex_init(&q->mail->lock, NULL);
	store_txn_queue_init(&q->mail->results);
	store_txn_queue_init(&q->mail->orders);
	q->mail->s = &q->s;
	return q;
}

/* Signals are the loop's: the writer has all of them blocked. */
static int start_writer(struct store_sqlite *q, struct err *e)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = -pthread_create(&q->thread, NULL, writer, q);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r ? err_code(e, r, "store writer thread") : 0;
}

int store_open_sqlite(struct loop *l, const char *path, int history_s, struct store **ret, struct err *e)
{
	struct store_sqlite *q = sqlite_new(l, history_s);
	int r = store_db_open(path, &q->db, e);
	if (!r && (r = store_replay_open(q, e)))
		err_wrap(e, r, "%s", path);
	if (!r)
		r = start_writer(q, e);
	if (r) {
		sqlite_free(q);
		return r;
	}
	*ret = &q->s;
	return 0;
}

int store_sqlite_skip(const char *path, uint64_t by, struct err *e)
{
	struct store_db *d = NULL;
	uint64_t reserved = 0;
	int r = store_db_open(path, &d, e);
	if (r)
		return r;
	r = store_db_get(d, STORE_RESERVED, 1, &reserved, e);
	if (!r)
		r = store_db_begin(d, e);
	if (!r)
		r = store_db_set(d, STORE_RESERVED, reserved + by, e);
	if (!r)
		r = store_db_set(d, STORE_COMPACTED, reserved + by, e);
	if (!r)
		r = store_db_commit(d, e);
	store_db_close(d);
	return r;
}
