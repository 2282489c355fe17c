/* Reading etcd when the server starts.
 *
 * Happy path: the states as they were at the last compaction are read page by page at one revision, then every change
 * since comes through the watch, as it will later. What can fail: the cluster; a compaction in between (before anything
 * was told it is begun again from there; later it is an error, and the process has to start again). What always holds:
 * what fn is told, in order, is complete after s->compacted. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cp/store/store_etcd.h"

enum { ATTEMPTS = 5, HISTORY_MAX = 20000 };

static int read_range(struct store_etcd *d, const char *key, uint64_t limit, uint64_t revision, struct etcd_range *ret,
		      struct err *e)
{
	AUTO_STR body = STR_INIT;
	AUTO_FREE char *text = NULL;
	size_t len;
	etcd_range_request(&body, key, d->root_end, limit, revision, false);
	int r = etcd_call_wait(d->client, ETCD_RANGE, body.p, body.len, &text, &len, e);
	return r ? r : etcd_range_answer(text, len, ret, e);
}

static void tell_page(struct store_etcd *d, const struct etcd_range *page, store_watch fn, void *arg)
{
	for (size_t i = 0; i < page->n; i++) {
		const struct etcd_kv *kv = &page->kvs[i];
		AUTO_FREE char *key = store_etcd_key(d, kv->key);
		fn(arg, &(struct store_event){.type = STORE_PUT,
					      .key = key,
					      .value = kv->value,
					      .rev = kv->rev,
					      .create_rev = kv->create_rev,
					      .state = true});
	}
	d->stats.keys += page->n;
}

/* All states at a revision (0: now); returns which it was. Pages are told as they come; ret_told says that one was. */
static int read_states(struct store_etcd *d, uint64_t revision, store_watch fn, void *arg, uint64_t *ret,
		       bool *ret_told, struct err *e)
{
	AUTO_FREE char *from = xstrdup(d->root);
	while (true) {
		struct etcd_range page = {0};
		int r = read_range(d, from, STORE_ETCD_PAGE, revision, &page, e);
		if (r)
			return r;
		if (!revision)
			revision = page.revision;
		*ret_told = true;
		tell_page(d, &page, fn, arg);
		bool more = page.more && page.n;
		if (more) {
			free(from);
			/* The smallest key behind the last: etcd's bytes may hold a NUL, ours cannot. */
			from = xasprintf("%s\001", page.kvs[page.n - 1].key);
		}
		etcd_range_done(&page);
		if (!more)
			break;
	}
	*ret = revision;
	return 0;
}

/* The revision of the last compaction by a server of this program or the original; 0: none is known. */
static int last_compaction(struct store_etcd *d, uint64_t *ret, struct err *e)
{
	AUTO_STR body = STR_INIT;
	AUTO_FREE char *text = NULL;
	size_t len;
	struct etcd_range one = {0};
	etcd_range_request(&body, STORE_ETCD_COMPACT_KEY, NULL, 0, 0, false);
	int r = etcd_call_wait(d->client, ETCD_RANGE, body.p, body.len, &text, &len, e);
	if (!r)
		r = etcd_range_answer(text, len, &one, e);
	if (r)
		return r;
	*ret = one.n ? strtoull(one.kvs[0].value->data, NULL, 10) : 0;
	etcd_range_done(&one);
	return 0;
}

/* Runs the loop until the watch has told everything up to a revision. */
static int catch_up(struct store_etcd *d, uint64_t revision, struct err *e)
{
	if (revision > d->watched)
		store_etcd_expect(d);
	while (d->watched < revision && !d->load_r)
		loop_run_once(d->s.loop, 1000);
	return d->load_r ? err_set(e, d->load_r, "%s", d->load_e.text) : 0;
}

static int current_revision(struct store_etcd *d, uint64_t *ret, struct err *e)
{
	AUTO_STR body = STR_INIT;
	AUTO_FREE char *text = NULL;
	size_t len;
	struct etcd_range none = {0};
	etcd_range_request(&body, d->root, NULL, 0, 0, true);
	int r = etcd_call_wait(d->client, ETCD_RANGE, body.p, body.len, &text, &len, e);
	if (!r)
		r = etcd_range_answer(text, len, &none, e);
	if (!r)
		*ret = none.revision;
	etcd_range_done(&none);
	return r;
}

static int load_from(struct store_etcd *d, uint64_t from, uint64_t now, store_watch fn, void *arg, bool *ret_told,
		     struct err *e)
{
	uint64_t at = from;
	d->stats.keys = 0;
	int r = read_states(d, from, fn, arg, &at, ret_told, e);
	if (r)
		return r;
	d->watched = d->s.revision = d->s.compacted = at;
	d->load_fn = fn;
	d->load_arg = arg;
	d->load_r = 0;
	d->load_e = ERR_INIT;
	store_etcd_follow(d);
	r = catch_up(d, now, e);
	if (r)
		store_etcd_unfollow(d);
	d->load_fn = NULL;
	return r;
}

/* From where to begin: the last compaction, but not so far back that starting takes long. 0: where it is now. */
static int find_start(struct store_etcd *d, uint64_t *ret_from, uint64_t *ret_now, struct err *e)
{
	int r = current_revision(d, ret_now, e);
	if (!r)
		r = last_compaction(d, ret_from, e);
	uint64_t back = *ret_now > HISTORY_MAX ? *ret_now - HISTORY_MAX : 1;
	if (!r)
		*ret_from = MIN(MAX(*ret_from, back), *ret_now);
	return r;
}

int store_etcd_load(struct store *s, store_watch fn, void *arg, uint64_t *ret_from, struct err *e)
{
	struct store_etcd *d = CONTAINER_OF(s, struct store_etcd, s);
	uint64_t from = 0, now = 0;
	int r = find_start(d, &from, &now, e);
	bool told = false;
	for (int i = 0; !r && i < ATTEMPTS; i++) {
		r = load_from(d, from, now, fn, arg, &told, e);
		/* Somebody else compacted further. What was told already cannot be taken back. */
		if (r != -EOVERFLOW || told)
			break;
		r = 0;
		from = 0;
	}
	if (r)
		return err_wrap(e, r, "etcd");
	*ret_from = d->s.compacted;
	d->following = true;
	if (d->compact_s > 0)
		store_etcd_compact_start(d);
	return 0;
}
