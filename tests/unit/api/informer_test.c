#include "api/informer.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>

#include "api/client_internal.h"
#include "tests/unit/api/fake_api.h"

static struct fake fake;
static struct informer *informer;
static struct http_exchange *watch;
static struct str log_;
static int changes, syncs, errors, lists, watches, list_status, watch_status, revision;
static char *items; /* what a list holds: a JSON array */
static char last_watch[512], last_list[512], last_error[256];
static bool paged;

static void on_watch_close(void *arg, struct http_exchange *x)
{
	(void)arg;
	if (watch == x)
		watch = NULL;
}

static void answer_page(struct http_exchange *x)
{
	AUTO_STR out = STR_INIT;
	const char *page = http_query_get(x, "continue");
	if (paged && !page) {
		str_addf(&out,
			 "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"%d\","
			 "\"continue\":\"a b\"},"
			 "\"items\":[{\"metadata\":{\"name\":\"first\",\"namespace\":\"n\",\"resourceVersion\":\"1\"}}]"
			 "}",
			 revision);
	} else {
		ck_assert(!page || !strcmp(page, "a b"));
		str_addf(&out,
			 "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"%d\"},"
			 "\"items\":%s}",
			 revision, items);
	}
	fake_answer(x, 200, out.p);
}

static void on_request(struct http_exchange *x)
{
	ck_assert_str_eq(http_path(x), "/api/v1/pods");
	if (!http_query_get(x, "watch")) {
		lists++;
		snprintf(last_list, sizeof(last_list), "%s", http_query(x));
		if (list_status == 200) {
			answer_page(x);
		} else {
			fake_answer(x, list_status, "{\"kind\":\"Status\",\"message\":\"no list\"}");
		}
		return;
	}
	watches++;
	snprintf(last_watch, sizeof(last_watch), "%s", http_query(x));
	ck_assert_str_eq(http_query_get(x, "allowWatchBookmarks"), "true");
	if (watch_status != 200) {
		fake_answer(x, watch_status, "{\"kind\":\"Status\",\"message\":\"no watch\"}");
		return;
	}
	watch = x;
	http_on_close(x, on_watch_close, NULL);
	http_start(x, 200, NULL);
}

static void on_change(void *arg, const char *key, json_t *old, json_t *new)
{
	ck_assert_ptr_eq(arg, &fake);
	changes++;
	const char *was = json_str_or(old, "metadata.resourceVersion", "-");
	str_addf(&log_, "%s:%s>%s ", key, was, json_str_or(new, "metadata.resourceVersion", "-"));
	ck_assert_ptr_null(json_at(new, "metadata.managedFields"));
	ck_assert(informer_get(informer, key) == new);
	if (new)
		ck_assert_str_eq(json_str_at(new, "kind"), "Pod");
}

static void on_synced(void *arg)
{
	(void)arg;
	syncs++;
	str_add(&log_, "synced ");
}

static void on_error(void *arg, const struct err *e)
{
	(void)arg;
	errors++;
	snprintf(last_error, sizeof(last_error), "%s", err_text(e));
}

static const struct informer_ops ops = { .on_change = on_change, .on_synced = on_synced, .on_error = on_error };

#define ITEM(name, rv)                                                                                                 \
	"{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"n\",\"resourceVersion\":\"" rv                           \
	"\",\"managedFields\":[1]}}"
#define EVENT(type, name, rv)                                                                                          \
	"{\"type\":\"" type "\",\"object\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"" name     \
	"\",\"namespace\":\"n\",\"resourceVersion\":\"" rv "\",\"managedFields\":[1]}}}\n"

static void setup(void)
{
	changes = syncs = errors = lists = watches = 0;
	list_status = watch_status = 200;
	revision = 10;
	items = "[" ITEM("a", "3") "," ITEM("b", "4") "]";
	paged = false;
	watch = NULL;
	log_ = STR_INIT;
	fake_start(&fake, on_request);
}

static void teardown(void)
{
	informer_stop(informer);
	fake_stop(&fake);
	str_done(&log_);
}

static void start(void)
{
	informer = informer_start(fake.client, "/api/v1/pods", NULL, NULL, &ops, &fake);
	informer_set_delays(informer, 20, 40);
}

static void start_watching(void)
{
	start();
	ck_assert(fake_wait(&fake, &watches, 1));
	str_reset(&log_);
	changes = 0;
}

static void say(const char *text)
{
	http_write(watch, text, strlen(text));
}

START_TEST(lists_then_watches)
{
	start();
	ck_assert(!informer_synced(informer));
	ck_assert(fake_wait(&fake, &watches, 1));
	ck_assert(informer_synced(informer));
	ck_assert_str_eq(log_.p, "n/a:->3 n/b:->4 synced ");
	ck_assert_ptr_nonnull(strstr(last_watch, "&resourceVersion=10"));
	ck_assert_uint_eq(informer_len(informer), 2);
	str_reset(&log_);
	changes = 0;
	say(EVENT("MODIFIED", "a", "11") EVENT("ADDED", "c", "12"));
	say("{\"type\":\"DELETED\",\"obj");
	ck_assert(fake_wait(&fake, &changes, 2));
	loop_run_once(fake.loop, 5);
	say("ect\":{\"kind\":\"Pod\",\"metadata\":{\"name\":\"b\",\"namespace\":\"n\",\"resourceVersion\":\"13\"}}}\n");
	ck_assert(fake_wait(&fake, &changes, 3));
	ck_assert_str_eq(log_.p, "n/a:3>11 n/c:->12 n/b:13>- ");
	size_t at = 0, n = 0;
	const char *key;
	json_t *object;
	while (informer_next(informer, &at, &key, &object))
		n++;
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(errors, 0);
}
END_TEST

START_TEST(pages_and_selectors)
{
	paged = true;
	informer = informer_start(fake.client, "/api/v1/pods", "app=x,!y", "spec.nodeName=n1", &ops, &fake);
	ck_assert(fake_wait(&fake, &watches, 1));
	ck_assert_int_eq(lists, 2);
	ck_assert_str_eq(log_.p, "n/first:->1 n/a:->3 n/b:->4 synced ");
	ck_assert_ptr_nonnull(
		strstr(last_list, "limit=500&labelSelector=app%3Dx%2C%21y&fieldSelector=spec.nodeName%3Dn1"));
	ck_assert_ptr_nonnull(strstr(last_watch, "&labelSelector=app%3Dx%2C%21y&fieldSelector=spec.nodeName%3Dn1"));
}
END_TEST

START_TEST(an_ended_watch_is_resumed_from_the_last_revision)
{
	start_watching();
	say("{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"metadata\":{\"resourceVersion\":\"77\"}}}\n");
	http_end(watch);
	ck_assert(fake_wait(&fake, &watches, 2));
	ck_assert_ptr_nonnull(strstr(last_watch, "&resourceVersion=77"));
	ck_assert_int_eq(lists, 1);
	ck_assert_int_eq(changes, 0);
	ck_assert_int_eq(errors, 0);
}
END_TEST

START_TEST(a_cut_watch_is_resumed)
{
	start_watching();
	say(EVENT("MODIFIED", "a", "20"));
	ck_assert(fake_wait(&fake, &changes, 1));
	http_abort(watch);
	ck_assert(fake_wait(&fake, &watches, 2));
	ck_assert_ptr_nonnull(strstr(last_watch, "&resourceVersion=20"));
	ck_assert_int_eq(errors, 1);
}
END_TEST

START_TEST(an_expired_revision_relists_and_reports_differences_only)
{
	start_watching();
	items = "[" ITEM("a", "3") "," ITEM("c", "30") "]";
	revision = 40;
	if (_i == 0) {
		say("{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}}\n");
	} else {
		watch_status = 410;
		http_end(watch);
		ck_assert(fake_wait(&fake, &watches, 2));
		watch_status = 200;
	}
	ck_assert(fake_wait(&fake, &lists, 2));
	ck_assert(fake_wait(&fake, &watches, _i ? 3 : 2));
	ck_assert_str_eq(log_.p, "n/c:->30 n/b:4>- ");
	ck_assert_ptr_nonnull(strstr(last_watch, "&resourceVersion=40"));
	ck_assert_int_eq(syncs, 1);
	ck_assert_int_eq(errors, 0);
}
END_TEST

START_TEST(failures_are_reported_and_tried_again)
{
	list_status = 403;
	start();
	ck_assert(fake_wait(&fake, &errors, 1));
	ck_assert_str_eq(last_error, "no list");
	list_status = 200;
	ck_assert(fake_wait(&fake, &watches, 1));
	ck_assert_int_eq(lists, 2);
	say("{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":500,\"message\":\"broken\"}}\n");
	ck_assert(fake_wait(&fake, &errors, 2));
	ck_assert_str_eq(last_error, "broken");
}
END_TEST

START_TEST(events_that_are_no_json)
{
	start_watching();
	say("nonsense\n" EVENT("MODIFIED", "a", "99"));
	ck_assert(fake_wait(&fake, &errors, 1));
	ck_assert(fake_wait(&fake, &lists, 2));
	ck_assert_int_eq(changes, 0);
}
END_TEST

START_TEST(stopping_at_any_time)
{
	start();
	informer_stop(informer);
	start();
	loop_run_once(fake.loop, 5);
	informer_stop(informer);
	start();
	ck_assert(fake_wait(&fake, &syncs, 1));
	informer_stop(informer);
	informer = NULL;
	for (int i = 0; i < 5; i++)
		loop_run_once(fake.loop, 5);
	informer_stop(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("informer");
	TCase *t = tcase_create("informer");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 20);
	tcase_add_test(t, lists_then_watches);
	tcase_add_test(t, pages_and_selectors);
	tcase_add_test(t, an_ended_watch_is_resumed_from_the_last_revision);
	tcase_add_test(t, a_cut_watch_is_resumed);
	tcase_add_loop_test(t, an_expired_revision_relists_and_reports_differences_only, 0, 2);
	tcase_add_test(t, failures_are_reported_and_tried_again);
	tcase_add_test(t, events_that_are_no_json);
	tcase_add_test(t, stopping_at_any_time);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
