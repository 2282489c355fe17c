/* Environment: duplicates, malformed settings, HOME. */
#include "runtime/process_env.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/check_main.h"

static char *cleaned(const char *text)
{
	AUTO_STRV char **env = str_split(text, ' ');
	if (process_env_clean(env, NULL) < 0)
		return xstrdup("refused");
	return env ? str_join(env, " ") : xstrdup("");
}

START_TEST(test_clean)
{
	static const struct {
		const char *given, *left;
	} cases[] = { { "A=1 B=2 A=3 AB=4", "B=2 A=3 AB=4" },
		      { "A=1 A=1 A=1", "A=1" },
		      { "A= A", "refused" },
		      { "=x", "refused" },
		      { "HOME=/a HOME=", "" },
		      { "HOME= HOME=/a", "HOME=/a" },
		      { "X=1 HOME= Y==", "X=1 Y==" } };
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *left = cleaned(cases[i].given);
		ck_assert_str_eq(left ? left : "", cases[i].left);
	}
	ck_assert_int_eq(process_env_clean(NULL, NULL), 0);
}
END_TEST

START_TEST(test_many)
{
	AUTO_STRV char **env = xcalloc(20001, sizeof(char *));
	for (int i = 0; i < 20000; i++)
		env[i] = xasprintf("V%d=%d", i % 10000, i);
	ck_assert_int_eq(process_env_clean(env, NULL), 0);
	ck_assert_uint_eq(strv_len(env), 10000);
	ck_assert_str_eq(env[0], "V0=10000");
}
END_TEST

START_TEST(test_home)
{
	static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\nbroken\n:::\nu:x:7:7::/home/u:/bin/sh\nv:x:7:7::/second:\nw:x:8:8:::";
	static const struct {
		uid_t uid;
		const char *home;
	} cases[] = { { 0, "/root" }, { 7, "/home/u" }, { 8, "/" }, { 9, "/" } };
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *home = process_env_home(passwd, cases[i].uid);
		ck_assert_str_eq(home, cases[i].home);
	}
	AUTO_FREE char *none = process_env_home("", 0);
	ck_assert_str_eq(none, "/");
}
END_TEST

START_TEST(test_complete)
{
	char *given[] = { "A=1", "HOME=/x", NULL }, *without[] = { "HOMER=1", NULL };
	AUTO_STRV char **all = process_env_complete(given, 0);
	ck_assert_uint_eq(strv_len(all), 2);
	AUTO_STRV char **added = process_env_complete(without, 0);
	ck_assert_uint_eq(strv_len(added), 2);
	ck_assert_ptr_nonnull(process_env_get(added, "HOME"));
	ck_assert_str_eq(process_env_get(added, "HOMER"), "1");
	ck_assert_ptr_null(process_env_get(added, "HOM"));
	ck_assert_ptr_null(process_env_complete(NULL, 0));
}
END_TEST

TESTS("process_env", test_clean, test_many, test_home, test_complete)
