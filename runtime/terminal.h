/* Pseudo terminals of containers. */
#ifndef KNARR_RUNTIME_TERMINAL_H
#define KNARR_RUNTIME_TERMINAL_H

#include "base/err.h"
#include "runtime/config.h"

struct terminal {
	int master_fd, slave_fd;
};

/* A pair from the devpts instance of the container whose root is root_fd, size and owner as p says; bare: without \r
 * before \n. -ENODEV where a file has been put in the place of the devpts. */
int terminal_open(int root_fd, const struct process_conf *p, bool bare, struct terminal *ret, struct err *e);
/* Makes the slave the controlling terminal and descriptors 0, 1, 2; after setsid(). */
int terminal_take(int slave_fd, struct err *e);

#endif
