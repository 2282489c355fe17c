/* The event loop of a daemon: timers, descriptors, signals and work posted from other threads, on libuv. */
#ifndef KNARR_IO_LOOP_H
#define KNARR_IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct loop;
struct timer;
struct fd_watch;
struct signal_watch;

typedef void (*loop_fn)(void *arg);

/* Also makes the process ignore SIGPIPE: a lost peer is an error of the write. */
int loop_new(struct loop **ret, struct err *e);
/* Every timer, watch, server and client made on it must be freed before; work still posted or deferred runs here.
 * NULL is fine. */
void loop_free(struct loop *l);
/* Runs until loop_stop(). */
void loop_run(struct loop *l);
/* One pass, waiting at most timeout_ms (tests). */
void loop_run_once(struct loop *l, int timeout_ms);
void loop_stop(struct loop *l);

/* Calls fn(arg) on the loop's thread soon. The only function that other threads may call. */
void loop_post(struct loop *l, loop_fn fn, void *arg);
/* As loop_post(), from the loop's own thread: after the current callback, before the loop sleeps. */
void loop_defer(struct loop *l, loop_fn fn, void *arg);

/* One-shot timers; starting again moves the time. They fire never before, and coalesced where slack_ms allows it. */
struct timer *timer_new(struct loop *l, loop_fn fn, void *arg);
void timer_start(struct timer *t, int64_t after_ms);
/* May fire up to slack_ms late, so that timers of about the same time share one wake-up. */
void timer_start_slack(struct timer *t, int64_t after_ms, int64_t slack_ms);
void timer_stop(struct timer *t);
bool timer_is_active(const struct timer *t);
void timer_free(struct timer *t); /* safe inside its own callback; NULL is fine */

enum { FD_READ = 1, FD_WRITE = 2 };
/* Level-triggered, one watch a descriptor. It stays the caller's, becomes non-blocking and must outlive the watch. An
 * error condition on it is reported as the watched events: the next read or write says what it is. NULL for what
 * cannot be polled (regular files, directories). */
struct fd_watch *fd_watch_new(struct loop *l, int fd, int events, void (*fn)(void *arg, int events), void *arg);
void fd_watch_set(struct fd_watch *w, int events);
void fd_watch_free(struct fd_watch *w); /* safe inside its own callback; NULL is fine */

/* For files of io alone: libuv's loop, and how many of its threads' answers loop_free() has to wait for. */
struct uv_loop_s *loop_uv(struct loop *l);
void loop_expect(struct loop *l, int more);

struct signal_watch *signal_watch_new(struct loop *l, int signo, void (*fn)(void *arg, int signo), void *arg);
void signal_watch_free(struct signal_watch *w);

#endif
