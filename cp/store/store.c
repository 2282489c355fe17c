/* The store's front: hands every call to the backend that was opened, with values encrypted on the way in and decrypted
 * on the way out where keys are configured. Holds no state of its own beside the watcher and the newest revision
 * delivered, both touched by the loop's thread only. What can fail here: decryption. While loading, what cannot be read
 * is remembered by its key until a later state of it can be; what is left then is the error. */
#include "cp/store/store.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "cp/store/store_crypt.h"
#include "cp/store/store_driver.h"

struct loading {
	struct store *s;
	store_watch fn;
	void *arg;
	struct map *unread; /* key -> what went wrong */
};

void store_close(struct store *s)
{
	if (!s)
		return;
	struct store_crypt *c = s->crypt;
	s->driver->close(s);
	store_crypt_free(c);
}

/* ret: the event with its value in the clear. *ret_value owns that. */
static int open_event(const struct store *s, const struct store_event *ev, struct store_event *ret,
		      struct buf **ret_value, struct err *e)
{
	*ret = *ev;
	int r = ev->value ? store_crypt_open(s->crypt, ev->key, ev->value, ret_value, &ret->stale, e) : 0;
	ret->value = *ret_value;
	/* A delete goes without its last state. */
	return r && ev->type == STORE_PUT ? r : 0;
}

/* -EBADMSG: it cannot be read, and fn was told nothing. */
static int tell_open(const struct store *s, const struct store_event *ev, store_watch fn, void *arg, struct err *e)
{
	struct store_event open;
	AUTO_BUF *value = NULL;
	int r = open_event(s, ev, &open, &value, e);
	if (!r)
		fn(arg, &open);
	return r;
}

static void on_loaded(void *arg, const struct store_event *ev)
{
	struct loading *l = arg;
	struct err e = ERR_INIT;
	if (tell_open(l->s, ev, l->fn, l->arg, &e) < 0)
		map_set(l->unread, ev->key, xstrdup(e.text));
	else
		map_remove(l->unread, ev->key);
}

int store_load(struct store *s, store_watch fn, void *arg, uint64_t *ret_from, struct err *e)
{
	struct loading l = {.s = s, .fn = fn, .arg = arg, .unread = map_new(free)};
	int r = s->driver->load(s, on_loaded, &l, ret_from, e);
	size_t at = 0;
	const char *key;
	char *why;
	if (!r && map_next(l.unread, &at, &key, &why))
		r = err_set(e, -EBADMSG, "%zu objects cannot be read, the first: %s", map_len(l.unread), why);
	map_free(l.unread);
	return r;
}

struct recalling {
	struct store *s;
	store_past_fn fn;
	void *arg;
	int r;
	struct err *e;
};

static bool on_past(void *arg, const struct store_event *ev, const struct store_event *prev)
{
	struct recalling *p = arg;
	struct store_event open, before;
	AUTO_BUF *value = NULL, *before_value = NULL;
	p->r = open_event(p->s, ev, &open, &value, p->e);
	if (!p->r && prev)
		p->r = open_event(p->s, prev, &before, &before_value, p->e);
	return !p->r && p->fn(p->arg, &open, prev ? &before : NULL);
}

int store_past(struct store *s, const char *prefix, uint64_t after, uint64_t until, store_past_fn fn, void *arg,
	       struct err *e)
{
	struct recalling p = {.s = s, .fn = fn, .arg = arg, .e = e};
	if (!s->driver->past)
		return err_set(e, -EOVERFLOW, "changes after revision %llu are not kept", (unsigned long long)after);
	int r = s->driver->past(s, prefix, after, until, on_past, &p, e);
	return r ? r : p.r;
}

bool store_keeps_past(const struct store *s)
{
	return s->driver->past != NULL;
}

static void on_change(void *arg, const struct store_event *ev)
{
	struct store *s = arg;
	struct err e = ERR_INIT;
	if (s->reader && tell_open(s, ev, s->reader, s->reader_arg, &e) < 0)
		log_error("a change by another server cannot be read, ignoring error=\"%s\"", err_text(&e));
}

void store_set_watch(struct store *s, store_watch fn, void *arg)
{
	s->reader = fn;
	s->reader_arg = arg;
	s->watch = fn ? on_change : NULL;
	s->watch_arg = s;
}

void store_set_crypt(struct store *s, struct store_crypt *c)
{
	store_crypt_free(s->crypt);
	s->crypt = c;
}

static void txn_sealed(struct store *s, const struct store_op *ops, size_t n, store_done done, void *arg)
{
	AUTO_FREE struct store_op *sealed = xmemdup(ops, n * sizeof(*ops));
	struct err e = ERR_INIT;
	int r = 0;
	size_t i = 0;
	for (; !r && i < n; i++)
		if (ops[i].value)
			r = store_crypt_seal(s->crypt, ops[i].key, ops[i].value, &sealed[i].value, &e);
	if (r) {
		/* OpenSSL has no randomness or no memory: nothing that goes on would be right. */
		log_error("cannot encrypt, ending error=\"%s\"", err_text(&e));
		abort();
	}
	s->driver->txn(s, sealed, n, done, arg);
	for (i = 0; i < n; i++)
		buf_unref(sealed[i].value);
}

void store_txn(struct store *s, const struct store_op *ops, size_t n, store_done done, void *arg)
{
	if (s->crypt)
		txn_sealed(s, ops, n, done, arg);
	else
		s->driver->txn(s, ops, n, done, arg);
}

bool store_is_shared(const struct store *s)
{
	return s->driver->sync != NULL;
}

void store_sync(struct store *s, store_synced done, void *arg)
{
	if (s->driver->sync)
		s->driver->sync(s, done, arg);
	else
		done(arg, 0, NULL);
}

void store_set_lost(struct store *s, store_lost fn, void *arg)
{
	s->lost = fn;
	s->lost_arg = arg;
}

uint64_t store_revision(const struct store *s)
{
	return s->revision;
}

uint64_t store_compacted_revision(const struct store *s)
{
	return __atomic_load_n(&s->compacted, __ATOMIC_ACQUIRE);
}

int store_compact(struct store *s, struct err *e)
{
	return s->driver->compact(s, e);
}

int store_backup(struct store *s, const char *path, struct err *e)
{
	return s->driver->backup(s, path, e);
}

void store_get_stats(const struct store *s, struct store_stats *ret)
{
	s->driver->get_stats(s, ret);
}
