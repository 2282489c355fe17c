/* Id mappings: user namespaces that serve only as the mapping of a mount. */
#ifndef KNARR_RUNTIME_IDMAP_H
#define KNARR_RUNTIME_IDMAP_H

#include "base/err.h"
#include "runtime/config.h"

/* A descriptor of a user namespace with the mapping; nobody lives in it. mount_setattr(2), MOUNT_ATTR_IDMAP.
 * Call where /proc shows the caller's own pid namespace. */
int idmap_open(const struct idmap_conf *map, struct err *e);
/* Opens one for every mount that brings its own mapping (userns_fd); equal mappings share one. */
int idmap_open_all(struct config *c, struct err *e);
/* The ranges of the text of a uid_map or gid_map are those of maps, in any order. user_namespaces(7). */
bool idmap_is(const char *text, const struct id_map *maps, size_t n);
/* A namespace that is joined must have the mappings of the configuration where that names any: -EINVAL. */
int idmap_check_joined(const struct config *c, int userns_fd, struct err *e);
/* The same ranges in the same order. */
bool idmap_equal(const struct idmap_conf *a, const struct idmap_conf *b);
/* Puts the mapping on the detached mount. -EINVAL: the file system cannot be mapped. */
int idmap_apply(int mount_fd, int userns_fd, bool recursive, struct err *e);

#endif
