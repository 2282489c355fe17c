/* A cache over a store in memory: events are told by hand, history is replayed at load. */
#ifndef KNARR_TESTS_CACHE_FIXTURE_H
#define KNARR_TESTS_CACHE_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cp/cache/internal.h"
#include "cp/store/store_driver.h"

/* What the fake store replays, oldest first. */
struct past {
	enum store_op_type type;
	char key[128], value[2048];
	uint64_t rev, create_rev, prev_rev;
};

struct fake_store {
	struct store base;
	struct past past[2048];
	size_t n;
};

static struct fake_store fake;
static struct cache *cache;

static inline struct store_event past_event(const struct past *p, struct buf *value)
{
	return (struct store_event){.type = p->type,
				    .key = p->key,
				    .value = value,
				    .rev = p->rev,
				    .create_rev = p->create_rev,
				    .prev_rev = p->prev_rev};
}

static inline struct buf *past_value(const struct past *p)
{
	return *p->value ? buf_new(p->value, strlen(p->value)) : NULL;
}

static inline void tell_past(const struct past *p, bool state, store_watch fn, void *arg)
{
	AUTO_BUF *value = past_value(p);
	struct store_event ev = past_event(p, value);
	ev.state = state;
	fn(arg, &ev);
}

/* The newest of a key, up to a place. */
static inline const struct past *newest_past(const char *key, size_t n)
{
	while (n-- > 0)
		if (!strcmp(fake.past[n].key, key))
			return &fake.past[n];
	return NULL;
}

static inline int fake_load(struct store *s, store_watch fn, void *arg, uint64_t *ret_from, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < fake.n; i++)
		if (fake.past[i].type == STORE_PUT && newest_past(fake.past[i].key, fake.n) == &fake.past[i])
			tell_past(&fake.past[i], true, fn, arg);
	*ret_from = s->revision;
	return 0;
}

static inline int fake_past(struct store *s, const char *prefix, uint64_t after, uint64_t until, store_past_fn fn,
			    void *arg, struct err *e)
{
	if (after < s->compacted)
		return err_set(e, -EOVERFLOW, "compacted");
	for (size_t i = fake.n; i-- > 0;) {
		const struct past *p = &fake.past[i], *q = newest_past(p->key, i);
		if (p->rev <= after || p->rev > until || strncmp(p->key, prefix, strlen(prefix)) != 0)
			continue;
		AUTO_BUF *value = past_value(p);
		AUTO_BUF *before = q ? past_value(q) : NULL;
		struct store_event ev = past_event(p, value), prev = q ? past_event(q, before) : (struct store_event){0};
		if (!fn(arg, &ev, p->prev_rev && q && q->rev == p->prev_rev ? &prev : NULL))
			break;
	}
	return 0;
}

static const struct store_driver fake_driver = {.load = fake_load, .past = fake_past};

static inline uint64_t last_rev(const char *key, uint64_t *ret_create)
{
	for (size_t i = fake.n; i-- > 0;)
		if (!strcmp(fake.past[i].key, key)) {
			*ret_create = fake.past[i].create_rev;
			return fake.past[i].type == STORE_PUT ? fake.past[i].rev : 0;
		}
	return 0;
}

/* A change at a revision (0: the next); returns the revision. Told at once when the cache is loaded. */
static inline uint64_t change_at(uint64_t rev, enum store_op_type type, const char *key, const char *value)
{
	struct past *p = &fake.past[fake.n];
	uint64_t create = 0, prev = last_rev(key, &create);
	ck_assert_uint_lt(fake.n, ARRAY_LEN(fake.past));
	*p = (struct past){.type = type, .rev = rev ? rev : fake.base.revision + 1, .prev_rev = prev};
	p->create_rev = prev ? create : p->rev;
	snprintf(p->key, sizeof(p->key), "%s", key);
	ck_assert_int_lt(snprintf(p->value, sizeof(p->value), "%s", value ? value : ""), (int)sizeof(p->value));
	fake.n++;
	fake.base.revision = p->rev;
	if (fake.base.watch)
		tell_past(p, false, fake.base.watch, fake.base.watch_arg);
	return p->rev;
}

static inline uint64_t put(const char *key, const char *value)
{
	return change_at(0, STORE_PUT, key, value);
}

static inline uint64_t del(const char *key)
{
	return change_at(0, STORE_DELETE, key, NULL);
}

/* A pod "ns/name" with a label app and a node. */
static inline uint64_t pod(const char *ns, const char *name, const char *app, const char *node)
{
	AUTO_FREE char *key = xasprintf("/registry/pods/%s/%s", ns, name);
	AUTO_FREE char *value =
	    xasprintf("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\",\"uid\":\"u-%s-%s\",\"labels\":{"
		      "\"app\":\"%s\"}},\"spec\":{\"nodeName\":\"%s\"}}",
		      name, ns, ns, name, app, node);
	return put(key, value);
}

static inline uint64_t pod_gone(const char *ns, const char *name)
{
	AUTO_FREE char *key = xasprintf("/registry/pods/%s/%s", ns, name);
	return del(key);
}

static const char *const node_field[] = {"spec.nodeName", NULL};
static const char *const pod_fields[] = {"spec.nodeName", "status.phase", "metadata.name", NULL};

static inline struct bucket *add_pods(size_t window)
{
	return cache_add_bucket(cache, &(struct bucket_config){.prefix = "/registry/pods/",
							       .namespaced = true,
							       .fields = pod_fields,
							       .by_field = node_field,
							       .window = window});
}

static inline void cache_setup(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.base.driver = &fake_driver;
	fake.base.revision = 1;
	cache = cache_new(NULL, &fake.base);
}

static inline void cache_teardown(void)
{
	cache_free(cache);
}

static inline void load(void)
{
	ck_assert_int_eq(cache_load(cache, NULL), 0);
}

/* As a new process would: a fresh cache over the same past. */
static inline void restart(void)
{
	cache_free(cache);
	fake.base.watch = NULL;
	cache = cache_new(NULL, &fake.base);
}

/* Events as text: "ADDED ns/name 5;" */
static inline void note_event(void *arg, const struct cache_event *ev)
{
	static const char *const names[] = {"ADDED", "MODIFIED", "DELETED", "BOOKMARK"};
	str_addf(arg, "%s %s/%s %" PRIu64 ";", names[ev->type], ev->obj->ns, ev->obj->name, ev->rev);
}

static inline void note_object(void *arg, struct cobj *o)
{
	str_addf(arg, "%s/%s@%" PRIu64 " ", o->ns, o->name, o->rev);
}

static inline struct selector *labels_of(const char *text)
{
	struct selector *s = NULL;
	ck_assert_int_eq(selector_parse_labels(text, &s, NULL), 0);
	return s;
}

static inline struct selector *fields_of(const char *text)
{
	struct selector *s = NULL;
	ck_assert_int_eq(selector_parse_fields(text, &s, NULL), 0);
	return s;
}

#endif
