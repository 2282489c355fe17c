/* api/names.c: each rule with names at its edges. */
#include "api/names.h"

#include <check.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

static char long_text[300];

static const char *letters(size_t n)
{
	memset(long_text, 'a', n);
	long_text[n] = '\0';
	return long_text;
}

static const struct {
	const char *(*rule)(const char *s);
	const char *text;
	bool valid;
} cases[] = {
    {name_check_subdomain, "a.b-c.d1", true},
    {name_check_subdomain, "a..b", false},
    {name_check_subdomain, "", false},
    {name_check_subdomain, "A", false},
    {name_check_subdomain, "-a", false},
    {name_check_subdomain, "a.", false},
    {name_check_subdomain, "a_b", false},
    {name_check_wildcard_subdomain, "*.a.b", true},
    {name_check_wildcard_subdomain, "*.*.x", false},
    {name_check_wildcard_subdomain, "*.", false},
    {name_check_label, "my-name", true},
    {name_check_label, "1a", true},
    {name_check_label, "a.b", false},
    {name_check_label, "a-", false},
    {name_check_label_1035, "a1", true},
    {name_check_label_1035, "1a", false},
    {name_check_qualified, "app.kubernetes.io/name", true},
    {name_check_qualified, "App_1.x", true},
    {name_check_qualified, "/a", false},
    {name_check_qualified, "a/", false},
    {name_check_qualified, "a/b/c", false},
    {name_check_qualified, "A/b", false},
    {name_check_qualified, "bad key", false},
    {name_check_label_value, "", true},
    {name_check_label_value, "a_B.c-1", true},
    {name_check_label_value, "-a", false},
    {name_check_label_value, "a b", false},
    {name_check_env, "A_b.c-1", true},
    {name_check_env, "1 x", true},
    {name_check_env, "a=b", false},
    {name_check_env, "", false},
    {name_check_env, "\n", false},
    {name_check_port_name, "http", true},
    {name_check_port_name, "8080", false},
    {name_check_port_name, "a--b", false},
    {name_check_port_name, "-a", false},
    {name_check_port_name, "Http", false},
    {name_check_port_name, "waytoolongportname", false},
    {name_check_port_name, "", false},
    {name_check_config_key, "key.Name_1-", true},
    {name_check_config_key, "a/b", false},
    {name_check_config_key, "..", false},
    {name_check_config_key, "..x", false},
    {name_check_config_key, "", false},
    {name_check_path_segment, "system:node", true},
    {name_check_path_segment, "..", false},
    {name_check_path_segment, "a/b", false},
    {name_check_path_segment, "a%b", false},
};

START_TEST(rules)
{
	ck_assert_msg(!cases[_i].rule(cases[_i].text) == cases[_i].valid, "\"%s\"", cases[_i].text);
}
END_TEST

START_TEST(lengths)
{
	ck_assert_ptr_null(name_check_label(letters(63)));
	ck_assert_str_eq(name_check_label(letters(64)), "must be no more than 63 characters");
	ck_assert_ptr_null(name_check_subdomain(letters(253)));
	ck_assert_str_eq(name_check_subdomain(letters(254)), "must be no more than 253 characters");
	ck_assert_ptr_null(name_check_qualified(letters(63)));
	ck_assert_str_eq(name_check_qualified(letters(64)), "name part must be no more than 63 characters");
	ck_assert_str_eq(name_check_label_value(letters(64)), "must be no more than 63 characters");
	ck_assert_ptr_nonnull(name_check_config_key(letters(254)));
}
END_TEST

START_TEST(several_rules_at_once)
{
	const char *broken[NAME_CHECK_MAX];

	ck_assert_uint_eq(name_check_qualified_all("", broken), 2);
	ck_assert_str_eq(broken[0], "name part must be non-empty");
	ck_assert_ptr_nonnull(strstr(broken[1], "name part must consist of"));
	ck_assert_uint_eq(name_check_qualified_all("A/", broken), 3);
	ck_assert_uint_eq(name_check_qualified_all("a/b", broken), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("api/names");
	TCase *t = tcase_create("names");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, rules, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(t, lengths);
	tcase_add_test(t, several_rules_at_once);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
