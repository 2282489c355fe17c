#include "tests/unit/agent/pods.h"

#include <fcntl.h>
#include <unistd.h>

#include "agent/log_read.h"
#include "base/mem.h"

#define T "2026-01-01T00:00:0"
static const char sample[] =
    T "1.000000000Z stdout F one\n" T "2.000000000Z stderr F two\n" T "3.000000000Z stdout P thr\n" T
      "3.000000001Z stdout F ee\n" T "4.000000000Z stdout F \n";

static char *filtered(struct log_filter f, size_t step)
{
	AUTO_STR out = STR_INIT;
	for (size_t i = 0; i < sizeof(sample) - 1; i += step)
		if (!log_filter_feed(&f, sample + i, MIN(step, sizeof(sample) - 1 - i), &out))
			break;
	log_filter_done(&f);
	return str_take(&out);
}

#define CHECK(want, ...)                                                                                               \
	for (size_t step = 1; step < sizeof(sample); step += 13) {                                                     \
		char *got = filtered((struct log_filter){.limit_bytes = -1, __VA_ARGS__}, step);                       \
		ck_assert_str_eq(got, want);                                                                           \
		free(got);                                                                                             \
	}

START_TEST(filters){CHECK("one\ntwo\nthree\n\n", .timestamps = false) CHECK("two\n", .streams = LOG_STDERR)
			CHECK(T "4.000000000Z \n", .timestamps = true, .since_us = 1767225604000000)
			    CHECK(T "3.000000000Z three\n" T "4.000000000Z \n", .timestamps = true,
				  .since_us = 1767225603000000)} END_TEST

    START_TEST(limit)
{
	char *got = filtered((struct log_filter){.limit_bytes = 6}, 1000);
	ck_assert_str_eq(got, "one\ntw");
	free(got);
}
END_TEST

START_TEST(tail)
{
	char path[] = "/tmp/log-read-XXXXXX";
	int fd = mkstemp(path);
	unlink(path);
	ck_assert_int_eq(write(fd, sample, sizeof(sample) - 1), sizeof(sample) - 1);
	static const char *const want[] = {
	    "", "\n", "three\n\n", "two\nthree\n\n", "one\ntwo\nthree\n\n", "one\ntwo\nthree\n\n"};
	for (int n = 0; n < 6; n++) {
		AUTO_STR out = STR_INIT;
		struct log_filter f = LOG_FILTER_INIT;
		size_t at = (size_t)log_tail_offset(fd, n);
		(void)log_filter_feed(&f, sample + at, sizeof(sample) - 1 - at, &out);
		ck_assert_str_eq(str_text(&out), want[n]);
		log_filter_done(&f);
	}
	close(fd);
}
END_TEST

START_TEST(foreign_lines)
{
	struct log_line l;
	static const char *const bad[] = {"", "x", "no log line at all, but long enough", T "1.0Z stdxxx F one",
					  T "1.0Z stdout X one"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert(!log_line_parse(bad[i], strlen(bad[i]), &l));
}
END_TEST

START_TEST(last_attempt)
{
	static const char *const names[] = {"0.log", "11.log", "9.log", "12.log.gz", "99999999999.log", "x.log", ".log", "-3.log"};
	char dir[] = "/tmp/knarr-test-logs-XXXXXX";
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(log_last_attempt(dir), -1);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, names[i]);
		int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		ck_assert_int_ge(fd, 0);
		close(fd);
	}
	ck_assert_int_eq(log_last_attempt(dir), 11);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
	ck_assert_int_eq(log_last_attempt(dir), -1);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {filters, limit, tail, foreign_lines, last_attempt};
	return run_suite("log_read", tests, ARRAY_LEN(tests));
}
