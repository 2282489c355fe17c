/* Capability names. */
#include "runtime/caps.h"

#include <check.h>
#include <errno.h>
#include <linux/capability.h>

#include "base/json.h"

START_TEST(test_names)
{
	ck_assert_int_eq(cap_number("CAP_CHOWN"), CAP_CHOWN);
	ck_assert_int_eq(cap_number("CAP_SYS_ADMIN"), CAP_SYS_ADMIN);
	ck_assert_int_eq(cap_number("sys_admin"), CAP_SYS_ADMIN);
	ck_assert_int_eq(cap_number("CAP_CHECKPOINT_RESTORE"), CAP_CHECKPOINT_RESTORE);
	ck_assert_int_eq(cap_number("CAP_NOTHING"), -EINVAL);
	for (unsigned i = 0; i <= CAP_LAST_CAP; i++)
		ck_assert_int_eq(cap_number(cap_name(i)), (int)i);
	ck_assert_ptr_null(cap_name(CAP_LAST_CAP + 1));
}
END_TEST

START_TEST(test_sets)
{
	AUTO_JSON *good = json_pack("[s,s,s]", "CAP_KILL", "CAP_NEW_ONE", "CAP_BPF");
	AUTO_JSON *bad = json_pack("[i]", 3);
	AUTO_JSON *text = json_string("CAP_KILL");
	AUTO_JSON *strange = json_pack("[s,s]", "CAP_NEW_ONE", "CAP_A");
	AUTO_STRV char **unknown = NULL;
	uint64_t bits = 1;
	ck_assert_int_eq(caps_parse(good, &bits, &unknown, NULL), 0);
	ck_assert_int_eq(caps_parse(strange, &bits, &unknown, NULL), 0);
	ck_assert_uint_eq(strv_len(unknown), 2);
	ck_assert_str_eq(unknown[0], "CAP_A");
	ck_assert_str_eq(unknown[1], "CAP_NEW_ONE");
	ck_assert_int_eq(caps_parse(good, &bits, &unknown, NULL), 0);
	ck_assert_uint_eq(bits, 1ull << CAP_KILL | 1ull << CAP_BPF);
	ck_assert_int_eq(caps_parse(NULL, &bits, &unknown, NULL), 0);
	ck_assert_uint_eq(bits, 0);
	ck_assert_int_eq(caps_parse(bad, &bits, &unknown, NULL), -EINVAL);
	ck_assert_int_eq(caps_parse(text, &bits, &unknown, NULL), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("caps");
	TCase *t = tcase_create("all");
	tcase_add_test(t, test_names);
	tcase_add_test(t, test_sets);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
