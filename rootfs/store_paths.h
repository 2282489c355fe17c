/* Inside the image store: its paths, its lock and its records, shared by import, lookup and removal. */
#ifndef KNARR_ROOTFS_STORE_PATHS_H
#define KNARR_ROOTFS_STORE_PATHS_H

#include "rootfs/image_store.h"

struct image_store {
	char *dir;
};

/* "<dir>/<fmt>". Returns owned. */
char *store_path(const struct image_store *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Takes the store's lock for a change; returns a descriptor whose closing releases it. */
int store_lock(const struct image_store *s, struct err *e);
/* names.json: {"docker.io/library/busybox:latest": "sha256:..."}; {} when there is none yet. Returns owned. */
int store_names(const struct image_store *s, json_t **ret, struct err *e);
int store_write_names(const struct image_store *s, const json_t *names, struct err *e);
/* The directory of the layer with this chain id ("sha256:<hex>"). Returns owned. */
char *store_layer_dir(const struct image_store *s, const char *chain_id);

/* Unpacks the layer file (a tar, plain or compressed by gzip, zstd, xz, bzip2) into dir, an existing empty directory, in
 * a confined child. diff_id, room DIGEST_MAX, gets the digest of the uncompressed tar. Whiteouts become overlayfs'
 * (character device 0:0, trusted.overlay.opaque). -EBADMSG for a broken archive, -EPERM for one that wants out. */
int layer_unpack(int layer_fd, const char *dir, char *ret_diff_id, struct err *e);
/* Unpacks the regular files of an image archive into dir, names checked, in a confined child. */
int archive_extract(const char *path, const char *dir, struct err *e);

#endif
