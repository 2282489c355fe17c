/* base/proc: processes by /proc and by pid files. */
#include "tests/unit/check_main.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"

START_TEST(names_do_not_confuse)
{
	char letter = 0;
	uint64_t start = 0, again = 0;
	ck_assert_int_eq(proc_stat(getpid(), &letter, &start), 0);
	ck_assert_int_eq(letter, 'R');
	ck_assert_uint_gt(start, 0);
	prctl(PR_SET_NAME, "a) Z 1 2 (b");
	ck_assert_int_eq(proc_stat(getpid(), &letter, &again), 0);
	ck_assert_int_eq(letter, 'R');
	ck_assert_uint_eq(start, again);
	ck_assert_int_eq(proc_stat(0, &letter, &start), -ESRCH);
	ck_assert_int_eq(proc_stat(-1, &letter, &start), -ESRCH);
}
END_TEST

START_TEST(zombies_have_ended)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	siginfo_t info;
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	ck_assert(!proc_is_alive(pid));
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert(!proc_is_alive(pid));
	ck_assert(proc_is_alive(getpid()));
}
END_TEST

static const struct {
	const char *text;
	pid_t want;
} files[] = {
	{ "1234", 1234 }, { "1234\n", 1234 }, { "77\nrest", 77 }, { "", -EINVAL },	 { "x", -EINVAL },
	{ "0", -EINVAL }, { "1", -EINVAL },   { "-5", -EINVAL },  { "12 3", -EINVAL }, { "4294967298", -EINVAL },
};

START_TEST(pid_files)
{
	char path[] = "/tmp/knarr-pid-XXXXXX";
	close(mkstemp(path));
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		ck_assert_int_eq(fs_write_atomic(path, files[i].text, strlen(files[i].text), 0600, NULL), 0);
		ck_assert_msg(proc_read_pid_file(path) == files[i].want, "%s", files[i].text);
	}
	unlink(path);
	ck_assert_int_eq(proc_read_pid_file(path), -ENOENT);
}
END_TEST

START_TEST(escapes)
{
	static const char *const cases[][2] = {{"/a\\040b\\134c", "/a b\\c"},
					       {"\\011\\012", "\t\n"},
					       {"/plain", "/plain"},
					       {"", ""},
					       {"\\04", "\\04"},
					       {"\\x41", "\\x41"}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *s = xstrdup(cases[i][0]);
		proc_unescape(s);
		ck_assert_str_eq(s, cases[i][1]);
	}
}
END_TEST

TESTS("proc", names_do_not_confuse, zombies_have_ended, pid_files, escapes)
