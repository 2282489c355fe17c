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

/* Every word of the table by what it changes; index over mount_option_names(). */
static const struct {
	const char *name;
	unsigned long flags, cleared;
	uint64_t rec_set, rec_clear;
} words[] = {
	{ "ro", MS_RDONLY, 0, 0, 0 },
	{ "rw", 0, MS_RDONLY, 0, 0 },
	{ "nosuid", MS_NOSUID, 0, 0, 0 },
	{ "suid", 0, MS_NOSUID, 0, 0 },
	{ "nodev", MS_NODEV, 0, 0, 0 },
	{ "dev", 0, MS_NODEV, 0, 0 },
	{ "noexec", MS_NOEXEC, 0, 0, 0 },
	{ "exec", 0, MS_NOEXEC, 0, 0 },
	{ "nosymfollow", 256, 0, 0, 0 },
	{ "symfollow", 0, 256, 0, 0 },
	{ "nodiratime", MS_NODIRATIME, 0, 0, 0 },
	{ "diratime", 0, MS_NODIRATIME, 0, 0 },
	{ "noatime", MS_NOATIME, 0, 0, 0 },
	{ "atime", 0, MS_NOATIME, 0, 0 },
	{ "relatime", MS_RELATIME, 0, 0, 0 },
	{ "norelatime", 0, MS_RELATIME, 0, 0 },
	{ "strictatime", MS_STRICTATIME, 0, 0, 0 },
	{ "nostrictatime", 0, MS_STRICTATIME, 0, 0 },
	{ "rro", 0, 0, MOUNT_ATTR_RDONLY, 0 },
	{ "rrw", 0, 0, 0, MOUNT_ATTR_RDONLY },
	{ "rnosuid", 0, 0, MOUNT_ATTR_NOSUID, 0 },
	{ "rsuid", 0, 0, 0, MOUNT_ATTR_NOSUID },
	{ "rnodev", 0, 0, MOUNT_ATTR_NODEV, 0 },
	{ "rdev", 0, 0, 0, MOUNT_ATTR_NODEV },
	{ "rnoexec", 0, 0, MOUNT_ATTR_NOEXEC, 0 },
	{ "rexec", 0, 0, 0, MOUNT_ATTR_NOEXEC },
	{ "rnosymfollow", 0, 0, MOUNT_ATTR_NOSYMFOLLOW, 0 },
	{ "rsymfollow", 0, 0, 0, MOUNT_ATTR_NOSYMFOLLOW },
	{ "rnodiratime", 0, 0, MOUNT_ATTR_NODIRATIME, 0 },
	{ "rdiratime", 0, 0, 0, MOUNT_ATTR_NODIRATIME },
	{ "rnoatime", 0, 0, MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME },
	{ "ratime", 0, 0, 0, MOUNT_ATTR__ATIME },
	{ "rrelatime", 0, 0, 0, MOUNT_ATTR__ATIME },
	{ "rnorelatime", 0, 0, 0, MOUNT_ATTR__ATIME },
	{ "rstrictatime", 0, 0, MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME },
	{ "rnostrictatime", 0, 0, 0, MOUNT_ATTR__ATIME },
};

START_TEST(test_every_attribute)
{
	AUTO_FREE char *json = xasprintf("[\"%s\"]", words[_i].name);
	AUTO(mount_options_done) struct mount_options o = parse(json);
	ck_assert_uint_eq(o.flags, words[_i].flags);
	ck_assert_uint_eq(o.cleared, words[_i].cleared);
	ck_assert_uint_eq(o.rec_set, words[_i].rec_set);
	ck_assert_uint_eq(o.rec_clear, words[_i].rec_clear);
	ck_assert(!o.data && !o.bind && !o.propagation);
	AUTO_STRV char **names = mount_option_names();
	ck_assert(strv_has(names, words[_i].name));
}
END_TEST

START_TEST(test_switches)
{
	AUTO(mount_options_done) struct mount_options a = parse("[\"rbind\",\"ridmap\",\"copy-symlink\"]");
	ck_assert(a.bind && a.rbind && a.idmap && a.ridmap && a.copy_symlink && !a.src_nofollow && !a.dest_nofollow);
	AUTO(mount_options_done) struct mount_options b = parse("[\"bind\",\"idmap\",\"src-nofollow\",\"dest-nofollow\"]");
	ck_assert(b.bind && !b.rbind && b.idmap && !b.ridmap && b.src_nofollow && b.dest_nofollow);
	AUTO(mount_options_done) struct mount_options c = parse("[\"\",\"defaults\",\"Ro\",\"async\",\"silent\"]");
	ck_assert(!c.flags && !c.sb_flags && strv_len(c.data) == 1);
	ck_assert_str_eq(c.data[0], "Ro"); /* not a word of the table: for the file system */
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
	AUTO_JSON *cut = json_pack("[s%]", "size=1\0x", (size_t)8);
	ck_assert_int_eq(mount_options_parse(cut, &o, NULL), -EINVAL);
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
	tcase_add_loop_test(t, test_every_attribute, 0, ARRAY_LEN(words));
	tcase_add_test(t, test_switches);
	tcase_add_test(t, test_propagation_names);
	tcase_add_test(t, test_refused_and_names);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
