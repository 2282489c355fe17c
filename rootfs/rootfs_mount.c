/* A container's root filesystem: overlayfs over the layers of its image.
 *
 * Happy path: directories, the use record, one mount(2). What can fail: too many layers for one page of options
 * (-E2BIG). What always holds: doing either half again changes nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "rootfs/digest.h"
#include "rootfs/store_paths.h"

enum { OPTIONS_MAX = 4000 };

static bool is_overlay(const char *path)
{
	struct statfs st;
	return statfs(path, &st) == 0 && st.f_type == OVERLAYFS_SUPER_MAGIC;
}

/* Layers by their full paths, or, where that is too long for one page, below a descriptor's short name. */
static int lower_option(const struct image_store *s, const struct image *i, int layers_fd, struct str *ret, struct err *e)
{
	AUTO_FREE char *prefix = store_path(s, "layers/");
	for (int pass = 0; pass < 2; pass++) {
		str_reset(ret);
		str_add(ret, "lowerdir=");
		for (char **l = i->layers; l && *l; l++) {
			const char *base = strrchr(*l, '/') + 1;
			if (pass == 0)
				str_addf(ret, "%s%s%s", l == i->layers ? "" : ":", prefix, base);
			else
				str_addf(ret, "%s/proc/self/fd/%d/%s", l == i->layers ? "" : ":", layers_fd, base);
		}
		if (ret->len < OPTIONS_MAX - 600)
			return 0;
	}
	return err_set(e, -E2BIG, "image %s has too many layers", i->id);
}

static int record_use(const struct image_store *s, const struct image *i, const char *key, struct err *e)
{
	AUTO_FREE char *dir = store_path(s, "uses/%s", digest_hex(i->id));
	AUTO_FREE char *path = xasprintf("%s/%s", dir, key);
	int r = fs_mkdir_p(dir, 0755, e);
	if (r < 0)
		return r;
	AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	return fd < 0 ? err_sys(e, "create %s", path) : 0;
}

int rootfs_mount(struct image_store *s, const struct image *i, const char *dir, const char *key, struct err *e)
{
	AUTO_FREE char *target = xasprintf("%s/rootfs", dir), *upper = xasprintf("%s/upper", dir);
	AUTO_FREE char *work = xasprintf("%s/work", dir), *layers = store_path(s, "layers");
	AUTO_STR options = STR_INIT;
	if (is_overlay(target))
		return 0;
	int r = fs_mkdir_p(target, 0755, e);
	if (r == 0)
		r = fs_mkdir_p(upper, 0755, e);
	if (r == 0)
		r = fs_remove_tree(work, e); /* a work directory that a crash left refuses a volatile mount */
	if (r == 0)
		r = fs_mkdir_p(work, 0755, e);
	if (r == 0)
		r = record_use(s, i, key, e);
	AUTO_FD int fd = r < 0 ? -1 : open(layers, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r == 0)
		r = lower_option(s, i, fd, &options, e);
	if (r < 0)
		return r;
	str_addf(&options, ",upperdir=%s,workdir=%s,volatile", upper, work);
	if (mount("overlay", target, "overlay", MS_NODEV, options.p) == 0)
		return 0;
	/* Kernels before 5.10 do not know volatile. */
	options.p[options.len - strlen(",volatile")] = '\0';
	if (errno == EINVAL && mount("overlay", target, "overlay", MS_NODEV, options.p) == 0)
		return 0;
	return err_sys(e, "mount root filesystem of image %s", i->id);
}

static void forget_use(struct image_store *s, const char *key)
{
	AUTO_FREE char *uses = store_path(s, "uses");
	AUTO_STR names = STR_INIT;
	AUTO_FD int dir = open(uses, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return;
	struct image **all = NULL;
	size_t n = 0;
	if (image_list(s, &all, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", digest_hex(all[i]->id), key);
		unlinkat(dir, path, 0);
		unlinkat(dir, digest_hex(all[i]->id), AT_REMOVEDIR);
		image_free(all[i]);
	}
	free_ptr(&all);
}

int rootfs_unmount(struct image_store *s, const char *dir, const char *key, struct err *e)
{
	static const char *const parts[] = { "rootfs", "upper", "work" };
	AUTO_FREE char *target = xasprintf("%s/rootfs", dir);
	while (is_overlay(target))
		if (umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			return err_sys(e, "unmount %s", target);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, parts[i]);
		int r = fs_remove_tree(path, e);
		if (r < 0)
			return r;
	}
	forget_use(s, key);
	return 0;
}
