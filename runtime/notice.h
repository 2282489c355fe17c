/* What the runtime has to say beside an error: warnings about what it ignores, and debug lines. */
#ifndef KNARR_RUNTIME_NOTICE_H
#define KNARR_RUNTIME_NOTICE_H

#include "runtime/container.h"

/* Nothing happens where container_notices_to() was not called. In a child before its exec the text goes over the socket
 * given to notice_through(), to come out in the creator; -1: nowhere any more. */
void notice_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void notice_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void notice_emit(enum container_notice level, const char *text);
void notice_through(int sync_fd);

#endif
