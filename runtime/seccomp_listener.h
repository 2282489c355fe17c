/* A filter that asks a listener: loading it and handing its descriptor to the creator. */
#ifndef KNARR_RUNTIME_SECCOMP_LISTENER_H
#define KNARR_RUNTIME_SECCOMP_LISTENER_H

#include "runtime/seccomp_filter.h"

/* Loads p, whose notify is set, into the calling process and sends the listener through sync_fd as SYNC_LISTENER. After
 * that the process holds no descriptor of it. -ETIMEDOUT when it could not be sent. */
int seccomp_listener_apply(const struct seccomp_program *p, int sync_fd, struct err *e);

#endif
