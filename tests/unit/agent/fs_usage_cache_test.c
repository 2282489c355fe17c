/* Counts of files: told again, made anew in time, so many for one answer. */
#include "agent/fs_usage_cache.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "tests/unit/check_main.h"

static char top[64];
static struct fs_usage_cache *cache;

static void setup(void)
{
	snprintf(top, sizeof(top), "/tmp/knarr-test-usage-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(top));
	cache = fs_usage_cache_new();
}

static void teardown(void)
{
	fs_usage_cache_free(cache);
	ck_assert_int_eq(fs_remove_tree(top, NULL), 0);
}

/* Files from..to-1 in a directory below top. */
static char *fill(const char *name, int from, int to)
{
	char *dir = xasprintf("%s/%s", top, name), file[128];
	ck_assert_int_eq(fs_mkdir_p(dir, 0755, NULL), 0);
	for (int i = from; i < to; i++) {
		snprintf(file, sizeof(file), "%s/%d", dir, i);
		int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		ck_assert_int_ge(fd, 0);
		close(fd);
	}
	return dir;
}

/* The inodes that are told of a directory, -1: none are. */
static int64_t told(const char *dir, int64_t now_ms)
{
	AUTO_JSON *o = fs_usage_cache_stats(cache, dir, now_ms);
	ck_assert_int_gt(json_int_at(o, "capacityBytes", 0), 0);
	return json_int_at(o, "inodesUsed", -1);
}

START_TEST(counts_are_told_again)
{
	setup();
	AUTO_FREE char *dir = fill("a", 0, 4);
	fs_usage_cache_begin(cache, 1000);
	ck_assert_int_eq(told(dir, 1000), 5);
	free(fill("a", 4, 6));
	fs_usage_cache_begin(cache, 2000);
	AUTO_JSON *o = fs_usage_cache_stats(cache, dir, 2000);
	ck_assert_int_eq(json_int_at(o, "inodesUsed", 0), 5);
	ck_assert_str_eq(json_str_at(o, "time"), "1970-01-01T00:00:01Z"); /* of the count */
	fs_usage_cache_begin(cache, 1000 + FS_USAGE_RENEW_MS);
	ck_assert_int_eq(told(dir, 1000 + FS_USAGE_RENEW_MS), 7);
	teardown();
}
END_TEST

START_TEST(an_answer_has_a_budget)
{
	setup();
	enum { EACH = FS_USAGE_BUDGET * 3 / 8 };
	AUTO_FREE char *a = fill("a", 1, EACH), *b = fill("b", 1, EACH), *c = fill("c", 1, EACH);
	fs_usage_cache_begin(cache, 1000);
	ck_assert_int_eq(told(a, 1000), EACH);
	ck_assert_int_eq(told(b, 1000), EACH);
	ck_assert_int_eq(told(c, 1000), -1);
	fs_usage_cache_begin(cache, 2000);
	ck_assert_int_eq(told(c, 2000), EACH);
	free(fill("a", EACH, EACH + 1));
	free(fill("b", EACH, EACH + 1));
	fs_usage_cache_begin(cache, 1000 + FS_USAGE_RENEW_MS); /* half of it is kept for those that are not known */
	ck_assert_int_eq(told(a, 1000 + FS_USAGE_RENEW_MS), EACH + 1);
	ck_assert_int_eq(told(b, 1000 + FS_USAGE_RENEW_MS), EACH);
	fs_usage_cache_begin(cache, 2000 + FS_USAGE_RENEW_MS);
	ck_assert_int_eq(told(b, 2000 + FS_USAGE_RENEW_MS), EACH + 1);
	teardown();
}
END_TEST

START_TEST(what_is_too_large_is_left_alone)
{
	setup();
	AUTO_FREE char *dir = fill("a", 0, FS_USAGE_ENTRIES_MAX + 1);
	fs_usage_cache_begin(cache, 1000);
	ck_assert_int_eq(told(dir, 1000), -1);
	ck_assert_int_eq(fs_remove_tree(dir, NULL), 0);
	free(fill("a", 0, 1));
	fs_usage_cache_begin(cache, 1000 + FS_USAGE_RENEW_MS);
	ck_assert_int_eq(told(dir, 1000 + FS_USAGE_RENEW_MS), -1);
	fs_usage_cache_begin(cache, 1000 + FS_USAGE_TOO_LARGE_MS);
	ck_assert_int_eq(told(dir, 1000 + FS_USAGE_TOO_LARGE_MS), 2);
	teardown();
}
END_TEST

TESTS("fs_usage_cache", counts_are_told_again, an_answer_has_a_budget, what_is_too_large_is_left_alone)
