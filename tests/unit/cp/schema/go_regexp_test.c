/* cp/schema/go_regexp.c: what RE2 takes, and why it does not take the rest. */
#include "cp/schema/go_regexp.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tests/unit/check_main.h"

static const char *const good[] = {
    "", "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", "^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$", "a|b|", "(|a)",
    "(?i)abc", "(?i:abc)+", "(?P<n_1>x)", "(?<n>x)", "a{2}", "a{2,}?", "a{2,1000}", "a{,3}", "x{", "{", "[]a]", "[^]a]", "[a-]", "[[:alpha:]_]",
    "[\\w.-]+@[\\w-]+", "\\p{Greek}\\pL", "\\x41\\x{10FFFF}\\077\\0", "\\Q(*\\E+", "a*?", "\\.\\*\\-\\/", "\xc3\xa4+", "[\xc3\xa4-\xc3\xb6]", "^*", "\\b\\B\\A\\z",
};

START_TEST(taken)
{
	AUTO_FREE char *why = go_regexp_error(good[_i]);
	ck_assert_msg(!why, "%s: %s", good[_i], why);
}
END_TEST

static const char *const bad[][2] = {
    {"(", "missing closing ): `(`"},
    {"a(b", "missing closing ): `a(b`"},
    {"a)", "unexpected ): `a)`"},
    {"x[a-", "missing closing ]: `[a-`"},
    {"[", "missing closing ]: `[`"},
    {"[]", "missing closing ]: `[]`"},
    {"[z-a]", "invalid character class range: `z-a`"},
    {"*a", "missing argument to repetition operator: `*`"},
    {"a|+", "missing argument to repetition operator: `+`"},
    {"(?i)(*)", "missing argument to repetition operator: `*`"},
    {"a**", "invalid nested repetition operator: `**`"},
    {"a*+", "invalid nested repetition operator: `*+`"},
    {"a{2}{3}", "invalid nested repetition operator: `{2}{3}`"},
    {"a{1001}", "invalid repeat count: `{1001}`"},
    {"a{3,2}", "invalid repeat count: `{3,2}`"},
    {"(?=x)", "invalid or unsupported Perl syntax: `(?=`"},
    {"(?!x)y", "invalid or unsupported Perl syntax: `(?!`"},
    {"(?<=x)", "invalid named capture: `(?<=x)`"},
    {"(?P<a-b>x)", "invalid named capture: `(?P<a-b>`"},
    {"(a)\\1", "invalid escape sequence: `\\1`"},
    {"\\Z", "invalid escape sequence: `\\Z`"},
    {"[\\b]", "invalid escape sequence: `\\b`"},
    {"a\\", "trailing backslash at end of expression: ``"},
};

START_TEST(refused)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_FREE char *why = go_regexp_error(bad[i][0]);
		ck_assert_msg(why != NULL, "%s", bad[i][0]);
		ck_assert_str_eq(why, bad[i][1]);
	}
}
END_TEST

TESTS_TABLE("go_regexp", taken, ARRAY_LEN(good), refused)
