/* tmpcopyup: what a directory holds, copied into the file system that will cover it. */
#ifndef KNARR_RUNTIME_COPY_UP_H
#define KNARR_RUNTIME_COPY_UP_H

#include "base/err.h"

/* Directories, files and symbolic links with owner and mode; other kinds are left out. from_fd may be O_PATH. */
int copy_up(int from_fd, int to_fd, struct err *e);

#endif
