/* The volumes of one pod.
 *
 * Happy path: each volume of the spec gets its directory, content or mount; a container's volumeMounts become bind
 * mounts. What can fail: see the texts; the pod is tried again. What always holds: what a pod writes cannot make the
 * agent follow a link out of a volume (subPath is resolved inside of it and bound by descriptor), and secrets lie on
 * tmpfs. */
#include "agent/volumes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "agent/env.h"
#include "agent/mounts.h"
#include "agent/objects.h"
#include "agent/tokens.h"
#include "agent/volume_writer.h"
#include "api/quantity.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "rootfs/image_store.h"

static const struct {
	const char *member, *plugin;
	bool memory;
} plugins[] = {{"emptyDir", "kubernetes.io~empty-dir", false},
	       {"configMap", "kubernetes.io~configmap", false},
	       {"secret", "kubernetes.io~secret", true},
	       {"projected", "kubernetes.io~projected", true},
	       {"downwardAPI", "kubernetes.io~downward-api", true}};

static int plugin_of(const json_t *volume)
{
	for (size_t i = 0; i < ARRAY_LEN(plugins); i++)
		if (json_object_get(volume, plugins[i].member))
			return (int)i;
	return -1;
}

/* Where an image volume's file system is made, below "rootfs" there; returns owned. */
static char *image_dir(const struct pod *p, const json_t *volume)
{
	return xasprintf("%s/volumes/kubernetes.io~image/%s", p->volumes_dir, json_str_or(volume, "name", ""));
}

/* Under which the use of its image is recorded; returns owned. */
static char *image_key(const struct pod *p, const json_t *volume)
{
	return xasprintf("%s.%s", p->state->uid, json_str_or(volume, "name", ""));
}

/* The host directory of a volume; returns owned. */
static char *volume_path(const struct pod *p, const json_t *volume)
{
	const json_t *host = json_object_get(volume, "hostPath");
	if (host)
		return xstrdup(json_str_or(host, "path", "/"));
	if (json_object_get(volume, "image")) {
		AUTO_FREE char *dir = image_dir(p, volume);
		return xasprintf("%s/rootfs", dir);
	}
	int i = plugin_of(volume);
	return xasprintf("%s/volumes/%s/%s", p->volumes_dir, i < 0 ? "unknown" : plugins[i].plugin,
			 json_str_or(volume, "name", ""));
}

static int64_t fs_group(const struct pod *p)
{
	return json_int_at(p->state->pod, "spec.securityContext.fsGroup", -1);
}

static int mount_tmpfs(const char *path, int64_t size, struct err *e)
{
	char options[64] = "mode=0755";
	if (mounts_is_tmpfs(path))
		return 0;
	if (size > 0)
		snprintf(options, sizeof(options), "mode=0755,size=%lld", (long long)size);
	return mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0 ? err_sys(e, "mount tmpfs on %s", path)
										: 0;
}

static int setup_empty_dir(struct pod *p, const json_t *volume, const char *path, struct err *e)
{
	bool memory = str_eq(json_str_at(volume, "emptyDir.medium"), "Memory");
	const char *limit = json_str_at(volume, "emptyDir.sizeLimit");
	int64_t size = 0, gid = fs_group(p);
	if (limit)
		(void)quantity_parse(limit, &size);
	int r = fs_mkdir_p(path, 0777, e);
	if (r == 0 && memory)
		r = mount_tmpfs(path, size, e);
	if (r == 0 && gid >= 0 && chown(path, (uid_t)-1, (gid_t)gid) < 0)
		r = err_sys(e, "chown %s", path);
	if (r == 0 && chmod(path, gid >= 0 ? 02777 : 0777) < 0)
		r = err_sys(e, "chmod %s", path);
	return r;
}

static const json_t *find_object(void *arg, const char *resource, const char *name)
{
	const struct pod *p = arg;
	return objects_get(p->agent->objects, resource, p->state->ns, name);
}

static const char *find_token(void *arg, const json_t *source, struct err *e)
{
	const struct pod *p = arg;
	return tokens_get(p->agent->tokens, p->state->uid, source, e);
}

static int write_content(struct pod *p, const json_t *volume, const char *path, struct err *e)
{
	struct volume_in in = {.object = find_object, .token = find_token, .fs_group = fs_group(p), .arg = p};
	struct volume_files files = {0};
	agent_facts(p->agent, p->state->pod, p->state->ips, &in.facts);
	int r = volume_content(&in, volume, &files, e);
	if (r == 0)
		r = volume_write(path, &files, fs_group(p), e);
	volume_files_done(&files);
	return r < 0 ? r : 0;
}

static int setup_content(struct pod *p, const json_t *volume, const char *path, bool memory, struct err *e)
{
	int r = fs_mkdir_p(path, 0755, e);
	if (r == 0 && memory)
		r = mount_tmpfs(path, 0, e);
	return r < 0 ? r : write_content(p, volume, path, e);
}

static void image_free_ptr(struct image **i)
{
	image_free(*i);
}

/* The layers of an image, as a file system that is mounted read-only and without programs that could be run. */
static int setup_image(struct pod *p, const json_t *volume, struct err *e)
{
	AUTO(image_free_ptr) struct image *image = NULL;
	AUTO_FREE char *full = NULL, *dir = image_dir(p, volume), *key = image_key(p, volume);
	const char *ref = json_str_or(volume, "image.reference", "");
	int r = image_ref_normalize(ref, &full, e);
	if (r == 0)
		r = image_find(p->agent->images, full, &image, e);
	if (r < 0)
		return err_wrap(e, r, "image \"%s\"", ref);
	r = fs_mkdir_p(dir, 0755, e);
	return r < 0 ? r : rootfs_mount(p->agent->images, image, dir, key, e);
}

static int setup_volume(struct pod *p, const json_t *volume, struct err *e)
{
	AUTO_FREE char *path = volume_path(p, volume);
	const json_t *host = json_object_get(volume, "hostPath");
	int i = plugin_of(volume);
	if (host)
		return host_path_check(path, json_str_at(host, "type"), e);
	if (json_object_get(volume, "image"))
		return setup_image(p, volume, e);
	if (i == 0)
		return setup_empty_dir(p, volume, path, e);
	if (i > 0)
		return setup_content(p, volume, path, plugins[i].memory, e);
	return err_set(e, -EOPNOTSUPP, "this agent supports no volume of that type");
}

int volumes_setup(struct pod *p, struct err *e)
{
	size_t i;
	json_t *v;
	json_array_foreach(json_at(p->state->pod, "spec.volumes"), i, v)
	{
		int r = setup_volume(p, v, e);
		if (r < 0)
			return err_wrap(e, r, "MountVolume.SetUp failed for volume \"%s\" ",
					json_str_or(v, "name", ""));
	}
	return 0;
}

void volumes_refresh(struct pod *p)
{
	size_t i;
	json_t *v;
	json_array_foreach(json_at(p->state->pod, "spec.volumes"), i, v)
	{
		struct err e = ERR_INIT;
		AUTO_FREE char *path = volume_path(p, v);
		int r = volume_has_content(v) && fs_exists(path) ? write_content(p, v, path, &e) : 0;
		if (r < 0) /* a deleted object is nothing unusual: what it held stays for the pod */
			log_write(r == -ENOENT ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN,
				  "volume not updated, it stays as it was pod=%s/%s error=\"%s\"", p->state->ns,
				  p->state->name, err_text(&e));
	}
}

int volumes_teardown(struct pod *p, struct err *e)
{
	size_t i;
	json_t *v;
	json_array_foreach(json_at(p->state->pod, "spec.volumes"), i, v)
	{
		AUTO_FREE char *dir = image_dir(p, v), *key = image_key(p, v);
		if (json_object_get(v, "image"))
			(void)rootfs_unmount(p->agent->images, dir, key, NULL); /* ignoring: what is left is detached next */
	}
	int r = mounts_detach_below(p->volumes_dir, e);
	return r < 0 ? r : fs_remove_tree(p->volumes_dir, e);
}

json_t *volume_bind(const char *source, const char *destination, bool readonly, const char *propagation)
{
	return json_pack("{s:s, s:s, s:s, s:[s,s,s]}", "destination", destination, "type", "bind", "source", source,
			 "options", "rbind", propagation, readonly ? "ro" : "rw");
}

static const json_t *find_volume(const struct pod *p, const char *name)
{
	return json_find(json_at(p->state->pod, "spec.volumes"), "name", name);
}

/* Opens what subPath names inside the volume; a directory is made where nothing is. */
static int open_sub_path(const char *volume, const char *sub, struct err *e)
{
	AUTO_FD int root = open(volume, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, "open %s", volume);
	int fd = fs_open_in_root(root, sub, O_PATH, 0, NULL);
	return fd >= 0 ? fd : fs_mkdir_in_root(root, sub, 0750, e);
}

/* Binds the descriptor to a place of the agent's own, which nobody can exchange before it is mounted. */
static int pin_sub_path(const struct pod *p, const struct container_state *c, const char *volume_name, int fd,
			size_t index, char **ret, struct err *e)
{
	AUTO_FREE char *dir = xasprintf("%s/volume-subpaths/%s/%s", p->volumes_dir, volume_name, c->name);
	AUTO_FREE char *target = xasprintf("%s/%zu", dir, index);
	char from[40];
	struct stat st;
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	int r = fs_mkdir_p(dir, 0750, e);
	if (r < 0)
		return r;
	while (umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat subPath");
	if (S_ISDIR(st.st_mode)) {
		r = fs_mkdir_p(target, 0750, e);
	} else {
		AUTO_FD int made = open(target, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
		r = made < 0 ? err_sys(e, "create %s", target) : 0;
	}
	if (r == 0 && mount(from, target, NULL, MS_BIND, NULL) < 0)
		r = err_sys(e, "bind subPath to %s", target);
	if (r == 0)
		*ret = TAKE(target);
	return r;
}

static const char *propagation_of(const json_t *mount_)
{
	const char *p = json_str_or(mount_, "mountPropagation", "None");
	return !strcmp(p, "Bidirectional") ? "rshared" : !strcmp(p, "HostToContainer") ? "rslave" : "rprivate";
}

/* subPathExpr with the container's variables; each has to be there, and what comes out has to stay below the volume. */
static int expand_sub_path(const struct map *env, const char *expr, char **ret, struct err *e)
{
	for (const char *p = strchr(expr, '$'); p && *p; p = strchr(p, '$')) {
		const char *end = p[1] == '(' ? strchr(p, ')') : NULL;
		AUTO_FREE char *name = end ? xstrndup(p + 2, (size_t)(end - p - 2)) : NULL;
		if (name && !map_get(env, name))
			return err_set(e, -EINVAL, "missing value for \"%s\"", name);
		p = end ? end : p + (p[1] ? 2 : 1);
	}
	AUTO_FREE char *path = env_expand(env, expr);
	AUTO_STRV char **parts = str_split(path, '/');
	if (*path == '/')
		return err_set(e, -EINVAL, "error SubPath `%s` must not be an absolute path", path);
	if (strv_has(parts, ".."))
		return err_set(e, -EINVAL, "unable to provision SubPath `%s`: must not contain '..'", path);
	*ret = TAKE(path);
	return 0;
}

static int add_mount(struct pod *p, const struct container_state *c, const json_t *m, size_t index,
		     const struct map *env, json_t *to, struct err *e)
{
	const char *name = json_str_or(m, "name", ""), *sub = json_str_at(m, "subPath"),
		   *expr = json_str_at(m, "subPathExpr");
	const json_t *volume = find_volume(p, name);
	if (!volume)
		return err_set(e, -EINVAL, "volume \"%s\" is not defined", name);
	AUTO_FREE char *source = volume_path(p, volume), *expanded = str_empty(expr) ? xstrdup(sub) : NULL;
	if (!str_empty(expr) && expand_sub_path(env, expr, &expanded, e) < 0)
		return -EINVAL;
	if (!str_empty(expanded)) {
		AUTO_FD int fd = open_sub_path(source, expanded, e);
		char *pinned = NULL;
		int r = fd < 0 ? fd : pin_sub_path(p, c, name, fd, index, &pinned, e);
		if (r < 0)
			return err_wrap(e, r, "failed to prepare subPath for volumeMount \"%s\" of container \"%s\"",
					name, c->name);
		free(source);
		source = pinned;
	}
	bool is_image = json_object_get(volume, "image");
	bool readonly = json_bool_at(m, "readOnly", false) || is_image || volume_has_content(volume);
	const char *where = json_str_or(m, "mountPath", "");
	AUTO_FREE char *destination = *where == '/' ? xstrdup(where) : xasprintf("/%s", where);
	json_t *bind = volume_bind(source, destination, readonly, propagation_of(m));
	if (is_image)
		json_array_append_new(json_object_get(bind, "options"), json_string("noexec"));
	json_array_append_new(to, bind);
	return 0;
}

int volumes_mounts(struct pod *p, const struct container_state *c, const struct map *env, json_t *to, struct err *e)
{
	size_t i;
	json_t *m;
	json_array_foreach(json_object_get(c->spec, "volumeMounts"), i, m)
	{
		int r = add_mount(p, c, m, i, env, to, e);
		if (r < 0)
			return r;
	}
	return 0;
}
