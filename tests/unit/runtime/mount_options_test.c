/* The table of mount options. */
#include "runtime/mount_options.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "runtime/syscalls.h"

static struct mount_options parse(const char *json)
{
	AUTO_JSON *j = NULL;
	struct mount_options o = { 0 };
	ck_assert_int_eq(json_parse(json, strlen(json), &j, NULL), 0);
	ck_assert_int_eq(mount_options_parse(j, &o, NULL), 0);
	return o;
}

START_TEST(test_attributes)
{
	AUTO(mount_options_done) struct mount_options o = parse("[\"ro\",\"nosuid\",\"nodev\",\"noexec\",\"relatime\"]");
	ck_assert_uint_eq(o.attr_set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	ck_assert_uint_eq(o.attr_clear, MOUNT_ATTR__ATIME);
	ck_assert_uint_eq(o.rec_set | o.rec_clear, 0);
	ck_assert_ptr_null(o.data);
}
END_TEST

START_TEST(test_later_wins)
{
	AUTO(mount_options_done) struct mount_options o = parse("[\"ro\",\"rw\",\"noatime\",\"strictatime\",\"suid\",\"nosuid\"]");
	ck_assert_uint_eq(o.attr_set, MOUNT_ATTR_STRICTATIME | MOUNT_ATTR_NOSUID);
	ck_assert_uint_eq(o.attr_clear, MOUNT_ATTR_RDONLY | MOUNT_ATTR__ATIME);
}
END_TEST

START_TEST(test_recursive_and_propagation)
{
	AUTO(mount_options_done) struct mount_options o = parse("[\"rbind\",\"rro\",\"rnoexec\",\"rexec\",\"rslave\"]");
	ck_assert(o.bind && o.rbind && o.propagation_rec);
	ck_assert_uint_eq(o.rec_set, MOUNT_ATTR_RDONLY);
	ck_assert_uint_eq(o.rec_clear, MOUNT_ATTR_NOEXEC);
	ck_assert_uint_eq(o.propagation, MS_SLAVE);
	ck_assert_uint_eq(o.attr_set, 0);
}
END_TEST

START_TEST(test_data)
{
	AUTO(mount_options_done) struct mount_options o =
		parse("[\"size=64k\",\"sync\",\"defaults\",\"mode=755\",\"tmpcopyup\",\"bind\",\"remount\"]");
	ck_assert_str_eq(o.data[0], "size=64k");
	ck_assert_str_eq(o.data[1], "mode=755");
	ck_assert_ptr_null(o.data[2]);
	ck_assert_str_eq(o.sb_flags[0], "sync");
	ck_assert(o.tmpcopyup && o.bind && !o.rbind && o.remount);
}
END_TEST

START_TEST(test_propagation_names)
{
	ck_assert_uint_eq(mount_propagation("rshared"), MS_SHARED | MS_REC);
	ck_assert_uint_eq(mount_propagation("private"), MS_PRIVATE);
	ck_assert_uint_eq(mount_propagation("ro"), 0);
	ck_assert_uint_eq(mount_propagation("x"), 0);
	ck_assert_uint_eq(mount_propagation(NULL), 0);
}
END_TEST

START_TEST(test_refused_and_names)
{
	AUTO_JSON *j = json_pack("[i]", 1);
	struct mount_options o = { 0 };
	ck_assert_int_eq(mount_options_parse(j, &o, NULL), -EINVAL);
	AUTO_STRV char **names = mount_option_names();
	for (size_t i = 0; names[i]; i++)
		for (size_t k = i + 1; names[k]; k++)
			ck_assert_str_ne(names[i], names[k]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mount_options");
	TCase *t = tcase_create("all");
	tcase_add_test(t, test_attributes);
	tcase_add_test(t, test_later_wins);
	tcase_add_test(t, test_recursive_and_propagation);
	tcase_add_test(t, test_data);
	tcase_add_test(t, test_propagation_names);
	tcase_add_test(t, test_refused_and_names);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
