/* Questions read from bytes, replies made into bytes, answers of other servers kept and given again. */
#include "dns/message.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dns/cache.h"

#define HEAD "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
#define OPT "\x00\x00\x29\x10\x00\x00\x00\x80\x00\x00\x00"
#define BYTES(s) s, sizeof(s) - 1

static const struct {
	const char *bytes;
	size_t len;
	int result;
	const char *text;
	uint16_t type, udp_size;
	bool edns;
} questions[] = {
    {BYTES(HEAD "\3WwW\7example\3com\0\0\x1c\0\1"), 0, "www.example.com", 28, 512, false},
    {BYTES(HEAD "\0\0\2\0\1"), 0, "", 2, 512, false},
    {BYTES("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\1a\0\0\1\0\1" OPT), 0, "a", 1, 4096, true},
    {BYTES("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x02\1a\0\0\1\0\1" OPT OPT), -EINVAL, "a", 1, 4096, true},
    {BYTES(HEAD "\3a.b\0\0\1\0\1"), 0, "a\\046b", 1, 512, false},
    {BYTES(HEAD "\x01\xff\0\0\1\0\1"), 0, "\\255", 1, 512, false},
    {BYTES(HEAD "\1a\xc0\x0c\0\1\0\1"), -EINVAL, NULL, 0, 512, false},
    {BYTES(HEAD "\7abc\0\0\1\0\1"), -EINVAL, NULL, 0, 512, false},
    {BYTES(HEAD "\1a\0\0\1\0"), -EINVAL, NULL, 0, 512, false},
    {BYTES("\x12\x34\x01\x00\x00\x02\x00\x00\x00\x00\x00\x00\1a\0\0\1\0\1"), -EINVAL, NULL, 0, 512, false},
    {BYTES("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\1a\0\0\1\0\1\0\0\1\0\1\0\0\0\0\0\5x"), -EINVAL, "a", 1, 512, false},
    {BYTES("\x12\x34\x81\x00\x00\x01\x00\x00\x00\x00\x00\x00\1a\0\0\1\0\1"), -EBADMSG, NULL, 0, 0, false},
    {BYTES("\x12\x34\x01"), -EBADMSG, NULL, 0, 0, false},
};

START_TEST(read_questions)
{
	struct question q;
	int r = question_parse((const uint8_t *)questions[_i].bytes, questions[_i].len, &q);
	ck_assert_int_eq(r, questions[_i].result);
	if (r == -EBADMSG)
		return;
	ck_assert_int_eq(q.id, 0x1234);
	ck_assert_int_eq(q.edns, questions[_i].edns);
	ck_assert_int_eq(q.udp_size, questions[_i].udp_size);
	if (questions[_i].text)
		ck_assert_str_eq(q.text, questions[_i].text);
	else
		ck_assert_uint_eq(q.name_len, 0);
	ck_assert_int_eq(q.type, questions[_i].type);
}
END_TEST

static struct question ask(const char *name, bool edns)
{
	struct question q, base = {.id = 7, .type = LDNS_RR_TYPE_A, .class = 1, .udp_size = edns ? 1232 : 512, .edns = edns};
	ck_assert_int_eq(question_rename(&base, name, &q), 0);
	return q;
}

START_TEST(renames)
{
	struct question q = ask("a.b", false), to;
	char long_name[300];
	ck_assert_int_eq((int)q.name_len, 5);
	ck_assert_int_eq(question_rename(&q, "x\\046y.z", &to), 0);
	ck_assert_str_eq(to.text, "x\\046y.z");
	ck_assert_int_eq(question_rename(&q, "a..b", &to), -EINVAL);
	ck_assert_int_eq(question_rename(&q, ".a", &to), -EINVAL);
	ck_assert_int_eq(question_rename(&q, "a\\9", &to), -EINVAL);
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	ck_assert_int_eq(question_rename(&q, long_name, &to), -EINVAL);
	for (size_t i = 50; i < sizeof(long_name) - 1; i += 50)
		long_name[i] = '.';
	ck_assert_int_eq(question_rename(&q, long_name, &to), -EINVAL);
}
END_TEST

static ldns_rr_list *addresses(size_t n, uint32_t ttl)
{
	ldns_rr_list *l = ldns_rr_list_new();
	for (size_t i = 0; i < n; i++) {
		ldns_rr *rr = NULL;
		AUTO_FREE char *text = xasprintf("www.example.com. %u IN A 10.0.%zu.%zu", ttl, i / 256, i % 256);
		ck_assert_int_eq(ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL), LDNS_STATUS_OK);
		ldns_rr_list_push_rr(l, rr);
	}
	return l;
}

static unsigned at16(const uint8_t *p, size_t at)
{
	return (unsigned)(p[at] << 8 | p[at + 1]);
}

START_TEST(replies)
{
	uint8_t out[DNS_UDP_MAX];
	struct question q = ask("www.example.com", false);
	memcpy(q.name + 1, "WwW", 3);
	struct reply r = {.rcode = 0, .authoritative = true, .answer = addresses(100, 30)};
	size_t len = message_build(&q, &r, 512, out);
	ck_assert(len > 400 && len <= 512);
	ck_assert(out[2] & 2);                    /* cut */
	ck_assert(at16(out, 6) > 20);             /* and as much as fits */
	ck_assert_mem_eq(out + 12, "\3WwW", 4);   /* as it was asked */
	ck_assert_int_eq((int)at16(out, 12 + q.name_len + 4) & 0xc000, 0xc000); /* and pointed to */
	len = message_build(&q, &r, 4096, out);
	ck_assert(!(out[2] & 2));
	ck_assert_int_eq((int)at16(out, 6), 100);
	q.edns = true;
	size_t with = message_build(&q, &r, 4096, out);
	ck_assert_uint_eq(with, len + 11);
	ck_assert_int_eq((int)at16(out, 10), 1);
	r.rcode = RCODE_BADVERS;
	with = message_build(&q, &r, 4096, out);
	ck_assert_int_eq(out[3] & 15, 0);
	ck_assert_int_eq(out[with - 6], 1);
	q.name_len = 0; /* nothing of the question could be read */
	ldns_rr_list_deep_free(r.answer);
	r = (struct reply){.rcode = LDNS_RCODE_FORMERR};
	q.edns = false;
	ck_assert_uint_eq(message_build(&q, &r, 512, out), 12);
	ck_assert_int_eq((int)at16(out, 4), 0);
}
END_TEST

/* An SOA record without anything in it, which no server sends by mistake. */
START_TEST(empty_soa)
{
	static const uint8_t wire[] = "\0\7\x81\x83\0\1\0\0\0\1\0\0\3www\7example\3com\0\0\1\0\1\xc0\x0c\0\6\0\1\0\0\0\x3c\0";
	struct question q = ask("www.example.com", false);
	struct message m = {0};
	if (message_read(&q, 7, wire, sizeof(wire), &m) == 0)
		ck_assert_uint_eq(m.ttl_s, 0);
	message_done(&m);
}
END_TEST

/* What another server answers, with an OPT record. */
static size_t foreign(const struct question *q, size_t n, uint32_t ttl, uint8_t *out)
{
	struct question theirs = *q;
	theirs.edns = true;
	struct reply r = {.answer = addresses(n, ttl)};
	size_t len = message_build(&theirs, &r, 4096, out);
	ldns_rr_list_deep_free(r.answer);
	return len;
}

START_TEST(answers)
{
	uint8_t wire[4096], out[4096];
	struct question q = ask("www.example.com", false), other = ask("example.com", false);
	struct message m;
	size_t len = foreign(&q, 3, 300, wire);
	ck_assert_int_eq(message_read(&other, 7, wire, len, &m), -EBADMSG);
	ck_assert_int_eq(message_read(&q, 8, wire, len, &m), -EBADMSG);
	ck_assert_int_eq(message_read(&q, 7, wire, len - 1, &m), -EBADMSG);
	ck_assert_int_eq(message_read(&q, 7, wire, len, &m), 0);
	ck_assert_uint_eq(m.ttl_s, 300);
	ck_assert_uint_eq(m.n_ttls, 3);
	q.id = 99;
	len = message_relay(&q, &m, 100, 512, out);
	ck_assert_uint_eq(len, m.len);
	ck_assert_int_eq((int)at16(out, 0), 99);
	ck_assert_int_eq((int)at16(out, 10), 0); /* no OPT for a client without */
	ck_assert_int_eq((int)at16(out, m.ttls[0] + 2U), 200);
	message_relay(&q, &m, 400, 512, out);
	ck_assert_int_eq((int)at16(out, m.ttls[0] + 2U), 0);
	len = message_relay(&q, &m, 0, 60, out);
	ck_assert(len <= 60 && (out[2] & 2));
	message_done(&m);
}
END_TEST

START_TEST(caching)
{
	uint8_t wire[4096];
	uint32_t age = 0;
	struct question q = ask("www.example.com", false);
	struct cache *c = cache_new(2000);
	struct message m;
	ck_assert_int_eq(message_read(&q, 7, wire, foreign(&q, 1, 10, wire), &m), 0);
	cache_put(c, "a", &m, 1000);
	ck_assert_ptr_nonnull(cache_get(c, "a", 6500, &age));
	ck_assert_uint_eq(age, 5);
	ck_assert_ptr_null(cache_get(c, "a", 11000, &age));
	ck_assert_uint_eq(cache_len(c), 0);
	for (int i = 0; i < 100; i++) {
		char key[8];
		ck_assert_int_eq(message_read(&q, 7, wire, foreign(&q, 1, 10, wire), &m), 0);
		sprintf(key, "k%d", i);
		cache_put(c, key, &m, 1000);
		ck_assert_ptr_nonnull(cache_get(c, "k0", 1000, &age)); /* what is used stays */
	}
	ck_assert(cache_len(c) > 3 && cache_len(c) < 20);
	ck_assert_ptr_null(cache_get(c, "k1", 1000, &age));
	ck_assert_int_eq(message_read(&q, 7, wire, foreign(&q, 1, 0, wire), &m), 0);
	cache_put(c, "none", &m, 1000); /* a TTL of nothing */
	ck_assert_ptr_null(cache_get(c, "none", 1000, &age));
	cache_free(c);
}
END_TEST

#include "tests/unit/check_main.h"
TESTS_TABLE("message", read_questions, ARRAY_LEN(questions), renames, replies, answers, caching, empty_soa)
