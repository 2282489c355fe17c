/* Usage of files. Happy path: one walk over a small tree. What can fail: a tree that is too large to be walked while others
 * wait. What always holds: directories are gone through by their descriptors, so that a container
 * that exchanges one for a link leads nowhere. */
#include "agent/fs_usage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { DEPTH_MAX = 64, BLOCK = 512 };

struct walk {
	uint64_t bytes, inodes;
	size_t max;
	dev_t dev;
};

static int walk_dir(struct walk *w, int fd, int depth);

static int walk_entry(struct walk *w, int dir_fd, const char *name, int depth)
{
	struct stat st;
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != w->dev)
		return 0; /* gone meanwhile, or a mount */
	if (w->inodes >= w->max || depth >= DEPTH_MAX)
		return -E2BIG;
	w->inodes++;
	w->bytes += (uint64_t)st.st_blocks * BLOCK;
	if (!S_ISDIR(st.st_mode))
		return 0;
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? 0 : walk_dir(w, fd, depth + 1);
}

/* Takes fd. */
static int walk_dir(struct walk *w, int fd, int depth)
{
	DIR *d = fdopendir(fd);
	int r = 0;
	if (!d) {
		r = -errno;
		close(fd);
		return r;
	}
	for (const struct dirent *de; r == 0 && (de = readdir(d));)
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			r = walk_entry(w, dirfd(d), de->d_name, depth);
	closedir(d);
	return r;
}

int fs_usage(const char *dir, size_t max, uint64_t *ret_bytes, uint64_t *ret_inodes)
{
	struct stat st;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		int r = -errno;
		close_fd(&fd);
		return r;
	}
	struct walk w = {.bytes = (uint64_t)st.st_blocks * BLOCK, .inodes = 1, .max = max, .dev = st.st_dev};
	int r = walk_dir(&w, fd, 0);
	if (r < 0)
		return r;
	*ret_bytes = w.bytes;
	*ret_inodes = w.inodes;
	return 0;
}
