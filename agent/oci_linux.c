/* The linux member of an OCI configuration: namespaces, resources, devices, masks, sysctls. Pure, cannot fail.
 * What always holds: a container that is not privileged sees masked /proc paths and only the devices of the default
 * set, unless procMount says Unmasked. */
#include <string.h>

#include "agent/oci_spec.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

static const char *const masked[] = {"/proc/asound",     "/proc/acpi",        "/proc/interrupts",
				     "/proc/kcore",      "/proc/keys",        "/proc/latency_stats",
				     "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
				     "/proc/scsi",       "/sys/firmware",     "/sys/devices/virtual/powercap"};
static const char *const readonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

static void add_ns(json_t *list, const char *type, const char *path)
{
	json_t *o = json_object();
	json_set_str(o, "type", type);
	if (path)
		json_set_str(o, "path", path);
	json_array_append_new(list, o);
}

static void join(json_t *list, const struct oci_in *in, const char *type, const char *file)
{
	AUTO_FREE char *path = in->pause_pid ? xasprintf("/proc/%d/ns/%s", (int)in->pause_pid, file) : NULL;
	add_ns(list, type, path);
}

/* Without pause_pid (pause itself) namespaces are made, with it they are joined. */
static json_t *namespaces(const struct oci_in *in)
{
	json_t *list = json_array();
	bool share_pid = json_bool_at(in->pod, "spec.shareProcessNamespace", false);
	add_ns(list, "mount", NULL);
	if (in->netns)
		add_ns(list, "network", in->netns);
	if (in->netns)
		join(list, in, "uts", "uts");
	if (!json_bool_at(in->pod, "spec.hostIPC", false))
		join(list, in, "ipc", "ipc");
	if (!json_bool_at(in->pod, "spec.hostPID", false)) {
		AUTO_FREE char *target = in->target_pid > 0 ? xasprintf("/proc/%d/ns/pid", (int)in->target_pid) : NULL;
		if (target)
			add_ns(list, "pid", target);
		else if (share_pid)
			join(list, in, "pid", "pid");
		else
			add_ns(list, "pid", NULL);
	}
	if (in->cgroup_ns && in->pause_pid && !oci_privileged(in->container))
		add_ns(list, "cgroup", NULL);
	return list;
}

static json_t *strings(const char *const *v, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(v[i]));
	return list;
}

static json_t *sysctls(const json_t *pod)
{
	json_t *o = json_object(), *s;
	size_t i;
	json_array_foreach(json_at(pod, "spec.securityContext.sysctls"), i, s)
	    json_object_set_new(o, json_str_or(s, "name", ""), json_string(json_str_or(s, "value", "")));
	return o;
}

static json_t *device_rules(bool privileged)
{
	return privileged ? json_pack("[{s:b, s:s}]", "allow", 1, "access", "rwm")
			  : json_pack("[{s:b, s:s}]", "allow", 0, "access", "rwm");
}

json_t *oci_linux(const struct oci_in *in)
{
	json_t *o = json_object(), *resources = oci_resources(in->container);
	bool privileged = oci_privileged(in->container);
	json_set_str(o, "cgroupsPath", in->cgroup);
	json_object_set_new(o, "namespaces", namespaces(in));
	json_object_set_new(resources, "devices", device_rules(privileged));
	json_object_set_new(o, "resources", resources);
	bool unmasked = str_eq(json_str_at(in->container, "securityContext.procMount"), "Unmasked");
	if (!privileged && !unmasked) {
		json_object_set_new(o, "maskedPaths", strings(masked, ARRAY_LEN(masked)));
		json_object_set_new(o, "readonlyPaths", strings(readonly, ARRAY_LEN(readonly)));
	}
	if (privileged)
		json_set_str(o, "rootfsPropagation", "rslave");
	return o;
}

/* pause makes the pod's namespaces and carries its sysctls. */
json_t *oci_spec_pause(const struct oci_in *in)
{
	json_t *o = json_object(), *p = json_object(), *l = json_object(), *net = sysctls(in->pod);
	json_set_str(o, "ociVersion", "1.2.0");
	json_object_set_new(p, "args", json_pack("[s]", "/pause"));
	json_set_str(p, "cwd", "/");
	json_object_set_new(p, "env", json_pack("[s]", "PATH=/"));
	json_object_set_new(p, "noNewPrivileges", json_true());
	json_object_set_new(p, "user", json_pack("{s:i, s:i}", "uid", 65535, "gid", 65535));
	json_object_set_new(p, "capabilities", json_pack("{s:[], s:[], s:[]}", "bounding", "effective", "permitted"));
	json_set_int(p, "oomScoreAdj", MAX(-998, in->oom_floor));
	json_object_set_new(o, "process", p);
	json_object_set_new(o, "root", json_pack("{s:s, s:b}", "path", in->rootfs, "readonly", 1));
	if (in->netns)
		json_set_str(o, "hostname", in->hostname);
	json_set_str(l, "cgroupsPath", in->cgroup);
	json_object_set_new(l, "namespaces", namespaces(in));
	json_object_set_new(l, "resources", json_pack("{s:{s:i}}", "cpu", "shares", 2));
	json_object_set_new(l, "maskedPaths", json_array());
	if (json_object_size(net))
		json_object_set(l, "sysctl", net);
	json_decref(net);
	json_object_set_new(o, "linux", l);
	/* Devices in a tmpfs of its own: the shared root lies in /run, where many machines allow none. */
	json_object_set_new(o, "mounts",
			    json_pack("[{s:s, s:s, s:s, s:[s,s,s]}, {s:s, s:s, s:s, s:[s,s,s,s]}]", "destination", "/proc", "type",
				      "proc", "source", "proc", "options", "nosuid", "noexec", "nodev", "destination", "/dev", "type",
				      "tmpfs", "source", "tmpfs", "options", "nosuid", "noexec", "mode=755", "size=64k"));
	return o;
}
