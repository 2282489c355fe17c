/* The OCI configuration of a container, put together.
 *
 * Happy path: process, linux, the usual mounts in front of the pod's own. What can fail: nothing to run. What always
 * holds: seccomp is the built-in profile (by annotation, the supervisor adds it) unless the pod says Unconfined or the
 * container is privileged. */
#include "agent/oci_spec.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

struct fixed_mount {
	const char *destination, *type, *source, *options;
};

static const struct fixed_mount fixed[] = {
    {"/proc", "proc", "proc", "nosuid,noexec,nodev"},
    {"/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"},
    {"/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"},
    {"/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev"},
    {"/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro"},
    {"/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,relatime,ro"},
};

static void add_mount(json_t *list, const struct fixed_mount *m, bool writable)
{
	AUTO_STRV char **options = str_split(m->options, ',');
	json_t *o = json_object(), *opts = json_array();
	for (char **s = options; s && *s; s++)
		json_array_append_new(opts, json_string(writable && !strcmp(*s, "ro") ? "rw" : *s));
	json_set_str(o, "destination", m->destination);
	json_set_str(o, "type", m->type);
	json_set_str(o, "source", m->source);
	json_object_set_new(o, "options", opts);
	json_array_append_new(list, o);
}

static bool is_covered(const json_t *mounts, const char *destination)
{
	return json_find(mounts, "destination", destination) != NULL;
}

static json_t *all_mounts(const struct oci_in *in)
{
	json_t *list = json_array();
	bool privileged = oci_privileged(in->container);
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		if (!is_covered(in->mounts, fixed[i].destination))
			add_mount(list, &fixed[i], privileged);
	if (in->mounts)
		json_array_extend(list, (json_t *)in->mounts);
	return list;
}

static const char *seccomp(const struct oci_in *in)
{
	const char *type = json_str_at(in->container, "securityContext.seccompProfile.type");
	if (!type)
		type = json_str_at(in->pod, "spec.securityContext.seccompProfile.type");
	if (oci_privileged(in->container) || str_eq(type, "Unconfined"))
		return "unconfined";
	return "runtime/default";
}

int oci_spec_container(const struct oci_in *in, json_t **ret, struct err *e)
{
	json_t *process = NULL;
	int r = oci_process(in, &process, e);
	if (r < 0)
		return r;
	json_t *o = json_object();
	json_set_str(o, "ociVersion", "1.2.0");
	json_object_set_new(o, "process", process);
	bool readonly = json_bool_at(in->container, "securityContext.readOnlyRootFilesystem", false);
	json_object_set_new(o, "root", json_pack("{s:s, s:b}", "path", in->rootfs, "readonly", readonly));
	json_object_set_new(o, "mounts", all_mounts(in));
	json_object_set_new(o, "linux", oci_linux(in));
	json_object_set_new(o, "annotations", json_pack("{s:s}", "io.knarr.seccomp", seccomp(in)));
	*ret = o;
	return 0;
}
