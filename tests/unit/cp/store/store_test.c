/* The store as its users see it: revisions, preconditions, order, volatile states, restart, compaction, backup. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/cp/store/store_fixture.h"

/* Changes the closed database behind the store's back. */
static void on_database(const char *sql_text)
{
	sqlite3 *sql;
	ck_assert_int_eq(sqlite3_open(db, &sql), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(sql, sql_text, NULL, NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_close(sql), SQLITE_OK);
}

static void make_older(const char *where, int seconds)
{
	AUTO_FREE char *text = xasprintf("UPDATE log SET at = at - (%d) WHERE %s", seconds, where);
	on_database(text);
}

START_TEST(revisions_and_preconditions)
{
	uint64_t a = put("/r/a", "1"), b = put("/r/b", "1"), rev;
	ck_assert_uint_eq(b, a + 1);
	ck_assert_int_eq(one(STORE_PUT, "/r/a", "2", STORE_ABSENT, false, NULL), -ESTALE);
	ck_assert_int_eq(one(STORE_PUT, "/r/a", "2", b, false, NULL), -ESTALE);
	ck_assert_int_eq(one(STORE_PUT, "/r/c", "2", b, false, NULL), -ESTALE);
	ck_assert_int_eq(one(STORE_PUT, "/r/a", "2", a, false, &rev), 0);
	ck_assert_uint_eq(rev, b + 1);
	ck_assert_int_eq(one(STORE_DELETE, "/r/a", NULL, a, false, NULL), -ESTALE);
	ck_assert_int_eq(one(STORE_DELETE, "/r/a", "last", rev, false, NULL), 0);
	ck_assert_int_eq(one(STORE_PUT, "/r/a", "3", STORE_ABSENT, false, &rev), 0);
	ck_assert_uint_eq(store_revision(store), rev);
	ck_assert_int_eq(one(STORE_DELETE, "/r/none", NULL, STORE_ANY, false, NULL), 0);
	ck_assert_int_eq(one(STORE_DELETE, "/r/none", NULL, 3, false, NULL), -ESTALE);
	ck_assert_int_eq(one(STORE_PUT, "/r/x", NULL, STORE_ANY, false, NULL), -EINVAL);
}
END_TEST

START_TEST(transaction_is_all_or_nothing)
{
	AUTO_BUF *v = buf_new("v", 1);
	struct store_op ops[] = {{STORE_PUT, "/r/a", v, STORE_ANY, false}, {STORE_PUT, "/r/b", v, 99, false}};
	struct result res = {0};
	AUTO_STR seen = STR_INIT;
	store_set_watch(store, note, &seen);
	store_txn(store, ops, 2, on_done, &res);
	wait_done(&res);
	ck_assert_int_eq(res.r, -ESTALE);
	ck_assert_ptr_nonnull(strstr(res.e.text, "/r/b"));
	ops[1].expect = STORE_ABSENT;
	res = (struct result){0};
	store_txn(store, ops, 2, on_done, &res);
	wait_done(&res);
	ck_assert_int_eq(res.r, 0);
	ck_assert_str_eq(str_text(&seen), "P /r/a=v 2/2/0;P /r/b=v 2/2/0;");
	ops[1].key = "/r/a";
	res = (struct result){0};
	store_txn(store, ops, 2, on_done, &res);
	wait_done(&res);
	ck_assert_int_eq(res.r, -EINVAL);
	store_set_watch(store, NULL, NULL);
}
END_TEST

struct order {
	struct str *out;
	int i;
};

static void note_done(void *arg, int r, uint64_t rev, const struct err *e)
{
	(void)e;
	struct order *o = arg;
	str_addf(o->out, "done%d %d %llu;", o->i, r, (unsigned long long)rev);
}

/* Whatever the grouping: each transaction's events, then its done, in the order of queueing. */
START_TEST(group_keeps_order)
{
	AUTO_STR out = STR_INIT, want = STR_INIT;
	struct order orders[200];
	store_set_watch(store, note, &out);
	uint64_t rev = 1;
	for (int i = 0; i < 200; i++) {
		char key[16];
		snprintf(key, sizeof(key), "/r/%d", i % 7);
		AUTO_BUF *v = buf_new("v", 1);
		uint64_t expect = i % 5 == 4 ? 12345 : STORE_ANY;
		struct store_op op = {STORE_PUT, key, v, expect, i % 3 == 0};
		orders[i] = (struct order){&out, i};
		store_txn(store, &op, 1, note_done, &orders[i]);
		rev += expect == STORE_ANY;
	}
	struct result last;
	queue_op(STORE_PUT, "/r/last", "v", STORE_ANY, false, &last);
	wait_done(&last);
	ck_assert_uint_eq(last.rev, rev + 1);
	const char *p = str_text(&out);
	uint64_t at = 1;
	for (int i = 0; i < 200; i++) {
		char text[64];
		if (i % 5 == 4)
			snprintf(text, sizeof(text), "done%d %d 0;", i, -ESTALE);
		else
			snprintf(text, sizeof(text), "done%d 0 %llu;", i, (unsigned long long)++at);
		const char *q = strstr(p, text);
		ck_assert_ptr_nonnull(q);
		if (i % 5 != 4) { /* its event stands right before */
			char tail[64];
			snprintf(tail, sizeof(tail), " /r/%d=v %llu/", i % 7, (unsigned long long)at);
			const char *ev = strstr(p, tail);
			ck_assert(ev && ev < q);
		}
		p = q;
	}
	struct store_stats st;
	store_get_stats(store, &st);
	ck_assert_uint_le(st.commits, st.txns);
	ck_assert_uint_eq(st.keys, 8);
	store_set_watch(store, NULL, NULL);
}
END_TEST

START_TEST(load_and_history_over_restart)
{
	put("/r/b", "1");
	put("/r/a", "1");
	put("/r/b", "2");
	ck_assert_int_eq(one(STORE_DELETE, "/r/a", "bye", STORE_ANY, false, NULL), 0);
	put("/r/c", "1");
	fixture_close();
	fixture_open(300);
	ck_assert_uint_eq(store_revision(store), 6);
	ck_assert_uint_eq(store_compacted_revision(store), 0);
	expect_text(loaded(), "P /r/b=2 4/2/2;P /r/c=1 6/6/0;");
	expect_text(history(), "P /r/b=1 2/2/0;P /r/a=1 3/3/0;P /r/b=2 4/2/2;D /r/a=bye 5/3/3;P /r/c=1 6/6/0;");
	ck_assert_uint_eq(put("/r/a", "new"), 7);
}
END_TEST

START_TEST(volatile_is_served_and_written_on_close)
{
	AUTO_STR seen = STR_INIT;
	put("/r/lease", "0");
	struct store_stats before, after;
	store_get_stats(store, &before);
	store_set_watch(store, note, &seen);
	uint64_t rev = 0;
	for (int i = 0; i < 50; i++)
		rev = put_volatile("/r/lease", "beat");
	store_set_watch(store, NULL, NULL);
	store_get_stats(store, &after);
	ck_assert_uint_eq(before.commits, after.commits);
	ck_assert_uint_eq(before.bytes_written, after.bytes_written);
	ck_assert_ptr_nonnull(strstr(str_text(&seen), "Pv /r/lease=beat 52/2/51;"));
	ck_assert_int_eq(one(STORE_PUT, "/r/lease", "x", rev - 1, true, NULL), -ESTALE);
	fixture_close();
	fixture_open(300);
	expect_text(loaded(), "P /r/lease=beat 52/2/2;");
	ck_assert_uint_eq(store_revision(store), 52);
	put_volatile("/r/lease", "again");
	ck_assert_uint_eq(put("/r/lease", "real"), 54);
	fixture_close();
	fixture_open(300);
	expect_text(loaded(), "P /r/lease=real 54/2/53;");
}
END_TEST

/* The first state of a key is always written, and a mixed transaction as a whole. */
START_TEST(volatile_create_is_durable)
{
	AUTO_STR seen = STR_INIT;
	store_set_watch(store, note, &seen);
	put_volatile("/r/new", "0");
	AUTO_BUF *v = buf_new("1", 1);
	struct store_op ops[] = {{STORE_PUT, "/r/new", v, STORE_ANY, true}, {STORE_PUT, "/r/b", v, STORE_ANY, false}};
	struct result res = {0};
	store_txn(store, ops, 2, on_done, &res);
	wait_done(&res);
	store_set_watch(store, NULL, NULL);
	ck_assert_str_eq(str_text(&seen), "P /r/new=0 2/2/0;P /r/new=1 3/2/2;P /r/b=1 3/3/0;");
}
END_TEST

/* A key deleted after a volatile change, and one recreated, restart as what they are. */
START_TEST(volatile_then_delete)
{
	put("/r/a", "0");
	put_volatile("/r/a", "1");
	del("/r/a");
	put("/r/b", "0");
	put_volatile("/r/b", "1");
	del("/r/b");
	put("/r/b", "2");
	fixture_close();
	fixture_open(300);
	expect_text(loaded(), "P /r/b=2 8/8/0;");
}
END_TEST

START_TEST(compaction_keeps_current_states)
{
	fixture_close();
	fixture_open(-1);
	for (int i = 0; i < 3000; i++) {
		char key[16];
		snprintf(key, sizeof(key), "/r/%d", i % 10);
		queue_op(STORE_PUT, key, "value", STORE_ANY, false, NULL);
	}
	uint64_t gone = del("/r/0");
	ck_assert_int_eq(store_compact(store, NULL), 0);
	ck_assert_uint_eq(store_compacted_revision(store), gone);
	fixture_close();
	fixture_open(-1);
	ck_assert_uint_eq(store_compacted_revision(store), gone);
	AUTO_FREE char *all = loaded(), *kept = history();
	ck_assert_str_eq(kept, "");
	ck_assert_ptr_null(strstr(all, "/r/0"));
	ck_assert_ptr_nonnull(strstr(all, "P /r/1=value 2993/3/2983;P /r/2=value 2994/4/2984;"));
	uint64_t rev = put("/r/new", "x");
	fixture_close();
	fixture_open(300);
	AUTO_FREE char *want = xasprintf("P /r/new=x %llu/%llu/0;", (unsigned long long)rev, (unsigned long long)rev);
	expect_text(history(), want);
}
END_TEST

START_TEST(second_process_is_locked_out)
{
	put("/r/a", "1");
	pid_t pid = fork();
	if (!pid) {
		struct loop *l;
		struct store *s;
		struct err e = ERR_INIT;
		loop_new(&l, NULL);
		_exit(store_open_sqlite(l, db, 300, &s, &e) == -EBUSY ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
	put("/r/a", "2");
}
END_TEST

static int open_code(const char *path)
{
	struct store *s = NULL;
	struct err e = ERR_INIT;
	int r = store_open_sqlite(loop, path, 300, &s, &e);
	if (r) {
		ck_assert_ptr_null(s);
		ck_assert_ptr_nonnull(strstr(err_text(&e), path));
	} else {
		r = store_load(s, note, &(struct str){0}, &(uint64_t){0}, &e);
		store_close(s);
	}
	return r;
}

START_TEST(damage_is_told)
{
	char value[3000];
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (int i = 0; i < 40; i++) {
		char key[16];
		snprintf(key, sizeof(key), "/r/%d", i);
		put(key, value);
	}
	fixture_close();
	AUTO_FREE char *bad = xasprintf("%s/bad.db", dir);
	ck_assert_int_eq(fs_write_atomic(bad, "this is no database, it is some text that is long", 49, 0600, NULL), 0);
	ck_assert_int_eq(open_code(bad), -EUCLEAN);
	AUTO_STR bytes = STR_INIT;
	ck_assert_int_eq(fs_read_file(db, 1 << 22, &bytes, NULL), 0);
	memset(bytes.p + 8192, 0xff, bytes.len - 8192);
	ck_assert_int_eq(fs_write_atomic(bad, bytes.p, bytes.len, 0600, NULL), 0);
	ck_assert_int_eq(open_code(bad), -EUCLEAN);
	AUTO_FREE char *none = xasprintf("%s/no/such.db", dir);
	ck_assert_int_eq(open_code(none), -ENOENT);
	struct stat st;
	ck_assert_int_eq(stat(db, &st), 0);
	ck_assert_int_eq(st.st_mode & 077, 0);
	fixture_open(300);
}
END_TEST

/* History is complete above the revision by which the last dropped state had been superseded: what comes after it finds
 * the state that it replaced. */
START_TEST(compaction_moves_to_what_superseded)
{
	put("/r/a", "1"); /* 2 */
	put("/r/b", "1"); /* 3 */
	put("/r/c", "1"); /* 4 */
	put("/r/a", "2"); /* 5 supersedes 2 */
	put("/r/b", "2"); /* 6 supersedes 3 */
	del("/r/c");      /* 7 supersedes 4 */
	fixture_close();
	make_older("id <= 4", 1000); /* all but the last two changes */
	fixture_open(300);
	ck_assert_int_eq(store_compact(store, NULL), 0);
	ck_assert_uint_eq(store_compacted_revision(store), 5);
	const char *want = "P /r/b=2 6/3/3;D /r/c=- 7/4/4;";
	expect_text(history(), want);
	fixture_close();
	fixture_open(300);
	ck_assert_uint_eq(store_compacted_revision(store), 5);
	expect_text(history(), want);
	expect_text(loaded(), "P /r/a=2 5/2/2;P /r/b=2 6/3/3;");
	/* The deletion goes after the state that it ended, never before. */
	fixture_close();
	make_older("1", 5000);
	fixture_open(300);
	ck_assert_int_eq(store_compact(store, NULL), 0);
	ck_assert_uint_eq(store_compacted_revision(store), 7);
	ck_assert_int_eq(store_past(store, "/", 6, opened, gather_past, NULL, NULL), -EOVERFLOW);
	expect_text(history(), "");
}
END_TEST

/* Changes of this process are told as those of the one before it; heartbeats are not, nor what was refused. */
START_TEST(past_of_this_process)
{
	put("/r/a", "1"); /* 2 */
	fixture_close();
	fixture_open(300);
	put("/r/a", "2");          /* 3 */
	put_volatile("/r/a", "3"); /* 4 */
	ck_assert_int_eq(one(STORE_PUT, "/r/a", "x", STORE_ABSENT, false, NULL), -ESTALE);
	put("/r/a", "4"); /* 5 */
	put("/r/b", "1"); /* 6 */
	del("/r/b");      /* 7 */
	opened = store_revision(store);
	expect_text(history(), "P /r/a=1 2/2/0;P /r/a=2 3/2/2;P /r/a=4 5/2/4;P /r/b=1 6/6/0;D /r/b=- 7/6/6;");
}
END_TEST

/* States between which much was superseded. */
START_TEST(load_over_gaps)
{
	AUTO_STR want = STR_INIT;
	static const int gaps[] = {0, 1, 7, 8, 9, 40};
	put("/r/x", "first"); /* 2 */
	uint64_t rev = 2;
	for (size_t i = 0; i < ARRAY_LEN(gaps); i++) {
		AUTO_FREE char *key = xasprintf("/r/%zu", i);
		uint64_t made = rev + 1;
		for (int n = 0; n <= gaps[i]; n++)
			rev = put(key, n == gaps[i] ? "last" : "long ago");
		str_addf(&want, "P %s=last %llu/%llu/%llu;", key, (unsigned long long)rev, (unsigned long long)made,
			 (unsigned long long)(gaps[i] ? rev - 1 : 0));
	}
	str_addf(&want, "P /r/x=end %llu/2/2;", (unsigned long long)put("/r/x", "end"));
	fixture_close();
	fixture_open(300);
	expect_text(loaded(), str_text(&want));
}
END_TEST

/* 0 is the usual window, in which nothing is dropped. */
START_TEST(usual_window)
{
	fixture_close();
	fixture_open(0);
	put("/r/a", "1");
	put("/r/a", "2");
	ck_assert_int_eq(store_compact(store, NULL), 0);
	ck_assert_uint_eq(store_compacted_revision(store), 0);
	fixture_close();
	fixture_open(0);
	expect_text(history(), "P /r/a=1 2/2/0;P /r/a=2 3/2/2;");
}
END_TEST

/* A file of somebody else's is refused and left as it is. */
START_TEST(foreign_database)
{
	AUTO_FREE char *path = xasprintf("%s/foreign.db", dir);
	sqlite3 *sql;
	AUTO_STR before = STR_INIT, after = STR_INIT;
	ck_assert_int_eq(sqlite3_open(path, &sql), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(sql, "CREATE TABLE t(x)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(sql);
	ck_assert_int_eq(fs_read_file(path, 1 << 20, &before, NULL), 0);
	ck_assert_int_eq(open_code(path), -EUCLEAN);
	ck_assert_int_eq(fs_read_file(path, 1 << 20, &after, NULL), 0);
	ck_assert(before.len == after.len && !memcmp(before.p, after.p, before.len));
	fixture_close();
	on_database("PRAGMA user_version=2");
	ck_assert_int_eq(open_code(db), -EPROTONOSUPPORT);
	on_database("PRAGMA user_version=1");
	fixture_open(300);
}
END_TEST

/* Rows that this program cannot have written. */
START_TEST(damaged_rows)
{
	static const char *const damage[] = {"UPDATE log SET rev = -1", "UPDATE log SET value = NULL",
					     "UPDATE log SET rev = 1000000", "DROP TABLE number"};
	put("/r/a", "1");
	fixture_close();
	for (size_t i = 0; i < ARRAY_LEN(damage); i++) {
		AUTO_FREE char *copy = xasprintf("%s/damaged%zu.db", dir, i);
		AUTO_STR bytes = STR_INIT;
		ck_assert_int_eq(fs_read_file(db, 1 << 20, &bytes, NULL), 0);
		ck_assert_int_eq(fs_write_atomic(copy, bytes.p, bytes.len, 0600, NULL), 0);
		AUTO_FREE char *whole = xstrdup(db);
		snprintf(db, sizeof(db), "%s", copy);
		on_database(damage[i]);
		ck_assert_msg(open_code(copy) == -EUCLEAN, "%s", damage[i]);
		snprintf(db, sizeof(db), "%s", whole);
	}
	fixture_open(300);
}
END_TEST

START_TEST(backup_is_complete)
{
	put("/r/a", "1");
	put_volatile("/r/a", "2");
	put("/r/b", "1");
	AUTO_FREE char *copy = xasprintf("%s/copy.db", dir);
	ck_assert_int_eq(store_backup(store, copy, NULL), 0);
	ck_assert_int_eq(store_backup(store, copy, NULL), 0);
	put("/r/c", "after");
	fixture_close();
	snprintf(db, sizeof(db), "%s/copy.db", dir);
	fixture_open(300);
	ck_assert_uint_eq(store_revision(store), 4);
	expect_text(loaded(), "P /r/b=1 4/4/0;P /r/a=2 3/2/2;");
	ck_assert_int_eq(store_backup(store, "/nonexistent/x", NULL), -ENOENT);
}
END_TEST

static void requeue(void *arg, int r, uint64_t rev, const struct err *e)
{
	(void)rev, (void)e;
	int *n = arg;
	++*n;
	if (*n < 3) {
		struct store_op op = {STORE_DELETE, "/r/x", NULL, STORE_ANY, false};
		store_txn(store, &op, 1, requeue, n);
	}
	ck_assert(r == 0 || r == -ESHUTDOWN);
}

/* Closing commits what is queued and answers everything once, also what its callbacks queue. */
START_TEST(close_answers_all)
{
	struct result res[50];
	int n = 0;
	for (int i = 0; i < 50; i++)
		queue_op(STORE_PUT, "/r/a", "v", STORE_ANY, false, &res[i]);
	struct store_op op = {STORE_DELETE, "/r/x", NULL, STORE_ANY, false};
	store_txn(store, &op, 1, requeue, &n);
	struct store *s = store;
	store_close(s);
	for (int i = 0; i < 50; i++)
		ck_assert(res[i].done && !res[i].r);
	ck_assert_int_eq(n, 3);
	fixture_open(300);
	expect_text(loaded(), "P /r/a=v 51/2/50;");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store");
	TCase *tc = tcase_create("store");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, revisions_and_preconditions);
	tcase_add_test(tc, transaction_is_all_or_nothing);
	tcase_add_test(tc, group_keeps_order);
	tcase_add_test(tc, load_and_history_over_restart);
	tcase_add_test(tc, volatile_is_served_and_written_on_close);
	tcase_add_test(tc, volatile_create_is_durable);
	tcase_add_test(tc, volatile_then_delete);
	tcase_add_test(tc, compaction_keeps_current_states);
	tcase_add_test(tc, compaction_moves_to_what_superseded);
	tcase_add_test(tc, past_of_this_process);
	tcase_add_test(tc, load_over_gaps);
	tcase_add_test(tc, usual_window);
	tcase_add_test(tc, foreign_database);
	tcase_add_test(tc, damaged_rows);
	tcase_add_test(tc, second_process_is_locked_out);
	tcase_add_test(tc, damage_is_told);
	tcase_add_test(tc, backup_is_complete);
	tcase_add_test(tc, close_answers_all);
	suite_add_tcase(suite, tc);
	SRunner *sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
