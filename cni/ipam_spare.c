/* The pool of spare files.
 *
 * A stack: spare.0 to spare.(n_spare - 1). A file gets its text before it gets its name, so that it appears whole. A
 * count that is too high, of a plugin that was killed, shows when the file is missing and is corrected; one that is too
 * low lets a spare be replaced. Nothing here has to work: callers make and remove files themselves then. */
#include "cni/ipam_spare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

#define NAME "spare."
#define NAME_BYTES 24

bool ipam_spare_is_one(const char *name)
{
	return str_has_prefix(name, NAME);
}

static char *spare_name(char ret[NAME_BYTES], unsigned n)
{
	snprintf(ret, NAME_BYTES, NAME "%u", n);
	return ret;
}

void ipam_spare_keep(struct ipam_store *s, int dir_fd, const char *name)
{
	char spare[NAME_BYTES];
	if (s->index_fd >= 0 && s->n_spare < IPAM_SPARE_MAX &&
	    !renameat(dir_fd, name, s->index_fd, spare_name(spare, s->n_spare)))
		s->n_spare++;
	else
		unlinkat(dir_fd, name, 0);
}

static int fill(int fd, const char *text)
{
	struct stat st;
	size_t len = strlen(text);
	int r = fs_write_all(fd, text, len);
	if (r >= 0 && (fstat(fd, &st) || ((size_t)st.st_size > len && ftruncate(fd, (off_t)len))))
		r = -errno;
	return r;
}

int ipam_spare_use(struct ipam_store *s, int dir_fd, const char *name, const char *text)
{
	for (; s->index_fd >= 0 && s->n_spare; s->n_spare--) {
		char spare[NAME_BYTES];
		AUTO_FD int fd =
		    openat(s->index_fd, spare_name(spare, s->n_spare - 1), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0)
			continue;
		if (fill(fd, text) < 0 || renameat(s->index_fd, spare, dir_fd, name))
			return -ENOENT;
		s->n_spare--;
		return 0;
	}
	return -ENOENT;
}
