/* Files and trees.
 *
 * Happy path: a few plain system calls. What can fail: what they do; sizes beyond the caller's bound are -E2BIG.
 * What always holds: an atomic write leaves the old or the new file, a removal follows no link and leaves no mount's tree. */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

int fs_read_fd(int fd, size_t max, struct str *ret, struct err *e)
{
	size_t start = ret->len;
	for (;;) {
		str_reserve(ret, 4096);
		ssize_t n = read(fd, ret->p + ret->len, ret->cap - ret->len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read");
		ret->len += (size_t)n;
		ret->p[ret->len] = '\0';
		if (ret->len - start > max)
			return err_set(e, -E2BIG, "larger than %zu bytes", max);
		if (n == 0)
			return 0;
	}
}

int fs_read_file(const char *path, size_t max, struct str *ret, struct err *e)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open %s", path);
	int r = fs_read_fd(fd, max, ret, e);
	return r < 0 ? err_wrap(e, r, "%s", path) : 0;
}

int fs_write_all(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;
	while (n) {
		ssize_t w = write(fd, p, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

static int sync_parent(const char *path)
{
	AUTO_FREE char *copy = xstrdup(path);
	AUTO_FD int dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	return fsync(dir) < 0 ? -errno : 0;
}

int fs_write_atomic(const char *path, const void *bytes, size_t n, mode_t mode, struct err *e)
{
	AUTO_FREE char *tmp = xasprintf("%s.tmpXXXXXX", path);
	AUTO_FD int fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "create beside %s", path);
	int r = fs_write_all(fd, bytes, n);
	if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0 || rename(tmp, path) < 0))
		r = -errno;
	if (r < 0) {
		unlink(tmp);
		return err_code(e, r, "write %s", path);
	}
	r = sync_parent(path);
	return r < 0 ? err_code(e, r, "sync directory of %s", path) : 0;
}

int fs_write_existing_at(int dir_fd, const char *name, const char *text, struct err *e)
{
	AUTO_FD int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open %s", name);
	size_t n = strlen(text);
	ssize_t w;
	do
		w = write(fd, text, n);
	while (w < 0 && errno == EINTR);
	if (w < 0)
		return err_sys(e, "write %s", name);
	return (size_t)w == n ? 0 : err_set(e, -EIO, "short write to %s", name);
}

int fs_write_existing(const char *path, const char *text, struct err *e)
{
	return fs_write_existing_at(AT_FDCWD, path, text, e);
}

int fs_lock(int fd, const char *name, struct err *e)
{
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_sys(e, "lock %s", name);
	return 0;
}

int fs_lock_file(const char *path, struct err *e)
{
	AUTO_FD int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "open %s", path);
	int r = fs_lock(fd, path, e);
	return r < 0 ? r : TAKE_FD(fd);
}

bool fs_exists(const char *path)
{
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int fs_mkdir_p(const char *path, mode_t mode, struct err *e)
{
	AUTO_FREE char *copy = xstrdup(path);
	for (char *p = copy + 1;; p++) {
		if (*p && *p != '/')
			continue;
		char c = *p;
		*p = '\0';
		struct stat st;
		if (mkdir(copy, mode) < 0 && (errno != EEXIST || stat(copy, &st) < 0 || !S_ISDIR(st.st_mode))) {
			if (errno == EEXIST)
				errno = ENOTDIR;
			return err_sys(e, "mkdir %s", copy);
		}
		if (!c)
			return 0;
		*p = c;
	}
}

static int remove_at(int dir, const char *name, dev_t dev, struct err *e);

static int remove_children(int fd, dev_t dev, struct err *e)
{
	DIR *d = fdopendir(fd);
	if (!d) {
		close(fd);
		return err_sys(e, "opendir");
	}
	int r = 0;
	for (struct dirent *de; r == 0 && (de = readdir(d));)
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
			r = remove_at(dirfd(d), de->d_name, dev, e);
	closedir(d);
	return r;
}

static int remove_at(int dir, const char *name, dev_t dev, struct err *e)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_sys(e, "unlink %s", name);
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, "open %s", name);
	struct stat st;
	if (fstat(fd, &st) < 0 || (dev && st.st_dev != dev)) {
		close(fd);
		return err_set(e, -EXDEV, "%s is a mount point", name);
	}
	int r = remove_children(fd, st.st_dev, e);
	if (r < 0)
		return err_wrap(e, r, "%s", name);
	if (unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_sys(e, "rmdir %s", name);
	return 0;
}

int fs_remove_tree(const char *path, struct err *e)
{
	return remove_at(AT_FDCWD, path, 0, e);
}
