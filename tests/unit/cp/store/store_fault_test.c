/* The store on a failing disk: every write and sync fails once, the disk fills up and is emptied, the power goes at
 * every sync, the process dies at any moment. What was acknowledged is there afterwards, what was refused is not. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/map.h"
#include "tests/unit/cp/store/fault_vfs.h"
#include "tests/unit/cp/store/store_fixture.h"

enum { KEYS = 4, STEPS = 12 };

static void step_key(int i, char *ret)
{
	snprintf(ret, 16, "/r/%d", i % KEYS);
}

static void step_value(int i, char *ret)
{
	snprintf(ret, 32, "v%d", i);
}

/* What a step does is a function of its number: every seventh deletes. */
static int step(int i, uint64_t *ret_rev)
{
	char key[16], value[32];
	step_key(i, key);
	step_value(i, value);
	return one(i % 7 == 6 ? STORE_DELETE : STORE_PUT, key, i % 7 == 6 ? NULL : value, STORE_ANY, false, ret_rev);
}

static void model_step(struct map *m, int i)
{
	char key[16], value[32];
	step_key(i, key);
	step_value(i, value);
	if (i % 7 == 6)
		map_remove(m, key);
	else
		map_set(m, key, xstrdup(value));
}

static void collect(void *arg, const struct store_event *ev)
{
	if (ev->type == STORE_PUT)
		map_set(arg, ev->key, xstrdup(ev->value->data));
	else
		map_remove(arg, ev->key);
}

static bool same(const struct map *a, const struct map *b)
{
	size_t at = 0;
	const char *key;
	char *value;
	while (map_next(a, &at, &key, &value))
		if (!map_get(b, key) || strcmp(map_get(b, key), value) != 0)
			return false;
	return map_len(a) == map_len(b);
}

/* The state of the database at path, by both ways to read it. */
static struct map *state_of(const char *path)
{
	struct store *s;
	struct err e = ERR_INIT;
	struct map *m = map_new(free);
	AUTO_MAP *by_history = map_new(free);
	ck_assert_msg(!store_open_sqlite(loop, path, 300, &s, &e), "%s", err_text(&e));
	uint64_t from;
	ck_assert_int_eq(store_load(s, collect, m, &from, NULL), 0);
	each_past(s, from, collect, by_history);
	ck_assert(same(m, by_history));
	store_close(s);
	return m;
}

static void copy_pair(const char *from, const char *to)
{
	AUTO_FREE char *from_wal = xasprintf("%s-wal", from), *to_wal = xasprintf("%s-wal", to);
	unlink(to);
	unlink(to_wal);
	fault_copy(from, to);
	if (access(from_wal, F_OK) == 0)
		fault_copy(from_wal, to_wal);
}

/* What a restart would find if the process were gone now. */
static struct map *state_if_killed(void)
{
	AUTO_FREE char *copy = xasprintf("%s/copy.db", dir);
	bool paused = fault.paused;
	fault.paused = true;
	copy_pair(db, copy);
	struct map *m = state_of(copy);
	fault.paused = paused;
	return m;
}

static void faulty_setup(void)
{
	fault_install();
	fault_reset();
	setup();
}

static void faulty_teardown(void)
{
	fault_reset();
	teardown();
}

static void start_over(void)
{
	fixture_close();
	unlink(db);
	fixture_open(300);
}

static struct map *model_of(const bool *done, int n, int also)
{
	struct map *m = map_new(free);
	for (int i = 0; i < n; i++)
		if (done[i] || i == also)
			model_step(m, i);
	return m;
}

/* After step i was refused: it is not there, but that a commit whose sync failed may be until a later one succeeds. */
static void check_refused(const bool *done, int i, int r)
{
	AUTO_MAP *now = state_if_killed(), *without = model_of(done, i + 1, -1);
	bool found = same(now, without);
	for (int j = i; !found && r == -EIO && j >= 0 && !done[j]; j--) {
		AUTO_MAP *with = model_of(done, i + 1, j);
		found = same(now, with);
	}
	ck_assert_msg(found, "step %d", i);
}

/* Operations of the disk [fail, fail + n) fail. Each step is done or refused; a process that dies at any time after has
 * what was acknowledged. False when the steps do not get as far as fail. */
static bool run_failing(long fail, long n, int code)
{
	bool done[STEPS] = {false};
	uint64_t last = 0, rev;
	fault_reset();
	start_over();
	fault_arm(fail, fail + n, code);
	for (int i = 0; i < STEPS; i++) {
		int r = step(i, &rev);
		ck_assert_msg(!r || r == (code == SQLITE_FULL ? -ENOSPC : -EIO), "step %d: %d", i, r);
		done[i] = !r;
		if (r) {
			check_refused(done, i, r);
			continue;
		}
		AUTO_MAP *model = model_of(done, i + 1, -1);
		ck_assert_uint_gt(rev, last);
		last = rev;
		AUTO_MAP *now = state_if_killed();
		ck_assert_msg(same(now, model), "after step %d with failure at %ld", i, fail);
	}
	bool hit = fault_ops() > fail;
	fault_reset();
	ck_assert_uint_gt(put("/r/after", "x"), last);
	AUTO_MAP *model = model_of(done, STEPS, -1), *killed = state_if_killed();
	map_set(model, "/r/after", xstrdup("x"));
	ck_assert(same(killed, model));
	return hit;
}

START_TEST(every_operation_fails_once)
{
	long i = 0;
	while (run_failing(i, 1, SQLITE_IOERR_WRITE))
		i++;
	ck_assert_int_gt(i, STEPS);
}
END_TEST

START_TEST(three_operations_fail_in_a_row)
{
	for (long i = 0; run_failing(i, 3, SQLITE_IOERR_WRITE); i += 2)
		;
}
END_TEST

START_TEST(disk_is_full_for_a_while)
{
	for (long i = 0; run_failing(i, 9, SQLITE_FULL); i += 3)
		;
}
END_TEST

/* Heartbeats need no disk; they go on while it is full, and everything works when it no longer is. */
START_TEST(heartbeats_on_a_full_disk)
{
	put("/r/lease", "0");
	uint64_t last = put("/r/a", "0");
	fault_arm(0, LONG_MAX, SQLITE_FULL);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(one(STORE_PUT, "/r/a", "1", STORE_ANY, false, NULL), -ENOSPC);
		uint64_t rev = put_volatile("/r/lease", "beat");
		ck_assert_uint_gt(rev, last);
		last = rev;
	}
	fault_reset();
	ck_assert_uint_gt(put("/r/a", "2"), last);
	fixture_close();
	fixture_open(300);
	expect_text(history(), "P /r/lease=0 2/2/0;P /r/a=0 3/3/0;P /r/lease=beat 8/2/2;P /r/a=2 9/3/3;");
}
END_TEST

/* A commit whose sync failed may come back by a crash: no heartbeat is acknowledged until something was written over
 * it. */
START_TEST(heartbeats_wait_after_a_failed_sync)
{
	put("/r/lease", "0");
	put("/r/a", "0");
	fault_arm(0, LONG_MAX, SQLITE_IOERR_WRITE);
	ck_assert_int_eq(one(STORE_PUT, "/r/a", "1", STORE_ANY, false, NULL), -EIO);
	ck_assert_int_eq(one(STORE_PUT, "/r/lease", "beat", STORE_ANY, true, NULL), -EIO);
	fault_reset();
	put_volatile("/r/lease", "beat");
	AUTO_MAP *killed = state_if_killed();
	ck_assert_str_eq(map_get(killed, "/r/a"), "0");
}
END_TEST

/* The power goes at each sync: snapshots of what was synced, with the number of steps acknowledged then. */
enum { SNAPSHOTS_MAX = 400 };
static struct {
	int n, acknowledged;
	int at[SNAPSHOTS_MAX];
} cuts;

static void snapshot(void)
{
	AUTO_FREE char *from = xasprintf("%s/state.db", fault.shadow), *to = xasprintf("%s/cut%d.db", dir, cuts.n);
	ck_assert_int_lt(cuts.n, SNAPSHOTS_MAX);
	cuts.at[cuts.n++] = __atomic_load_n(&cuts.acknowledged, __ATOMIC_SEQ_CST);
	copy_pair(from, to);
}

START_TEST(power_cut_at_every_sync)
{
	start_over();
	AUTO_FREE char *shadow = xasprintf("%s/synced", dir), *synced = xasprintf("%s/state.db", shadow);
	ck_assert_int_eq(mkdir(shadow, 0700), 0);
	put("/r/first", "x");
	fixture_close();
	fault_copy(db, synced);
	fixture_open(300);
	snprintf(fault.shadow, sizeof(fault.shadow), "%s", shadow);
	fault.on_sync = snapshot;
	for (int i = 0; i < 3 * STEPS; i++) {
		uint64_t rev;
		ck_assert_int_eq(step(i, &rev), 0);
		__atomic_store_n(&cuts.acknowledged, i + 1, __ATOMIC_SEQ_CST);
		if (i % STEPS == STEPS - 1) {
			fixture_close();
			fixture_open(300);
		}
	}
	fault.on_sync = NULL;
	fault.shadow[0] = '\0';
	ck_assert_int_ge(cuts.n, 3 * STEPS);
	for (int c = 0; c < cuts.n; c++) {
		AUTO_FREE char *path = xasprintf("%s/cut%d.db", dir, c);
		AUTO_MAP *got = state_of(path), *model = map_new(free);
		map_set(model, "/r/first", xstrdup("x"));
		for (int i = 0; i < cuts.at[c]; i++)
			model_step(model, i);
		if (!same(got, model))
			model_step(model, cuts.at[c]); /* it was on its way */
		ck_assert_msg(same(got, model), "cut %d after %d steps", c, cuts.at[c]);
	}
}
END_TEST

/* One acknowledgement of the child that will be killed. */
struct ack {
	int key, value;
	uint64_t rev;
	bool volatile_;
};

struct chain {
	struct ack ack;
	int fd;
};

static void next_write(struct chain *c);

static void acknowledged(void *arg, int r, uint64_t rev, const struct err *e)
{
	struct chain *c = arg;
	(void)e;
	c->ack.rev = rev;
	if (r || write(c->fd, &c->ack, sizeof(c->ack)) != sizeof(c->ack))
		_exit(1);
	next_write(c);
}

static void next_write(struct chain *c)
{
	char key[16], value[32];
	c->ack.value++;
	c->ack.volatile_ = c->ack.value % 3 == 2;
	step_key(c->ack.key, key);
	step_value(c->ack.value, value);
	AUTO_BUF *b = buf_new(value, strlen(value));
	struct store_op op = {STORE_PUT, key, b, STORE_ANY, c->ack.volatile_};
	store_txn(store, &op, 1, acknowledged, c);
}

static void child(int fd)
{
	static struct chain chains[KEYS];
	struct loop *l;
	if (loop_new(&l, NULL) < 0 || store_open_sqlite(l, db, 300, &store, NULL) < 0)
		_exit(1);
	for (int i = 0; i < KEYS; i++) {
		chains[i] = (struct chain){.ack = {.key = i}, .fd = fd};
		next_write(&chains[i]);
	}
	loop_run(l);
}

/* A child writes on a few keys at once; after its sudden end each key has at least the last durable value acknowledged.
 */
static uint64_t kill_round(int after_us, uint64_t newest)
{
	int fds[2], status, durable[KEYS] = {0};
	struct ack ack;
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (!pid)
		child(fds[1]);
	close(fds[1]);
	usleep((useconds_t)after_us);
	kill(pid, SIGKILL);
	while (read(fds[0], &ack, sizeof(ack)) == sizeof(ack)) {
		ck_assert_uint_gt(ack.rev, newest); /* in order, never used twice */
		newest = ack.rev;
		if (!ack.volatile_)
			durable[ack.key] = ack.value;
	}
	close(fds[0]);
	waitpid(pid, &status, 0);
	ck_assert(WIFSIGNALED(status));
	AUTO_MAP *m = state_of(db);
	for (int i = 0; i < KEYS; i++) {
		char key[16];
		step_key(i, key);
		const char *v = map_get(m, key);
		ck_assert(!durable[i] || (v && atoi(v + 1) >= durable[i]));
	}
	return newest;
}

START_TEST(killed_at_any_moment)
{
	uint64_t newest = 1;
	unsigned seed = 12345;
	fixture_close();
	for (int i = 0; i < 20; i++) {
		unlink(i % 5 ? "" : db);
		if (i % 5 == 0)
			newest = 1;
		seed = seed * 1103515245 + 12345;
		newest = kill_round((int)(seed / 65536 % 25000) + 1000, newest);
	}
	fixture_open(300);
	ck_assert_uint_gt(put("/r/new", "x"), newest);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_fault");
	TCase *tc = tcase_create("faults");
	tcase_add_checked_fixture(tc, faulty_setup, faulty_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, every_operation_fails_once);
	tcase_add_test(tc, three_operations_fail_in_a_row);
	tcase_add_test(tc, disk_is_full_for_a_while);
	tcase_add_test(tc, heartbeats_on_a_full_disk);
	tcase_add_test(tc, heartbeats_wait_after_a_failed_sync);
	tcase_add_test(tc, power_cut_at_every_sync);
	tcase_add_test(tc, killed_at_any_moment);
	suite_add_tcase(suite, tc);
	SRunner *sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
