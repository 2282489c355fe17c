/* agent/shim/cri_log: lines and pieces of lines. */
#include "tests/unit/check_main.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/shim/cri_log.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

static void collect(void *arg, char tag, const char *text, size_t len)
{
	struct str *out = arg;
	str_addf(out, "%c[%.*s]", tag, (int)len, text);
}

static void feed(struct cri_line *l, const char *bytes, struct str *out)
{
	size_t room;
	char *to = cri_line_room(l, &room);
	ck_assert_uint_ge(room, strlen(bytes));
	memcpy(to, bytes, strlen(bytes));
	cri_line_feed(l, strlen(bytes), collect, out);
}

START_TEST(cuts_lines_however_they_come)
{
	static struct cri_line l;
	AUTO_STR out = STR_INIT;
	feed(&l, "a", &out);
	feed(&l, "b\nc", &out);
	feed(&l, "\n\nd\ne", &out);
	cri_line_end(&l, collect, &out);
	ck_assert_str_eq(out.p, "F[ab]F[c]F[]F[d]P[e]");
	cri_line_end(&l, collect, &out);
	ck_assert_str_eq(out.p, "F[ab]F[c]F[]F[d]P[e]");
}
END_TEST

static void count(void *arg, char tag, const char *text, size_t len)
{
	(void)text;
	size_t *n = arg;
	n[tag == 'P'] += len;
	n[2]++;
}

START_TEST(long_lines_become_pieces)
{
	static struct cri_line l;
	size_t n[3] = { 0 }, total = 40000, left = total, room;
	while (left) {
		char *to = cri_line_room(&l, &room);
		size_t some = left < room ? left : room;
		memset(to, 'x', some);
		cri_line_feed(&l, some, count, n);
		left -= some;
	}
	char *to = cri_line_room(&l, &room);
	*to = '\n';
	cri_line_feed(&l, 1, count, n);
	ck_assert_uint_eq(n[1], 2 * CRI_LINE_MAX);
	ck_assert_uint_eq(n[0], total - 2 * CRI_LINE_MAX);
	ck_assert_uint_eq(n[2], 3);
}
END_TEST

START_TEST(writes_the_format)
{
	char path[] = "/tmp/knarr-cri-XXXXXX";
	AUTO_FD int fd = mkstemp(path);
	AUTO_STR text = STR_INIT;
	ck_assert_int_eq(cri_log_write(fd, "stderr", 'F', 1767323045000000123, "hello", 5), 0);
	ck_assert_int_eq(fs_read_file(path, 1000, &text, NULL), 0);
	ck_assert_str_eq(text.p, "2026-01-02T03:04:05.000000123Z stderr F hello\n");
	unlink(path);
}
END_TEST

TESTS("cri_log", cuts_lines_however_they_come, long_lines_become_pieces, writes_the_format)
