/* Id mappings: user namespaces that serve only as the mapping of a mount. */
#ifndef KNARR_RUNTIME_IDMAP_H
#define KNARR_RUNTIME_IDMAP_H

#include "base/err.h"
#include "runtime/config.h"

/* Opens one for every mount that brings its own mapping (userns_fd); equal mappings share one. */
int idmap_open_all(struct config *c, struct err *e);
/* A namespace that is joined must have the mappings of the configuration where that names any: -EINVAL. */
int idmap_check_joined(const struct config *c, int userns_fd, struct err *e);
/* Puts the mapping on the detached mount. -EINVAL: the file system cannot be mapped. */
int idmap_apply(int mount_fd, int userns_fd, bool recursive, struct err *e);

#endif
