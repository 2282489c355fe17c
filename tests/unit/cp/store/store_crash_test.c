/* kill -9 and power cuts at every point of every write, with revisions and events checked: what was acknowledged is there
 * under its revision, a watch that resumes sees each change once and misses none, no revision is given twice or goes
 * back. A killed process leaves the files as they are, also in the middle of a write. A power cut leaves what was
 * synced, and of what was written since any part: nothing, or only the last write, whole or half. */
#include <errno.h>
#include <sys/stat.h>

#include "tests/unit/cp/store/fault_vfs.h"
#include "tests/unit/cp/store/store_fixture.h"

enum { KEYS = 3, STEPS = 30, CUTS_MAX = 4000 };

/* What was acknowledged, in order. */
static struct {
	uint64_t rev[STEPS]; /* of a durable step; 0: it changed nothing */
	int n;               /* durable steps acknowledged */
	uint64_t newest;     /* of all, heartbeats too */
} acked;

static struct {
	int n;
	int acked[CUTS_MAX];
	uint64_t newest[CUTS_MAX];
} cuts;
static char shadow[96];

static void cut_path(int i, char *ret)
{
	snprintf(ret, 128, "%s/cut%d.db", dir, i);
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

static void cut_from(const char *from, char *ret_path)
{
	ck_assert_int_lt(cuts.n, CUTS_MAX);
	cut_path(cuts.n, ret_path);
	copy_pair(from, ret_path);
	cuts.acked[cuts.n] = __atomic_load_n(&acked.n, __ATOMIC_SEQ_CST);
	cuts.newest[cuts.n] = __atomic_load_n(&acked.newest, __ATOMIC_SEQ_CST);
	cuts.n++;
}

static void killed_here(const char *path, const void *p, int n, sqlite3_int64 at, int done)
{
	char to[128];
	(void)path, (void)p, (void)n, (void)at, (void)done;
	cut_from(db, to);
}

static void power_gone_here(const char *path, const void *p, int n, sqlite3_int64 at, int done)
{
	char to[128], file[160];
	AUTO_FREE char *synced = xasprintf("%s/state.db", shadow);
	(void)n;
	cut_from(synced, to);
	cut_from(synced, to);
	snprintf(file, sizeof(file), "%s%s", to, path + strlen(db));
	AUTO_FD int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(pwrite(fd, p, (size_t)done, at), done);
}

static void acknowledge(uint64_t rev)
{
	ck_assert_uint_gt(rev, acked.newest);
	__atomic_store_n(&acked.newest, rev, __ATOMIC_SEQ_CST);
}

/* Every fifth step deletes, every third is followed by a heartbeat. */
static void step(int i)
{
	char key[16], value[32];
	snprintf(key, sizeof(key), "/r/%d", i % KEYS);
	snprintf(value, sizeof(value), "v%d", i);
	acked.rev[i] = i % 5 == 4 ? del(key) : put(key, value);
	acknowledge(acked.rev[i]);
	__atomic_store_n(&acked.n, i + 1, __ATOMIC_SEQ_CST);
	if (i % 3 == 2)
		acknowledge(put_volatile("/beat", value));
}

struct replay {
	uint64_t last;
	int at; /* the step that the next event must be */
	bool wrong;
};

/* The events of the steps in their order, each once; between them heartbeats. */
static void on_event(void *arg, const struct store_event *ev)
{
	struct replay *r = arg;
	r->wrong |= ev->rev <= r->last;
	r->last = ev->rev;
	if (!strcmp(ev->key, "/beat") || !strcmp(ev->key, "/first"))
		return;
	char key[16], value[32];
	int i = r->at++;
	snprintf(key, sizeof(key), "/r/%d", i % KEYS);
	snprintf(value, sizeof(value), "v%d", i);
	bool gone = i % 5 == 4;
	r->wrong |= strcmp(ev->key, key) != 0 || (ev->type == STORE_DELETE) != gone ||
		    (!gone && strcmp(ev->value->data, value) != 0) || (i < STEPS && acked.rev[i] && ev->rev != acked.rev[i]);
}

static void check_cut(int c)
{
	char path[128];
	struct err e = ERR_INIT;
	struct replay r = {0};
	struct result res = {0};
	cut_path(c, path);
	struct store *s;
	ck_assert_msg(!store_open_sqlite(loop, path, 300, &s, &e), "cut %d: %s", c, err_text(&e));
	each_past(s, store_revision(s), on_event, &r);
	ck_assert_msg(!r.wrong, "cut %d: events out of order or not the ones that were", c);
	ck_assert_msg(r.at == cuts.acked[c] || r.at == cuts.acked[c] + 1, "cut %d: %d events after %d steps", c, r.at,
		      cuts.acked[c]);
	ck_assert_msg(store_revision(s) >= cuts.newest[c] && store_revision(s) >= r.last, "cut %d: went back", c);
	AUTO_BUF *b = buf_new("x", 1);
	store_txn(s, &(struct store_op){STORE_PUT, "/new", b, STORE_ABSENT, false}, 1, on_done, &res);
	wait_done(&res);
	ck_assert_msg(!res.r && res.rev > cuts.newest[c] && res.rev > r.last, "cut %d: revision %llu after %llu", c,
		      (unsigned long long)res.rev, (unsigned long long)cuts.newest[c]);
	store_close(s);
	unlink(path);
}

/* The steps in three lives of the server, each ended in order. */
static void run(void (*hook)(const char *path, const void *p, int n, sqlite3_int64 at, int done))
{
	put("/first", "x");
	put("/beat", "x");
	fixture_close();
	AUTO_FREE char *synced = xasprintf("%s/state.db", shadow);
	fault_copy(db, synced);
	memset(&acked, 0, sizeof(acked));
	memset(&cuts, 0, sizeof(cuts));
	snprintf(fault.shadow, sizeof(fault.shadow), "%s", shadow);
	fault.on_write = hook;
	fixture_open(300);
	for (int i = 0; i < STEPS; i++) {
		step(i);
		if (i % 10 == 9) {
			fixture_close();
			fixture_open(300);
		}
	}
	fault.on_write = NULL;
	fault.shadow[0] = '\0';
	ck_assert_int_gt(cuts.n, 2 * STEPS);
	for (int c = 0; c < cuts.n; c++)
		check_cut(c);
}

START_TEST(killed_in_every_write)
{
	run(killed_here);
}
END_TEST

START_TEST(power_cut_in_every_write)
{
	run(power_gone_here);
}
END_TEST

static void crash_setup(void)
{
	fault_install();
	fault_reset();
	setup();
	snprintf(shadow, sizeof(shadow), "%s/synced", dir);
	ck_assert_int_eq(mkdir(shadow, 0700), 0);
}

static void crash_teardown(void)
{
	fault_reset();
	teardown();
}

int main(void)
{
	Suite *suite = suite_create("store_crash");
	TCase *tc = tcase_create("crashes");
	tcase_add_checked_fixture(tc, crash_setup, crash_teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, killed_in_every_write);
	tcase_add_test(tc, power_cut_in_every_write);
	suite_add_tcase(suite, tc);
	SRunner *sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
