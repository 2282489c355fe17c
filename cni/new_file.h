/* A small file that appears whole or not at all, whenever its writer is killed. */
#ifndef KNARR_CNI_NEW_FILE_H
#define KNARR_CNI_NEW_FILE_H

/* Writes text to a new file of the directory, readable by its owner only. Bare -errno: -EEXIST where it is there. */
int new_file(int dir_fd, const char *name, const char *text);

#endif
