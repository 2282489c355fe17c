/* Notices.
 *
 * Happy path: the text reaches the function that the caller of the library has set, from a child by way of its creator.
 * What can fail: nothing that anybody hears of. What always holds: a child writes to no log itself, for paths mean
 * something else where it is. */
#include "runtime/notice.h"

#include <stdarg.h>
#include <stdio.h>

#include "runtime/sync.h"

static container_notice_fn *receiver;
static void *receiver_arg;
static int child_sock = -1;
static bool in_child, wants_debug;

void container_notices_to(container_notice_fn *fn, void *arg, bool debug)
{
	wants_debug = debug;
	receiver = fn;
	receiver_arg = arg;
}

void notice_through(int sync_fd)
{
	in_child = true;
	child_sock = sync_fd;
}

void notice_emit(enum container_notice level, const char *text)
{
	if (!receiver || (level == CONTAINER_DEBUG && !wants_debug))
		return;
	if (!in_child)
		receiver(receiver_arg, level, text);
	else if (child_sock >= 0)
		sync_send_notice(child_sock, (int)level, text);
}

static void __attribute__((format(printf, 2, 0))) emit(enum container_notice level, const char *fmt, va_list ap)
{
	char text[1024];
	if (!receiver || (level == CONTAINER_DEBUG && !wants_debug))
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	notice_emit(level, text);
}

void notice_warn(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	emit(CONTAINER_WARNING, fmt, ap);
	va_end(ap);
}

void notice_debug(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	emit(CONTAINER_DEBUG, fmt, ap);
	va_end(ap);
}
