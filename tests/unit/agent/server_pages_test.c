/* What the agent's server computes and writes without asking anybody. */
#include "agent/cpu_rate.h"
#include "agent/fs_usage.h"
#include "agent/server.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/check_main.h"

#define SECOND_NS 1000000000ull

START_TEST(rates)
{
	struct cpu_rates *r = cpu_rates_new();
	/* First look: half a core since the beginning, 10 s ago. */
	ck_assert_uint_eq(cpu_rates_take(r, "a", 5 * SECOND_NS, 90000, 100000), SECOND_NS / 2);
	/* Soon after: the same again, though one has been busy. */
	ck_assert_uint_eq(cpu_rates_take(r, "a", 7 * SECOND_NS, 90000, 102000), SECOND_NS / 2);
	/* Later: since the look that counted. */
	ck_assert_uint_eq(cpu_rates_take(r, "a", 25 * SECOND_NS, 90000, 110000), 2 * SECOND_NS);
	/* Another one does not disturb it; one that began now has no rate. */
	ck_assert_uint_eq(cpu_rates_take(r, "b", SECOND_NS, 110000, 110000), 0);
	/* A counter that went back: a new container under the old name. */
	ck_assert_uint_eq(cpu_rates_take(r, "a", SECOND_NS, 116000, 120000), SECOND_NS / 4);
	/* Forgotten: the mean of its life again. */
	cpu_rates_forget(r, 120000 + 600001);
	ck_assert_uint_eq(cpu_rates_take(r, "a", 10 * SECOND_NS, 730000, 740000), SECOND_NS);
	cpu_rates_free(r);
	cpu_rates_free(NULL);
}
END_TEST

START_TEST(pages_of_directories)
{
	AUTO_STRV char **names = str_split("pods/,a b.log,<x>&\"y\"", ',');
	AUTO_STR out = STR_INIT;
	server_files_page(names, &out);
	ck_assert_str_eq(out.p, "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n"
				"<a href=\"./%3Cx%3E%26%22y%22\">&lt;x&gt;&amp;&#34;y&#34;</a>\n"
				"<a href=\"./a%20b.log\">a b.log</a>\n"
				"<a href=\"./pods/\">pods/</a>\n</pre>\n");
}
END_TEST

START_TEST(page_of_nothing)
{
	AUTO_STR out = STR_INIT;
	server_files_page(NULL, &out);
	ck_assert(str_has_suffix(out.p, "<pre>\n</pre>\n"));
}
END_TEST

START_TEST(usage_of_files)
{
	char dir[] = "/tmp/knarr-test-usage-XXXXXX", block[65536] = {1};
	uint64_t bytes = 0, inodes = 0;
	ck_assert_ptr_nonnull(mkdtemp(dir));
	AUTO_FREE char *sub = xasprintf("%s/a/b", dir), *file = xasprintf("%s/f", sub), *link = xasprintf("%s/l", dir);
	ck_assert_int_eq(fs_mkdir_p(sub, 0755, NULL), 0);
	ck_assert_int_eq(fs_write_atomic(file, block, sizeof(block), 0600, NULL), 0);
	ck_assert_int_eq(symlink("/", link), 0); /* is not followed */
	ck_assert_int_eq(fs_usage(dir, 100, &bytes, &inodes), 0);
	ck_assert_uint_eq(inodes, 5);
	ck_assert_uint_ge(bytes, sizeof(block));
	ck_assert_int_eq(fs_usage(dir, 4, &bytes, &inodes), -E2BIG);
	ck_assert_int_eq(fs_usage(link, 100, &bytes, &inodes), -ENOTDIR);
	ck_assert_int_eq(fs_remove_tree(dir, NULL), 0);
	ck_assert_int_eq(fs_usage(dir, 100, &bytes, &inodes), -ENOENT);
}
END_TEST

TESTS("server_pages", usage_of_files, rates, pages_of_directories, page_of_nothing)
