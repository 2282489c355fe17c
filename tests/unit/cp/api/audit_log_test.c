/* The audit log's writer: whole lines in order, a new file when it has grown, old ones removed. */
#include "cp/api/audit_log.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/check_main.h"

enum { LINES = 1000 };

START_TEST(lines)
{
	char dir[] = "/tmp/audit-log-XXXXXX";
	ck_assert_ptr_nonnull(mkdtemp(dir));
	AUTO_FREE char *path = xasprintf("%s/log", dir);
	AUTO_STR text = STR_INIT, wanted = STR_INIT;
	struct audit_log *l = NULL;
	struct stat st;
	ck_assert_int_eq(audit_log_new(&(struct audit_log_config){.path = path}, &l, NULL), 0);
	for (int i = 0; i < LINES; i++) {
		AUTO_FREE char *line = xasprintf("{\"n\":%d}", i);
		audit_log_add(l, line, strlen(line));
		str_addf(&wanted, "%s\n", line);
	}
	ck_assert_uint_eq(audit_log_dropped(l), 0);
	audit_log_free(l);
	ck_assert_int_eq(fs_read_file(path, 1 << 20, &text, NULL), 0);
	ck_assert_str_eq(str_text(&text), str_text(&wanted));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(fs_remove_tree(dir, NULL), 0);
}
END_TEST

static int count_files(const char *dir)
{
	DIR *d = opendir(dir);
	int n = 0;
	for (struct dirent *de; (de = readdir(d));)
		n += *de->d_name != '.';
	closedir(d);
	return n;
}

START_TEST(changes_its_file)
{
	char dir[] = "/tmp/audit-log-XXXXXX", line[101];
	ck_assert_ptr_nonnull(mkdtemp(dir));
	AUTO_FREE char *path = xasprintf("%s/log", dir);
	memset(line, 'x', 100);
	line[100] = '\0';
	/* Each start finds the file grown, so that every write makes a new one. */
	for (int i = 0; i < 6; i++) {
		struct audit_log *l = NULL;
		ck_assert_int_eq(audit_log_new(&(struct audit_log_config){.path = path, .max_bytes = 100, .max_backups = 2}, &l, NULL), 0);
		audit_log_add(l, line, 100);
		audit_log_free(l);
	}
	ck_assert_int_ge(count_files(dir), 2);
	ck_assert_int_le(count_files(dir), 3);
	ck_assert_int_eq(fs_remove_tree(dir, NULL), 0);
}
END_TEST

START_TEST(no_place)
{
	struct audit_log *l = NULL;
	ck_assert_int_eq(audit_log_new(&(struct audit_log_config){.path = "/nonexistent/log"}, &l, NULL), -ENOENT);
	ck_assert_ptr_null(l);
	audit_log_free(NULL);
}
END_TEST

TESTS("audit_log", lines, changes_its_file, no_place)
