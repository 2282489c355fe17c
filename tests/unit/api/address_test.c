#include "api/address.h"

#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/check_main.h"

static const struct row {
	const char *in, *first, *host;
} rows[] = {
    {"10.96.0.0/16", "10.96.0.1", NULL},
    {"fd00:96::/112,10.96.0.0/16", "fd00:96::1", NULL},
    {"10.0.0.255/8", "10.0.1.0", NULL},
    {"nonsense", NULL, "nonsense"},
    {"192.0.2.1", "192.0.2.2", "192.0.2.1"},
    {"fd00::1", "fd00::2", "[fd00::1]"},
    {"[fd00::1]", NULL, "[fd00::1]"},
};

START_TEST(texts)
{
	AUTO_FREE char *first = address_first(rows[_i].in), *host = address_host(rows[_i].in);
	ck_assert(str_eq(first, rows[_i].first) || (!first && !rows[_i].first));
	if (rows[_i].host)
		ck_assert_str_eq(host, rows[_i].host);
}
END_TEST

START_TEST(none)
{
	ck_assert_ptr_null(address_host(NULL));
}
END_TEST

TESTS_TABLE("address", texts, ARRAY_LEN(rows), none)
