/* base/fd_pass: bytes and descriptors arrive together, and none is left over. */
#include "tests/unit/check_main.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd_pass.h"
#include "base/mem.h"

static void pair(int ret[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret), 0);
}

static int open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void open_files(int fds[FD_PASS_MAX])
{
	for (int i = 0; i < FD_PASS_MAX; i++)
		ck_assert_int_ge(fds[i] = open(i % 2 ? "/dev/zero" : "/dev/null", O_RDONLY | O_CLOEXEC), 0);
}

static void expect_same_file(int a, int b)
{
	struct stat x, y;
	ck_assert_int_eq(fstat(a, &x), 0);
	ck_assert_int_eq(fstat(b, &y), 0);
	ck_assert_int_eq(x.st_rdev, y.st_rdev);
	ck_assert_int_ne(fcntl(b, F_GETFD) & FD_CLOEXEC, 0);
}

START_TEST(all_numbers)
{
	int s[2], mine[FD_PASS_MAX], got[FD_PASS_MAX];
	char text[8];
	pair(s);
	open_files(mine);
	for (int sent = 0; sent <= FD_PASS_MAX; sent++) {
		for (int room = 0; room <= FD_PASS_MAX; room++) {
			int before = open_fds();
			ck_assert_int_eq(fd_pass_send(s[0], "hello", 5, mine, sent, 0), 0);
			ck_assert_int_eq(fd_pass_receive(s[1], text, sizeof(text), got, room, 0), 5);
			ck_assert_str_eq(text, "hello");
			ck_assert_int_eq(open_fds(), before + MIN(sent, room));
			for (int i = 0; i < room; i++) {
				if (i < sent)
					expect_same_file(mine[i], got[i]);
				else
					ck_assert_int_eq(got[i], -1);
				close_fd(&got[i]);
			}
			ck_assert_int_eq(open_fds(), before);
		}
	}
}
END_TEST

START_TEST(ends_and_errors)
{
	int s[2], got = 7;
	char text[8] = "x";
	pair(s);
	ck_assert_int_eq(fd_pass_receive(s[1], text, sizeof(text), &got, 1, MSG_DONTWAIT), -EAGAIN);
	ck_assert_int_eq(got, -1);
	ck_assert_int_eq(text[0], 0);
	ck_assert_int_eq(fd_pass_send(s[0], "x", 1, &got, FD_PASS_MAX + 1, 0), -EINVAL);
	ck_assert_int_eq(fd_pass_send(s[0], "x", 1, &got, 1, 0), -EBADF);
	close(s[0]);
	ck_assert_int_eq(fd_pass_receive(s[1], text, sizeof(text), &got, 1, 0), 0);
	ck_assert_int_eq(fd_pass_send(s[1], "x", 1, NULL, 0, 0), -EPIPE);
	close(s[1]);
}
END_TEST

TESTS("fd_pass", all_numbers, ends_and_errors)
