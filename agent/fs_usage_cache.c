/* Usage of directories, counted in small portions.
 *
 * Happy path: a count that is a minute old is made anew when somebody asks. Those that are known may take half of an answer's
 * budget, those that are not what is left of it, so that each is known after some answers however many there are. What can
 * fail: a directory that is too large, or gone: its usage is not told. What always holds: one answer looks at no more than
 * FS_USAGE_BUDGET entries. */
#include "agent/fs_usage_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "agent/fs_usage.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"

enum { KEEP_MS = 2 * FS_USAGE_TOO_LARGE_MS };

struct count {
	uint64_t bytes, inodes;
	int64_t known_ms; /* when it was made; 0: not known */
	int64_t due_ms;	  /* when it is to be made next */
	int64_t asked_ms;
};

struct fs_usage_cache {
	struct map *counts; /* path -> struct count */
	size_t left;	    /* of the budget of this answer */
};

struct fs_usage_cache *fs_usage_cache_new(void)
{
	struct fs_usage_cache *c = xcalloc(1, sizeof(*c));
	c->counts = map_new(free);
	return c;
}

void fs_usage_cache_free(struct fs_usage_cache *c)
{
	if (!c)
		return;
	map_free(c->counts);
	free(c);
}

void fs_usage_cache_begin(struct fs_usage_cache *c, int64_t now_ms)
{
	size_t at = 0;
	const char *path;
	const struct count *k;
	c->left = FS_USAGE_BUDGET;
	while (map_next(c->counts, &at, &path, &k))
		if (now_ms - k->asked_ms > KEEP_MS)
			map_remove(c->counts, path);
}

static struct count *find(struct fs_usage_cache *c, const char *dir)
{
	struct count *k = map_get(c->counts, dir);
	if (!k)
		map_set(c->counts, dir, k = xcalloc(1, sizeof(*k)));
	return k;
}

static void renew(struct fs_usage_cache *c, struct count *k, const char *dir, int64_t now_ms)
{
	size_t reserved = k->known_ms ? FS_USAGE_BUDGET / 2 : 0;
	size_t max = c->left > reserved ? MIN(c->left - reserved, (size_t)FS_USAGE_ENTRIES_MAX) : 0;
	int r = max ? fs_usage(dir, max, &k->bytes, &k->inodes) : -EAGAIN;
	if (r >= 0) {
		c->left -= MIN(c->left, k->inodes);
		k->known_ms = now_ms;
		k->due_ms = now_ms + FS_USAGE_RENEW_MS;
	} else if (r == -E2BIG) {
		c->left -= max;
	}
	if (r == -E2BIG && max == FS_USAGE_ENTRIES_MAX)
		k->due_ms = now_ms + FS_USAGE_TOO_LARGE_MS;
	if (r < 0 && r != -EAGAIN && (r != -E2BIG || max == FS_USAGE_ENTRIES_MAX))
		k->known_ms = 0;
}

json_t *fs_usage_cache_stats(struct fs_usage_cache *c, const char *dir, int64_t now_ms)
{
	char time[RFC3339_MAX];
	struct statvfs fs = {0};
	struct count *k = find(c, dir);
	if (now_ms >= k->due_ms || now_ms < k->asked_ms) /* or the clock was set back */
		renew(c, k, dir, now_ms);
	k->asked_ms = now_ms;
	json_t *o = json_pack("{s:s}", "time", rfc3339(k->known_ms ? k->known_ms : now_ms, time));
	if (statvfs(dir, &fs) == 0) {
		json_set_int(o, "availableBytes", (int64_t)(fs.f_bavail * fs.f_frsize));
		json_set_int(o, "capacityBytes", (int64_t)(fs.f_blocks * fs.f_frsize));
		json_set_int(o, "inodes", (int64_t)fs.f_files);
		json_set_int(o, "inodesFree", (int64_t)fs.f_ffree);
	}
	if (k->known_ms) {
		json_set_int(o, "usedBytes", (int64_t)k->bytes);
		json_set_int(o, "inodesUsed", (int64_t)k->inodes);
	}
	return o;
}
