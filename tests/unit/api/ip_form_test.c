/* api/ip_form.c: addresses and ranges, what is wrong with them, and what is only warned of. */
#include "api/ip_form.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/check_main.h"

#define BAD_ADDRESS "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
#define BAD_RANGE "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
#define BAD_INTERFACE "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)"
#define LATER " will be considered invalid in a future Kubernetes release: use "

static const struct {
	char *(*problem)(const char *);
	const char *text, *why;
} cases[] = {
    {ip_form_address_problem, "10.0.0.1", NULL},
    {ip_form_address_problem, "fd00::1", NULL},
    {ip_form_address_problem, "", BAD_ADDRESS},
    {ip_form_address_problem, "10.0.0", BAD_ADDRESS},
    {ip_form_address_problem, "10.0.0.256", BAD_ADDRESS},
    {ip_form_address_problem, "10.0.0.1.", BAD_ADDRESS},
    {ip_form_address_problem, "10.0.0.010", "must not have leading 0s"},
    {ip_form_address_problem, "::ffff:10.0.0.1", "must not be an IPv4-mapped IPv6 address"},
    {ip_form_address_problem, "FD00::1", "must be in canonical form (\"fd00::1\")"},
    {ip_form_range_problem, "10.0.0.0/8", NULL},
    {ip_form_range_problem, "fd00::/64", NULL},
    {ip_form_range_problem, "10.0.0.0", BAD_RANGE},
    {ip_form_range_problem, "10.0.0.0/33", BAD_RANGE},
    {ip_form_range_problem, "10.0.0.0/-1", BAD_RANGE},
    {ip_form_range_problem, "fd00::/129", BAD_RANGE},
    {ip_form_range_problem, "10.0.0.1/8", "must not have bits set beyond the prefix length"},
    {ip_form_range_problem, "10.0.0.0/08", "must not have leading 0s in IP or prefix length"},
    {ip_form_range_problem, "::ffff:10.0.0.0/104", "must not have an IPv4-mapped IPv6 address"},
    {ip_form_range_problem, "fd00:0::/64", "must be in canonical form (\"fd00::/64\")"},
    {ip_form_loose_address_problem, "FD00:0::1", NULL},
    {ip_form_loose_address_problem, "10.0.0.010", "must not have leading 0s"},
    {ip_form_loose_address_problem, "::ffff:10.0.0.1", "must not be an IPv4-mapped IPv6 address"},
    {ip_form_loose_address_problem, "10.0.0", BAD_ADDRESS},
    {ip_form_loose_range_problem, "FD00::/64", NULL},
    {ip_form_loose_range_problem, "10.0.0.1/8", "must not have bits set beyond the prefix length"},
    {ip_form_loose_range_problem, "10.0.0.0/08", "must not have leading 0s in IP or prefix length"},
    {ip_form_loose_range_problem, "10.0.0.0", BAD_RANGE},
    {ip_form_interface_problem, "10.0.0.5/24", NULL},
    {ip_form_interface_problem, "10.0.0.5", BAD_INTERFACE},
    {ip_form_interface_problem, "FD00::5/64", "must be in canonical form (\"fd00::5/64\")"},
    {ip_form_interface_problem, "::ffff:192.168.0.1/120", "must be in canonical form (\"192.168.0.1/24\")"},
};

START_TEST(problems)
{
	AUTO_FREE char *why = cases[_i].problem(cases[_i].text);

	ck_assert_msg(str_eq(why, cases[_i].why), "%s: %s", cases[_i].text, why ? why : "fine");
}
END_TEST

START_TEST(warnings)
{
	static const struct {
		bool range;
		const char *text, *wanted;
	} rows[] = {
	    {false, "10.0.0.1", ""},
	    {false, "none", ""},
	    {false, "010.0.0.1", "f: non-standard IP address \"010.0.0.1\"" LATER "\"10.0.0.1\""},
	    {false, "FD00::1", "f: IPv6 address \"FD00::1\" should be in RFC 5952 canonical format (\"fd00::1\")"},
	    {true, "10.0.0.0/8", ""},
	    {true, "10.0.0.1/8", "f: CIDR value \"10.0.0.1/8\" is ambiguous in this context (should be \"10.0.0.0/8\" or \"10.0.0.1/32\"?)"},
	    {true, "010.0.0.0/8", "f: non-standard CIDR value \"010.0.0.0/8\"" LATER "\"10.0.0.0/8\""},
	    {true, "FD00::/64", "f: IPv6 CIDR value \"FD00::/64\" should be in RFC 5952 canonical format (\"fd00::/64\")"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_STRV char **got = NULL;
		(rows[i].range ? ip_form_range_warn : ip_form_address_warn)("f", rows[i].text, &got);
		AUTO_FREE char *all = got ? str_join(got, "\n") : xstrdup("");
		ck_assert_str_eq(all, rows[i].wanted);
	}
}
END_TEST

TESTS_TABLE("ip_form", problems, ARRAY_LEN(cases), warnings)
