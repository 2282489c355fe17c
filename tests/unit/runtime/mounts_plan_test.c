/* Decisions about mounts: attributes of new mounts, of binds, of binds with locked flags; destinations; /proc. */
#include "runtime/mounts_plan.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "base/json.h"
#include "runtime/syscalls.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#define PLAIN                                                                                                          \
	(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW)

/* Options by blanks. */
static struct mount_options parse(const char *words)
{
	struct mount_options o = { 0 };
	AUTO_STRV char **list = str_split(words, ' ');
	AUTO_JSON *j = json_array();
	for (size_t i = 0; i < strv_len(list); i++)
		json_array_append_new(j, json_string(list[i]));
	ck_assert_int_eq(mount_options_parse(j, &o, NULL), 0);
	return o;
}

START_TEST(test_new_mounts)
{
	ck_assert_uint_eq(mounts_plan_attrs(0), 0);
	ck_assert_uint_eq(mounts_plan_attrs(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW), PLAIN);
	ck_assert_uint_eq(mounts_plan_attrs(MS_NODIRATIME), MOUNT_ATTR_NODIRATIME);
	ck_assert_uint_eq(mounts_plan_attrs(MS_NOATIME), MOUNT_ATTR_NOATIME);
	ck_assert_uint_eq(mounts_plan_attrs(MS_RELATIME), 0);
	/* As in mount(2), strictatime is above the others. */
	ck_assert_uint_eq(mounts_plan_attrs(MS_STRICTATIME | MS_NOATIME), MOUNT_ATTR_STRICTATIME);
}
END_TEST

static const struct {
	const char *options;
	uint64_t set, clear;
} binds[] = {
	{ "bind", 0, 0 },
	{ "rbind rprivate", 0, 0 },
	{ "bind ro", MOUNT_ATTR_RDONLY, PLAIN & ~MOUNT_ATTR_RDONLY },
	{ "bind rw", 0, PLAIN },
	{ "bind dev", 0, PLAIN },
	{ "bind ro rw", 0, PLAIN },
	{ "bind rw ro", MOUNT_ATTR_RDONLY, PLAIN & ~MOUNT_ATTR_RDONLY },
	{ "bind nosuid nodev", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, PLAIN & ~(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV) },
	/* Names that only switch an access time mode off keep the mode. */
	{ "bind atime", 0, PLAIN },
	{ "bind norelatime", 0, PLAIN },
	{ "bind diratime", 0, PLAIN },
	/* One that is asked for replaces it, nodiratime's default included. */
	{ "bind relatime", 0, PLAIN | MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME },
	{ "bind noatime", MOUNT_ATTR_NOATIME, PLAIN | MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME },
	{ "bind strictatime", MOUNT_ATTR_STRICTATIME, PLAIN | MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME },
	{ "bind nodiratime", MOUNT_ATTR_NODIRATIME, PLAIN | MOUNT_ATTR__ATIME },
	{ "bind nodiratime norelatime", MOUNT_ATTR_NODIRATIME, PLAIN | MOUNT_ATTR__ATIME },
	{ "bind nodiratime strictatime", MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_STRICTATIME, PLAIN | MOUNT_ATTR__ATIME },
	{ "bind noatime relatime", 0, PLAIN | MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME },
	{ "bind nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, PLAIN & ~MOUNT_ATTR_NOSYMFOLLOW },
	/* Recursive attributes are a matter of their own. */
	{ "rbind rro", 0, 0 },
};

START_TEST(test_binds)
{
	AUTO(mount_options_done) struct mount_options o = parse(binds[_i].options);
	struct mounts_change c = mounts_plan_bind(&o);
	ck_assert_msg(c.set == binds[_i].set && c.clear == binds[_i].clear, "%s: 0x%llx 0x%llx", binds[_i].options,
		      (unsigned long long)c.set, (unsigned long long)c.clear);
	ck_assert_uint_eq(c.set & c.clear & ~(uint64_t)MOUNT_ATTR__ATIME, 0);
}
END_TEST

static const struct {
	const char *options;
	unsigned long current;
	int result;
	uint64_t set, clear;
} locked[] = {
	{ "bind ro", MS_NOSUID | MS_RELATIME, 0, MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSYMFOLLOW },
	{ "bind ro exec", MS_NOSUID | MS_NODEV | MS_NOATIME, 0, MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSYMFOLLOW },
	{ "bind dev", MS_RDONLY | MS_NOEXEC | MS_RELATIME, 0, 0, MOUNT_ATTR_NOSYMFOLLOW },
	{ "bind ro symfollow", MS_NODEV | MS_NOSYMFOLLOW | MS_RELATIME, 0, MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSYMFOLLOW },
	{ "bind nosymfollow ro", MS_NODEV | MS_RELATIME, 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSYMFOLLOW, 0 },
	{ "bind norelatime", MS_NOATIME | MS_NODIRATIME, 0, 0, MOUNT_ATTR_NOSYMFOLLOW },
	{ "bind noatime", MS_NOATIME | MS_NOSUID, 0, 0, MOUNT_ATTR_NOSYMFOLLOW },
	{ "bind rw nosuid", MS_RDONLY | MS_RELATIME, -EPERM, 0, 0 },
	{ "bind suid", MS_NOSUID | MS_RELATIME, -EPERM, 0, 0 },
	{ "bind dev", MS_NODEV | MS_RELATIME, -EPERM, 0, 0 },
	{ "bind exec", MS_NOEXEC | MS_RELATIME, -EPERM, 0, 0 },
	{ "bind atime", MS_NOATIME, -EPERM, 0, 0 },
	{ "bind norelatime", MS_RELATIME, -EPERM, 0, 0 },
	{ "bind strictatime", MS_RELATIME, -EPERM, 0, 0 },
	{ "bind relatime", MS_NOATIME, -EPERM, 0, 0 },
	{ "bind relatime", MS_RELATIME | MS_NODIRATIME, -EPERM, 0, 0 },
	{ "bind nodiratime", MS_RELATIME, -EPERM, 0, 0 },
};

START_TEST(test_locked)
{
	AUTO(mount_options_done) struct mount_options o = parse(locked[_i].options);
	struct mounts_change c = { 0, 0 };
	struct err e = ERR_INIT;
	ck_assert_msg(mounts_plan_locked(&o, locked[_i].current, &c, &e) == locked[_i].result, "%s", locked[_i].options);
	ck_assert_msg(c.set == locked[_i].set && c.clear == locked[_i].clear, "%s", locked[_i].options);
	if (locked[_i].result < 0)
		ck_assert_ptr_nonnull(strstr(e.text, "operation not permitted"));
}
END_TEST

START_TEST(test_statfs)
{
	ck_assert_uint_eq(mounts_plan_statfs(0), MS_STRICTATIME);
	ck_assert_uint_eq(mounts_plan_statfs(ST_RELATIME | ST_RDONLY), MS_RELATIME | MS_RDONLY);
	ck_assert_uint_eq(mounts_plan_statfs(ST_NODIRATIME | ST_NOATIME), MS_NODIRATIME | MS_NOATIME);
	ck_assert_uint_eq(mounts_plan_statfs(ST_NOSUID | ST_NODEV | ST_NOEXEC | 0x2000),
			  MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW | MS_STRICTATIME);
}
END_TEST

START_TEST(test_destination)
{
	static const char *const cases[][3] = {
		{ "/b/rootfs", "/mnt", "/mnt" },	    { "/b/rootfs", "mnt//x/", "/mnt/x" },
		{ "/b/rootfs", "/a/./b/../c", "/a/c" },	    { "/b/rootfs", "/../../etc", "/etc" },
		{ "/b/rootfs", "/b/rootfs/mnt", "/mnt" },   { "/b/rootfs/", "/b/rootfs", "/" },
		{ "/b/rootfs", "/b/rootfs2/x", "/b/rootfs2/x" }, { "/b/x/../rootfs", "/b/rootfs/y", "/y" },
		{ "/", "/mnt", "/mnt" },		    { "/b/rootfs", "/", "/" },
		{ "/b/rootfs", "..", "/" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *d = mounts_plan_destination(cases[i][0], cases[i][1]);
		ck_assert_str_eq(d, cases[i][2]);
	}
}
END_TEST

static const struct {
	struct mounts_place place;
	const char *error; /* NULL: allowed */
} places[] = {
	{ { "/proc", "proc", false, false, false }, NULL },
	{ { "/proc", "bind", false, true, true }, NULL },
	{ { "/proc", "bind", false, true, false }, "not of type proc" },
	{ { "/proc", "proc", false, true, false }, "not of type proc" },
	{ { "/proc", "tmpfs", false, false, false }, "not of type proc" },
	{ { "/proc/sys", "tmpfs", true, false, false }, "inside /proc" },
	{ { "/proc/self/attr", "bind", false, true, false }, "inside /proc" },
	{ { "/proc/1", "proc", true, false, false }, "inside /proc" },
	{ { "/procedure", "tmpfs", false, false, false }, NULL },
	{ { "/proc/uptime", "bind", true, true, false }, NULL },
	{ { "/proc/cpuinfo", "bind", true, true, false }, NULL },
	{ { "/proc/sys/kernel/ns_last_pid", "bind", true, true, false }, NULL },
	{ { "/proc/sys/crypto/fips_enabled", "bind", true, true, false }, NULL },
	{ { "/proc/kcore", "bind", true, true, false }, "inside /proc" },
	/* A link that leads there is no way in. */
	{ { "/link", "tmpfs", true, false, false }, "inside /proc" },
	{ { "/sys/fs/cgroup", "cgroup", false, false, false }, NULL },
};

START_TEST(test_proc)
{
	struct err e = ERR_INIT;
	int r = mounts_plan_check_proc(&places[_i].place, &e);
	ck_assert_msg(r == (places[_i].error ? -EPERM : 0), "%s", places[_i].place.destination);
	if (places[_i].error)
		ck_assert_ptr_nonnull(strstr(e.text, places[_i].error));
}
END_TEST

START_TEST(test_exposed)
{
	static const char text[] = "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
				   "22 21 0:20 / /proc rw,nosuid shared:5 - proc proc rw\n"
				   "23 21 0:21 / /sys ro - sysfs sysfs rw\n"
				   "24 22 0:20 /sys /proc/sys ro - proc proc rw\n"
				   "25 21 0:20 / /b/rootfs/proc rw - proc proc rw\n"
				   "26 21 0:20 / /b/rootfs2/proc rw - proc proc rw\n"
				   "27 21 0:20 / /odd\\040name rw master:1 propagate_from:2 - proc proc rw\n"
				   "28 21 0:22 / /tmp rw - tmpfs proc rw\n"
				   "broken line\n29 21 0:1 / /x rw -\n";
	AUTO_STRV char **got = mounts_plan_exposed(text, "/b/rootfs");
	AUTO_FREE char *all = str_join(got, "|");
	ck_assert_str_eq(all, "/proc|/sys|/b/rootfs2/proc|/odd name");
	AUTO_STRV char **none = mounts_plan_exposed("", "/b/rootfs");
	ck_assert_ptr_null(none);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mounts_plan");
	TCase *t = tcase_create("all");
	tcase_add_test(t, test_new_mounts);
	tcase_add_loop_test(t, test_binds, 0, ARRAY_LEN(binds));
	tcase_add_loop_test(t, test_locked, 0, ARRAY_LEN(locked));
	tcase_add_test(t, test_statfs);
	tcase_add_test(t, test_destination);
	tcase_add_loop_test(t, test_proc, 0, ARRAY_LEN(places));
	tcase_add_test(t, test_exposed);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
