/* The conversation between the creator and the process it makes, over a SOCK_SEQPACKET pair. */
#ifndef KNARR_RUNTIME_SYNC_H
#define KNARR_RUNTIME_SYNC_H

#include <sys/types.h>

#include "base/err.h"
#include "cgroups/cgroup.h"

enum sync_type {
	SYNC_GO,      /* to the child: mapped, limited, proceed; value: its pid outside; the first one with its doors */
	SYNC_PID,     /* from a go-between: it cloned the real one; value: pid, with the pidfd */
	SYNC_HOOKS,   /* from the child: mounts are ready, run prestart and createRuntime, then SYNC_GO */
	SYNC_MOUNT,   /* from the child: open the source of mount number value for me; the answer carries it */
	SYNC_CONSOLE, /* from the child: the pty master */
	SYNC_LISTENER, /* from the child's helper: the seccomp listener */
	SYNC_READY,   /* from the child: at the gate, or about to exec */
	SYNC_LIMITS,  /* from the child: set the resource limits that I may not, then SYNC_GO */
	SYNC_NOTICE,  /* from the child: value is the enum container_notice, with the text; sync_receive() hands it on */
	SYNC_ERROR,   /* from the child: value is the negative errno, with the text */
};

/* Close-on-exec descriptors. */
int sync_pair(int ret[2], struct err *e);
/* fd -1: none is passed. */
int sync_send(int sock, enum sync_type type, int value, int fd);
int sync_send_error(int sock, const struct err *why);
int sync_send_notice(int sock, int level, const char *text);
/* Returns the type and value; a passed descriptor goes to *ret_fd (-1 without; closed when ret_fd is NULL). SYNC_ERROR
 * becomes this function's own error. -EPIPE: the other side is gone. */
int sync_receive(int sock, enum sync_type *ret_type, int *ret_value, int *ret_fd, struct err *e);
/* As sync_receive(), anything but the type is an error. */
int sync_expect(int sock, enum sync_type type, int *ret_value, struct err *e);
/* SYNC_GO with the doors, which are closed here; and its reception: the child has gone through them. */
int sync_send_go(int sock, pid_t pid, struct cgroup_doors *doors);
int sync_await_go(int sock, struct err *e);
/* Sends fd with name as the message to the AF_UNIX stream socket at path (--console-socket, listenerPath). */
int sync_send_fd_to(const char *path, int fd, const char *message, struct err *e);
int sync_connect(const char *path, struct err *e);
int sync_send_fd(int sock, int fd, const char *message, struct err *e);

#endif
