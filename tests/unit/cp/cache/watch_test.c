/* Watches: resuming, falling behind, selectors, and what callbacks may do. */
#include "tests/unit/check_main.h"

#include <errno.h>

#include "tests/unit/cp/cache/cache_fixture.h"

static struct bucket *pods;

static void start(size_t window)
{
	cache_setup();
	pods = add_pods(window);
	load();
}

/* The events after rev up to now. */
static void resumed(uint64_t rev, const struct bucket_query *q, const char *want)
{
	AUTO_STR out = STR_INIT;
	struct cache_watch *w = NULL;
	ck_assert_int_eq(bucket_watch(pods, rev, q, note_event, &out, &w, NULL), 0);
	ck_assert_str_eq(str_text(&out), want);
	cache_watch_stop(w);
}

static int refused(uint64_t rev)
{
	struct cache_watch *w = NULL;
	struct err e = ERR_INIT;
	int r = bucket_watch(pods, rev, NULL, note_event, NULL, &w, &e);
	ck_assert_ptr_null(w);
	ck_assert_int_eq(e.code, r);
	return r;
}

START_TEST(from_now_and_from_before)
{
	start(0);
	AUTO_STR out = STR_INIT;
	struct cache_watch *w;
	pod("a", "1", "x", "");
	ck_assert_int_eq(bucket_watch(pods, UINT64_MAX, NULL, note_event, &out, &w, NULL), 0);
	pod("a", "1", "y", "");
	pod("a", "2", "y", "");
	pod_gone("a", "1");
	ck_assert_str_eq(str_text(&out), "MODIFIED a/1 3;ADDED a/2 4;DELETED a/1 5;");
	cache_watch_stop(w);
	pod("a", "3", "y", "");
	ck_assert_str_eq(str_text(&out), "MODIFIED a/1 3;ADDED a/2 4;DELETED a/1 5;");
	resumed(1, NULL, "ADDED a/1 2;MODIFIED a/1 3;ADDED a/2 4;DELETED a/1 5;ADDED a/3 6;");
	resumed(4, NULL, "DELETED a/1 5;ADDED a/3 6;");
	resumed(6, NULL, "");
	ck_assert_int_eq(refused(7), -ERANGE);
	cache_teardown();
}
END_TEST

START_TEST(overflow)
{
	start(4);
	for (int i = 0; i < 10; i++)
		pod("a", "1", "x", ""); /* revisions 2 to 11 */
	resumed(7, NULL, "MODIFIED a/1 8;MODIFIED a/1 9;MODIFIED a/1 10;MODIFIED a/1 11;");
	ck_assert_int_eq(refused(6), -EOVERFLOW);
	ck_assert_int_eq(refused(0), -EOVERFLOW);
	cache_teardown();
}
END_TEST

/* A ring that grows as its bucket does loses nothing below its bound, and knows what it lost beyond. */
START_TEST(growth)
{
	start(0);
	for (int i = 0; i < 400; i++) {
		AUTO_FREE char *name = xasprintf("p%d", i);
		pod("a", name, "x", "");
		AUTO_STR out = STR_INIT;
		struct cache_watch *w;
		ck_assert_int_eq(bucket_watch(pods, 1, NULL, note_event, &out, &w, NULL), 0);
		cache_watch_stop(w);
		ck_assert_uint_eq(pods->n, (size_t)i + 1);
	}
	ck_assert_uint_eq(pods->floor, 1); /* the load's: nothing was dropped */
	cache_teardown();
}
END_TEST

/* Changes of a large object at revisions up to 151; the store knows of less in it. */
static void large_changes(uint64_t first, int bytes, bool volatile_)
{
	AUTO_STR json = STR_INIT;
	str_addf(&json, "{\"metadata\":{},\"x\":\"%0*d\"}", bytes, 0);
	AUTO_BUF *value = buf_new(str_text(&json), json.len);
	for (uint64_t rev = first; rev < 152; rev++) {
		AUTO_COBJ *o = object_new(pods, "a/large", value, rev, first), *old = bucket_put(pods, o);
		fake.past[fake.n++] = (struct past){.type = STORE_PUT,
						    .key = "/registry/pods/a/large",
						    .value = "{\"metadata\":{}}",
						    .rev = rev,
						    .create_rev = first,
						    .prev_rev = rev == first ? 0 : rev - 1};
		cache->revision = rev;
		bucket_change(pods, old ? CACHE_MODIFIED : CACHE_ADDED, o, old, rev, volatile_);
	}
}

/* Large objects end the window before it is full, and say so where the store cannot tell of them again. */
START_TEST(bytes_end_the_window)
{
	start(0);
	large_changes(2, 300000, true);
	ck_assert_uint_lt(pods->n, 150);
	ck_assert_uint_ge(pods->n, WINDOW_KEEP);
	ck_assert_uint_le(pods->ring_bytes, WINDOW_BYTES);
	ck_assert_uint_eq(pods->floor, 151 - pods->n);
	ck_assert_int_eq(refused(pods->floor - 1), -EOVERFLOW);
	cache_teardown();
}
END_TEST

static void count_event(void *arg, const struct cache_event *ev)
{
	struct str *s = arg;
	if (!strcmp(ev->obj->name, "large"))
		s->len++;
	else
		note_event(s, ev);
}

/* What the store can tell of again goes earlier, and comes back when a watch wants it. */
START_TEST(bytes_go_to_the_store)
{
	start(0);
	pod("a", "1", "x", "");
	pod("a", "1", "y", "");
	pod_gone("a", "1"); /* 4 */
	large_changes(5, 80000, false);
	size_t kept = pods->n;
	ck_assert_uint_lt(kept, 120);
	ck_assert_uint_ge(kept, WINDOW_KEEP);
	ck_assert_uint_le(pods->ring_bytes, WINDOW_SHORT);
	for (int i = 0; i < 2; i++) {
		AUTO_STR out = STR_INIT;
		struct cache_watch *w = NULL;
		ck_assert_int_eq(bucket_watch(pods, 2, NULL, count_event, &out, &w, NULL), 0);
		ck_assert_uint_eq(out.len, strlen("MODIFIED a/1 3;DELETED a/1 4;") + 147);
		ck_assert_ptr_eq(strstr(out.p, "MODIFIED a/1 3;DELETED a/1 4;"), out.p);
		cache_watch_stop(w);
		ck_assert_uint_eq(pods->n, 149); /* for others that come back */
	}
	large_changes(151, 80000, false);
	ck_assert_uint_eq(pods->n, 150);
	pods->recalled_ms -= RECALLED_MS + 1;
	large_changes(151, 80000, false);
	ck_assert_uint_le(pods->n, kept);
	cache_teardown();
}
END_TEST

/* What only the ring holds is counted once, whoever of its changes names it. */
START_TEST(bytes_are_counted_once)
{
	start(0);
	pod("a", "1", "x", "");
	ck_assert_uint_eq(pods->ring_bytes, 0);
	size_t one = bucket_get(pods, "a", "1")->json->len + OBJECT_EXTRA;
	pod("a", "1", "y", "");
	pod("a", "1", "x", "");
	ck_assert_uint_eq(pods->ring_bytes, 2 * one);
	pod_gone("a", "1");
	ck_assert_uint_eq(pods->ring_bytes, 4 * one);
	pod("a", "1", "x", "");
	ck_assert_uint_eq(pods->ring_bytes, 4 * one);
	cache_teardown();
}
END_TEST

/* What was deleted stays in the ring once, unless selectors see two things in it. */
START_TEST(deleted_once)
{
	start(0);
	pod("a", "1", "x", "");
	pod_gone("a", "1");
	const struct cache_change *c = pods->ring[pods->first + pods->n - 1];
	ck_assert_ptr_eq(c->obj, c->prev);
	AUTO_SELECTOR *x = labels_of("app=x"), *y = labels_of("app=y");
	resumed(2, &(struct bucket_query){.labels = x}, "DELETED a/1 3;");
	resumed(2, &(struct bucket_query){.labels = y}, "");
	cache_teardown();
}
END_TEST

/* With its bucket the ring is doubled, not moved on by one. */
START_TEST(growth_in_steps)
{
	start(0);
	size_t steps = 0, cap = 0;
	for (int i = 0; i < 1500; i++) {
		AUTO_FREE char *key = xasprintf("/registry/pods/a/p%d", i);
		put(key, "{\"metadata\":{}}");
		steps += pods->cap != cap;
		cap = pods->cap;
	}
	ck_assert_uint_eq(steps, 6);
	ck_assert_uint_eq(pods->n, 1500);
	for (int i = 0; i < 1400; i++) {
		AUTO_FREE char *key = xasprintf("/registry/pods/a/p%d", i);
		fake.n = 0; /* the past is not what this is about */
		del(key);
	}
	ck_assert_uint_eq(pods->cap, cap);
	ck_assert_uint_eq(pods->n, cap);
	ck_assert_uint_eq(pods->floor, 2901 - cap);
	cache_teardown();
}
END_TEST

/* Old changes go when new ones come, but for a hundred. */
START_TEST(time_ends_the_window)
{
	start(0);
	for (int i = 0; i < 150; i++)
		pod("a", "1", "x", "");
	for (size_t i = 0; i < 150; i++)
		pods->ring[(pods->first + i) % pods->cap]->at_ms -= 2 * WINDOW_MS;
	uint64_t rev = pod("a", "1", "x", "");
	ck_assert_uint_eq(pods->n, WINDOW_KEEP + 1);
	fake.base.compacted = rev - WINDOW_KEEP - 1;
	ck_assert_int_eq(refused(rev - WINDOW_KEEP - 2), -EOVERFLOW);
	AUTO_STR out = STR_INIT;
	struct cache_watch *w;
	ck_assert_int_eq(bucket_watch(pods, rev - WINDOW_KEEP - 1, NULL, note_event, &out, &w, NULL), 0);
	cache_watch_stop(w);
	cache_teardown();
}
END_TEST

/* The changes of one transaction share a revision; all are told, live and resumed. */
START_TEST(one_revision_many_changes)
{
	start(0);
	AUTO_STR out = STR_INIT;
	struct cache_watch *w;
	ck_assert_int_eq(bucket_watch(pods, UINT64_MAX, NULL, note_event, &out, &w, NULL), 0);
	change_at(5, STORE_PUT, "/registry/pods/a/1", "{\"metadata\":{}}");
	change_at(5, STORE_PUT, "/registry/pods/a/2", "{\"metadata\":{}}");
	change_at(5, STORE_PUT, "/registry/pods/b/1", "{\"metadata\":{}}");
	const char *want = "ADDED a/1 5;ADDED a/2 5;ADDED b/1 5;";
	ck_assert_str_eq(str_text(&out), want);
	cache_watch_stop(w);
	resumed(4, NULL, want);
	resumed(1, NULL, want);
	resumed(5, NULL, "");
	cache_teardown();
}
END_TEST

START_TEST(selectors_turn_types)
{
	start(0);
	AUTO_STR out = STR_INIT;
	AUTO_SELECTOR *x = labels_of("app=x"), *n1 = fields_of("spec.nodeName=n1");
	struct bucket_query q = {.ns = "a", .labels = x, .fields = n1};
	struct cache_watch *w;
	ck_assert_int_eq(bucket_watch(pods, UINT64_MAX, &q, note_event, &out, &w, NULL), 0);
	pod("b", "1", "x", "n1"); /* 2: other namespace */
	pod("a", "1", "x", "");   /* 3: not yet */
	pod("a", "1", "x", "n1"); /* 4: enters */
	pod("a", "1", "x", "n1"); /* 5: stays */
	pod("a", "1", "y", "n1"); /* 6: leaves */
	pod("a", "1", "z", "n1"); /* 7: is outside */
	pod_gone("a", "1");       /* 8: unseen */
	pod("a", "2", "x", "n1"); /* 9 */
	pod_gone("a", "2");       /* 10 */
	pod("a", "3", "y", "n1"); /* 11 */
	/* Its last state would match, but nobody was told that it came. */
	change_at(0, STORE_DELETE, "/registry/pods/a/3",
		  "{\"metadata\":{\"labels\":{\"app\":\"x\"}},\"spec\":{\"nodeName\":\"n1\"}}");
	const char *want = "ADDED a/1 4;MODIFIED a/1 5;DELETED a/1 6;ADDED a/2 9;DELETED a/2 10;";
	ck_assert_str_eq(str_text(&out), want);
	cache_watch_stop(w);
	resumed(1, &q, want);
	resumed(5, &q, "DELETED a/1 6;ADDED a/2 9;DELETED a/2 10;");
	cache_teardown();
}
END_TEST

static void note_json(void *arg, const struct cache_event *ev)
{
	struct buf *b = cache_event_json(ev, ev->type);
	ck_assert_ptr_eq(b, cache_event_json(ev, ev->type));
	str_addn(arg, b->data, b->len);
}

START_TEST(encoding)
{
	start(0);
	AUTO_STR out = STR_INIT;
	AUTO_SELECTOR *x = labels_of("app=x");
	struct cache_watch *w;
	ck_assert_int_eq(bucket_watch(pods, UINT64_MAX, &(struct bucket_query){.labels = x}, note_json, &out, &w, NULL),
			 0);
	put("/registry/pods/a/1", "{\"metadata\":{\"uid\":\"u\",\"labels\":{\"app\":\"x\"}}}");
	put("/registry/pods/a/1", "{\"metadata\":{\"uid\":\"u\",\"labels\":{\"app\":\"y\"}}}");
	put("/registry/pods/a/1", "{\"metadata\":{\"uid\":\"u\",\"labels\":{\"app\":\"x\"},\"n\":1}}");
	change_at(0, STORE_DELETE, "/registry/pods/a/1", "{\"metadata\":{\"uid\":\"u\",\"n\":\"last\"}}");
	ck_assert_str_eq(str_text(&out), "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"uid\":\"u\","
					 "\"resourceVersion\":\"2\",\"labels\":{\"app\":\"x\"}}}}\n"
					 "{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"uid\":\"u\","
					 "\"resourceVersion\":\"3\",\"labels\":{\"app\":\"x\"}}}}\n"
					 "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"uid\":\"u\","
					 "\"resourceVersion\":\"4\",\"labels\":{\"app\":\"x\"},\"n\":1}}}\n"
					 "{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"uid\":\"u\","
					 "\"resourceVersion\":\"5\",\"n\":\"last\"}}}\n");
	cache_watch_stop(w);
	cache_teardown();
}
END_TEST

/* A watch whose callback stops watches: its own, or others before and behind it. */
struct stopper {
	struct str out;
	struct cache_watch *own, **victim;
	int after;
};

static void stop_after(void *arg, const struct cache_event *ev)
{
	struct stopper *s = arg;
	note_event(&s->out, ev);
	if (--s->after == 0) {
		cache_watch_stop(*s->victim);
		*s->victim = NULL;
	}
}

START_TEST(stopping_inside_callbacks)
{
	for (int self = 0; self < 3; self++) {
		start(0);
		struct stopper s[3] = {0};
		for (int i = 0; i < 3; i++)
			ck_assert_int_eq(bucket_watch(pods, UINT64_MAX, NULL, stop_after, &s[i], &s[i].own, NULL), 0);
		s[1].after = 2;
		s[1].victim = &s[self].own;
		pod("a", "1", "x", "");
		pod("a", "2", "x", "");
		pod("a", "3", "x", "");
		const char *all = "ADDED a/1 2;ADDED a/2 3;ADDED a/3 4;", *two = "ADDED a/1 2;ADDED a/2 3;",
			   *one = "ADDED a/1 2;";
		for (int i = 0; i < 3; i++) {
			/* One that stands behind is stopped before it hears of the second. */
			ck_assert_str_eq(str_text(&s[i].out), i != self ? all : i == 2 ? one : two);
			cache_watch_stop(s[i].own);
			str_done(&s[i].out);
		}
		ck_assert(list_is_empty(&pods->watches));
		cache_teardown();
	}
}
END_TEST

START_TEST(stopping_inside_the_replay)
{
	start(0);
	for (int i = 0; i < 5; i++)
		pod("a", "1", "x", "");
	struct stopper s = {.after = 3};
	s.victim = &s.own;
	ck_assert_int_eq(bucket_watch(pods, 1, NULL, stop_after, &s, &s.own, NULL), 0);
	ck_assert_ptr_null(s.own);
	ck_assert_str_eq(str_text(&s.out), "ADDED a/1 2;MODIFIED a/1 3;MODIFIED a/1 4;");
	ck_assert(list_is_empty(&pods->watches));
	str_done(&s.out);
	cache_teardown();
}
END_TEST

/* A watch whose callback starts others, from the past and from now. */
struct starter {
	struct str out, past, now;
	struct cache_watch *own, *w_past, *w_now;
	bool started;
};

static void start_more(void *arg, const struct cache_event *ev)
{
	struct starter *s = arg;
	note_json(&s->out, ev);
	if (s->started)
		return;
	s->started = true;
	ck_assert_int_eq(bucket_watch(pods, 1, NULL, note_event, &s->past, &s->w_past, NULL), 0);
	ck_assert_int_eq(bucket_watch(pods, UINT64_MAX, NULL, note_event, &s->now, &s->w_now, NULL), 0);
	note_json(&s->out, ev); /* the encoding is still there */
}

START_TEST(starting_inside_callbacks)
{
	start(0);
	pod("a", "1", "x", "");
	struct starter s = {0};
	ck_assert_int_eq(bucket_watch(pods, UINT64_MAX, NULL, start_more, &s, &s.own, NULL), 0);
	pod("a", "2", "x", "");
	ck_assert_str_eq(str_text(&s.past), "ADDED a/1 2;ADDED a/2 3;");
	ck_assert_str_eq(str_text(&s.now), "");
	pod("a", "3", "x", "");
	ck_assert_str_eq(str_text(&s.past), "ADDED a/1 2;ADDED a/2 3;ADDED a/3 4;");
	ck_assert_str_eq(str_text(&s.now), "ADDED a/3 4;");
	cache_watch_stop(s.own);
	cache_watch_stop(s.w_past);
	cache_watch_stop(s.w_now);
	str_done(&s.out);
	str_done(&s.past);
	str_done(&s.now);
	cache_teardown();
}
END_TEST

TESTS("watch", from_now_and_from_before, overflow, growth, growth_in_steps, time_ends_the_window,
      one_revision_many_changes, selectors_turn_types, encoding, stopping_inside_callbacks, stopping_inside_the_replay,
      starting_inside_callbacks, bytes_end_the_window, bytes_go_to_the_store, bytes_are_counted_once, deleted_once)
