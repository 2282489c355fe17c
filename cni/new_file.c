/* New files: written without a name and then linked under theirs, so that a writer that is killed leaves nothing. File
 * systems that cannot do so get the name first, which is removed again when writing fails. */
#include "cni/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

static int write_named(int dir_fd, const char *name, const char *text)
{
	AUTO_FD int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = fs_write_all(fd, text, strlen(text));
	if (r < 0)
		unlinkat(dir_fd, name, 0);
	return r;
}

static int write_linked(int dir_fd, const char *name, const char *text)
{
	char self[40];
	AUTO_FD int fd = openat(dir_fd, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = fs_write_all(fd, text, strlen(text));
	if (r < 0)
		return r;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, self, dir_fd, name, AT_SYMLINK_FOLLOW) ? -errno : 0;
}

int new_file(int dir_fd, const char *name, const char *text)
{
	int r = write_linked(dir_fd, name, text);
	return r == -EOPNOTSUPP || r == -EISDIR || r == -ENOENT ? write_named(dir_fd, name, text) : r;
}
