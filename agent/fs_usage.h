/* What files use and what their filesystem has left, as a node's statistics tell it. */
#ifndef KNARR_AGENT_FS_USAGE_H
#define KNARR_AGENT_FS_USAGE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes (of blocks) and inodes below a directory, itself included, on its own filesystem; links are not followed. -E2BIG
 * where there are more than max, -errno where the directory cannot be read. */
int fs_usage(const char *dir, size_t max, uint64_t *ret_bytes, uint64_t *ret_inodes);
/* A FsStats object: time, what the filesystem of dir has and has left, and, where dir is small enough to be looked
 * through at once, what lies in it. Returns owned. */
json_t *fs_usage_stats(const char *dir, int64_t now_ms);

#endif
