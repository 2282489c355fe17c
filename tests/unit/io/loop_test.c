#include "io/loop.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

static struct loop *l;
static int counter;

static void setup(void)
{
	ck_assert_int_eq(loop_new(&l, NULL), 0);
	counter = 0;
}

static void teardown(void)
{
	loop_free(l);
}

static void count(void *arg)
{
	(void)arg;
	counter++;
}

static void stop(void *arg)
{
	(void)arg;
	loop_stop(l);
}

static void *poster(void *arg)
{
	for (int i = 0; i < 1000; i++)
		loop_post(l, count, NULL);
	loop_post(l, stop, NULL);
	return arg;
}

START_TEST(posts_from_a_thread_all_arrive)
{
	pthread_t t;
	pthread_create(&t, NULL, poster, NULL);
	loop_run(l);
	pthread_join(t, NULL);
	ck_assert_int_eq(counter, 1000);
}
END_TEST

static void defer_again(void *arg)
{
	int *n = arg;
	if (--*n > 0)
		loop_defer(l, defer_again, n);
	counter++;
}

START_TEST(deferred_work_runs_before_the_loop_sleeps)
{
	int n = 5;
	loop_defer(l, defer_again, &n);
	int64_t t0 = clock_mono_ms();
	loop_run_once(l, 2000);
	ck_assert_int_eq(counter, 5);
	ck_assert_int_lt(clock_mono_ms() - t0, 1000);
}
END_TEST

static int64_t fired_at;
static void note(void *arg)
{
	fired_at = clock_mono_ms();
	loop_stop(arg);
}

START_TEST(timers_fire_not_before_their_time)
{
	struct timer *t = timer_new(l, note, l);
	int64_t t0 = clock_mono_ms();
	timer_start(t, 500);
	timer_start(t, 20);
	ck_assert(timer_is_active(t));
	loop_run(l);
	ck_assert_int_ge(fired_at - t0, 20);
	ck_assert_int_lt(fired_at - t0, 400);
	ck_assert(!timer_is_active(t));
	timer_free(t);
}
END_TEST

START_TEST(a_stopped_timer_stays_silent)
{
	struct timer *t = timer_new(l, count, NULL);
	timer_start(t, 1);
	timer_stop(t);
	loop_run_once(l, 20);
	ck_assert_int_eq(counter, 0);
	timer_free(t);
	timer_free(NULL);
}
END_TEST

static struct timer *self_timer;
static void free_self(void *arg)
{
	timer_free(self_timer);
	loop_stop(arg);
}

START_TEST(a_timer_may_free_itself)
{
	self_timer = timer_new(l, free_self, l);
	timer_start(self_timer, 0);
	loop_run(l);
}
END_TEST

START_TEST(slack_brings_timers_together)
{
	struct timer *a = timer_new(l, count, NULL), *b = timer_new(l, count, NULL);
	int64_t t0 = clock_mono_ms();
	timer_start_slack(a, 10, 64);
	timer_start_slack(b, 11, 64);
	while (!counter)
		loop_run_once(l, 1000);
	ck_assert_int_ge(clock_mono_ms() - t0, 10);
	ck_assert_int_le(clock_mono_ms() - t0, 10 + 64 + 100);
	loop_run_once(l, 100);
	ck_assert_int_eq(counter, 2);
	timer_free(a);
	timer_free(b);
}
END_TEST

static struct fd_watch *w;
static int got_events;
static void on_fd(void *arg, int events)
{
	(void)arg;
	got_events |= events;
	counter++;
}

START_TEST(descriptors_are_level_triggered_and_switchable)
{
	int sv[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	w = fd_watch_new(l, sv[0], FD_READ, on_fd, NULL);
	loop_run_once(l, 5);
	ck_assert_int_eq(counter, 0);
	ck_assert_int_eq(write(sv[1], "x", 1), 1);
	loop_run_once(l, 100);
	loop_run_once(l, 100);
	ck_assert_int_eq(counter, 2);
	ck_assert_int_eq(got_events, FD_READ);
	fd_watch_set(w, FD_WRITE);
	got_events = 0;
	loop_run_once(l, 100);
	ck_assert_int_eq(got_events, FD_WRITE);
	fd_watch_set(w, 0);
	counter = 0;
	loop_run_once(l, 5);
	ck_assert_int_eq(counter, 0);
	fd_watch_free(w);
	fd_watch_free(NULL);
	close(sv[0]);
	close(sv[1]);
}
END_TEST

static void on_fd_free(void *arg, int events)
{
	(void)arg;
	got_events = events;
	fd_watch_free(w);
}

START_TEST(a_broken_pipe_is_reported_and_the_watch_goes_on)
{
	int p[2];
	ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
	close(p[0]);
	w = fd_watch_new(l, p[1], FD_WRITE, on_fd, NULL);
	loop_run_once(l, 100);
	loop_run_once(l, 100);
	ck_assert_int_ge(counter, 2);
	ck_assert_int_eq(got_events, FD_WRITE);
	fd_watch_free(w);
	close(p[1]);
}
END_TEST

START_TEST(a_watch_may_free_itself_and_pidfds_work)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	ck_assert_int_ge(fd, 0);
	got_events = 0;
	w = fd_watch_new(l, fd, FD_READ, on_fd_free, NULL);
	while (!got_events)
		loop_run_once(l, 1000);
	ck_assert_int_eq(got_events, FD_READ);
	waitpid(pid, NULL, 0);
	loop_run_once(l, 0);
	close(fd);
}
END_TEST

START_TEST(regular_files_cannot_be_watched)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ck_assert_ptr_null(fd_watch_new(l, fd, FD_READ, on_fd, NULL));
	close(fd);
}
END_TEST

static void on_signal(void *arg, int signo)
{
	(void)arg;
	counter = signo;
}

START_TEST(signals_arrive)
{
	struct signal_watch *s = signal_watch_new(l, SIGUSR1, on_signal, NULL);
	kill(getpid(), SIGUSR1);
	for (int i = 0; i < 10 && !counter; i++)
		loop_run_once(l, 100);
	ck_assert_int_eq(counter, SIGUSR1);
	signal_watch_free(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("loop");
	TCase *t = tcase_create("loop");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, posts_from_a_thread_all_arrive);
	tcase_add_test(t, deferred_work_runs_before_the_loop_sleeps);
	tcase_add_test(t, timers_fire_not_before_their_time);
	tcase_add_test(t, a_stopped_timer_stays_silent);
	tcase_add_test(t, a_timer_may_free_itself);
	tcase_add_test(t, slack_brings_timers_together);
	tcase_add_test(t, descriptors_are_level_triggered_and_switchable);
	tcase_add_test(t, a_broken_pipe_is_reported_and_the_watch_goes_on);
	tcase_add_test(t, a_watch_may_free_itself_and_pidfds_work);
	tcase_add_test(t, regular_files_cannot_be_watched);
	tcase_add_test(t, signals_arrive);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
