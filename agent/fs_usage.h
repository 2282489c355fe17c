/* What the files below a directory use. */
#ifndef KNARR_AGENT_FS_USAGE_H
#define KNARR_AGENT_FS_USAGE_H

#include <stddef.h>
#include <stdint.h>

/* Bytes (of blocks) and inodes below a directory, itself included, on its own filesystem; links are not followed. -E2BIG
 * where there are more than max, -errno where the directory cannot be read. */
int fs_usage(const char *dir, size_t max, uint64_t *ret_bytes, uint64_t *ret_inodes);

#endif
