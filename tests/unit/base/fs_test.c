/* base/fs: atomic writes, trees, and paths that stay in their root. */
#include "tests/unit/check_main.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

static char dir[64];

static void setup(void)
{
	strcpy(dir, "/tmp/knarr-fs-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
}

START_TEST(atomic_write_replaces)
{
	struct err e = ERR_INIT;
	AUTO_STR text = STR_INIT;
	setup();
	ck_assert_int_eq(fs_write_atomic("f", "one", 3, 0600, &e), 0);
	ck_assert_int_eq(fs_write_atomic("f", "two!", 4, 0640, &e), 0);
	ck_assert_int_eq(fs_read_file("f", 100, &text, &e), 0);
	ck_assert_str_eq(text.p, "two!");
	struct stat st;
	stat("f", &st);
	ck_assert_int_eq(st.st_mode & 0777, 0640);
	ck_assert_int_eq(fs_read_file("f", 3, &text, &e), -E2BIG);
	ck_assert_int_eq(fs_read_file("none", 3, &text, &e), -ENOENT);
	ck_assert_int_eq(fs_write_atomic("no/dir", "x", 1, 0600, &e), -ENOENT);
	ck_assert_int_eq(fs_remove_tree(dir, &e), 0);
}
END_TEST

START_TEST(trees_are_made_and_removed)
{
	struct err e = ERR_INIT;
	setup();
	ck_assert_int_eq(fs_mkdir_p("a/b/c", 0755, &e), 0);
	ck_assert_int_eq(fs_mkdir_p("a/b/c", 0755, &e), 0);
	ck_assert_int_eq(fs_write_atomic("a/b/keep", "x", 1, 0600, &e), 0);
	ck_assert_int_eq(fs_mkdir_p("a/b/keep", 0755, &e), -ENOTDIR);
	ck_assert_int_eq(mkdir("outside", 0755), 0);
	ck_assert_int_eq(fs_write_atomic("outside/file", "x", 1, 0600, &e), 0);
	ck_assert_int_eq(symlink("../outside", "a/link"), 0);
	ck_assert_int_eq(fs_remove_tree("a", &e), 0);
	ck_assert(!fs_exists("a"));
	ck_assert(fs_exists("outside/file"));
	ck_assert_int_eq(fs_remove_tree("a", &e), 0);
	ck_assert_int_eq(fs_remove_tree(dir, &e), 0);
}
END_TEST

START_TEST(links_stay_in_the_root)
{
	struct err e = ERR_INIT;
	AUTO_STR text = STR_INIT;
	setup();
	ck_assert_int_eq(fs_mkdir_p("root/etc", 0755, &e), 0);
	ck_assert_int_eq(fs_write_atomic("secret", "outside", 7, 0600, &e), 0);
	ck_assert_int_eq(fs_write_atomic("root/etc/passwd", "inside", 6, 0600, &e), 0);
	ck_assert_int_eq(symlink("/etc", "root/abs"), 0);
	ck_assert_int_eq(symlink("../../..", "root/up"), 0);
	ck_assert_int_eq(symlink("/proc/self/root", "root/magic"), 0);
	AUTO_FD int root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD int a = fs_open_in_root(root, "abs/passwd", O_RDONLY, 0, &e);
	ck_assert_int_ge(a, 0);
	ck_assert_int_eq(fs_read_fd(a, 100, &text, &e), 0);
	ck_assert_str_eq(text.p, "inside");
	AUTO_FD int b = fs_open_in_root(root, "up/etc/passwd", O_RDONLY, 0, &e);
	ck_assert_int_ge(b, 0);
	ck_assert_int_eq(fs_open_in_root(root, "up/secret", O_RDONLY, 0, &e), -ENOENT);
	ck_assert_int_eq(fs_open_in_root(root, "magic/etc/passwd", O_RDONLY, 0, &e), -ENOENT);
	AUTO_FD int made = fs_mkdir_in_root(root, "up/abs/x/y", 0755, &e);
	ck_assert_int_ge(made, 0);
	ck_assert(fs_exists("root/etc/x/y"));
	AUTO_FD int touched = fs_touch_in_root(root, "/new/dir/file", 0644, &e);
	ck_assert_int_ge(touched, 0);
	ck_assert(fs_exists("root/new/dir/file"));
	ck_assert_int_eq(fs_remove_tree(dir, &e), 0);
}
END_TEST

TESTS("fs", atomic_write_replaces, trees_are_made_and_removed, links_stay_in_the_root)
