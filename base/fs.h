/* Files: whole-file reads, atomic writes, trees, and paths that cannot leave their root (openat2). */
#ifndef KNARR_BASE_FS_H
#define KNARR_BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

/* Reads a whole file (also from /proc, /sys) of at most max bytes: -E2BIG beyond, -ENOENT, ... Adds to ret. */
int fs_read_file(const char *path, size_t max, struct str *ret, struct err *e);
int fs_read_fd(int fd, size_t max, struct str *ret, struct err *e);
/* Writes path.tmpXXXXXX beside, fsyncs, renames over path: after a crash the old or the new file stands there. */
int fs_write_atomic(const char *path, const void *bytes, size_t n, mode_t mode, struct err *e);
/* One write(2) to an existing file, as cgroup and proc files want it. */
int fs_write_existing(const char *path, const char *text, struct err *e);
int fs_write_existing_at(int dir_fd, const char *name, const char *text, struct err *e);
/* Writes all of it, over EINTR and short writes. 0 or -errno. */
int fs_write_all(int fd, const void *bytes, size_t n);

/* Waits for the exclusive lock (flock(2)) of an open file; name only for the error. */
int fs_lock(int fd, const char *name, struct err *e);
/* Opens (creates) a lock file and locks it: closing the descriptor that this returns unlocks. */
int fs_lock_file(const char *path, struct err *e);

bool fs_exists(const char *path);
/* mkdir -p; existing directories are fine. */
int fs_mkdir_p(const char *path, mode_t mode, struct err *e);
/* Removes a file or tree without following symbolic links or crossing into another mount; absent is fine. */
int fs_remove_tree(const char *path, struct err *e);

/* Paths inside a root directory, resolved by openat2(2) with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS: symbolic links
 * are followed as if root_fd were "/", never out of it. flags as open(2), O_CLOEXEC is added. Returns a descriptor. */
int fs_open_in_root(int root_fd, const char *path, int flags, mode_t mode, struct err *e);
/* mkdir -p inside the root, also behind links that lead nowhere yet; returns an O_PATH descriptor of the last directory.
 * -ELOOP beyond 40 links. */
int fs_mkdir_in_root(int root_fd, const char *path, mode_t mode, struct err *e);
/* The same for a file: path (parents too) becomes an empty regular file unless something is there. */
int fs_touch_in_root(int root_fd, const char *path, mode_t mode, struct err *e);

#endif
