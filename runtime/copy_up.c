/* Copies one tree into another by descriptors.
 *
 * Happy path: readdir, per kind one function. What can fail: reads and writes, -ELOOP beyond the depth. What always
 * holds: no symbolic link is followed. */
#include "runtime/copy_up.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define DEPTH_MAX 128

static int copy_dir(int from, int to, int depth, struct err *e);

static int copy_file(int from, int to, const char *name, const struct stat *st, struct err *e)
{
	AUTO_FD int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_FD int out = in < 0 ? -1 : openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return err_sys(e, "copy %s", name);
	ssize_t n;
	while ((n = sendfile(out, in, NULL, 1 << 20)) > 0)
		;
	if (n < 0 || fchown(out, st->st_uid, st->st_gid) < 0 || fchmod(out, st->st_mode & 07777) < 0)
		return err_sys(e, "copy %s", name);
	return 0;
}

static int copy_link(int from, int to, const char *name, const struct stat *st, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);
	if (n < 0)
		return err_sys(e, "readlink %s", name);
	target[n] = '\0';
	if (symlinkat(target, to, name) < 0 || fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "symlink %s", name);
	return 0;
}

static int copy_subdir(int from, int to, const char *name, const struct stat *st, int depth, struct err *e)
{
	if (mkdirat(to, name, 0700) < 0)
		return err_sys(e, "mkdir %s", name);
	AUTO_FD int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_FD int out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (in < 0 || out < 0)
		return err_sys(e, "open %s", name);
	int r = copy_dir(in, out, depth + 1, e);
	if (r == 0 && (fchown(out, st->st_uid, st->st_gid) < 0 || fchmod(out, st->st_mode & 07777) < 0))
		return err_sys(e, "set owner of %s", name);
	return r;
}

static int copy_entry(int from, int to, const char *name, int depth, struct err *e)
{
	struct stat st;
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "stat %s", name);
	if (S_ISDIR(st.st_mode))
		return copy_subdir(from, to, name, &st, depth, e);
	if (S_ISREG(st.st_mode))
		return copy_file(from, to, name, &st, e);
	return S_ISLNK(st.st_mode) ? copy_link(from, to, name, &st, e) : 0;
}

static int copy_dir(int from, int to, int depth, struct err *e)
{
	if (depth > DEPTH_MAX)
		return err_set(e, -ELOOP, "directories are nested too deep");
	int list = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = list < 0 ? NULL : fdopendir(list);
	if (!d)
		return err_sys(e, "read directory");
	int r = 0;
	for (struct dirent *de; r == 0 && (de = readdir(d));)
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
			r = copy_entry(from, to, de->d_name, depth, e);
	closedir(d);
	return r;
}

int copy_up(int from_fd, int to_fd, struct err *e)
{
	int r = copy_dir(from_fd, to_fd, 0, e);
	return r < 0 ? err_wrap(e, r, "tmpcopyup") : 0;
}
