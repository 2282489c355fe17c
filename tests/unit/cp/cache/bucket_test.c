/* Buckets: order, pages, selectors, indexes. */
#include "tests/unit/check_main.h"

#include "base/rand.h"
#include "tests/unit/cp/cache/cache_fixture.h"

static struct bucket *pods;

static void start(void)
{
	cache_setup();
	pods = add_pods(0);
	load();
}

/* What a query lists, "ns/name@rev ..." and how many remain. */
static size_t list(const struct bucket_query *q, const char *want)
{
	AUTO_STR out = STR_INIT;
	size_t remaining = bucket_list(pods, q, note_object, &out);
	ck_assert_str_eq(str_text(&out), want);
	return remaining;
}

START_TEST(in_key_order)
{
	start();
	pod("b", "a", "x", "");
	pod("a", "b", "x", "");
	pod("a-b", "a", "x", "");
	pod("a", "a", "x", "");
	pod("b", "a", "x", "n1");
	ck_assert_uint_eq(bucket_len(pods), 4);
	list(&(struct bucket_query){0}, "a/a@5 a/b@3 a-b/a@4 b/a@6 ");
	list(&(struct bucket_query){.ns = ""}, "a/a@5 a/b@3 a-b/a@4 b/a@6 ");
	list(&(struct bucket_query){.ns = "a"}, "a/a@5 a/b@3 ");
	list(&(struct bucket_query){.ns = "none"}, "");
	pod_gone("a", "a");
	list(&(struct bucket_query){.ns = "a"}, "a/b@3 ");
	ck_assert_ptr_null(bucket_get(pods, "a", "a"));
	ck_assert_str_eq(bucket_get(pods, "b", "a")->name, "a");
	ck_assert_ptr_null(bucket_get(pods, NULL, "a"));
	cache_teardown();
}
END_TEST

START_TEST(pages)
{
	start();
	for (int i = 0; i < 5; i++) {
		char name[8];
		snprintf(name, sizeof(name), "p%d", i);
		pod("b", name, i % 2 ? "odd" : "even", "");
	}
	pod("a", "z", "odd", "");
	pod("c", "a", "odd", "");
	ck_assert_uint_eq(list(&(struct bucket_query){.limit = 2}, "a/z@7 b/p0@2 "), 5);
	ck_assert_uint_eq(list(&(struct bucket_query){.limit = 3, .after = "b/p0"}, "b/p1@3 b/p2@4 b/p3@5 "), 2);
	ck_assert_uint_eq(list(&(struct bucket_query){.limit = 3, .after = "b/p3"}, "b/p4@6 c/a@8 "), 0);
	ck_assert_uint_eq(list(&(struct bucket_query){.limit = 3, .after = "z/z"}, ""), 0);
	/* The key that was the last may be gone, or be of another namespace. */
	ck_assert_uint_eq(list(&(struct bucket_query){.after = "b/p10"}, "b/p2@4 b/p3@5 b/p4@6 c/a@8 "), 0);
	ck_assert_uint_eq(list(&(struct bucket_query){.ns = "b", .limit = 1, .after = "b/p2"}, "b/p3@5 "), 1);
	ck_assert_uint_eq(list(&(struct bucket_query){.ns = "b", .limit = 1, .after = "a/z"}, "b/p0@2 "), 4);
	ck_assert_uint_eq(list(&(struct bucket_query){.ns = "b", .after = "c/a"}, ""), 0);
	AUTO_SELECTOR *odd = labels_of("app=odd");
	ck_assert_uint_eq(list(&(struct bucket_query){.labels = odd, .limit = 2}, "a/z@7 b/p1@3 "), 2);
	ck_assert_uint_eq(list(&(struct bucket_query){.labels = odd, .limit = 2, .after = "b/p1"}, "b/p3@5 c/a@8 "), 0);
	cache_teardown();
}
END_TEST

START_TEST(behind)
{
	start();
	pod("a", "p", "x", "");
	pod("a", "q", "x", "");
	pod("b", "p", "x", "");
	ck_assert(bucket_has_behind(pods, "", "a/q"));
	ck_assert(!bucket_has_behind(pods, "a", "a/q"));
	ck_assert(bucket_has_behind(pods, "a", "a/p"));
	ck_assert(bucket_has_behind(pods, "a", "a/p5")); /* the key itself may be gone */
	ck_assert(!bucket_has_behind(pods, "", "b/p"));
	ck_assert(!bucket_has_behind(pods, "b", "b/p"));
	cache_teardown();
}
END_TEST

START_TEST(by_index)
{
	start();
	pod("b", "1", "x", "n1");
	pod("a", "2", "x", "n2");
	pod("a", "3", "y", "n1");
	pod("a", "4", "x", "");
	AUTO_SELECTOR *n1 = fields_of("spec.nodeName=n1"), *none = fields_of("spec.nodeName="),
		      *n3 = fields_of("spec.nodeName=n3");
	AUTO_SELECTOR *not_n1 = fields_of("spec.nodeName!=n1"), *named = fields_of("metadata.name=3"),
		      *x = labels_of("app=x");
	list(&(struct bucket_query){.fields = n1}, "a/3@4 b/1@2 ");
	list(&(struct bucket_query){.fields = n1, .labels = x}, "b/1@2 ");
	list(&(struct bucket_query){.fields = n1, .ns = "a"}, "a/3@4 ");
	list(&(struct bucket_query){.fields = none}, "a/4@5 ");
	list(&(struct bucket_query){.fields = n3}, "");
	list(&(struct bucket_query){.fields = not_n1}, "a/2@3 a/4@5 ");
	list(&(struct bucket_query){.fields = named}, "a/3@4 ");
	ck_assert_uint_eq(list(&(struct bucket_query){.fields = n1, .limit = 1}, "a/3@4 "), 1);
	ck_assert_uint_eq(list(&(struct bucket_query){.fields = n1, .limit = 1, .after = "a/3"}, "b/1@2 "), 0);
	pod("b", "1", "y", "n1"); /* the value stays */
	pod("a", "2", "x", "n1"); /* moves */
	pod("a", "3", "x", "");
	pod_gone("a", "4");
	list(&(struct bucket_query){.fields = n1}, "a/2@7 b/1@6 ");
	list(&(struct bucket_query){.fields = none}, "a/3@8 ");
	cache_teardown();
}
END_TEST

START_TEST(cluster_scoped)
{
	cache_setup();
	pods = cache_add_bucket(cache, &(struct bucket_config){.prefix = "/registry/nodes/"});
	load();
	put("/registry/nodes/n2", "{\"metadata\":{\"name\":\"n2\",\"namespace\":\"odd\"}}");
	put("/registry/nodes/n1", "{\"metadata\":{\"name\":\"n1\"}}");
	list(&(struct bucket_query){0}, "/n1@3 /n2@2 ");
	list(&(struct bucket_query){.after = "n1"}, "/n2@2 ");
	ck_assert_ptr_nonnull(bucket_get(pods, "whatever", "n2"));
	AUTO_FREE char *key = bucket_key(pods, "x", "n1");
	ck_assert_str_eq(key, "/registry/nodes/n1");
	del("/registry/nodes/n2");
	list(&(struct bucket_query){0}, "/n1@3 ");
	cache_teardown();
}
END_TEST

static uint64_t model_rev[4][26];
static char model_node[4][26], model_app[4][26];

/* What the model says a query lists: node 0, apps NULL or ns 0 stand for any. */
static void check_model(const char *fields, char node, const char *labels, const char *apps, char ns)
{
	AUTO_SELECTOR *by_field = node ? fields_of(fields) : NULL, *by_label = apps ? labels_of(labels) : NULL;
	AUTO_STR want = STR_INIT;
	char in[2] = {ns, 0};
	for (int a = 0; a < 4; a++)
		for (int b = 0; b < 26; b++)
			if (model_rev[a][b] && (!node || model_node[a][b] == node) && (!apps || strchr(apps, model_app[a][b])) &&
			    (!ns || ns == 'a' + a))
				str_addf(&want, "%c/%c@%" PRIu64 " ", 'a' + a, 'a' + b, model_rev[a][b]);
	list(&(struct bucket_query){.fields = by_field, .labels = by_label, .ns = in}, str_text(&want));
}

static void change_randomly(void)
{
	unsigned a = rand_below(4), b = rand_below(26);
	char ns[2] = {(char)('a' + a), 0}, name[2] = {(char)('a' + b), 0}, node[2] = {(char)('0' + rand_below(8)), 0},
	     app[2] = {(char)('p' + rand_below(10)), 0};
	if (model_rev[a][b] && rand_below(3) == 0) {
		pod_gone(ns, name);
		model_rev[a][b] = 0;
		return;
	}
	model_rev[a][b] = pod(ns, name, app, node);
	model_node[a][b] = *node;
	model_app[a][b] = *app;
}

/* Random changes against a plain array, asked for by every index and by none. */
START_TEST(random_changes)
{
	start();
	memset(model_rev, 0, sizeof(model_rev));
	for (int i = 0; i < 400; i++)
		change_randomly();
	check_model(NULL, 0, NULL, NULL, 0);
	for (char n = '0'; n < '9'; n++) {
		AUTO_FREE char *fields = xasprintf("spec.nodeName=%c", n);
		AUTO_FREE char *one = xasprintf("app=%c", 'p' + n - '0'), *two = xasprintf("app in (%c,q)", 'p' + n - '0');
		char app[] = {(char)('p' + n - '0'), 'q', 0};
		check_model(fields, n, NULL, NULL, 0);
		check_model(fields, n, NULL, NULL, 'b');
		check_model(fields, n, two, app, 0);
		check_model(NULL, 0, two, app, 'c');
		app[1] = 0;
		check_model(NULL, 0, one, app, 0);
		check_model(fields, n, one, app, 'a');
	}
	cache_teardown();
}
END_TEST

START_TEST(by_label)
{
	start();
	for (int i = 0; i < 40; i++) {
		AUTO_FREE char *name = xasprintf("p%02d", i);
		pod(i % 2 ? "b" : "a", name, i % 10 ? "x" : "rare", "");
	}
	AUTO_SELECTOR *rare = labels_of("app=rare"), *none = labels_of("app=none"), *both = labels_of("app in (rare,none),app!=x");
	list(&(struct bucket_query){.labels = rare}, "a/p00@2 a/p10@12 a/p20@22 a/p30@32 ");
	list(&(struct bucket_query){.labels = both}, "a/p00@2 a/p10@12 a/p20@22 a/p30@32 ");
	list(&(struct bucket_query){.labels = rare, .ns = "b"}, "");
	list(&(struct bucket_query){.labels = none}, "");
	ck_assert_uint_eq(list(&(struct bucket_query){.labels = rare, .limit = 2, .after = "a/p00"}, "a/p10@12 a/p20@22 "), 1);
	pod("a", "p10", "x", "");
	pod("a", "p12", "rare", "");
	pod_gone("a", "p30");
	list(&(struct bucket_query){.labels = rare}, "a/p00@2 a/p12@43 a/p20@22 ");
	cache_teardown();
}
END_TEST

TESTS("bucket", in_key_order, pages, behind, by_index, by_label, cluster_scoped, random_changes)
