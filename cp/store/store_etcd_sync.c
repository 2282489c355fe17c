/* How far the others are, and compaction.
 *
 * Happy path of a sync: the cluster is asked for its revision (all that wait share one question); when the watch has
 * told that revision, it is done. The revision may belong to a key that is not ours: when nothing comes for a moment, a
 * key of our own is written, and its change comes. Happy path of a compaction: every few minutes the servers take turns
 * by the version of one key, and history older than the turn before is dropped. What can fail: the cluster: syncs are
 * told so, a compaction waits for the next turn. What always holds: whoever waits for a revision gets it, or an error.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cp/store/store_etcd.h"

struct etcd_sync {
	struct list link;
	store_synced done;
	void *arg;
	uint64_t wait; /* 0: not known yet */
};

static void sync_tell(struct etcd_sync *y, int r, const struct err *e)
{
	list_remove(&y->link);
	y->done(y->arg, r, e);
	free(y);
}

void store_etcd_sync_settle(struct store_etcd *d)
{
	struct list due;
	list_init(&due);
	LIST_FOR_EACH (y, &d->asked, struct etcd_sync, link) {
		if (!y->wait || y->wait > d->watched)
			continue;
		list_remove(&y->link);
		list_add(&due, &y->link);
	}
	while (!list_is_empty(&due))
		sync_tell(LIST_ENTRY(list_pop(&due), struct etcd_sync, link), 0, NULL);
}

static void ask(struct store_etcd *d);

static void fail_asked(struct store_etcd *d, int r, const struct err *e)
{
	struct list due;
	list_init(&due);
	LIST_FOR_EACH (y, &d->asked, struct etcd_sync, link) {
		if (y->wait)
			continue;
		list_remove(&y->link);
		list_add(&due, &y->link);
	}
	while (!list_is_empty(&due))
		sync_tell(LIST_ENTRY(list_pop(&due), struct etcd_sync, link), r, e);
}

static void on_revision(void *arg, int r, const char *body, size_t len, const struct err *failure)
{
	struct store_etcd *d = arg;
	struct etcd_range a = {0};
	struct err e = ERR_INIT;
	d->asking = false;
	if (!r && (r = etcd_range_answer(body, len, &a, &e)))
		failure = &e;
	if (r) {
		fail_asked(d, r, failure);
	} else {
		LIST_FOR_EACH (y, &d->asked, struct etcd_sync, link)
			if (!y->wait)
				y->wait = a.revision;
		store_etcd_sync_settle(d);
		store_etcd_expect(d);
	}
	etcd_range_done(&a);
	if (!list_is_empty(&d->syncs))
		ask(d);
}

/* Only those that waited before the question was sent may use its answer. */
static void ask(struct store_etcd *d)
{
	AUTO_STR body = STR_INIT;
	if (d->asking)
		return;
	d->asking = true;
	while (!list_is_empty(&d->syncs)) {
		struct list *l = list_pop(&d->syncs);
		list_add(&d->asked, l);
	}
	etcd_range_request(&body, d->root, NULL, 0, 0, true);
	etcd_call(d->client, ETCD_RANGE, body.p, body.len, STORE_ETCD_CALL_MS, true, on_revision, d);
}

void store_etcd_sync(struct store *s, store_synced done, void *arg)
{
	struct store_etcd *d = CONTAINER_OF(s, struct store_etcd, s);
	struct etcd_sync *y = xcalloc(1, sizeof(*y));
	y->done = done;
	y->arg = arg;
	list_add(&d->syncs, &y->link);
	ask(d);
}

void store_etcd_sync_close(struct store_etcd *d)
{
	struct err e;
	err_set(&e, -ESHUTDOWN, "the store is closed");
	while (!list_is_empty(&d->asked))
		sync_tell(LIST_ENTRY(list_pop(&d->asked), struct etcd_sync, link), e.code, &e);
	while (!list_is_empty(&d->syncs))
		sync_tell(LIST_ENTRY(list_pop(&d->syncs), struct etcd_sync, link), e.code, &e);
}

static bool somebody_waits(const struct store_etcd *d)
{
	return !list_is_empty(&d->settled) || !list_is_empty(&d->asked) || d->load_fn;
}

static void on_barrier(void *arg, int r, const char *body, size_t len, const struct err *e)
{
	struct store_etcd *d = arg;
	(void)r, (void)body, (void)len, (void)e; /* where it failed the next one is written */
	d->barrier = false;
	if (somebody_waits(d))
		timer_start(d->barrier_timer, STORE_ETCD_BARRIER_MS * 4);
}

static void write_barrier(void *arg)
{
	struct store_etcd *d = arg;
	if (d->barrier || !somebody_waits(d))
		return;
	AUTO_BUF *value = buf_new("{}", 2);
	AUTO_STR body = STR_INIT;
	struct store_op op = {.type = STORE_PUT, .key = STORE_ETCD_BARRIER_KEY, .value = value, .expect = STORE_ANY};
	d->barrier = true;
	etcd_txn_request(&body, &op, 1, d->prefix);
	etcd_call(d->client, ETCD_TXN, body.p, body.len, STORE_ETCD_CALL_MS, true, on_barrier, d);
}

/* A change of our own does not come either: the stream is dead. */
static void on_stalled(void *arg)
{
	struct store_etcd *d = arg;
	if (!somebody_waits(d) || !d->stream)
		return;
	log_warn("no change has come for a while, beginning the stream again");
	etcd_client_rotate(d->client);
	store_etcd_follow(d);
}

void store_etcd_expect(struct store_etcd *d)
{
	if (!d->barrier_timer) {
		d->barrier_timer = timer_new(d->s.loop, write_barrier, d);
		d->stalled_timer = timer_new(d->s.loop, on_stalled, d);
	}
	if (!somebody_waits(d))
		return;
	timer_start(d->barrier_timer, STORE_ETCD_BARRIER_MS);
	if (!timer_is_active(d->stalled_timer))
		timer_start(d->stalled_timer, STORE_ETCD_STALLED_MS);
}

static void compact_later(struct store_etcd *d)
{
	/* Spread, so that the servers do not all ask at the same moment; whoever does first wins the turn. */
	timer_start_slack(d->compact_timer, (int64_t)d->compact_s * 1000, d->compact_s * 10);
}

static void on_compacted(void *arg, int r, const char *body, size_t len, const struct err *e)
{
	struct store_etcd *d = arg;
	(void)body, (void)len;
	if (r && r != -EOVERFLOW)
		log_warn("cannot compact etcd, trying again later error=\"%s\"", err_text(e));
	compact_later(d);
}

static void on_turn(void *arg, int r, const char *body, size_t len, const struct err *failure)
{
	struct store_etcd *d = arg;
	struct etcd_txn_answer a = {0};
	uint64_t version = 0, to = d->compact_next;
	struct err e = ERR_INIT;
	if (!r && (r = etcd_version_answer(body, len, &a, &version, &e)))
		failure = &e;
	if (r) {
		log_warn("cannot compact etcd, trying again later error=\"%s\"", err_text(failure));
		compact_later(d);
		return;
	}
	d->compact_next = a.revision;
	bool mine = a.succeeded;
	d->compact_version = mine ? d->compact_version + 1 : version;
	etcd_txn_answer_done(&a);
	if (!mine || !to) {
		compact_later(d);
		return;
	}
	AUTO_STR text = STR_INIT;
	etcd_compact_request(&text, to);
	__atomic_store_n(&d->s.compacted, to, __ATOMIC_RELEASE);
	etcd_call(d->client, ETCD_COMPACT, text.p, text.len, STORE_ETCD_CALL_MS, true, on_compacted, d);
}

static void take_turn(void *arg, int r, const struct err *e)
{
	struct store_etcd *d = arg;
	(void)e;
	if (r) {
		if (!d->closing)
			compact_later(d);
		return;
	}
	AUTO_STR body = STR_INIT;
	AUTO_FREE char *value = xasprintf("%llu", (unsigned long long)d->compact_next);
	etcd_version_request(&body, STORE_ETCD_COMPACT_KEY, d->compact_version, value);
	etcd_call(d->client, ETCD_TXN, body.p, body.len, STORE_ETCD_CALL_MS, false, on_turn, d);
}

/* First the watch is brought up to date: a server whose keys rest must not be behind what is dropped. */
static void on_compact_timer(void *arg)
{
	struct store_etcd *d = arg;
	store_etcd_sync(&d->s, take_turn, d);
}

void store_etcd_compact_start(struct store_etcd *d)
{
	d->compact_timer = timer_new(d->s.loop, on_compact_timer, d);
	compact_later(d);
}

int store_etcd_compact(struct store *s, struct err *e)
{
	struct store_etcd *d = CONTAINER_OF(s, struct store_etcd, s);
	AUTO_STR body = STR_INIT;
	AUTO_FREE char *text = NULL;
	size_t len;
	etcd_compact_request(&body, d->watched);
	int r = etcd_call_wait(d->client, ETCD_COMPACT, body.p, body.len, &text, &len, e);
	if (!r || r == -EOVERFLOW)
		__atomic_store_n(&s->compacted, d->watched, __ATOMIC_RELEASE);
	return r == -EOVERFLOW ? 0 : r;
}
