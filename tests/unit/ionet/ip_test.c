/* Addresses and networks as values. */
#include "io/net/ip.h"

#include <check.h>
#include <string.h>
#include <sys/socket.h>

static struct ip ip(const char *s)
{
	struct ip r;
	ck_assert_msg(ip_parse(s, &r) == 0, "%s", s);
	return r;
}

static void ck_ip(struct ip got, const char *want)
{
	char text[IP_TEXT_MAX];
	ck_assert_str_eq(ip_text(&got, text), want);
}

START_TEST(parses)
{
	static const char *const bad[] = {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "x", "::g", "1.2.3.4/8", " 1.2.3.4"};
	struct ip r = {.family = 77};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(ip_parse(bad[i], &r) < 0, "%s", bad[i]);
	ck_assert(ip_parse(NULL, &r) < 0);
	ck_assert_int_eq(r.family, 77);
	ck_ip(ip("10.0.0.1"), "10.0.0.1");
	ck_ip(ip("FD00:0::1"), "fd00::1");
	ck_ip(ip("::ffff:10.0.0.1"), "10.0.0.1");
	ck_assert_int_eq(ip("::ffff:10.0.0.1").family, AF_INET);
}
END_TEST

START_TEST(networks)
{
	static const char *const bad[] = {"10.0.0.0",     "10.0.0.0/",  "10.0.0.0/33", "10.0.0.0/-1",
					  "10.0.0.0/8/8", "fd00::/129", "/8"};
	struct ip_net n;
	char text[IP_TEXT_MAX];
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(ip_net_parse(bad[i], &n) < 0, "%s", bad[i]);
	ck_assert_int_eq(ip_net_parse_loose("10.0.0.9", &n), 0);
	ck_assert_int_eq(n.prefix, 32);
	ck_assert_int_eq(ip_net_parse("10.1.2.3/20", &n), 0);
	ck_assert_str_eq(ip_net_text(&n, text), "10.1.2.3/20");
	ck_ip(ip_net_first(&n), "10.1.0.0");
	ck_ip(ip_net_last(&n), "10.1.15.255");
	struct ip in = ip("10.1.15.9"), out = ip("10.1.16.0"), six = ip("fd00::1");
	ck_assert(ip_net_contains(&n, &in) && !ip_net_contains(&n, &out) && !ip_net_contains(&n, &six));
	ck_assert_int_eq(ip_net_parse("fd00::5/60", &n), 0);
	ck_ip(ip_net_first(&n), "fd00::");
	ck_ip(ip_net_last(&n), "fd00::f:ffff:ffff:ffff:ffff");
	ck_assert_int_eq(ip_net_parse("0.0.0.0/0", &n), 0);
	ck_ip(ip_net_last(&n), "255.255.255.255");
	ck_assert(ip_net_contains(&n, &in));
}
END_TEST

START_TEST(order)
{
	struct ip a = ip("10.0.0.255"), b = ip("10.0.1.0"), end = ip("255.255.255.255"), six = ip("::1");
	ck_ip(ip_next(&a), "10.0.1.0");
	ck_ip(ip_prev(&b), "10.0.0.255");
	ck_ip(ip_next(&end), "0.0.0.0");
	ck_assert_int_lt(ip_cmp(&a, &b), 0);
	ck_assert_int_lt(ip_cmp(&b, &six), 0);
	ck_assert(ip_eq(&a, &a) && !ip_eq(&a, &b));
	struct ip any = ip("0.0.0.0"), none = {0};
	ck_assert(ip_is_any(&any) && !ip_is_any(&none) && ip_is_unset(&none) && !ip_is_unset(&any));
}
END_TEST

START_TEST(macs)
{
	static const char *const bad[] = {
	    "", "zz", "00:11:22:33:44", "00:11:22:33:44:5", "00:11:22:33:44:gg", "00-11-22-33-44-55"};
	uint8_t m[6];
	char text[MAC_TEXT_MAX];
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(mac_parse(bad[i], m) < 0, "%s", bad[i]);
	ck_assert_int_eq(mac_parse("02:aB:00:00:00:ff", m), 0);
	ck_assert_str_eq(mac_text(m, text), "02:ab:00:00:00:ff");
	mac_random(m);
	ck_assert_int_eq(m[0] & 3, 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ip");
	TCase *t = tcase_create("all");
	tcase_add_test(t, parses);
	tcase_add_test(t, networks);
	tcase_add_test(t, order);
	tcase_add_test(t, macs);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
