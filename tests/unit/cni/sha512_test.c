/* SHA-512 against the standard's examples. */
#include "cni/sha512.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text, *hex; /* the first 16 digits */
} cases[] = {
    {"", "cf83e1357eefb8bd"},
    {"abc", "ddaf35a193617aba"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
     "8e959b75dae313da"},
    {"gnetctr1", "0fe15954e6568642"},
};

START_TEST(examples)
{
	uint8_t sum[64];
	char hex[17];
	sha512(cases[_i].text, strlen(cases[_i].text), sum);
	for (int i = 0; i < 8; i++)
		snprintf(hex + i * 2, 3, "%02x", sum[i]);
	ck_assert_str_eq(hex, cases[_i].hex);
}
END_TEST

START_TEST(a_million)
{
	uint8_t sum[64];
	char *text = malloc(1000000);
	memset(text, 'a', 1000000);
	sha512(text, 1000000, sum);
	free(text);
	ck_assert_int_eq(sum[0], 0xe7);
	ck_assert_int_eq(sum[1], 0x18);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sha512");
	TCase *t = tcase_create("all");
	tcase_add_loop_test(t, examples, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(t, a_million);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
