/* What files use and what their filesystem has left, as a node's statistics tell it, without ever keeping others waiting for
 * long: what lies in a directory is counted seldom, and only so much of it for one answer. */
#ifndef KNARR_AGENT_FS_USAGE_CACHE_H
#define KNARR_AGENT_FS_USAGE_CACHE_H

#include <jansson.h>
#include <stdint.h>

struct fs_usage_cache;

enum {
	FS_USAGE_ENTRIES_MAX = 4000,	   /* of a directory; one that has more is not told */
	FS_USAGE_BUDGET = 8000,		   /* entries that are looked at for one answer */
	FS_USAGE_RENEW_MS = 60000,	   /* how long a count is told again */
	FS_USAGE_TOO_LARGE_MS = 600000,	   /* how long one that is too large is left alone */
};

struct fs_usage_cache *fs_usage_cache_new(void);
void fs_usage_cache_free(struct fs_usage_cache *c); /* NULL is fine */
/* To be called before each answer: it gets a budget, and directories that nobody has asked for of late are forgotten. */
void fs_usage_cache_begin(struct fs_usage_cache *c, int64_t now_ms);
/* A FsStats object: time, what the filesystem of dir has and has left, and, where it is known, what lies in dir (time is then
 * that of the count). Returns owned. */
json_t *fs_usage_cache_stats(struct fs_usage_cache *c, const char *dir, int64_t now_ms);

#endif
