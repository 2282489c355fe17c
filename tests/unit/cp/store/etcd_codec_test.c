/* etcd's messages: requests byte for byte (as protoc encodes them), answers field by field, and what is none. */
#include "tests/unit/check_main.h"

#include <errno.h>

#include "base/protobuf.h"
#include "cp/store/etcd_codec.h"

static void expect(struct str *got, const char *want, size_t n)
{
	ck_assert_uint_eq(got->len, n);
	ck_assert_mem_eq(got->p, want, n);
	str_done(got);
}
#define EXPECT(got, want) expect(got, want, sizeof(want) - 1)

START_TEST(requests)
{
	struct str s = STR_INIT;
	etcd_range_request(&s, "/r/", "/r0", 500, 7, false);
	EXPECT(&s, "\x0a\x03/r/\x12\x03/r0\x18\xf4\x03\x20\x07");
	etcd_range_request(&s, "a", NULL, 0, 0, true);
	EXPECT(&s, "\x0a\x01" "a\x48\x01");
	etcd_watch_request(&s, "a", "b", 300);
	EXPECT(&s, "\x0a\x0b\x0a\x01" "a\x12\x01" "b\x18\xac\x02\x20\x01");
	etcd_version_request(&s, "k", 3, "9");
	EXPECT(&s, "\x0a\x05\x1a\x01k\x20\x03" "\x12\x08\x12\x06\x0a\x01k\x12\x01" "9" "\x1a\x05\x0a\x03\x0a\x01k");
	etcd_compact_request(&s, 5);
	EXPECT(&s, "\x08\x05");
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
	EXPECT(&s, "\x12\x0d\x12\x0b\x0a\x04/p/a\x12\x03v\0w"
		   "\x0a\x0a\x10\x02\x1a\x04/p/a\x30\x00"
		   "\x1a\x08\x0a\x06\x0a\x04/p/a"
		   "\x12\x08\x1a\x06\x0a\x04/p/b"
		   "\x12\x05\x1a\x03\x0a\x01" "c"
		   "\x0a\x07\x10\x02\x1a\x01" "c\x30\x0c"
		   "\x1a\x05\x0a\x03\x0a\x01" "c");
	etcd_txn_request(&s, &ops[1], 1, "/registry");
	EXPECT(&s, "\x12\x0f\x1a\x0d\x0a\x0b/registry/b");
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


/* Messages built field by field, fields in an order that etcd does not use. */
static void add(struct str *out, unsigned field, struct str *message)
{
	protobuf_add_message(out, field, message);
	str_done(message);
}

static struct str header(uint64_t revision)
{
	struct str s = STR_INIT;
	protobuf_add_number(&s, 1, UINT64_MAX); /* a cluster's id */
	protobuf_add_number(&s, 3, revision);
	return s;
}

static struct str kv(const char *key, const char *value, uint64_t created, uint64_t rev, uint64_t version)
{
	struct str s = STR_INIT;
	protobuf_add_number(&s, 3, rev);
	protobuf_add_text(&s, 1, key);
	if (value)
		protobuf_add_text(&s, 5, value);
	protobuf_add_number(&s, 2, created);
	protobuf_add_number(&s, 4, version);
	return s;
}

START_TEST(range_answers)
{
	struct etcd_range a = {0};
	AUTO_STR s = STR_INIT;
	struct str h = header(3);
	for (unsigned i = 0; i < 5; i++) {
		struct str one = kv("/registry/b", i ? "v" : NULL, 2, 3 + i, 1);
		add(&s, 2, &one);
	}
	protobuf_add_number(&s, 3, true);
	add(&s, 1, &h);
	ck_assert_int_eq(etcd_range_answer(s.p, s.len, &a, NULL), 0);
	ck_assert_uint_eq(a.revision, 3);
	ck_assert(a.more && a.n == 5);
	ck_assert_str_eq(a.kvs[0].key, "/registry/b");
	ck_assert_uint_eq(a.kvs[0].value->len, 0);
	ck_assert(a.kvs[4].rev == 7 && a.kvs[4].create_rev == 2 && a.kvs[4].value->len == 1);
	etcd_range_done(&a);
	ck_assert_int_eq(etcd_range_answer("", 0, &a, NULL), 0);
	ck_assert(!a.more && a.n == 0);
	etcd_range_done(&a);
}
END_TEST

START_TEST(txn_answers)
{
	struct etcd_txn_answer a = {0};
	AUTO_STR good = STR_INIT, bad = STR_INIT;
	struct str h = header(3), range = STR_INIT, response = STR_INIT, none = STR_INIT, one = kv("a", "v1", 2, 2, 5);
	add(&good, 1, &h);
	protobuf_add_number(&good, 2, true);
	ck_assert_int_eq(etcd_txn_answer(good.p, good.len, &a, NULL), 0);
	ck_assert(a.succeeded && a.revision == 3 && a.n == 0);
	etcd_txn_answer_done(&a);
	add(&range, 2, &one);
	add(&response, 1, &range);
	add(&bad, 3, &none);
	add(&bad, 3, &response);
	ck_assert_int_eq(etcd_txn_answer(bad.p, bad.len, &a, NULL), 0);
	ck_assert(!a.succeeded && a.n == 1 && a.kvs[0].rev == 2);
	etcd_txn_answer_done(&a);
	uint64_t version = 0;
	ck_assert_int_eq(etcd_version_answer(bad.p, bad.len, &a, &version, NULL), 0);
	ck_assert_uint_eq(version, 5);
	etcd_txn_answer_done(&a);
}
END_TEST

START_TEST(watch_answers)
{
	struct etcd_watch_answer a = {0};
	AUTO_STR s = STR_INIT, end = STR_INIT;
	struct str h = header(3), gone = STR_INIT, made = STR_INIT, k = kv("a", NULL, 0, 3, 0), p = kv("a", "v1", 2, 2, 1),
		   m = kv("b", "v2", 3, 3, 1);
	protobuf_add_number(&gone, 1, 1);
	add(&gone, 2, &k);
	add(&gone, 3, &p);
	add(&made, 2, &m);
	add(&s, 1, &h);
	add(&s, 11, &gone);
	add(&s, 11, &made);
	protobuf_add_number(&s, 3, true);
	ck_assert_int_eq(etcd_watch_answer(s.p, s.len, &a, NULL), 0);
	ck_assert(a.created && a.n == 2 && a.revision == 3);
	ck_assert(a.changes[0].deleted && a.changes[0].kv.rev == 3 && a.changes[0].prev.rev == 2);
	ck_assert_str_eq(a.changes[0].prev.value->data, "v1");
	ck_assert(!a.changes[1].deleted && !a.changes[1].prev.key);
	ck_assert_str_eq(a.changes[1].kv.value->data, "v2");
	etcd_watch_answer_done(&a);
	protobuf_add_number(&end, 4, true);
	protobuf_add_number(&end, 5, 30);
	protobuf_add_text(&end, 6, "why");
	ck_assert_int_eq(etcd_watch_answer(end.p, end.len, &a, NULL), 0);
	ck_assert(a.canceled && a.compacted == 30);
	ck_assert_str_eq(a.reason, "why");
	etcd_watch_answer_done(&a);
}
END_TEST

#define TEXT(s) {s, sizeof(s) - 1}

START_TEST(bad_answers)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {
	    TEXT("\x00"), TEXT("\x0a"), TEXT("\x0a\x05" "ab"), TEXT("\x08\x01"), TEXT("\x0a\x0b\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
	    TEXT("\x12\x02\x08\x01"), TEXT("\x12\x02\x1a\x00"), TEXT("\x1a\x00"), TEXT("\x0b"), TEXT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
	};
	struct etcd_range a = {0};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(etcd_range_answer(bad[i].bytes, bad[i].n, &a, NULL) == -EPROTO, "case %zu", i);
	ck_assert_ptr_null(a.kvs);
	struct etcd_watch_answer w = {0};
	ck_assert_int_eq(etcd_watch_answer("\x5a\x00", 2, &w, NULL), -EPROTO); /* a change without a key */
}
END_TEST

START_TEST(frames)
{
	AUTO_STR s = STR_INIT;
	const char *m = NULL;
	size_t n = 0;
	etcd_frame(&s, "abc", 3);
	for (size_t i = 0; i < s.len; i++)
		ck_assert_int_eq(etcd_unframe(s.p, i, &m, &n), 0);
	ck_assert_int_eq(etcd_unframe(s.p, s.len, &m, &n), 1);
	ck_assert_uint_eq(n, 3);
	ck_assert_mem_eq(m, "abc", 3);
	ck_assert_int_eq(etcd_unframe("\1\0\0\0\0", 5, &m, &n), -EPROTO);
	ck_assert_int_eq(etcd_unframe("\0\xff\xff\xff\xff", 5, &m, &n), 0);
}
END_TEST

START_TEST(errors)
{
	static const struct {
		const char *text;
		int code, error;
	} cases[] = {
	    {"etcdserver: mvcc: required revision has been compacted", 11, -EOVERFLOW},
	    {"etcdserver: mvcc: required revision is a future revision", 11, -EPROTO},
	    {"etcdserver: request is too large", 3, -E2BIG},
	    {"grpc: received message larger than max (3 vs. 2)", 8, -E2BIG},
	    {"etcdserver: mvcc: database space exceeded", 8, -ENOSPC},
	    {"etcdserver: request timed out", 14, -EAGAIN},
	    {"etcdserver: permission denied", 7, -EACCES},
	    {"raft proposal dropped", 2, -EAGAIN},
	    {"", 2, -EPROTO},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = ERR_INIT;
		ck_assert_int_eq(etcd_error(cases[i].code, cases[i].text, &e), cases[i].error);
		ck_assert_int_eq(e.code, cases[i].error);
	}
}
END_TEST

TESTS("etcd_codec", requests, transactions, range_end, range_answers, txn_answers, watch_answers, bad_answers, frames, errors)
