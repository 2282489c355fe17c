/* A connection to a systemd manager, and calls that wait for their answer. */
#ifndef KNARR_CGROUPS_DBUS_CONN_H
#define KNARR_CGROUPS_DBUS_CONN_H

#include "cgroups/dbus_message.h"

struct dbus_conn {
	int fd;
	bool bus; /* through a message bus, not the manager's own socket */
	uint32_t serial;
	struct str in, last; /* bytes not read yet; the message that was read last */
	char *jobs;	     /* results of jobs that ended before they were waited for: "path result\n" */
};
#define DBUS_CONN_INIT ((struct dbus_conn){ .fd = -1 })

/* To the manager of the system or, user, to that of the caller: over its private socket, else over the bus. */
int dbus_connect(bool user, struct dbus_conn *ret, struct err *e);
void dbus_conn_done(struct dbus_conn *c);
#define AUTO_DBUS AUTO(dbus_conn_done) struct dbus_conn

/* Calls a method of org.freedesktop.systemd1 at /org/freedesktop/systemd1; ret_reply (NULL allowed) is valid until the next
 * call. Errors of the manager: -EEXIST unit exists, -ENOENT no such unit, -EIO any other, with its own text. -ETIMEDOUT. */
int dbus_call_manager(struct dbus_conn *c, const char *interface, const char *member, const char *signature,
		      const struct str *body, struct dbus_message *ret_reply, struct err *e);
/* Waits for the end of a job; its result must be "done". */
int dbus_await_job(struct dbus_conn *c, const char *job, const char *unit, struct err *e);

#endif
