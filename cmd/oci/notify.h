/* sd_notify(3) through a container's wall: the container tells a socket of ours that it is ready, we tell our supervisor. */
#ifndef KNARR_CMD_OCI_NOTIFY_H
#define KNARR_CMD_OCI_NOTIFY_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/mem.h"

struct notify {
	int fd; /* datagrams of the container, or -1 */
};
#define NOTIFY_INIT ((struct notify){ .fd = -1 })
void notify_done(struct notify *n);
#define AUTO_NOTIFY AUTO(notify_done) struct notify

/* True where NOTIFY_SOCKET is set: somebody waits for word of the container. */
bool notify_wanted(void);
/* Adds mount and variable to a configuration; the directory is <root>/<id>/notify. */
void notify_configure(json_t *config, const char *root, const char *id);
/* Opens the socket in the directory that container_create() has made. */
int notify_bind(struct notify *n, const char *root, const char *id, struct err *e);
/* One datagram is there: when it says READY=, it is handed on with MAINPID=main_pid, and the barrier waited for. True then. */
bool notify_pass(struct notify *n, pid_t main_pid);
/* Waits until the container is ready or pid has ended. Without a socket nothing happens. */
int notify_relay(struct notify *n, pid_t main_pid, int pidfd, struct err *e);

#endif
