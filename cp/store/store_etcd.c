/* The etcd store: transactions go to the cluster, changes come from its watch, whoever made them.
 *
 * Happy path: a transaction is one request, with every precondition as a comparison of mod revisions; many are on their
 * way at once and etcd puts them into one fsync. Its answer waits until the watch has told everything before
 * its revision: then the watcher is told its change, and it is done. What can fail: the cluster (its transactions are told so in etcd's
 * words) and preconditions; these, too, are told when the watch has shown what was in the way. A transaction that may
 * have been carried out without an answer is sent again: its comparisons keep it from being done twice, and a state
 * that is byte for byte what was to be written is its own. What always holds: changes are told in the order of
 * revisions, each once; every transaction gets exactly one result. */
#include "cp/store/store_etcd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "cp/store/store_txn_queue.h"

struct etcd_txn {
	struct list link;
	struct store_etcd *d;
	store_done done;
	void *arg;
	char *key; /* of its first operation */
	struct buf *value; /* of its only operation, a PUT; else NULL */
	uint64_t wait; /* not told before this revision was */
	int r;
	uint64_t rev;
	struct err *e;
	struct store_txn *copy; /* of its operations */
};

static void txn_free(struct etcd_txn *t)
{
	list_remove(&t->link);
	free(t->key);
	buf_unref(t->value);
	free(t->e);
	if (t->copy)
		store_txn_free(t->copy);
	free(t);
}

static void txn_tell(struct etcd_txn *t)
{
	list_remove(&t->link);
	if (t->done)
		t->done(t->arg, t->r, t->r ? 0 : t->rev, t->e);
	txn_free(t);
}

/* Whether a transaction that succeeded has made its revision: a delete of what may be absent need not have. */
static bool surely_changes(const struct store_txn *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->ops[i].type == STORE_PUT || (t->ops[i].expect != STORE_ANY && t->ops[i].expect != STORE_ABSENT))
			return true;
	return false;
}

/* The change of a transaction of our own that is the very next one needs no word from the watch, which will tell it, too,
 * and be passed over. */
static bool tell_next(struct store_etcd *d)
{
	LIST_FOR_EACH (t, &d->settled, struct etcd_txn, link) {
		if (t->r || !t->copy || t->rev != d->watched + 1 || !surely_changes(t->copy))
			continue;
		struct store_txn *copy = TAKE(t->copy);
		d->watched = d->s.revision = t->rev;
		for (size_t i = 0; i < copy->n; i++) {
			const struct store_txn_op *op = &copy->ops[i];
			bool put = op->type == STORE_PUT;
			d->stats.keys += put && op->expect == STORE_ABSENT;
			d->stats.keys -= !put;
			if (d->s.watch)
				d->s.watch(d->s.watch_arg, &(struct store_event){.type = op->type,
										 .key = op->key,
										 .value = put ? op->value : NULL,
										 .rev = t->rev});
		}
		store_txn_free(copy);
		return true;
	}
	return false;
}

void store_etcd_settle(struct store_etcd *d)
{
	while (tell_next(d))
		;
	struct list due;
	list_init(&due);
	LIST_FOR_EACH (t, &d->settled, struct etcd_txn, link) {
		if (t->wait > d->watched)
			continue;
		list_remove(&t->link);
		list_add(&due, &t->link);
	}
	while (!list_is_empty(&due))
		txn_tell(LIST_ENTRY(list_pop(&due), struct etcd_txn, link));
	store_etcd_sync_settle(d);
}

static void txn_fail(struct etcd_txn *t, int r, const struct err *e)
{
	t->r = r;
	t->e = xmemdup(e, sizeof(*e));
}

/* The preconditions did not hold. Whoever tries again has to see what was in the way. */
static void txn_refused(struct etcd_txn *t, const struct etcd_txn_answer *a)
{
	const struct etcd_kv *kv = a->n ? &a->kvs[0] : NULL;
	struct err e;
	t->wait = a->revision;
	for (size_t i = 0; i < a->n; i++)
		t->wait = i ? MAX(t->wait, a->kvs[i].rev) : a->kvs[i].rev;
	if (t->value && kv && kv->value->len == t->value->len && !memcmp(kv->value->data, t->value->data, kv->value->len)) {
		t->rev = kv->rev;
		return;
	}
	err_set(&e, -ESTALE, "%s: %s", t->key, kv ? "has changed" : "is gone");
	txn_fail(t, -ESTALE, &e);
}

static void on_answer(void *arg, int r, const char *body, size_t len, const struct err *failure)
{
	struct etcd_txn *t = arg;
	struct store_etcd *d = t->d;
	struct etcd_txn_answer a = {0};
	struct err e = ERR_INIT;
	if (!r && (r = etcd_txn_answer(body, len, &a, &e)))
		failure = &e;
	if (r) {
		txn_fail(t, r, failure);
		txn_tell(t);
		return;
	}
	if (a.succeeded) {
		t->rev = t->wait = a.revision;
		d->stats.txns++;
		d->stats.commits++;
	} else {
		txn_refused(t, &a);
		store_txn_free(TAKE(t->copy)); /* nothing was done now */
	}
	etcd_txn_answer_done(&a);
	list_remove(&t->link);
	list_add(&d->settled, &t->link);
	store_etcd_settle(d);
	store_etcd_expect(d);
}

static int check(const struct store_op *ops, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (ops[i].type == STORE_PUT && !ops[i].value)
			return err_set(e, -EINVAL, "%s: put without a value", ops[i].key);
		for (size_t j = 0; j < i; j++)
			if (!strcmp(ops[i].key, ops[j].key))
				return err_set(e, -EINVAL, "%s: named twice in one transaction", ops[i].key);
	}
	return 0;
}

static void tell_later(void *arg)
{
	txn_tell(arg);
}

static void etcd_store_txn(struct store *s, const struct store_op *ops, size_t n, store_done done, void *arg)
{
	struct store_etcd *d = CONTAINER_OF(s, struct store_etcd, s);
	struct etcd_txn *t = xcalloc(1, sizeof(*t));
	struct err e = ERR_INIT;
	bool guarded = n > 0 && n <= 128;
	t->d = d;
	t->done = done;
	t->arg = arg;
	t->key = xstrdup(n ? ops[0].key : "");
	t->value = n == 1 && ops[0].type == STORE_PUT ? buf_ref(ops[0].value) : NULL;
	list_add(&d->txns, &t->link);
	int r = check(ops, n, &e);
	if (d->closing)
		r = err_set(&e, -ESHUTDOWN, "the store is closed");
	if (r) {
		txn_fail(t, r, &e);
		loop_post(s->loop, tell_later, t);
		list_remove(&t->link);
		return;
	}
	AUTO_STR body = STR_INIT;
	t->copy = store_txn_new(ops, n, NULL, NULL);
	for (size_t i = 0; i < n; i++)
		guarded = guarded && ops[i].expect != STORE_ANY;
	etcd_txn_request(&body, ops, n, d->prefix);
	d->stats.bytes_written += body.len;
	etcd_call(d->client, ETCD_TXN, body.p, body.len, STORE_ETCD_CALL_MS, guarded, on_answer, t);
}

static void etcd_get_stats(const struct store *s, struct store_stats *ret)
{
	*ret = CONTAINER_OF(s, const struct store_etcd, s)->stats;
}

static void etcd_free(struct store_etcd *d)
{
	etcd_client_free(d->client);
	timer_free(d->retry);
	timer_free(d->barrier_timer);
	timer_free(d->stalled_timer);
	timer_free(d->compact_timer);
	free(d->prefix);
	free(d->root);
	free(d->root_end);
	free(d);
}

/* What is on its way is waited for, a little; what was answered is told even if the watch did not show it yet. */
static void etcd_close(struct store *s)
{
	struct store_etcd *d = CONTAINER_OF(s, struct store_etcd, s);
	struct err e;
	d->closing = true;
	for (int64_t until = clock_mono_ms() + 2000; clock_mono_ms() < until &&
						     (!list_is_empty(&d->txns) || !list_is_empty(&d->settled));)
		loop_run_once(s->loop, 50);
	store_etcd_unfollow(d);
	while (!list_is_empty(&d->settled))
		txn_tell(LIST_ENTRY(list_pop(&d->settled), struct etcd_txn, link));
	err_set(&e, -ESHUTDOWN, "the store is closed");
	while (!list_is_empty(&d->txns)) {
		struct etcd_txn *t = LIST_ENTRY(list_pop(&d->txns), struct etcd_txn, link);
		txn_fail(t, e.code, &e);
		txn_tell(t);
	}
	store_etcd_sync_close(d);
	etcd_free(d);
}

static const struct store_driver driver = {
    .close = etcd_close,
    .load = store_etcd_load,
    .txn = etcd_store_txn,
    .compact = store_etcd_compact,
    .backup = store_etcd_backup,
    .get_stats = etcd_get_stats,
    .sync = store_etcd_sync,
};

/* The cluster may be starting at the same time. */
static int first_answer(struct store_etcd *d, int wait_s, struct err *e)
{
	AUTO_STR body = STR_INIT;
	etcd_range_request(&body, d->root, NULL, 0, 0, true);
	int64_t until = clock_mono_ms() + (wait_s ? wait_s : 20) * 1000;
	while (true) {
		AUTO_FREE char *text = NULL;
		size_t len;
		struct err why = ERR_INIT;
		int r = etcd_call_wait(d->client, ETCD_RANGE, body.p, body.len, &text, &len, &why);
		if (!r)
			return 0;
		if (clock_mono_ms() >= until || r == -EACCES || r == -EINVAL)
			return err_set(e, r, "etcd: %s", err_text(&why));
		log_info("waiting for etcd error=\"%s\"", err_text(&why));
		for (int64_t next = clock_mono_ms() + 500; clock_mono_ms() < next;)
			loop_run_once(d->s.loop, 100);
	}
}

int store_open_etcd(struct loop *l, const struct store_etcd_config *c, struct store **ret, struct err *e)
{
	struct store_etcd *d = xcalloc(1, sizeof(*d));
	d->s.driver = &driver;
	d->s.loop = l;
	d->prefix = xasprintf("%s%s", c->prefix && *c->prefix != '/' ? "/" : "", str_empty(c->prefix) ? "/registry" : c->prefix);
	for (size_t n = strlen(d->prefix); n > 1 && d->prefix[n - 1] == '/'; n--)
		d->prefix[n - 1] = '\0';
	d->root = xasprintf("%s/", d->prefix);
	d->root_end = etcd_range_end(d->root);
	d->compact_s = c->compact_s ? c->compact_s : STORE_ETCD_COMPACT_S;
	list_init(&d->txns);
	list_init(&d->settled);
	list_init(&d->syncs);
	list_init(&d->asked);
	d->s.revision = 1;
	struct etcd_config config = {c->servers, c->ca_file, c->cert_file, c->key_file};
	int r = etcd_client_new(l, &config, &d->client, e);
	if (!r)
		r = first_answer(d, c->wait_s, e);
	if (r) {
		etcd_free(d);
		return r;
	}
	*ret = &d->s;
	return 0;
}
