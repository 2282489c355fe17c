/* The server's end while calls from within are under way: each is told once, and nothing is looked at that has gone. */
#include <check.h>
#include <stdio.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/api/api.h"
#include "tests/unit/check_main.h"

#define CONFIG_MAPS "/api/v1/namespaces/default/configmaps"

static struct loop *l;
static struct store *store;
static struct cache *cache;
static struct schema *schema;
static struct api *api;
static char dir[64];
static int done, refused, again;

static void make(void)
{
	AUTO_FREE char *db = NULL;
	strcpy(dir, "/tmp/knarr-test-api-free-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	db = xasprintf("%s/state.db", dir);
	ck_assert_int_eq(loop_new(&l, NULL), 0);
	ck_assert_int_eq(schema_load_builtin(&schema, NULL), 0);
	ck_assert_int_eq(store_open_sqlite(l, db, -1, &store, NULL), 0);
	cache = cache_new(l, store);
	api_declare_buckets(cache, schema);
	char *issuers[] = {(char *)"https://kubernetes.default.svc", NULL};
	struct api_config c = {.loop = l,
			       .schema = schema,
			       .cache = cache,
			       .service_cidr = "10.96.0.0/16",
			       .node_port_min = 30000,
			       .node_port_max = 32767,
			       .advertise_address = "127.0.0.1",
			       .secure_port = 6443,
			       .cluster_domain = "cluster.local",
			       .authn = {.issuers = issuers, .anonymous = true}};
	ck_assert_int_eq(cache_load(cache, NULL), 0);
	ck_assert_int_eq(api_new(&c, &api, NULL), 0);
	done = refused = again = 0;
}

static void end(void)
{
	store_close(store);
	api_free(api);
	cache_free(cache);
	schema_free(schema);
}

static void on_done(void *arg, int status, json_t *answer, const struct err *e)
{
	(void)arg, (void)answer;
	done++;
	refused += status == 503;
	ck_assert(status != 503 || e->code == -EAGAIN);
}

/* Asks once more whatever happens, a few times. */
static void on_done_again(void *arg, int status, json_t *answer, const struct err *e)
{
	on_done(arg, status, answer, e);
	if (again++ < 5)
		api_local(api, "system:kube-apiserver", "GET", CONFIG_MAPS, NULL, NULL, on_done_again, NULL);
}

static void post(const char *name)
{
	AUTO_JSON *body = json_pack("{s:{s:s}}", "metadata", "name", name);
	api_local(api, "system:kube-apiserver", "POST", CONFIG_MAPS, NULL, body, on_done, NULL);
}

/* After as many turns of the loop as the case says: not begun, in admission, in the store, answered. */
START_TEST(calls_under_way_are_told_once)
{
	make();
	for (int i = 0; i < 3; i++) {
		AUTO_FREE char *name = xasprintf("m%d", i);
		post(name);
	}
	api_local(api, "somebody", "GET", CONFIG_MAPS, NULL, NULL, on_done, NULL);
	api_local(api, "system:kube-apiserver", "GET", CONFIG_MAPS, NULL, NULL, on_done_again, NULL);
	for (int i = 0; i < _i; i++)
		loop_run_once(l, 1);
	end();
	ck_assert_int_eq(done, 4 + 6);
	ck_assert(_i || refused == 10);
	loop_free(l);
	ck_assert_int_eq(done, 10);
	ck_assert_int_eq(fs_remove_tree(dir, NULL), 0);
}
END_TEST

static void on_booted(void *arg, int r, const struct err *e)
{
	(void)arg, (void)e;
	done++;
	refused += r < 0;
}

/* The first objects are made by calls from within as well. */
START_TEST(a_start_that_is_broken_off)
{
	make();
	api_bootstrap(api, on_booted, NULL);
	for (int i = 0; i < _i; i++)
		loop_run_once(l, 1);
	end();
	ck_assert_int_eq(done, 1);
	loop_free(l);
	ck_assert_int_eq(fs_remove_tree(dir, NULL), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("api_free");
	TCase *t = tcase_create("api_free");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, calls_under_way_are_told_once, 0, 8);
	tcase_add_loop_test(t, a_start_that_is_broken_off, 0, 8);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
