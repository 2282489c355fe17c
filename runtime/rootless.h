/* Containers of ordinary users: what is different without privilege over the host.
 *
 * Two things are meant by the word. The caller's uid is not 0: then a user namespace is required and made by the caller,
 * with ids that newuidmap(1) grants. Or only the cgroups are out of reach (root of a user namespace is such a caller too):
 * then a container whose configuration asks nothing of them does without. */
#ifndef KNARR_RUNTIME_ROOTLESS_H
#define KNARR_RUNTIME_ROOTLESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "runtime/config.h"
#include "runtime/container.h"

/* "auto" (or nothing) and the words that runc takes for true and false. -EINVAL with its text. */
int rootless_mode_parse(const char *text, enum rootless_mode *ret, struct err *e);
/* True where the text of a uid_map is of a user namespace that is not the first one: not every id is mapped to itself.
 * Pure. user_namespaces(7). */
bool rootless_is_mapped(const char *uid_map);
/* May this caller do without cgroups? */
bool rootless_cgroups(enum rootless_mode mode);
/* Where state is kept when no --root is given: $XDG_RUNTIME_DIR/knarr-oci for ordinary users and for the root of a user
 * namespace who is not called root, otherwise CONTAINER_ROOT_DEFAULT. Valid until the next call. */
const char *rootless_state_root(void);

/* What a caller whose uid is not 0 cannot have: -EINVAL with runc's text. Pure. */
int rootless_check(const struct config *c, struct err *e);
/* process.user.additionalGids of such a caller. */
int rootless_check_groups(const struct process_conf *p, struct err *e);
/* A new time namespace needs privilege, which the caller's child has in its own user namespace only: it makes it itself. */
bool rootless_late_time(const struct config *c, uid_t caller);
/* Warns where nothing holds the container's processes together: no cgroup (exists: there is one), no pid namespace. */
void rootless_warn_loose(const struct config *c, bool exists);
/* uid_map and gid_map of a child in a new user namespace, written directly where only the caller's own id is mapped, else by
 * newuidmap and newgidmap. For callers whose uid is not 0. */
int rootless_map_ids(const struct config *c, pid_t pid, struct err *e);

#endif
