/* The atomic writer of volumes made of API objects.
 *
 * Happy path: a new directory "..<time>" is filled, the link "..data" is renamed onto the old one, links at the top
 * point through it, the old directory goes. What can fail: the disk. What always holds: "..data" points at a complete
 * set, and an open file of the old set stays readable. */
#include "agent/volume_writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"

static size_t count_files(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	size_t n = 0;
	if (!d) {
		close_fd(&fd);
		return 0;
	}
	for (struct dirent *de; (de = readdir(d));) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		AUTO_FD int sub = openat(fd, de->d_name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		n += sub >= 0 ? count_files(sub) : 1;
	}
	closedir(d);
	return n;
}

static bool same_file(int data_fd, const struct volume_file *f)
{
	AUTO_STR now = STR_INIT;
	struct stat st;
	AUTO_FD int fd = fs_open_in_root(data_fd, f->path, O_RDONLY, 0, NULL);
	return fd >= 0 && fstat(fd, &st) == 0 && (size_t)st.st_size == f->len &&
	       fs_read_fd(fd, f->len + 1, &now, NULL) == 0 && now.len == f->len &&
	       memcmp(str_text(&now), f->bytes, f->len) == 0;
}

static bool is_current(int dir_fd, const struct volume_files *f)
{
	AUTO_FD int data = openat(dir_fd, "..data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (data < 0 || count_files(data) != f->n)
		return false;
	for (size_t i = 0; i < f->n; i++)
		if (!same_file(data, &f->files[i]))
			return false;
	return true;
}

static int write_file(int root, const struct volume_file *f, int64_t gid, struct err *e)
{
	const char *slash = strrchr(f->path, '/');
	if (slash) {
		AUTO_FREE char *parent = xstrndup(f->path, (size_t)(slash - f->path));
		AUTO_FD int made = fs_mkdir_in_root(root, parent, 0755, e);
		if (made < 0)
			return made;
	}
	AUTO_FD int fd = fs_open_in_root(root, f->path, O_WRONLY | O_CREAT | O_EXCL, 0600, e);
	if (fd < 0)
		return fd;
	int r = fs_write_all(fd, f->bytes, f->len);
	mode_t mode = f->mode | (gid >= 0 ? 0440 : 0);
	if (r == 0 && (gid >= 0 || f->uid >= 0) && fchown(fd, f->uid >= 0 ? (uid_t)f->uid : (uid_t)-1, gid >= 0 ? (gid_t)gid : (gid_t)-1) < 0)
		r = -errno;
	if (r == 0 && fchmod(fd, mode) < 0)
		r = -errno;
	return r < 0 ? err_code(e, r, "write %s", f->path) : 0;
}

static char *top_of(const char *path)
{
	return xstrndup(path, strcspn(path, "/"));
}

static int link_tops(int dir_fd, const struct volume_files *f, struct err *e)
{
	for (size_t i = 0; i < f->n; i++) {
		AUTO_FREE char *top = top_of(f->files[i].path), *target = xasprintf("..data/%s", top);
		if (symlinkat(target, dir_fd, top) < 0 && errno != EEXIST)
			return err_sys(e, "link %s", top);
	}
	return 0;
}

static bool is_top(const struct volume_files *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++) {
		AUTO_FREE char *top = top_of(f->files[i].path);
		if (!strcmp(top, name))
			return true;
	}
	return false;
}

/* Links to what is no more, and directories of older sets. */
static void sweep(const char *dir, int dir_fd, const struct volume_files *f, const char *current)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return;
	for (struct dirent *de; (de = readdir(d));) {
		const char *n = de->d_name;
		if (!strcmp(n, ".") || !strcmp(n, "..") || !strcmp(n, "..data") || !strcmp(n, current) || is_top(f, n))
			continue;
		AUTO_FREE char *path = xasprintf("%s/%s", dir, n);
		(void)fs_remove_tree(path, NULL); /* ignoring: the next write sweeps again */
	}
	closedir(d);
}

static int switch_to(int dir_fd, const char *name, struct err *e)
{
	unlinkat(dir_fd, "..data_tmp", 0);
	if (symlinkat(name, dir_fd, "..data_tmp") < 0 || renameat(dir_fd, "..data_tmp", dir_fd, "..data") < 0)
		return err_sys(e, "switch ..data");
	return 0;
}

int volume_write(const char *dir, const struct volume_files *f, int64_t gid, struct err *e)
{
	AUTO_FD int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir_fd < 0)
		return err_sys(e, "open %s", dir);
	if (is_current(dir_fd, f))
		return 0;
	char name[64], stamp[32];
	struct tm tm;
	time_t now = time(NULL);
	strftime(stamp, sizeof(stamp), "%Y_%m_%d_%H_%M_%S", gmtime_r(&now, &tm));
	snprintf(name, sizeof(name), "..%s.%09u", stamp, rand_below(1000000000));
	if (mkdirat(dir_fd, name, 0755) < 0)
		return err_sys(e, "make %s/%s", dir, name);
	AUTO_FD int root = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int r = root < 0 ? err_sys(e, "open %s", name) : 0;
	for (size_t i = 0; r == 0 && i < f->n; i++)
		r = write_file(root, &f->files[i], gid, e);
	if (r == 0)
		r = switch_to(dir_fd, name, e);
	if (r == 0)
		r = link_tops(dir_fd, f, e);
	if (r < 0)
		return err_wrap(e, r, "volume %s", dir);
	sweep(dir, dir_fd, f, name);
	return 1;
}
