/* Mount targets inside a root directory, made when missing, also behind symbolic links that lead nowhere yet. */
#ifndef KNARR_RUNTIME_IN_ROOT_H
#define KNARR_RUNTIME_IN_ROOT_H

#include <sys/types.h>

#include "base/err.h"

/* Both return an O_PATH descriptor of what lies at path when every link is followed as if root_fd were "/", and every
 * missing directory (and, for in_root_file(), the file itself) has been made. -ELOOP beyond 40 links. */
int in_root_dir(int root_fd, const char *path, mode_t mode, struct err *e);
int in_root_file(int root_fd, const char *path, mode_t mode, struct err *e);

#endif
