#include "io/spawn.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

static struct loop *l;

struct outcome {
	int done, status;
	bool timed_out;
	char *out, *err;
	size_t out_len;
};

static void on_done(void *arg, const struct spawn_result *r)
{
	struct outcome *o = arg;
	o->done++;
	o->status = r->status;
	o->timed_out = r->timed_out;
	o->out_len = r->out.len;
	o->out = xstrdup(str_text(&r->out));
	o->err = xstrdup(str_text(&r->err));
}

static void setup(void)
{
	ck_assert_int_eq(loop_new(&l, NULL), 0);
}

static void teardown(void)
{
	loop_free(l);
}

static void outcome_done(struct outcome *o)
{
	free_ptr(&o->out);
	free_ptr(&o->err);
}

static void run(struct spawn_opts *opts, struct outcome *o)
{
	struct spawn *s;
	ck_assert_int_eq(spawn_start(l, opts, on_done, o, &s, NULL), 0);
	int64_t end = clock_mono_ms() + 20000;
	while (!o->done && clock_mono_ms() < end)
		loop_run_once(l, 100);
	ck_assert_int_eq(o->done, 1);
}

static void shell(const char *script, struct spawn_opts *opts, struct outcome *o)
{
	char *argv[] = { "/bin/sh", "-c", (char *)script, NULL };
	opts->argv = argv;
	run(opts, o);
	opts->argv = NULL;
}

START_TEST(output_errors_and_status)
{
	AUTO(outcome_done) struct outcome o = { 0 };
	shell("echo out; echo err >&2; exit 3", &(struct spawn_opts){ 0 }, &o);
	ck_assert_str_eq(o.out, "out\n");
	ck_assert_str_eq(o.err, "err\n");
	ck_assert(WIFEXITED(o.status) && WEXITSTATUS(o.status) == 3);
	ck_assert(!o.timed_out);
}
END_TEST

START_TEST(input_larger_than_a_pipe_and_bounded_output)
{
	AUTO(outcome_done) struct outcome o = { 0 }, small = { 0 };
	size_t n = 300000;
	AUTO_FREE char *input = xmalloc(n);
	memset(input, 'i', n);
	shell("cat", &(struct spawn_opts){ .input = input, .input_len = n }, &o);
	ck_assert_uint_eq(o.out_len, n);
	shell("cat", &(struct spawn_opts){ .input = input, .input_len = n, .max_output = 1000 }, &small);
	ck_assert_uint_eq(small.out_len, 1000);
	ck_assert_int_eq(small.status, 0);
}
END_TEST

START_TEST(a_child_that_does_not_read_its_input)
{
	AUTO(outcome_done) struct outcome o = { 0 };
	size_t n = 300000;
	AUTO_FREE char *input = xcalloc(1, n);
	shell("exec <&-; echo ok", &(struct spawn_opts){ .input = input, .input_len = n }, &o);
	ck_assert_str_eq(o.out, "ok\n");
}
END_TEST

START_TEST(environment_directory_and_null_input)
{
	AUTO(outcome_done) struct outcome o = { 0 };
	char *env[] = { "A=b", NULL };
	shell("cat; echo $A; pwd", &(struct spawn_opts){ .env = env, .cwd = "/usr" }, &o);
	ck_assert_str_eq(o.out, "b\n/usr\n");
}
END_TEST

START_TEST(nothing_else_is_inherited)
{
	AUTO(outcome_done) struct outcome o = { 0 };
	int leak = dup(1);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	shell("echo /proc/self/fd/*; grep -E '^Sig(Blk|Ign)' /proc/self/status; set -- $(cat /proc/$$/stat); echo sid "
	      "$(($6 - $$))",
	      &(struct spawn_opts){ 0 }, &o);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	close(leak);
	ck_assert_ptr_nonnull(strstr(o.out, "SigBlk:\t0000000000000000"));
	const char *ignored = strstr(o.out, "SigIgn:\t");
	ck_assert_ptr_nonnull(ignored);
	ck_assert_uint_eq(strtoull(ignored + 8, NULL, 16) & 0x7fffffff, 0); /* the C library's own two aside */
	ck_assert_ptr_nonnull(strstr(o.out, "/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2"));
	ck_assert_ptr_null(strstr(o.out, "/proc/self/fd/5"));
	ck_assert_ptr_nonnull(strstr(o.out, "sid 0\n"));
}
END_TEST

START_TEST(a_timeout_kills_the_whole_group)
{
	AUTO(outcome_done) struct outcome o = { 0 };
	int64_t t0 = clock_mono_ms();
	shell("sleep 60 & echo begun; sleep 60", &(struct spawn_opts){ .timeout_ms = 50 }, &o);
	ck_assert_int_lt(clock_mono_ms() - t0, 900);
	ck_assert(o.timed_out);
	ck_assert(WIFSIGNALED(o.status) && WTERMSIG(o.status) == SIGKILL);
	ck_assert_str_eq(o.out, "begun\n");
}
END_TEST

START_TEST(errors_of_execve)
{
	struct err e = ERR_INIT;
	struct spawn *s = NULL;
	char *argv[] = { "/nonexistent/program", NULL };
	ck_assert_int_eq(spawn_start(l, &(struct spawn_opts){ .argv = argv }, on_done, NULL, &s, &e), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err_text(&e), "/nonexistent/program"));
	argv[0] = "/etc/passwd";
	ck_assert_int_eq(spawn_start(l, &(struct spawn_opts){ .argv = argv }, on_done, NULL, &s, NULL), -EACCES);
	ck_assert_ptr_null(s);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

START_TEST(cancelling_kills_and_stays_silent)
{
	struct outcome o = { 0 };
	struct spawn *s;
	char *argv[] = { "/bin/sleep", "60", NULL };
	ck_assert_int_eq(spawn_start(l, &(struct spawn_opts){ .argv = argv }, on_done, &o, &s, NULL), 0);
	loop_run_once(l, 5);
	spawn_cancel(s);
	loop_run_once(l, 5);
	ck_assert_int_eq(o.done, 0);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	spawn_cancel(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("spawn");
	TCase *t = tcase_create("spawn");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 20);
	tcase_add_test(t, output_errors_and_status);
	tcase_add_test(t, input_larger_than_a_pipe_and_bounded_output);
	tcase_add_test(t, a_child_that_does_not_read_its_input);
	tcase_add_test(t, environment_directory_and_null_input);
	tcase_add_test(t, nothing_else_is_inherited);
	tcase_add_test(t, a_timeout_kills_the_whole_group);
	tcase_add_test(t, errors_of_execve);
	tcase_add_test(t, cancelling_kills_and_stays_silent);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
