/* The place where CRIU finds the root file system of a container that it restores. */
#ifndef KNARR_RUNTIME_RESTORE_MOUNTS_H
#define KNARR_RUNTIME_RESTORE_MOUNTS_H

#include "base/err.h"
#include "runtime/config.h"

struct restore_root {
	const struct config *config; /* borrowed */
	char *path;		     /* <state directory>/criu-root, owned; a mount point in the worker only */
};

int restore_root_make(struct restore_root *r, const struct config *c, const char *state_dir, struct err *e);
/* In the worker: a mount namespace, the root file system bound to path, and mount points made in it that creation would have
 * made. */
int restore_root_enter(const struct restore_root *r, struct err *e);
void restore_root_done(struct restore_root *r);

#endif
