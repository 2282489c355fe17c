/* Ranges: completion, checks, iteration, overlap. */
#include "cni/ipam_range.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct ip_range range(const char *subnet, const char *start, const char *end, const char *gateway)
{
	struct ip_range r = {0};
	ck_assert_int_eq(ip_net_parse(subnet, &r.subnet), 0);
	if (start)
		ck_assert_int_eq(ip_parse(start, &r.start), 0);
	if (end)
		ck_assert_int_eq(ip_parse(end, &r.end), 0);
	if (gateway)
		ck_assert_int_eq(ip_parse(gateway, &r.gateway), 0);
	return r;
}

static void ck_ip(const struct ip *ip, const char *text)
{
	char is[IP_TEXT_MAX];
	ck_assert_str_eq(ip_text(ip, is), text);
}

static const struct {
	const char *subnet, *start, *end, *gateway; /* given */
	const char *want_start, *want_end, *want_gateway, *error;
} completions[] = {
    {"10.0.0.0/24", NULL, NULL, NULL, "10.0.0.1", "10.0.0.254", "10.0.0.1", NULL},
    {"10.0.0.0/30", NULL, NULL, NULL, "10.0.0.1", "10.0.0.2", "10.0.0.1", NULL},
    {"10.0.0.0/31", NULL, NULL, NULL, NULL, NULL, NULL, "too small"},
    {"10.0.0.0/32", NULL, NULL, NULL, NULL, NULL, NULL, "too small"},
    {"10.0.0.5/24", NULL, NULL, NULL, NULL, NULL, NULL, "network address is 10.0.0.0"},
    {"10.0.0.0/24", "10.0.0.9", "10.0.0.9", "10.0.0.254", "10.0.0.9", "10.0.0.9", "10.0.0.254", NULL},
    {"10.0.0.0/24", "10.0.1.0", NULL, NULL, NULL, NULL, NULL, "RangeStart 10.0.1.0 not in network 10.0.0.0/24"},
    {"10.0.0.0/24", NULL, "10.0.1.0", NULL, NULL, NULL, NULL, "RangeEnd 10.0.1.0 not in network"},
    {"10.0.0.0/24", "10.0.0.9", "10.0.0.8", NULL, NULL, NULL, NULL, "RangeStart 10.0.0.9 is behind RangeEnd 10.0.0.8"},
    {"10.0.0.0/24", NULL, NULL, "192.168.0.1", "10.0.0.1", "10.0.0.254", "192.168.0.1", NULL},
    {"10.0.0.0/24", "fd00::1", NULL, NULL, NULL, NULL, NULL, "RangeStart"},
    {"fd00::/64", NULL, NULL, NULL, "fd00::1", "fd00::ffff:ffff:ffff:ffff", "fd00::1", NULL},
    {"fd00::/127", NULL, NULL, NULL, NULL, NULL, NULL, "too small"},
};

START_TEST(completes)
{
	struct ip_range r =
	    range(completions[_i].subnet, completions[_i].start, completions[_i].end, completions[_i].gateway);
	struct err e = ERR_INIT;
	int rc = ip_range_complete(&r, &e);
	if (completions[_i].error) {
		ck_assert_int_lt(rc, 0);
		ck_assert_msg(strstr(e.text, completions[_i].error), "%s", e.text);
		return;
	}
	ck_assert_int_eq(rc, 0);
	ck_ip(&r.start, completions[_i].want_start);
	ck_ip(&r.end, completions[_i].want_end);
	ck_ip(&r.gateway, completions[_i].want_gateway);
}
END_TEST

/* The whole walk as text. */
static char *walk(const struct range_set *s, const char *last)
{
	struct str out = STR_INIT;
	struct range_iter it;
	struct ip from, ip;
	const struct ip_range *r;
	char text[IP_TEXT_MAX];
	if (last)
		ck_assert_int_eq(ip_parse(last, &from), 0);
	range_iter_init(&it, s, last ? &from : NULL);
	while (range_iter_next(&it, &ip, &r)) {
		ck_assert(ip_range_contains(r, &ip));
		str_addf(&out, "%s ", ip_text(&ip, text));
	}
	return str_take(&out);
}

START_TEST(walks_around)
{
	static const struct {
		const char *last, *want;
	} cases[] = {
	    {NULL, "10.0.0.2 10.0.0.3 10.0.1.8 10.0.1.9 "},       {"10.0.0.2", "10.0.0.3 10.0.1.8 10.0.1.9 10.0.0.2 "},
	    {"10.0.0.3", "10.0.1.8 10.0.1.9 10.0.0.2 10.0.0.3 "}, {"10.0.1.9", "10.0.0.2 10.0.0.3 10.0.1.8 10.0.1.9 "},
	    {"10.9.9.9", "10.0.0.2 10.0.0.3 10.0.1.8 10.0.1.9 "},
	};
	struct ip_range v[2] = {range("10.0.0.0/24", NULL, "10.0.0.3", NULL),
				range("10.0.1.0/24", "10.0.1.8", "10.0.1.9", NULL)};
	struct range_set s = {v, 2};
	ck_assert_int_eq(ip_range_complete(&v[0], NULL), 0);
	ck_assert_int_eq(ip_range_complete(&v[1], NULL), 0);
	ck_assert_int_eq(range_set_check(&s, NULL), 0);
	char *got = walk(&s, cases[_i].last);
	ck_assert_str_eq(got, cases[_i].want);
	free(got);
}
END_TEST

START_TEST(only_the_gateway)
{
	struct ip_range v = range("10.0.0.0/24", "10.0.0.1", "10.0.0.1", NULL);
	struct range_set s = {&v, 1};
	ck_assert_int_eq(ip_range_complete(&v, NULL), 0);
	char *got = walk(&s, NULL);
	ck_assert_str_eq(got, "");
	free(got);
}
END_TEST

START_TEST(overlaps)
{
	struct ip_range a = range("10.0.0.0/24", NULL, NULL, NULL), b = range("10.0.0.0/25", NULL, NULL, NULL),
			c = range("10.0.1.0/24", NULL, NULL, NULL), six = range("fd00::/64", NULL, NULL, NULL);
	struct ip_range *all[] = {&a, &b, &c, &six};
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(ip_range_complete(all[i], NULL), 0);
	struct range_set sa = {&a, 1}, sb = {&b, 1}, sc = {&c, 1};
	ck_assert(range_set_overlaps(&sa, &sb));
	ck_assert(range_set_overlaps(&sb, &sa));
	ck_assert(!range_set_overlaps(&sa, &sc));
	struct ip_range mixed[] = {a, six}, same[] = {a, b};
	ck_assert_int_lt(range_set_check(&(struct range_set){mixed, 2}, NULL), 0);
	struct err e = ERR_INIT;
	ck_assert_int_lt(range_set_check(&(struct range_set){same, 2}, &e), 0);
	ck_assert_str_eq(e.text, "subnets 10.0.0.1-10.0.0.254 and 10.0.0.1-10.0.0.126 overlap");
	ck_assert_int_lt(range_set_check(&(struct range_set){NULL, 0}, NULL), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ipam_range");
	TCase *t = tcase_create("all");
	tcase_add_loop_test(t, completes, 0, sizeof(completions) / sizeof(completions[0]));
	tcase_add_loop_test(t, walks_around, 0, 5);
	tcase_add_test(t, only_the_gateway);
	tcase_add_test(t, overlaps);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
