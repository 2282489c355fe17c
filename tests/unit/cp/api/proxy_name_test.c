/* Names before /proxy, and addresses that users may be led to. */
#include "cp/api/proxy_name.h"
#include "base/mem.h"
#include "tests/unit/check_main.h"

START_TEST(names)
{
	static const struct {
		const char *text;
		bool good;
		const char *scheme, *name, *port;
	} cases[] = {
	    {"a", true, "", "a", ""},	       {"a:80", true, "", "a", "80"},	      {"a:", true, "", "a", ""},
	    {"https:a:443", true, "https", "a", "443"}, {"https:a:", true, "https", "a", ""}, {"http:a:web", true, "http", "a", "web"},
	    {":a:", true, "", "a", ""},	       {"ftp:a:1", false, 0, 0, 0},	      {"a:b:c:d", false, 0, 0, 0},
	    {":80", false, 0, 0, 0},	       {"https::1", false, 0, 0, 0},	      {"", false, 0, 0, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct proxy_name n = {0};
		ck_assert_msg(proxy_name_parse(cases[i].text, &n) == cases[i].good, "%s", cases[i].text);
		if (!cases[i].good)
			continue;
		ck_assert_str_eq(n.scheme, cases[i].scheme);
		ck_assert_str_eq(n.name, cases[i].name);
		ck_assert_str_eq(n.port, cases[i].port);
		proxy_name_done(&n);
	}
}
END_TEST

START_TEST(addresses)
{
	static const char *const good[] = {"10.0.0.1", "192.168.1.1", "8.8.8.8", "fd00::1", "2001:db8::1", "::ffff:10.0.0.1"};
	static const char *const bad[] = {"",	       "127.0.0.1", "127.1.2.3", "0.0.0.0",	    "255.255.255.255", "169.254.169.254",
					  "224.0.0.1", "::",	    "::1",	 "fe80::1",	    "ff02::1",	       "::ffff:127.0.0.1",
					  "localhost", "1.2.3",	    "0177.0.0.1"};
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert_msg(proxy_may_dial(good[i]), "%s", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(!proxy_may_dial(bad[i]), "%s", bad[i]);
	ck_assert(!proxy_may_dial(NULL));
}
END_TEST

TESTS("proxy_name", names, addresses)
