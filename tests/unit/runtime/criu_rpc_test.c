/* CRIU's messages: bytes as the protocol has them, answers in any order, broken ones refused, never read beyond their end. */
#include "runtime/criu_rpc.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/unit/check_main.h"

#define BYTES(s) (s), sizeof(s) - 1

static void same(const struct str *got, const char *bytes, size_t n)
{
	ck_assert_uint_eq(got->len, n);
	ck_assert_mem_eq(got->p, bytes, n);
}

START_TEST(test_request)
{
	AUTO_STR opts = STR_INIT, out = STR_INIT, done = STR_INIT, features = STR_INIT;
	criu_add_number(&opts, CRIU_PID, 300);
	criu_add_number(&opts, CRIU_LEAVE_RUNNING, true);
	criu_add_text(&opts, CRIU_LOG_FILE, "a.log");
	criu_add_texts(&opts, CRIU_EXT_MNT, "/k", "/v");
	criu_add_text_number(&opts, CRIU_INHERIT_FD, "p", 4);
	static const char want[] = "\x10\xac\x02"
				   "\x18\x01"
				   "\x52\x05"
				   "a.log"
				   "\xba\x01\x08\x0a\x02/k\x12\x02/v"
				   "\xda\x01\x05\x0a\x01p\x10\x04";
	same(&opts, BYTES(want));
	criu_request(CRIU_DUMP, &opts, &out);
	ck_assert_mem_eq(out.p, "\x08\x01\x12\x1f", 4);
	ck_assert_uint_eq(out.len, opts.len + 4);
	criu_notify_done(&done);
	same(&done, BYTES("\x08\x06\x18\x01"));
	criu_ask_features(&features);
	same(&features, BYTES("\x08\x09\x2a\x04\x08\x01\x10\x01"));
}
END_TEST

START_TEST(test_answers)
{
	struct criu_answer a;
	ck_assert_int_eq(criu_answer_parse(BYTES("\x08\x06\x10\x01\x2a\x10\x0a\x0cpost-restore\x10\x2a"), &a), 0);
	ck_assert(a.type == CRIU_NOTIFY && a.success && a.pid == 42);
	ck_assert_str_eq(a.script, "post-restore");
	/* the other way round, with a fixed-width field nobody knows between */
	ck_assert_int_eq(criu_answer_parse(BYTES("\x38\x0d\xf5\x07\x01\x02\x03\x04\x10\x00\x08\x01"), &a), 0);
	ck_assert(a.type == CRIU_DUMP && !a.success && a.cr_errno == 13);
	ck_assert_int_eq(criu_answer_parse(BYTES("\x08\x0a\x10\x01\x52\x06\x08\x03\x10\x11\x20\x01"), &a), 0);
	ck_assert_int_eq(a.version, 31701);
	ck_assert_int_eq(criu_answer_parse(BYTES("\x08\x09\x10\x01\x42\x04\x08\x01\x10\x00"), &a), 0);
	ck_assert(a.mem_track && !a.lazy_pages);
	ck_assert_int_eq(criu_answer_parse(BYTES("\x08\x02\x10\x01\x22\x02\x08\x07"), &a), 0);
	ck_assert(a.type == CRIU_RESTORE && a.pid == 7);
}
END_TEST

START_TEST(test_long_text)
{
	struct criu_answer a;
	char bytes[4 + 2 + 2 + 100] = "\x08\x06\x10\x01\x2a\x66\x0a\x64";
	memset(bytes + 8, 'x', 100);
	ck_assert_int_eq(criu_answer_parse(bytes, sizeof(bytes), &a), 0);
	ck_assert_uint_eq(strlen(a.script), sizeof(a.script) - 1);
}
END_TEST

static const struct {
	const char *bytes;
	size_t n;
} broken[] = {
	{ BYTES("") },			  /* no type */
	{ BYTES("\x10\x01") },		  /* no type */
	{ BYTES("\x08") },		  /* no value */
	{ BYTES("\x08\xff") },		  /* unfinished number */
	{ BYTES("\x08\x06\x2a\x05\x0a") }, /* longer than what is there */
	{ BYTES("\x08\x06\x2a\x02\x0a\x05") }, /* the same one level down */
	{ BYTES("\x08\x06\x2b") },	  /* groups do not exist any more */
	{ BYTES("\x08\x06\x31\x00") },	  /* eight bytes announced */
	{ BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01") },
};

START_TEST(test_broken)
{
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		struct criu_answer a = { .type = 77 };
		/* On the heap and exactly as long, for the sanitizer. */
		AUTO_FREE char *copy = broken[i].n ? xmemdup(broken[i].bytes, broken[i].n) : NULL;
		ck_assert_msg(criu_answer_parse(copy, broken[i].n, &a) == -EBADMSG, "%zu", i);
		ck_assert_int_eq(a.type, 77);
	}
}
END_TEST

START_TEST(test_modes)
{
	ck_assert_int_eq(criu_cgroups_mode("ignore"), 0);
	ck_assert_int_eq(criu_cgroups_mode("strict"), 5);
	ck_assert_int_eq(criu_cgroups_mode(""), 6);
	ck_assert_int_eq(criu_cgroups_mode("none"), -EINVAL);
	ck_assert_str_eq(criu_type_name(CRIU_PRE_DUMP), "PRE_DUMP");
	ck_assert_str_eq(criu_type_name(99), "EMPTY");
}
END_TEST

TESTS("runtime/criu_rpc", test_request, test_answers, test_long_text, test_broken, test_modes)
