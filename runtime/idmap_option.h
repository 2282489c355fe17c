/* The mount options "idmap=" and "ridmap=": a mapping in one text, as crun takes it. Pure. */
#ifndef KNARR_RUNTIME_IDMAP_OPTION_H
#define KNARR_RUNTIME_IDMAP_OPTION_H

#include "runtime/config.h"

/* "uids=0-1-10#10-11-10;gids=0-100-10": ranges of first id in the file system, first id on the host, size. A range behind
 * "@" has an id of the container in the second place, which c's own mappings turn into one of the host. Both kinds must be
 * there; "+" means nothing. -EINVAL. ret is owned. */
int idmap_option_parse(const char *text, const struct config *c, struct idmap_conf *ret, struct err *e);
/* Every mount of c that has such an option gets its mapping. -EINVAL, naming the mount. */
int idmap_option_apply(struct config *c, struct err *e);

#endif
