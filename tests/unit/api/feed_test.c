#include "api/feed.h"

#include <check.h>
#include <stdio.h>

#include "tests/unit/api/fake_api.h"

/* What one subscriber has heard: "n/a n/b- synced ". */
struct ear {
	struct feed_sub *sub;
	struct str heard;
	int changes, synced, errors;
};

static struct fake fake;
static struct feed *feed;
static struct ear one, two;
static struct http_exchange *watch;
static int lists, watches, list_status;
static const char *items;
static char last_list[256];

static void on_watch_close(void *arg, struct http_exchange *x)
{
	(void)arg;
	if (watch == x)
		watch = NULL;
}

static void on_request(struct http_exchange *x)
{
	AUTO_STR out = STR_INIT;
	if (http_query_get(x, "watch")) {
		watches++;
		watch = x;
		http_on_close(x, on_watch_close, NULL);
		http_start(x, 200, NULL);
		return;
	}
	lists++;
	snprintf(last_list, sizeof(last_list), "%s", http_query(x));
	str_addf(&out, "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":%s}", items);
	fake_answer(x, list_status, list_status == 200 ? out.p : "{\"kind\":\"Status\"}");
}

static void on_change(void *arg, const char *key, json_t *old, json_t *new)
{
	struct ear *e = arg;
	(void)old;
	e->changes++;
	str_addf(&e->heard, "%s%s ", key, new ? "" : "-");
}

static void on_synced(void *arg)
{
	struct ear *e = arg;
	ck_assert(feed_synced(e->sub));
	e->synced++;
	str_add(&e->heard, "synced ");
}

static void on_error(void *arg, const struct err *e)
{
	(void)e;
	((struct ear *)arg)->errors++;
}

#define ITEM(name, team, rv)                                                                                           \
	"{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"n\",\"labels\":{\"team\":\"" team                         \
	"\"},\"resourceVersion\":\"" rv "\"}}"
#define EVENT(type, name, team, rv) "{\"type\":\"" type "\",\"object\":" ITEM(name, team, rv) "}\n"

static void setup(void)
{
	one = two = (struct ear){.heard = STR_INIT};
	lists = watches = 0;
	list_status = 200;
	items = "[" ITEM("a", "x", "3") "," ITEM("b", "y", "4") "]";
	watch = NULL;
	fake_start(&fake, on_request);
	feed = feed_new(fake.client);
}

static void teardown(void)
{
	feed_unsubscribe(one.sub);
	feed_unsubscribe(two.sub);
	ck_assert_uint_eq(feed_len(feed), 0);
	feed_free(feed);
	fake_stop(&fake);
	str_done(&one.heard);
	str_done(&two.heard);
}

static void ask(struct ear *e, const char *labels, const char *fields)
{
	static const struct informer_ops ops = {on_change, on_synced, on_error};
	e->sub = feed_subscribe(feed, "/api/v1/pods", labels, fields, &ops, e);
}

static void forget(void)
{
	str_reset(&one.heard);
	str_reset(&two.heard);
	one.changes = two.changes = 0;
}

static void say(const char *text)
{
	http_write(watch, text, strlen(text));
}

START_TEST(two_share_one_watch)
{
	ask(&one, NULL, NULL);
	ask(&two, NULL, NULL);
	ck_assert(!feed_synced(one.sub) && !feed_synced(NULL));
	ck_assert(fake_wait(&fake, &watches, 1));
	ck_assert_str_eq(one.heard.p, "n/a n/b synced ");
	ck_assert_str_eq(two.heard.p, "n/a n/b synced ");
	forget();
	say(EVENT("MODIFIED", "a", "x", "11") EVENT("DELETED", "b", "y", "12"));
	ck_assert(fake_wait(&fake, &two.changes, 2));
	ck_assert_str_eq(one.heard.p, "n/a n/b- ");
	ck_assert_str_eq(two.heard.p, "n/a n/b- ");
	ck_assert_int_eq(lists + watches, 2);
	ck_assert_uint_eq(feed_len(feed), 1);
}
END_TEST

START_TEST(who_comes_later_hears_all_and_the_others_nothing_twice)
{
	ask(&one, NULL, NULL);
	ck_assert(fake_wait(&fake, &watches, 1));
	forget();
	items = "[" ITEM("a", "x", "3") "," ITEM("b", "y", "5") "," ITEM("c", "y", "6") "]";
	ask(&two, NULL, NULL);
	ck_assert(fake_wait(&fake, &two.synced, 1));
	ck_assert_str_eq(two.heard.p, "n/a n/b n/c synced ");
	ck_assert_str_eq(one.heard.p, "n/b n/c ");
	ck_assert(fake_wait(&fake, &watches, 2));
	forget();
	say(EVENT("MODIFIED", "a", "x", "11"));
	ck_assert(fake_wait(&fake, &two.changes, 1));
	ck_assert_int_eq(one.changes, 1);
	ck_assert_int_eq(lists, 2);
	ck_assert_int_eq(one.synced, 1);
}
END_TEST

START_TEST(one_that_wants_less_joins_and_hears_less)
{
	ask(&one, NULL, NULL);
	ask(&two, _i ? NULL : "team=x", _i ? "metadata.name=a" : NULL);
	ck_assert(fake_wait(&fake, &watches, 1));
	ck_assert_int_eq(lists, 1);
	ck_assert_str_eq(two.heard.p, "n/a n/b- synced ");
	forget();
	say(EVENT("MODIFIED", "a", "z", "11"));
	ck_assert(fake_wait(&fake, &two.changes, 1));
	ck_assert_str_eq(two.heard.p, _i ? "n/a " : "n/a- ");
	ck_assert_str_eq(one.heard.p, "n/a ");
}
END_TEST

START_TEST(one_that_wants_more_has_its_own)
{
	ask(&one, "team=x", NULL);
	ck_assert(fake_wait(&fake, &watches, 1));
	ck_assert_ptr_nonnull(strstr(last_list, "labelSelector=team%3Dx"));
	ask(&two, NULL, NULL);
	ck_assert(fake_wait(&fake, &watches, 2));
	ck_assert_ptr_null(strstr(last_list, "labelSelector"));
	ck_assert_uint_eq(feed_len(feed), 2);
}
END_TEST

START_TEST(again_is_for_the_asker)
{
	ask(&one, NULL, NULL);
	ask(&two, NULL, NULL);
	feed_again(two.sub); /* nothing was told yet: one list is enough */
	ck_assert(fake_wait(&fake, &watches, 1));
	ck_assert_int_eq(lists, 1);
	forget();
	feed_again(two.sub);
	ck_assert(!feed_synced(two.sub) && feed_synced(one.sub));
	ck_assert(fake_wait(&fake, &watches, 2));
	ck_assert_str_eq(two.heard.p, "n/a n/b synced ");
	ck_assert_int_eq(one.changes, 0);
	ck_assert_int_eq(one.synced, 1);
}
END_TEST

START_TEST(failures_are_told_to_all_and_tried_again)
{
	list_status = 403;
	ask(&one, NULL, NULL);
	ask(&two, NULL, NULL);
	ck_assert(fake_wait(&fake, &two.errors, 1));
	ck_assert_int_eq(one.errors, 1);
	list_status = 200;
	ck_assert(fake_wait(&fake, &two.synced, 1));
	ck_assert_str_eq(one.heard.p, "n/a n/b synced ");
}
END_TEST

START_TEST(who_leaves_is_left_alone)
{
	ask(&one, NULL, NULL);
	ask(&two, NULL, NULL);
	ck_assert(fake_wait(&fake, &watches, 1));
	forget();
	feed_unsubscribe(TAKE(one.sub));
	say(EVENT("MODIFIED", "a", "x", "11"));
	ck_assert(fake_wait(&fake, &two.changes, 1));
	ck_assert_int_eq(one.changes, 0);
	feed_unsubscribe(TAKE(two.sub));
	ck_assert_uint_eq(feed_len(feed), 0);
	for (int i = 0; i < 5; i++)
		loop_run_once(fake.loop, 5);
	ck_assert_ptr_null(watch);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("feed");
	TCase *t = tcase_create("feed");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 20);
	tcase_add_test(t, two_share_one_watch);
	tcase_add_test(t, who_comes_later_hears_all_and_the_others_nothing_twice);
	tcase_add_loop_test(t, one_that_wants_less_joins_and_hears_less, 0, 2);
	tcase_add_test(t, one_that_wants_more_has_its_own);
	tcase_add_test(t, again_is_for_the_asker);
	tcase_add_test(t, failures_are_told_to_all_and_tried_again);
	tcase_add_test(t, who_leaves_is_left_alone);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
