/* The cache: loading, restart, buckets that come late, uids and dependents, damage. */
#include "tests/unit/check_main.h"

#include <errno.h>

#include "tests/unit/cp/cache/cache_fixture.h"

static char *listed(struct bucket *b)
{
	struct str out = STR_INIT;
	bucket_list(b, &(struct bucket_query){0}, note_object, &out);
	return str_take(&out);
}

static void note_all(void *arg, const struct cache_event *ev)
{
	struct buf *b = cache_event_json(ev, ev->type);
	str_addf(arg, "%" PRIu64 " %s", ev->rev, b->data);
}

static char *events_after(struct bucket *b, uint64_t rev, const struct bucket_query *q)
{
	struct str out = STR_INIT;
	struct cache_watch *w = NULL;
	int r = bucket_watch(b, rev, q, note_all, &out, &w, NULL);
	if (r < 0)
		str_addf(&out, "error %d", r);
	cache_watch_stop(w);
	return str_take(&out);
}

/* Everything that clients may see of a bucket: objects with bytes, and what each revision resumes to. */
static char *view(struct bucket *b)
{
	struct str out = STR_INIT;
	AUTO_FREE char *l = listed(b);
	AUTO_SELECTOR *x = labels_of("app=x");
	str_addf(&out, "%" PRIu64 " %s\n", cache_revision(cache), l);
	for (uint64_t rev = store_compacted_revision(&fake.base); rev <= cache_revision(cache); rev++) {
		AUTO_FREE char *all = events_after(b, rev, NULL),
			       *some = events_after(b, rev, &(struct bucket_query){.labels = x});
		str_addf(&out, "from %" PRIu64 ":\n%s\n%s\n", rev, all, some);
	}
	return str_take(&out);
}

START_TEST(restart_is_equivalent)
{
	cache_setup();
	struct bucket *b = add_pods(0);
	load();
	pod("a", "1", "x", "n1");
	pod("a", "2", "y", "");
	pod("a", "2", "x", "");
	put("/registry/other/a", "{\"metadata\":{}}");
	pod("a", "1", "y", "n1");
	pod_gone("a", "2");
	pod("b", "1", "x", "");
	change_at(0, STORE_DELETE, "/registry/pods/a/1", "{\"metadata\":{\"labels\":{\"app\":\"x\"},\"z\":1}}");
	pod("a", "1", "x", "n2");
	AUTO_FREE char *before = view(b);
	restart();
	b = add_pods(0);
	load();
	AUTO_FREE char *after = view(b);
	ck_assert_str_eq(before, after);
	ck_assert_ptr_nonnull(strstr(after, "10 a/1@10 b/1@8 "));
	cache_teardown();
}
END_TEST

static void restarted_with(size_t window, struct bucket **ret)
{
	restart();
	*ret = add_pods(window);
	load();
}

/* Who was further behind reaches further back; those that follow already hear nothing of it. */
START_TEST(recalled_step_by_step)
{
	cache_setup();
	struct bucket *b = add_pods(0);
	load();
	for (int i = 0; i < 100; i++) {
		AUTO_FREE char *name = xasprintf("p%d", i % 7);
		if (i % 5 == 4 && newest_past("/registry/pods/a/p1", fake.n)->type == STORE_PUT)
			pod_gone("a", "p1");
		else
			pod("a", name, i % 2 ? "x" : "y", "");
		put("/registry/other/a", "{}");
	}
	AUTO_FREE char *before = view(b);
	restarted_with(0, &b);
	AUTO_STR live = STR_INIT;
	struct cache_watch *w;
	ck_assert_int_eq(bucket_watch(b, cache_revision(cache), NULL, note_all, &live, &w, NULL), 0);
	ck_assert_uint_eq(b->n, 0);
	for (uint64_t rev = cache_revision(cache) - 10; rev > 10; rev -= 10) {
		size_t n = b->n;
		free(events_after(b, rev, NULL));
		ck_assert_uint_ge(b->n, n + 4);
		ck_assert_uint_le(b->n, n + 10);
	}
	ck_assert_str_eq(str_text(&live), "");
	AUTO_FREE char *after = view(b);
	ck_assert_str_eq(before, after);
	pod("a", "p0", "x", "");
	ck_assert_ptr_nonnull(strstr(str_text(&live), "ED\",\"object\""));
	cache_watch_stop(w);
	cache_teardown();
}
END_TEST

/* No further than the window: then a watch has to begin anew. */
START_TEST(recalled_as_far_as_the_window)
{
	cache_setup();
	struct bucket *b;
	for (int i = 0; i < 10; i++)
		pod("a", "p", i % 2 ? "x" : "y", "");
	restarted_with(4, &b);
	AUTO_FREE char *early = events_after(b, 3, NULL), *again = events_after(b, 6, NULL), *late = events_after(b, 7, NULL);
	AUTO_FREE char *want = xasprintf("error %d", -EOVERFLOW);
	ck_assert_str_eq(early, want);
	ck_assert_str_eq(again, want);
	ck_assert_uint_eq(b->n, 4);
	ck_assert_ptr_eq(strstr(late, "8 {\"type\":\"MODIFIED\""), late);
	pod("a", "p", "x", "");
	AUTO_FREE char *gone = events_after(b, 7, NULL);
	ck_assert_str_eq(gone, want);
	cache_teardown();
}
END_TEST

/* The state before a change that a heartbeat made was not written: the change is one all the same. */
START_TEST(recalled_without_heartbeats)
{
	cache_setup();
	struct bucket *b;
	pod("a", "p", "x", ""); /* 2 */
	pod("a", "p", "x", ""); /* 3, not written */
	pod("a", "p", "x", ""); /* 4 */
	fake.past[1] = fake.past[2];
	fake.n--;
	restarted_with(0, &b);
	AUTO_SELECTOR *x = labels_of("app=x");
	AUTO_FREE char *events = events_after(b, 2, &(struct bucket_query){.labels = x});
	ck_assert_ptr_eq(strstr(events, "4 {\"type\":\"MODIFIED\""), events);
	cache_teardown();
}
END_TEST

/* After a compaction: what was superseded by then is gone; what changed later is told with the state before it. */
START_TEST(restart_after_a_compaction)
{
	cache_setup();
	struct bucket *b = add_pods(0);
	load();
	pod("a", "1", "x", "");  /* 2, dropped */
	pod("a", "2", "x", "");  /* 3 */
	pod("a", "1", "x", "n"); /* 4: compacted up to here */
	pod("a", "2", "y", "");  /* 5 leaves the selector */
	fake.base.compacted = 4;
	AUTO_FREE char *before = view(b);
	memmove(&fake.past[0], &fake.past[1], --fake.n * sizeof(fake.past[0]));
	restart();
	b = add_pods(0);
	load();
	AUTO_FREE char *after = view(b), *early = events_after(b, 3, NULL);
	ck_assert_str_eq(before, after);
	ck_assert_ptr_nonnull(strstr(after, "{\"type\":\"DELETED\""));
	AUTO_FREE char *want = xasprintf("error %d", -EOVERFLOW);
	ck_assert_str_eq(early, want);
	cache_teardown();
}
END_TEST

START_TEST(late_buckets)
{
	cache_setup();
	add_pods(0);
	put("/registry/example.org/things/a/1", "{\"metadata\":{\"uid\":\"t1\"}}");
	load();
	put("/registry/example.org/things/a/2", "{\"metadata\":{}}");
	put("/registry/example.org/things/a/3", "{\"metadata\":{}}");
	put("/registry/example.org/others/a/3", "{\"metadata\":{}}");
	put("/registry/example.org/things/a/2", "{\"metadata\":{\"new\":1}}");
	del("/registry/example.org/things/a/3");
	ck_assert_ptr_null(cache_by_uid(cache, "t1"));
	struct bucket_config config = {.prefix = "/registry/example.org/things/", .namespaced = true};
	struct bucket *b = cache_add_bucket(cache, &config);
	ck_assert_ptr_eq(cache_add_bucket(cache, &config), b);
	ck_assert_ptr_eq(cache_bucket(cache, config.prefix), b);
	AUTO_FREE char *l = listed(b);
	ck_assert_str_eq(l, "a/1@2 a/2@6 ");
	ck_assert_ptr_nonnull(cache_by_uid(cache, "t1"));
	AUTO_FREE char *now = events_after(b, 7, NULL), *early = events_after(b, 6, NULL);
	ck_assert_str_eq(now, "");
	ck_assert_ptr_nonnull(strstr(early, "error"));
	put("/registry/example.org/things/a/2", "{\"metadata\":{}}");
	AUTO_FREE char *next = events_after(b, 7, NULL);
	ck_assert_str_eq(next, "8 {\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"resourceVersion\":\"8\"}}}\n");
	cache_teardown();
}
END_TEST

static void note_dependent(void *arg, struct bucket *b, struct cobj *o)
{
	(void)b;
	note_object(arg, o);
}

static void dependents(const char *uid, const char *want)
{
	AUTO_STR out = STR_INIT;
	cache_dependents(cache, uid, note_dependent, &out);
	ck_assert_str_eq(str_text(&out), want);
}

static void delete_dependent(void *arg, struct bucket *b, struct cobj *o)
{
	(void)b;
	++*(int *)arg;
	pod_gone(o->ns, o->name);
}

START_TEST(uids_and_dependents)
{
	cache_setup();
	struct bucket *b = add_pods(0);
	load();
	put("/registry/pods/a/1",
	    "{\"metadata\":{\"uid\":\"u1\",\"ownerReferences\":[{\"uid\":\"o1\"},{\"uid\":\"o2\"}]}}");
	put("/registry/pods/a/2", "{\"metadata\":{\"uid\":\"u2\",\"ownerReferences\":[{\"uid\":\"o1\"}]}}");
	ck_assert_ptr_eq(cache_by_uid(cache, "u1"), bucket_get(b, "a", "1"));
	ck_assert_ptr_null(cache_by_uid(cache, "none"));
	dependents("o1", "a/1@2 a/2@3 ");
	dependents("o2", "a/1@2 ");
	dependents("none", "");
	put("/registry/pods/a/1", "{\"metadata\":{\"uid\":\"u1\",\"ownerReferences\":[{\"uid\":\"o2\"}]}}");
	dependents("o1", "a/2@3 ");
	dependents("o2", "a/1@4 ");
	/* Deleted and made again under the same name. */
	del("/registry/pods/a/1");
	ck_assert_ptr_null(cache_by_uid(cache, "u1"));
	dependents("o2", "");
	put("/registry/pods/a/1", "{\"metadata\":{\"uid\":\"u3\",\"ownerReferences\":[{\"uid\":\"o1\"}]}}");
	ck_assert_ptr_eq(cache_by_uid(cache, "u3"), bucket_get(b, "a", "1"));
	int n = 0;
	cache_dependents(cache, "o1", delete_dependent, &n);
	ck_assert_int_eq(n, 2);
	ck_assert_uint_eq(bucket_len(b), 0);
	ck_assert_uint_eq(map_len(cache->by_uid), 0);
	ck_assert_uint_eq(map_len(cache->dependents), 0);
	cache_teardown();
}
END_TEST

/* Bytes that are no object are not served, and not lost from sight. */
START_TEST(damaged_bytes)
{
	cache_setup();
	struct bucket *b = add_pods(0);
	put("/registry/pods/a/bad", "no json");
	load();
	pod("a", "1", "x", "");
	put("/registry/pods/a/1", "{\"spec\":{}}");
	AUTO_FREE char *l = listed(b), *events = events_after(b, 2, NULL);
	ck_assert_str_eq(l, "");
	ck_assert_ptr_nonnull(strstr(events, "4 {\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":\"1\""));
	ck_assert_uint_eq(map_len(cache->unclaimed), 2);
	pod("a", "1", "x", "");
	del("/registry/pods/a/bad");
	ck_assert_uint_eq(map_len(cache->unclaimed), 0);
	AUTO_FREE char *again = listed(b);
	ck_assert_str_eq(again, "a/1@5 ");
	cache_teardown();
}
END_TEST

/* An object outlives its place in the cache as long as somebody holds it. */
START_TEST(references)
{
	cache_setup();
	struct bucket *b = add_pods(0);
	load();
	pod("a", "1", "x", "n1");
	AUTO_COBJ *held = cobj_ref(bucket_get(b, "a", "1"));
	pod("a", "1", "y", "n2");
	pod_gone("a", "1");
	ck_assert_str_eq(cobj_label(held, "app"), "x");
	ck_assert_str_eq(cobj_field(held, "spec.nodeName"), "n1");
	ck_assert_uint_eq(cache_revision(cache), 4);
	ck_assert_ptr_eq(cache_store(cache), &fake.base);
	cache_teardown();
	cache_free(NULL);
}
END_TEST

TESTS("cache", restart_is_equivalent, recalled_step_by_step, recalled_as_far_as_the_window, recalled_without_heartbeats, restart_after_a_compaction, late_buckets, uids_and_dependents, damaged_bytes,
      references)
