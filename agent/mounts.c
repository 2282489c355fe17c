/* Finds and detaches mounts below a directory. What can fail: umount2 of one that is busy is no failure (MNT_DETACH).
 * What always holds: links are not followed. */
#include "agent/mounts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"

bool mounts_is_tmpfs(const char *path)
{
	struct statfs fs;
	struct stat here, up;
	AUTO_FREE char *parent = xasprintf("%s/..", path);
	return statfs(path, &fs) == 0 && fs.f_type == TMPFS_MAGIC && stat(path, &here) == 0 && stat(parent, &up) == 0 &&
	       here.st_dev != up.st_dev;
}

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);
	return !strncmp(path, dir, n) && (path[n] == '/' || path[n] == '\0');
}

int mounts_detach_below(const char *dir, struct err *e)
{
	AUTO_STR text = STR_INIT;
	AUTO_STRV char **found = NULL;
	int r = fs_read_file("/proc/self/mountinfo", 16 << 20, &text, e);
	if (r < 0)
		return r;
	char *save = NULL;
	for (char *line = strtok_r(text.p, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char path[4096];
		if (sscanf(line, "%*s %*s %*s %*s %4095s", path) != 1)
			continue;
		proc_unescape(path);
		if (is_below(path, dir))
			strv_add(&found, path);
	}
	/* Later lines are mounted over or below earlier ones. */
	for (size_t i = strv_len(found); found && i-- > 0;)
		if (umount2(found[i], MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
			return err_sys(e, "unmount %s", found[i]);
	return 0;
}
