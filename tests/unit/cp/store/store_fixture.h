/* A loop, a store in a fresh directory, and synchronous helpers over the asynchronous interface. */
#ifndef KNARR_TESTS_STORE_FIXTURE_H
#define KNARR_TESTS_STORE_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cp/store/store.h"

static struct loop *loop;
static struct store *store;
static uint64_t opened; /* its revision then */
static char dir[64], db[96];

static inline void fixture_open(int history_s)
{
	struct err e = ERR_INIT;
	ck_assert_msg(!store_open_sqlite(loop, db, history_s, &store, &e), "%s", err_text(&e));
	opened = store_revision(store);
}

static inline void fixture_close(void)
{
	store_close(TAKE(store));
}

static inline void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/knarr-test-store-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(db, sizeof(db), "%s/state.db", dir);
	ck_assert_int_eq(loop_new(&loop, NULL), 0);
	fixture_open(300);
}

static inline void teardown(void)
{
	fixture_close();
	loop_free(loop);
	ck_assert_int_eq(fs_remove_tree(dir, NULL), 0);
}

struct result {
	bool done;
	int r;
	uint64_t rev;
	struct err e;
};

static inline void on_done(void *arg, int r, uint64_t rev, const struct err *e)
{
	struct result *res = arg;
	ck_assert(!res->done);
	ck_assert(r == 0 ? e == NULL && rev > 0 : e != NULL && e->code == r && rev == 0);
	*res = (struct result){true, r, rev, e ? *e : ERR_INIT};
}

static inline void wait_done(struct result *res)
{
	while (!res->done)
		loop_run_once(loop, 1000);
}

static inline void queue_op(enum store_op_type type, const char *key, const char *value, uint64_t expect, bool vol,
			    struct result *res)
{
	struct buf *b = value ? buf_new(value, strlen(value)) : NULL;
	struct store_op op = {type, key, b, expect, vol};
	if (res)
		*res = (struct result){0};
	store_txn(store, &op, 1, res ? on_done : NULL, res);
	buf_unref(b);
}

static inline int one(enum store_op_type type, const char *key, const char *value, uint64_t expect, bool vol,
		      uint64_t *ret_rev)
{
	struct result res;
	queue_op(type, key, value, expect, vol, &res);
	wait_done(&res);
	if (ret_rev)
		*ret_rev = res.rev;
	return res.r;
}

static inline uint64_t put(const char *key, const char *value)
{
	uint64_t rev;
	ck_assert_int_eq(one(STORE_PUT, key, value, STORE_ANY, false, &rev), 0);
	return rev;
}

static inline uint64_t put_volatile(const char *key, const char *value)
{
	uint64_t rev;
	ck_assert_int_eq(one(STORE_PUT, key, value, STORE_ANY, true, &rev), 0);
	return rev;
}

static inline uint64_t del(const char *key)
{
	uint64_t rev;
	ck_assert_int_eq(one(STORE_DELETE, key, NULL, STORE_ANY, false, &rev), 0);
	return rev;
}

/* Events as text: "P key=value rev/create/prev;" */
#include "base/str.h"

static inline void note(void *arg, const struct store_event *ev)
{
	str_addf(arg, "%c%s %s=%s %llu/%llu/%llu;", ev->type == STORE_PUT ? 'P' : 'D', ev->volatile_ ? "v" : "",
		 ev->key, ev->value ? ev->value->data : "-", (unsigned long long)ev->rev,
		 (unsigned long long)ev->create_rev, (unsigned long long)ev->prev_rev);
}

static inline char *loaded(void)
{
	struct str s = STR_INIT;
	uint64_t from;
	ck_assert_int_eq(store_load(store, note, &s, &from, NULL), 0);
	return str_take(&s);
}

struct past_events {
	struct store_event *v;
	size_t n, cap;
};

static inline bool gather_past(void *arg, const struct store_event *ev, const struct store_event *prev)
{
	struct past_events *p = arg;
	if (p->n == p->cap)
		p->v = xreallocarray(p->v, p->cap = p->cap ? 2 * p->cap : 64, sizeof(*p->v));
	ck_assert(!prev || (prev->rev == ev->prev_rev && !strcmp(prev->key, ev->key) && prev->value));
	ck_assert(!p->n || ev->rev <= p->v[p->n - 1].rev);
	struct store_event *e = &p->v[p->n++];
	*e = *ev;
	e->key = xstrdup(ev->key);
	e->value = ev->value ? buf_ref(ev->value) : NULL;
	return true;
}

/* Calls fn for all changes that are kept of what was there when the store was opened (at), the oldest first. */
static inline void each_past(struct store *s, uint64_t at, store_watch fn, void *arg)
{
	struct past_events p = {0};
	struct err e = ERR_INIT;
	ck_assert_msg(!store_past(s, "/", store_compacted_revision(s), at, gather_past, &p, &e), "%s", err_text(&e));
	for (size_t i = p.n; i-- > 0;) {
		fn(arg, &p.v[i]);
		free((char *)p.v[i].key);
		buf_unref(p.v[i].value);
	}
	free(p.v);
}

/* Those that were there when the fixture was opened. */
static inline char *history(void)
{
	struct str s = STR_INIT;
	each_past(store, opened, note, &s);
	return str_take(&s);
}

static inline void expect_text(char *got, const char *want)
{
	ck_assert_str_eq(got, want);
	free(got);
}

#endif
