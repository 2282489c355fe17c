/* Writes a set of files so that readers see all of the old or all of the new: through the "..data" link. */
#ifndef KNARR_AGENT_VOLUME_WRITER_H
#define KNARR_AGENT_VOLUME_WRITER_H

#include "agent/volume_content.h"

/* dir must exist. gid: -1 or the group that owns everything (and may read it). Unchanged content writes nothing.
 * Returns 1 when something was written, 0 when not. */
int volume_write(const char *dir, const struct volume_files *f, int64_t gid, struct err *e);

#endif
