/* base/fs: atomic writes and trees. */
#include "tests/unit/check_main.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
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

START_TEST(locks_exclude)
{
	struct err e = ERR_INIT;
	setup();
	int fd = fs_lock_file("lock", &e);
	ck_assert_int_ge(fd, 0);
	AUTO_FD int other = open("lock", O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(flock(other, LOCK_EX | LOCK_NB), -1);
	close(fd);
	ck_assert_int_eq(fs_lock(other, "lock", &e), 0);
	ck_assert_int_eq(fs_lock(-1, "lock", &e), -EBADF);
	ck_assert_int_eq(fs_lock_file("no/lock", &e), -ENOENT);
	ck_assert_int_eq(fs_remove_tree(dir, &e), 0);
}
END_TEST

TESTS("fs", atomic_write_replaces, trees_are_made_and_removed, locks_exclude)
