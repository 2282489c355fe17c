/* The JSON of etcd's gateway: requests word for word, answers as a real etcd 3.4 gave them. */
#include "tests/unit/check_main.h"

#include <errno.h>

#include "cp/store/etcd_codec.h"

static void expect(struct str *got, const char *want)
{
	ck_assert_str_eq(str_text(got), want);
	str_done(got);
}

START_TEST(requests)
{
	struct str s = STR_INIT;
	etcd_range_request(&s, "/registry/", "/registry0", 500, 7, false);
	expect(&s, "{\"key\":\"L3JlZ2lzdHJ5Lw==\",\"range_end\":\"L3JlZ2lzdHJ5MA==\",\"limit\":\"500\",\"revision\":\"7\"}");
	etcd_range_request(&s, "a", NULL, 0, 0, true);
	expect(&s, "{\"key\":\"YQ==\",\"count_only\":true}");
	etcd_watch_request(&s, "a", "b", UINT64_C(9007199254740993));
	expect(&s, "{\"create_request\":{\"key\":\"YQ==\",\"range_end\":\"Yg==\",\"start_revision\":\"9007199254740993\","
		   "\"progress_notify\":true}}");
	etcd_version_request(&s, "k", 3, "9");
	expect(&s, "{\"compare\":[{\"key\":\"aw==\",\"target\":\"VERSION\",\"result\":\"EQUAL\",\"version\":\"3\"}],"
		   "\"success\":[{\"request_put\":{\"key\":\"aw==\",\"value\":\"OQ==\"}}],"
		   "\"failure\":[{\"request_range\":{\"key\":\"aw==\"}}]}");
}
END_TEST

START_TEST(transactions)
{
	struct str s = STR_INIT;
	AUTO_BUF *v = buf_new("v\0w", 3);
	struct store_op ops[] = {
	    {STORE_PUT, "/registry/a", v, STORE_ABSENT, false},
	    {STORE_DELETE, "/registry/b", NULL, STORE_ANY, false},
	    {STORE_DELETE, "c", NULL, 12, false},
	};
	etcd_txn_request(&s, ops, 3, "/p");
	expect(&s,
	       "{\"compare\":[{\"key\":\"L3AvYQ==\",\"target\":\"MOD\",\"result\":\"EQUAL\",\"mod_revision\":\"0\"},"
	       "{\"key\":\"Yw==\",\"target\":\"MOD\",\"result\":\"EQUAL\",\"mod_revision\":\"12\"}],"
	       "\"success\":[{\"request_put\":{\"key\":\"L3AvYQ==\",\"value\":\"dgB3\"}},"
	       "{\"request_delete_range\":{\"key\":\"L3AvYg==\"}},{\"request_delete_range\":{\"key\":\"Yw==\"}}],"
	       "\"failure\":[{\"request_range\":{\"key\":\"L3AvYQ==\"}},{\"request_range\":{\"key\":\"Yw==\"}}]}");
	etcd_txn_request(&s, &ops[1], 1, "/registry");
	expect(&s, "{\"compare\":[],\"success\":[{\"request_delete_range\":{\"key\":\"L3JlZ2lzdHJ5L2I=\"}}],\"failure\":[]}");
}
END_TEST

START_TEST(range_end)
{
	static const char *const cases[][2] = {{"/registry/", "/registry0"}, {"a\xff\xff", "b"}, {"az", "a{"}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *end = etcd_range_end(cases[i][0]);
		ck_assert_str_eq(end, cases[i][1]);
	}
}
END_TEST

#define HEADER "\"header\":{\"cluster_id\":\"324952591200643719\",\"revision\":\"3\",\"raft_term\":\"2\"}"

START_TEST(range_answers)
{
	struct etcd_range a = {0};
	const char *text = "{" HEADER ",\"kvs\":[{\"key\":\"L3JlZ2lzdHJ5L2I=\",\"create_revision\":\"2\",\"mod_revision\":\"3\","
			   "\"version\":\"1\",\"value\":\"dgB3\"}],\"more\":true,\"count\":\"1\"}";
	ck_assert_int_eq(etcd_range_answer(text, strlen(text), &a, NULL), 0);
	ck_assert_uint_eq(a.revision, 3);
	ck_assert(a.more && a.n == 1);
	ck_assert_str_eq(a.kvs[0].key, "/registry/b");
	ck_assert(a.kvs[0].rev == 3 && a.kvs[0].create_rev == 2 && a.kvs[0].value->len == 3);
	etcd_range_done(&a);
	text = "{" HEADER "}";
	ck_assert_int_eq(etcd_range_answer(text, strlen(text), &a, NULL), 0);
	ck_assert(!a.more && a.n == 0);
	etcd_range_done(&a);
}
END_TEST

START_TEST(txn_answers)
{
	struct etcd_txn_answer a = {0};
	const char *text = "{" HEADER ",\"succeeded\":true,\"responses\":[{\"response_put\":{\"header\":{\"revision\":\"3\"}}}]}";
	ck_assert_int_eq(etcd_txn_answer(text, strlen(text), &a, NULL), 0);
	ck_assert(a.succeeded && a.revision == 3 && a.n == 0);
	etcd_txn_answer_done(&a);
	text = "{" HEADER ",\"responses\":[{\"response_range\":{\"header\":{\"revision\":\"3\"}}},{\"response_range\":{\"kvs\":["
	       "{\"key\":\"YQ==\",\"create_revision\":\"2\",\"mod_revision\":\"2\",\"version\":\"5\",\"value\":\"djE=\"}]}}]}";
	ck_assert_int_eq(etcd_txn_answer(text, strlen(text), &a, NULL), 0);
	ck_assert(!a.succeeded && a.n == 1 && a.kvs[0].rev == 2);
	etcd_txn_answer_done(&a);
	text = "{" HEADER ",\"responses\":[{\"response_range\":{\"kvs\":[{\"key\":\"YQ==\",\"version\":\"5\",\"mod_revision\":\"2\"}]}}]}";
	uint64_t version = 0;
	ck_assert_int_eq(etcd_version_answer(text, strlen(text), &a, &version, NULL), 0);
	ck_assert_uint_eq(version, 5);
	etcd_txn_answer_done(&a);
}
END_TEST

START_TEST(watch_answers)
{
	struct etcd_watch_answer a = {0};
	const char *text = "{\"result\":{" HEADER ",\"created\":true}}";
	ck_assert_int_eq(etcd_watch_answer(text, strlen(text), &a, NULL), 0);
	ck_assert(a.created && a.n == 0 && a.revision == 3);
	etcd_watch_answer_done(&a);
	text = "{\"result\":{" HEADER ",\"events\":[{\"type\":\"DELETE\",\"kv\":{\"key\":\"YQ==\",\"mod_revision\":\"3\"},"
	       "\"prev_kv\":{\"key\":\"YQ==\",\"create_revision\":\"2\",\"mod_revision\":\"2\",\"value\":\"djE=\"}},"
	       "{\"kv\":{\"key\":\"Yg==\",\"create_revision\":\"3\",\"mod_revision\":\"3\",\"version\":\"1\",\"value\":\"djI=\"}}]}}";
	ck_assert_int_eq(etcd_watch_answer(text, strlen(text), &a, NULL), 0);
	ck_assert_uint_eq(a.n, 2);
	ck_assert(a.changes[0].deleted && a.changes[0].kv.rev == 3 && a.changes[0].prev.rev == 2);
	ck_assert_str_eq(a.changes[0].prev.value->data, "v1");
	ck_assert(!a.changes[1].deleted && !a.changes[1].prev.key);
	ck_assert_str_eq(a.changes[1].kv.value->data, "v2");
	etcd_watch_answer_done(&a);
	text = "{\"result\":{\"header\":{},\"canceled\":true,\"compact_revision\":\"30\"}}";
	ck_assert_int_eq(etcd_watch_answer(text, strlen(text), &a, NULL), 0);
	ck_assert(a.canceled && a.compacted == 30);
	etcd_watch_answer_done(&a);
	struct err e = ERR_INIT;
	text = "{\"error\":{\"grpc_code\":14,\"http_code\":503,\"message\":\"etcdserver: no leader\"}}";
	ck_assert_int_eq(etcd_watch_answer(text, strlen(text), &a, &e), -EAGAIN);
	ck_assert_str_eq(err_text(&e), "etcdserver: no leader");
}
END_TEST

START_TEST(bad_answers)
{
	static const char *const bad[] = {
	    "", "[]", "{\"header\":{\"revision\":\"x\"}}", "{\"header\":{\"revision\":\"-1\"}}",
	    "{\"header\":{\"revision\":1.5}}", "{\"header\":{},\"kvs\":[{\"key\":\"*\"}]}", "{\"kvs\":[{\"key\":\"YQ==\",\"value\":3}]}",
	    "{\"kvs\":[{\"key\":\"YQ==\"},{\"key\":\"YQ==\",\"mod_revision\":\"18446744073709551616\"}]}",
	};
	struct etcd_range a = {0};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_int_eq(etcd_range_answer(bad[i], strlen(bad[i]), &a, NULL), -EPROTO);
	ck_assert_ptr_null(a.kvs);
}
END_TEST

START_TEST(errors)
{
	static const struct {
		const char *text;
		int code;
	} cases[] = {
	    {"{\"error\":\"etcdserver: mvcc: required revision has been compacted\",\"code\":11}", -EOVERFLOW},
	    {"{\"error\":\"etcdserver: mvcc: required revision is a future revision\",\"code\":11}", -EPROTO},
	    {"{\"error\":\"etcdserver: request is too large\",\"code\":3}", -E2BIG},
	    {"{\"error\":\"etcdserver: mvcc: database space exceeded\",\"code\":8}", -ENOSPC},
	    {"{\"error\":\"etcdserver: request timed out\",\"code\":14}", -EAGAIN},
	    {"{\"error\":\"etcdserver: permission denied\",\"code\":7}", -EACCES},
	    {"404 page not found", -EPROTO},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = ERR_INIT;
		ck_assert_int_eq(etcd_error(cases[i].text, strlen(cases[i].text), &e), cases[i].code);
		ck_assert_int_eq(e.code, cases[i].code);
	}
}
END_TEST

TESTS("etcd_codec", requests, transactions, range_end, range_answers, txn_answers, watch_answers, bad_answers, errors)
