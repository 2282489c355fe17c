/* The local image store: content-addressed blobs, unpacked layers shared as overlayfs lower dirs, names.
 *
 * <dir>/blobs/sha256/<hex>, <dir>/layers/<chain id>/, <dir>/images/<image id>.json, <dir>/names.json, <dir>/lock.
 * Every change is atomic (rename) and under the lock; readers need none. See docs/formats/images.md. */
#ifndef KNARR_ROOTFS_IMAGE_STORE_H
#define KNARR_ROOTFS_IMAGE_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct image_store;

struct image {
	char *id;       /* "sha256:<hex>" of the config: what Kubernetes calls imageID */
	char *manifest_digest; /* of the manifest, "sha256:<hex>" */
	char **names;   /* "docker.io/library/busybox:latest", NULL-terminated */
	char **layers;  /* absolute directories, top first: overlayfs lowerdir order */
	json_t *config; /* the OCI image config (architecture, config{Env,Cmd,Entrypoint,User,WorkingDir,...}, rootfs) */
	uint64_t size_bytes;
	int64_t created_ms;
};
void image_free(struct image *i);

int image_store_open(const char *dir, struct image_store **ret, struct err *e);
void image_store_close(struct image_store *s);

/* A reference in its full form: "busybox" -> "docker.io/library/busybox:latest", "r.example/a/b@sha256:..." kept.
 * -EINVAL with a reason ("invalid reference format"). Returns owned text. */
int image_ref_normalize(const char *ref, char **ret, struct err *e);

/* Imports an OCI image layout (directory or tar, gzip/zstd or plain layers) or a docker-archive tar. Blocking: unpacks in a
 * confined child. Digests are verified. names gets the full names imported. Extra name: tag for archives without one. */
int image_import(struct image_store *s, const char *path, const char *name, char ***names, struct err *e);
/* -ENOENT when no image has that name, id or digest (an id prefix of 12 or more works too). Returns owned. */
int image_find(struct image_store *s, const char *ref, struct image **ret, struct err *e);
/* All images, newest first. */
int image_list(struct image_store *s, struct image ***ret, size_t *ret_n, struct err *e);
/* Removes a name; the image and its unshared layers go with its last name. -EBUSY while a container uses it unless
 * force. -ENOENT. */
int image_remove(struct image_store *s, const char *ref, bool force, struct err *e);

/* A container's root filesystem: overlayfs at <dir>/rootfs with <dir>/upper and <dir>/work over the image's layers.
 * Idempotent. Nothing in it outlives a reboot (overlayfs option volatile). The use is recorded so that image_remove() knows (<dir>/uses/<image id>/<key>). */
int rootfs_mount(struct image_store *s, const struct image *i, const char *dir, const char *key, struct err *e);
/* Unmounts and removes upper, work and rootfs; absent is fine. */
int rootfs_unmount(struct image_store *s, const char *dir, const char *key, struct err *e);

/* User names: resolves an image or pod user ("", "0", "1000:100", "www", "www:www") with passwd and group of the root
 * filesystem (read in-root only). -ENOENT "unable to find user www". */
struct rootfs_user {
	uint32_t uid, gid;
	uint32_t *groups; /* supplementary from /etc/group; owned */
	size_t n_groups;
	char *home; /* owned; "/" when unknown */
};
int rootfs_user_resolve(const char *rootfs, const char *user, struct rootfs_user *ret, struct err *e);
void rootfs_user_done(struct rootfs_user *u);

#endif
