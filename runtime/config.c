/* config.json: the container's part (process.c parses the process object).
 *
 * Happy path: one pass over each section into flat arrays. What can fail: -EINVAL, naming the field. What always holds:
 * lists are bounded, so that what is built later from them is too. */
#include "runtime/config.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/idmap_option.h"
#include "runtime/mounts_plan.h"
#include "runtime/net_devices.h"
#include "runtime/syscalls.h"

#define LIST_MAX 8192
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

const struct ns_kind ns_kinds[NS_COUNT] = {
	[NS_USER] = { "user", "user", CLONE_NEWUSER },    [NS_MNT] = { "mount", "mnt", CLONE_NEWNS },
	[NS_PID] = { "pid", "pid", CLONE_NEWPID },	  [NS_NET] = { "network", "net", CLONE_NEWNET },
	[NS_IPC] = { "ipc", "ipc", CLONE_NEWIPC },	  [NS_UTS] = { "uts", "uts", CLONE_NEWUTS },
	[NS_CGROUP] = { "cgroup", "cgroup", CLONE_NEWCGROUP }, [NS_TIME] = { "time", "time", CLONE_NEWTIME },
};

static int list_check(const json_t *list, const char *field, struct err *e)
{
	if (list && !json_is_null(list) && (!json_is_array(list) || json_array_size(list) > LIST_MAX))
		return err_set(e, -EINVAL, "%s is no array of at most %d", field, LIST_MAX);
	return 0;
}

static int parse_namespaces(const json_t *linux_, struct config *c, struct err *e)
{
	size_t i;
	json_t *n;
	json_array_foreach(json_object_get(linux_, "namespaces"), i, n)
	{
		const char *type = json_str_or(n, "type", "");
		int k = 0;
		while (k < NS_COUNT && strcmp(ns_kinds[k].oci, type))
			k++;
		if (k == NS_COUNT)
			return err_set(e, -EINVAL, "namespace \"%.32s\" does not exist", type);
		if (c->ns[k].wanted)
			return err_set(e, -EINVAL, "malformed spec file: duplicated ns \"%s\"", type);
		const char *path = json_str_at(n, "path");
		c->ns[k] = (struct ns_conf){ true, path && *path ? path : NULL };
	}
	return 0;
}

static int parse_maps(const json_t *list, const char *field, struct id_map **ret, size_t *ret_n, struct err *e)
{
	int r = list_check(list, field, e);
	size_t i;
	json_t *m;
	if (r < 0)
		return r;
	struct id_map *maps = xcalloc(json_array_size(list), sizeof(*maps));
	json_array_foreach(list, i, m)
	{
		int64_t in = json_int_at(m, "containerID", -1), out = json_int_at(m, "hostID", -1), n = json_int_at(m, "size", 0);
		if (in < 0 || out < 0 || n <= 0 || in > UINT32_MAX || out > UINT32_MAX || n > UINT32_MAX) {
			free(maps);
			return err_set(e, -EINVAL, "%s[%zu] is invalid", field, i);
		}
		maps[i] = (struct id_map){ (uint32_t)in, (uint32_t)out, (uint32_t)n };
	}
	*ret = maps;
	*ret_n = json_array_size(list);
	return 0;
}

/* A member that may be absent; text that would be cut short by the kernel's strings is refused. */
static int mount_text(const json_t *m, const char *field, const char **ret, struct err *e)
{
	const json_t *v = json_object_get(m, field);
	if (v && !json_is_null(v) && !json_is_string(v))
		return err_set(e, -EINVAL, "mount field \"%s\" is no text", field);
	if (json_is_string(v) && strlen(json_string_value(v)) != json_string_length(v))
		return err_set(e, -EINVAL, "mount field contains null byte");
	*ret = json_is_string(v) ? json_string_value(v) : "";
	return 0;
}

static int parse_mount_maps(const json_t *m, const struct config *c, struct mount_conf *ret, struct err *e)
{
	struct idmap_conf *map = &ret->idmap;
	int r = parse_maps(json_object_get(m, "uidMappings"), "uidMappings", &map->uids, &map->n_uids, e);
	if (r == 0)
		r = parse_maps(json_object_get(m, "gidMappings"), "gidMappings", &map->gids, &map->n_gids, e);
	if (r < 0)
		return r;
	bool own = map->n_uids || map->n_gids;
	ret->options.idmap |= own;
	if (!ret->options.idmap)
		return 0;
	if (!ret->options.bind)
		return err_set(e, -EINVAL, "id-mapped mounts are only supported for bind-mounts");
	if (own && ret->options.mapping)
		return err_set(e, -EINVAL, "mappings specified both as members and as option idmap");
	if (ret->options.mapping)
		return 0;
	if (own ? !map->n_uids || !map->n_gids : !c->ns[NS_USER].wanted)
		return err_set(e, -EINVAL, "id-mapped mounts must have both uid and gid mappings specified");
	return 0;
}

static int parse_mount_fields(const json_t *m, struct config *c, struct mount_conf *ret, struct err *e)
{
	const char *source, *destination;
	int r = mount_text(m, "source", &source, e);
	if (r == 0)
		r = mount_text(m, "destination", &destination, e);
	if (r == 0)
		r = mount_text(m, "type", &ret->type, e);
	if (r == 0 && !*destination)
		r = err_set(e, -EINVAL, "mount without destination");
	if (r == 0)
		r = mount_options_parse(json_object_get(m, "options"), &ret->options, e);
	if (r < 0)
		return r;
	ret->destination = mounts_plan_destination(c->rootfs, destination);
	ret->options.bind |= str_eq(ret->type, "bind");
	if (ret->options.bind && *source != '/')
		ret->source = xasprintf("%s/%s", c->bundle, source);
	else
		ret->source = xstrdup(*source ? source : ret->type);
	if (ret->options.bind && str_eq(ret->destination, "/dev"))
		c->own_dev = true;
	if (ret->options.bind && ret->options.data)
		return err_set(e, -EINVAL, "bind mounts cannot have any filesystem-specific options applied");
	return parse_mount_maps(m, c, ret, e);
}

static int parse_mount(const json_t *m, struct config *c, struct mount_conf *ret, struct err *e)
{
	ret->userns_fd = -1;
	int r = parse_mount_fields(m, c, ret, e);
	return r < 0 ? err_wrap(e, r, "invalid mount %s", ret->destination ? ret->destination : "") : 0;
}

static int parse_mounts(const json_t *json, struct config *c, struct err *e)
{
	const json_t *list = json_object_get(json, "mounts");
	int r = list_check(list, "mounts", e);
	if (r < 0)
		return r;
	c->mounts = xcalloc(json_array_size(list), sizeof(*c->mounts));
	for (size_t n = json_array_size(list); r == 0 && c->n_mounts < n;) {
		const json_t *m = json_array_get(list, c->n_mounts);
		r = parse_mount(m, c, &c->mounts[c->n_mounts++], e);
	}
	return r;
}

static const struct {
	const char *path;
	unsigned major, minor;
} default_devices[] = {
	{ "/dev/null", 1, 3 },	 { "/dev/zero", 1, 5 }, { "/dev/full", 1, 7 },
	{ "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
};

static int parse_device(const json_t *d, struct device_conf *ret, struct err *e)
{
	const char *type = json_str_or(d, "type", ""), *path = json_str_or(d, "path", "");
	int64_t major = json_int_at(d, "major", 0), minor = json_int_at(d, "minor", 0);
	mode_t kind = str_eq(type, "b") ? S_IFBLK : str_eq(type, "p") ? S_IFIFO : S_IFCHR;
	if (*path != '/' || !*type || type[1] || !strchr("bcup", *type) || major < 0 || minor < 0)
		return err_set(e, -EINVAL, "linux.devices: \"%.100s\" is invalid", path);
	*ret = (struct device_conf){ .path = path,
				     .mode = kind | (mode_t)(json_int_at(d, "fileMode", 0666) & 07777),
				     .rdev = makedev((unsigned)major, (unsigned)minor),
				     .uid = (uid_t)json_int_at(d, "uid", 0),
				     .gid = (gid_t)json_int_at(d, "gid", 0) };
	return 0;
}

static int parse_devices(const json_t *linux_, struct config *c, struct err *e)
{
	const json_t *list = json_object_get(linux_, "devices");
	int r = list_check(list, "linux.devices", e);
	size_t i;
	json_t *d;
	if (r < 0)
		return r;
	c->devices = xcalloc(ARRAY_LEN(default_devices) + json_array_size(list), sizeof(*c->devices));
	for (i = 0; i < ARRAY_LEN(default_devices); i++) {
		if (!json_find(list, "path", default_devices[i].path))
			c->devices[c->n_devices++] = (struct device_conf){
				.path = default_devices[i].path,
				.mode = S_IFCHR | 0666,
				.rdev = makedev(default_devices[i].major, default_devices[i].minor) };
	}
	json_array_foreach(list, i, d)
	{
		r = parse_device(d, &c->devices[c->n_devices++], e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_linux(const json_t *l, struct config *c, struct err *e)
{
	const char *propagation = json_str_or(l, "rootfsPropagation", "");
	c->cgroups_path = json_str_at(l, "cgroupsPath");
	c->mount_label = json_str_at(l, "mountLabel");
	c->sysctl = json_object_get(l, "sysctl");
	c->masked_paths = json_object_get(l, "maskedPaths");
	c->readonly_paths = json_object_get(l, "readonlyPaths");
	c->seccomp = json_object_get(l, "seccomp");
	c->resources = json_object_get(l, "resources");
	c->time_offsets = json_object_get(l, "timeOffsets");
	c->net_devices = json_object_get(l, "netDevices");
	c->root_propagation = mount_propagation(propagation);
	if (*propagation && !c->root_propagation)
		return err_set(e, -EINVAL, "rootfsPropagation=\"%.32s\" is not supported", propagation);
	int r = parse_maps(json_object_get(l, "uidMappings"), "linux.uidMappings", &c->uid_maps, &c->n_uid_maps, e);
	if (r == 0)
		r = parse_maps(json_object_get(l, "gidMappings"), "linux.gidMappings", &c->gid_maps, &c->n_gid_maps, e);
	return r == 0 ? parse_devices(l, c, e) : r;
}

/* What cannot work together. */
static int check(const struct config *c, struct err *e)
{
	bool new_user = c->ns[NS_USER].wanted && !c->ns[NS_USER].path;
	if (!c->ns[NS_MNT].wanted && (json_array_size(c->masked_paths) || json_array_size(c->readonly_paths)))
		return err_set(e, -EINVAL, "unable to restrict sys entries without a private MNT namespace");
	if (c->hostname && !c->ns[NS_UTS].wanted)
		return err_set(e, -EINVAL, "unable to set hostname without a private UTS namespace");
	if (c->domainname && !c->ns[NS_UTS].wanted)
		return err_set(e, -EINVAL, "unable to set domainname without a private UTS namespace");
	if (new_user && !c->n_uid_maps && !c->n_gid_maps)
		return err_set(e, -EINVAL, "user namespaces enabled, but no namespace path to join nor mappings to apply specified");
	if (new_user && (!c->n_uid_maps || !c->n_gid_maps))
		return err_set(e, -EINVAL, "user namespaces enabled, but no %s mappings found", c->n_uid_maps ? "gid" : "uid");
	if (!c->ns[NS_USER].wanted && (c->n_uid_maps || c->n_gid_maps))
		return err_set(e, -EINVAL, "user namespace mappings specified, but user namespace isn't enabled in the config");
	if (json_object_size(c->time_offsets) && c->ns[NS_TIME].path)
		return err_set(e, -EINVAL, "time namespace enabled, but both namespace path and time offsets specified -- you may only provide one");
	if (json_object_size(c->time_offsets) && !c->ns[NS_TIME].wanted)
		return err_set(e, -EINVAL, "time namespace offsets specified, but time namespace isn't enabled in the config");
	return net_devices_check(c->net_devices, c->ns[NS_NET].wanted, e);
}

int config_parse(json_t *json, const char *bundle, struct config *ret, struct err *e)
{
	AUTO_CONFIG c = { .json = json_incref(json), .bundle = xstrdup(bundle) };
	const char *version = json_str_at(json, "ociVersion"), *root = json_str_at(json, "root.path");
	if (!version || *version != '1')
		return err_set(e, -EINVAL, "ociVersion \"%.32s\" is not supported", version ? version : "");
	if (str_empty(root))
		return err_set(e, -EINVAL, "root.path is missing");
	if (strlen(root) >= PATH_MAX)
		return err_set(e, -ENAMETOOLONG, "root.path: %s", strerror(ENAMETOOLONG));
	c.rootfs = *root == '/' ? xstrdup(root) : xasprintf("%s/%s", bundle, root);
	c.rootfs_readonly = json_bool_at(json, "root.readonly", false);
	c.hooks = json_object_get(json, "hooks");
	c.hostname = json_str_at(json, "hostname");
	c.domainname = json_str_at(json, "domainname");
	if (str_empty(c.hostname))
		c.hostname = NULL;
	if (str_empty(c.domainname))
		c.domainname = NULL;
	int r = process_parse(json_object_get(json, "process"), &c.process, e);
	if (r == 0)
		r = parse_namespaces(json_object_get(json, "linux"), &c, e);
	if (r == 0)
		r = intel_rdt_parse(json_at(json, "linux.intelRdt"), &c.intel_rdt, e);
	if (r == 0)
		r = process_parse_linux(json_object_get(json, "linux"), &c.process, e);
	if (r == 0)
		r = parse_mounts(json, &c, e);
	if (r == 0)
		r = parse_linux(json_object_get(json, "linux"), &c, e);
	if (r == 0)
		r = idmap_option_apply(&c, e);
	if (r == 0)
		r = check(&c, e);
	if (r < 0)
		return r;
	*ret = c;
	c = (struct config){ 0 };
	return 0;
}

void config_done(struct config *c)
{
	for (size_t i = 0; i < c->n_mounts; i++) {
		free(c->mounts[i].source);
		free(c->mounts[i].destination);
		free(c->mounts[i].idmap.uids);
		free(c->mounts[i].idmap.gids);
		close_fd(&c->mounts[i].userns_fd);
		mount_options_done(&c->mounts[i].options);
	}
	free(c->mounts);
	free(c->devices);
	free(c->uid_maps);
	free(c->gid_maps);
	free(c->bundle);
	free(c->rootfs);
	process_conf_done(&c->process);
	json_decref(c->json);
	*c = (struct config){ 0 };
}
