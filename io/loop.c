/* The event loop. Purpose: give the daemons timers, descriptors, signals and posted work behind a handful of calls.
 *
 * Happy path: callbacks run from uv_run(); work posted by other threads waits in a locked list and wakes the loop by
 * one uv_async; deferred work runs from a prepare handle (before the poll) and a check handle (after it), so that it
 * comes after the callback that deferred it and before the loop sleeps.
 * What can fail: making the loop (descriptors, memory), and watching what cannot be polled.
 * What always holds: the memory of a handle outlives its closing, so freeing one inside its own callback is safe. */
#include "io/loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <uv.h>

#include "base/mem.h"

struct job {
	loop_fn fn;
	void *arg;
};

struct jobs {
	struct job *v;
	size_t n, cap;
};

struct loop {
	uv_loop_t uv;
	uv_async_t wake;
	uv_prepare_t before;
	uv_check_t after;
	uv_timer_t once;
	pthread_mutex_t lock; /* guards posted */
	struct jobs posted;
	struct jobs deferred;
	int expected; /* answers of libuv's threads */
};

struct timer {
	uv_timer_t uv;
	loop_fn fn;
	void *arg;
};

struct fd_watch {
	uv_poll_t uv;
	int events;
	bool gone;
	void (*fn)(void *arg, int events);
	void *arg;
};

struct signal_watch {
	uv_signal_t uv;
	void (*fn)(void *arg, int signo);
	void *arg;
};

static void jobs_add(struct jobs *j, loop_fn fn, void *arg)
{
	if (j->n == j->cap) {
		j->cap = j->cap ? j->cap * 2 : 16;
		j->v = xreallocarray(j->v, j->cap, sizeof(*j->v));
	}
	j->v[j->n++] = (struct job){ fn, arg };
}

static void jobs_run(struct jobs *j)
{
	for (size_t i = 0; i < j->n; i++)
		j->v[i].fn(j->v[i].arg);
	j->n = 0;
}

/* Runs rounds until nothing is left, keeping the larger of the two arrays for the next time. */
static void run_deferred(struct loop *l)
{
	while (l->deferred.n) {
		struct jobs round = l->deferred;
		l->deferred = (struct jobs){ 0 };
		jobs_run(&round);
		if (l->deferred.v) {
			free(round.v);
		} else {
			l->deferred = round;
		}
	}
}

static void run_posted(struct loop *l)
{
	pthread_mutex_lock(&l->lock);
	struct jobs round = l->posted;
	l->posted = (struct jobs){ 0 };
	pthread_mutex_unlock(&l->lock);
	jobs_run(&round);
	free(round.v);
}

static void on_wake(uv_async_t *h)
{
	run_posted(h->data);
}

static void on_before(uv_prepare_t *h)
{
	run_deferred(h->data);
}

static void on_after(uv_check_t *h)
{
	run_deferred(h->data);
}

static void on_once(uv_timer_t *h)
{
	(void)h;
}

static void loop_handles(struct loop *l)
{
	uv_prepare_init(&l->uv, &l->before);
	uv_check_init(&l->uv, &l->after);
	uv_timer_init(&l->uv, &l->once);
	l->wake.data = l->before.data = l->after.data = l;
	uv_prepare_start(&l->before, on_before);
	uv_check_start(&l->after, on_after);
	uv_unref((uv_handle_t *)&l->before);
	uv_unref((uv_handle_t *)&l->after);
}

int loop_new(struct loop **ret, struct err *e)
{
	struct loop *l = xcalloc(1, sizeof(*l));
	int r = uv_loop_init(&l->uv);
	if (r < 0) {
		free(l);
		return err_code(e, r, "event loop");
	}
	r = uv_async_init(&l->uv, &l->wake, on_wake);
	if (r < 0) {
		uv_loop_close(&l->uv);
		free(l);
		return err_code(e, r, "event loop");
	}
	pthread_mutex_init(&l->lock, NULL);
	loop_handles(l);
	signal(SIGPIPE, SIG_IGN);
	*ret = l;
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	run_posted(l);
	run_deferred(l);
	uv_close((uv_handle_t *)&l->wake, NULL);
	uv_close((uv_handle_t *)&l->once, NULL);
	uv_run(&l->uv, UV_RUN_NOWAIT);
	run_deferred(l);
	while (l->expected)
		uv_run(&l->uv, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&l->before, NULL);
	uv_close((uv_handle_t *)&l->after, NULL);
	uv_run(&l->uv, UV_RUN_NOWAIT);
	if (uv_loop_close(&l->uv) < 0)
		abort(); /* the caller left a timer or watch behind */
	pthread_mutex_destroy(&l->lock);
	free(l->posted.v);
	free(l->deferred.v);
	free(l);
}

struct uv_loop_s *loop_uv(struct loop *l)
{
	return &l->uv;
}

void loop_expect(struct loop *l, int more)
{
	l->expected += more;
}

void loop_run(struct loop *l)
{
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_run_once(struct loop *l, int timeout_ms)
{
	if (timeout_ms <= 0 || l->deferred.n) {
		uv_run(&l->uv, UV_RUN_NOWAIT);
		return;
	}
	uv_update_time(&l->uv);
	uv_timer_start(&l->once, on_once, (uint64_t)timeout_ms, 0);
	uv_run(&l->uv, UV_RUN_ONCE);
	uv_timer_stop(&l->once);
}

void loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

void loop_post(struct loop *l, loop_fn fn, void *arg)
{
	pthread_mutex_lock(&l->lock);
	jobs_add(&l->posted, fn, arg);
	pthread_mutex_unlock(&l->lock);
	uv_async_send(&l->wake);
}

void loop_defer(struct loop *l, loop_fn fn, void *arg)
{
	jobs_add(&l->deferred, fn, arg);
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

static void on_timer(uv_timer_t *h)
{
	struct timer *t = h->data;
	t->fn(t->arg);
}

struct timer *timer_new(struct loop *l, loop_fn fn, void *arg)
{
	struct timer *t = xcalloc(1, sizeof(*t));
	uv_timer_init(&l->uv, &t->uv);
	t->uv.data = t;
	t->fn = fn;
	t->arg = arg;
	return t;
}

void timer_start(struct timer *t, int64_t after_ms)
{
	timer_start_slack(t, after_ms, 0);
}

/* libuv's clock counts whole milliseconds: one more makes sure that none fires early. The due time is rounded up to a
 * multiple of the largest power of two within the slack, where other timers of that slack end as well. */
void timer_start_slack(struct timer *t, int64_t after_ms, int64_t slack_ms)
{
	uv_update_time(t->uv.loop);
	uint64_t now = uv_now(t->uv.loop), due = after_ms > 0 ? now + (uint64_t)after_ms + 1 : now, grain = 1;
	while (slack_ms > 1 && grain * 2 <= (uint64_t)slack_ms)
		grain *= 2;
	due = (due + grain - 1) / grain * grain;
	uv_timer_start(&t->uv, on_timer, due - now, 0);
}

void timer_stop(struct timer *t)
{
	uv_timer_stop(&t->uv);
}

bool timer_is_active(const struct timer *t)
{
	return uv_is_active((const uv_handle_t *)&t->uv);
}

void timer_free(struct timer *t)
{
	if (t)
		uv_close((uv_handle_t *)&t->uv, on_closed);
}

static void poll_apply(struct fd_watch *w);

static int poll_from(int uv_events)
{
	return ((uv_events & UV_READABLE) ? FD_READ : 0) | ((uv_events & UV_WRITABLE) ? FD_WRITE : 0);
}

/* On an error condition libuv stops polling; the watch goes on until its owner, told to read or write, decides. */
static void on_poll(uv_poll_t *h, int status, int events)
{
	struct fd_watch *w = h->data;
	int got = status < 0 ? w->events : poll_from(events) & w->events;
	if (got)
		w->fn(w->arg, got);
	if (status < 0 && !w->gone)
		poll_apply(w);
}

static void poll_apply(struct fd_watch *w)
{
	int events = ((w->events & FD_READ) ? UV_READABLE : 0) | ((w->events & FD_WRITE) ? UV_WRITABLE : 0);
	if (events) {
		uv_poll_start(&w->uv, events, on_poll);
	} else {
		uv_poll_stop(&w->uv);
	}
}

struct fd_watch *fd_watch_new(struct loop *l, int fd, int events, void (*fn)(void *arg, int events), void *arg)
{
	struct fd_watch *w = xcalloc(1, sizeof(*w));
	if (uv_poll_init(&l->uv, &w->uv, fd) < 0) {
		free(w);
		return NULL;
	}
	w->uv.data = w;
	w->events = events;
	w->fn = fn;
	w->arg = arg;
	poll_apply(w);
	return w;
}

void fd_watch_set(struct fd_watch *w, int events)
{
	if (events == w->events)
		return;
	w->events = events;
	poll_apply(w);
}

void fd_watch_free(struct fd_watch *w)
{
	if (!w)
		return;
	w->gone = true;
	w->events = 0;
	uv_close((uv_handle_t *)&w->uv, on_closed);
}

static void on_signal(uv_signal_t *h, int signo)
{
	struct signal_watch *w = h->data;
	w->fn(w->arg, signo);
}

struct signal_watch *signal_watch_new(struct loop *l, int signo, void (*fn)(void *arg, int signo), void *arg)
{
	struct signal_watch *w = xcalloc(1, sizeof(*w));
	uv_signal_init(&l->uv, &w->uv);
	w->uv.data = w;
	w->fn = fn;
	w->arg = arg;
	uv_signal_start(&w->uv, on_signal, signo);
	return w;
}

void signal_watch_free(struct signal_watch *w)
{
	if (w)
		uv_close((uv_handle_t *)&w->uv, on_closed);
}
