/* base/fs: paths that stay in their root, and what is made behind links that lead nowhere yet. */
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

/* Each link, the path that is asked for, and what must then exist below the root. */
static const struct {
	const char *link, *text, *asked, *made;
} dangling[] = {
	{ "run", "/var/run", "run/x", "root/var/run/x" },
	{ "run", "var/run", "/run/x", "root/var/run/x" },
	{ "a", "../../../out", "a", "root/out" },
	{ "a", "./deep/../other", "a/b/c", "root/other/b/c" },
	{ "a", "//new//dir/", "a/./b/../c", "root/new/dir/c" },
};

static void make_dangling(int i)
{
	struct err e = ERR_INIT;
	setup();
	ck_assert_int_eq(mkdir("root", 0755), 0);
	AUTO_FREE char *at = xasprintf("root/%s", dangling[i].link);
	ck_assert_int_eq(symlink(dangling[i].text, at), 0);
	AUTO_FD int root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD int made = i % 2 ? fs_touch_in_root(root, dangling[i].asked, 0644, &e)
				 : fs_mkdir_in_root(root, dangling[i].asked, 0755, &e);
	ck_assert_msg(made >= 0, "%d: %s", i, err_text(&e));
	struct stat st, there;
	ck_assert_int_eq(fstat(made, &st), 0);
	ck_assert_msg(stat(dangling[i].made, &there) == 0, "%d: %s is not there", i, dangling[i].made);
	ck_assert_int_eq(st.st_ino, there.st_ino);
	ck_assert_int_eq(!S_ISDIR(st.st_mode), i % 2);
	ck_assert_int_eq(fs_remove_tree(dir, &e), 0);
}

START_TEST(dangling_links_are_made_true)
{
	for (size_t i = 0; i < ARRAY_LEN(dangling); i++)
		make_dangling((int)i);
}
END_TEST

START_TEST(what_cannot_be_made)
{
	struct err e = ERR_INIT;
	setup();
	ck_assert_int_eq(mkdir("root", 0755), 0);
	ck_assert_int_eq(fs_write_atomic("root/file", "x", 1, 0600, &e), 0);
	ck_assert_int_eq(symlink("b", "root/a"), 0);
	ck_assert_int_eq(symlink("a", "root/b"), 0);
	ck_assert_int_eq(symlink("file/x", "root/c"), 0);
	AUTO_FD int root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(fs_mkdir_in_root(root, "a/x", 0755, &e), -ELOOP);
	ck_assert_int_eq(fs_touch_in_root(root, "a", 0755, &e), -ELOOP);
	ck_assert_int_eq(fs_mkdir_in_root(root, "file/x", 0755, &e), -ENOTDIR);
	ck_assert_int_eq(fs_mkdir_in_root(root, "c", 0755, &e), -ENOTDIR);
	ck_assert_int_eq(fs_mkdir_in_root(root, "file", 0755, &e), -ENOTDIR);
	ck_assert_int_ne(e.text[0], '\0');
	ck_assert_int_eq(fs_remove_tree(dir, &e), 0);
}
END_TEST

TESTS("fs_in_root", links_stay_in_the_root, dangling_links_are_made_true, what_cannot_be_made)
