/* Following etcd's changes: one watch over all keys.
 *
 * Happy path: a stream of answers, each with changes in the order of revisions, which are told as they come. What can
 * fail: the stream: it is begun again after the last revision told, at another member; a start that was compacted
 * meanwhile: then changes are missing, and the store is lost. What always holds: each change is told once. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "cp/store/store_etcd.h"

char *store_etcd_key(const struct store_etcd *d, const char *key)
{
	size_t n = strlen(d->prefix);
	return strncmp(key, d->prefix, n) ? xstrdup(key) : xasprintf("/registry%s", key + n);
}

static void tell(struct store_etcd *d, const struct etcd_change *c)
{
	if (c->kv.rev <= d->watched)
		return;
	AUTO_FREE char *key = store_etcd_key(d, c->kv.key);
	struct store_event ev = {.type = c->deleted ? STORE_DELETE : STORE_PUT,
				 .key = key,
				 .value = c->deleted ? NULL : c->kv.value,
				 .rev = c->kv.rev,
				 .create_rev = c->kv.create_rev};
	d->s.revision = MAX(d->s.revision, c->kv.rev);
	if (c->deleted)
		d->stats.keys--;
	else if (c->kv.create_rev == c->kv.rev)
		d->stats.keys++;
	if (d->load_fn)
		d->load_fn(d->load_arg, &ev);
	else if (d->s.watch)
		d->s.watch(d->s.watch_arg, &ev);
}

static void lost(struct store_etcd *d, int r, const struct err *e)
{
	store_etcd_unfollow(d);
	if (!d->following) {
		d->load_r = r;
		d->load_e = *e;
	} else if (d->s.lost) {
		d->s.lost(d->s.lost_arg, e);
	}
}

static void again(struct store_etcd *d)
{
	etcd_stream_free(TAKE(d->stream));
	etcd_client_rotate(d->client);
	timer_start(d->retry, d->retry_ms);
	d->retry_ms = MIN(d->retry_ms * 2, STORE_ETCD_RETRY_MAX_MS);
}

static void on_changes(struct store_etcd *d, const struct etcd_watch_answer *a)
{
	for (size_t i = 0; i < a->n; i++)
		tell(d, &a->changes[i]);
	uint64_t to = a->n ? a->changes[a->n - 1].kv.rev : a->created ? 0 : a->revision;
	if (to <= d->watched)
		return;
	d->watched = to;
	d->retry_ms = STORE_ETCD_RETRY_MS;
	timer_stop(d->stalled_timer);
	store_etcd_settle(d);
	store_etcd_expect(d);
}

static void on_message(void *arg, const char *bytes, size_t len)
{
	struct store_etcd *d = arg;
	struct etcd_watch_answer a = {0};
	struct err e = ERR_INIT;
	int r = etcd_watch_answer(bytes, len, &a, &e);
	if (!r && a.canceled && a.compacted)
		r = err_set(&e, -EOVERFLOW, "changes after revision %llu are gone: compacted to %llu",
			    (unsigned long long)d->watched, (unsigned long long)a.compacted);
	else if (!r && a.canceled)
		r = err_set(&e, -ECONNRESET, "the watch was canceled: %s", a.reason ? a.reason : "no reason given");
	if (!r)
		on_changes(d, &a);
	etcd_watch_answer_done(&a);
	if (!r)
		return;
	if (r == -EOVERFLOW) {
		lost(d, r, &e);
		return;
	}
	log_warn("the stream of changes is broken, beginning it again error=\"%s\"", err_text(&e));
	again(d);
}

static void on_end(void *arg, const struct err *e)
{
	struct store_etcd *d = arg;
	if (d->retry_ms <= STORE_ETCD_RETRY_MS)
		log_warn("the stream of changes has ended, beginning it again error=\"%s\"", err_text(e));
	again(d);
}

static void begin(void *arg)
{
	struct store_etcd *d = arg;
	AUTO_STR body = STR_INIT;
	etcd_stream_free(TAKE(d->stream));
	etcd_watch_request(&body, d->root, d->root_end, d->watched + 1);
	d->stream = etcd_stream_new(d->client, ETCD_WATCH, body.p, body.len, on_message, on_end, d);
	store_etcd_expect(d);
}

void store_etcd_follow(struct store_etcd *d)
{
	d->retry_ms = STORE_ETCD_RETRY_MS;
	if (!d->retry)
		d->retry = timer_new(d->s.loop, begin, d);
	begin(d);
}

void store_etcd_unfollow(struct store_etcd *d)
{
	etcd_stream_free(TAKE(d->stream));
	if (d->retry)
		timer_stop(d->retry);
}
