/* The features object (OCI runtime-spec features.md), from the tables that the code itself uses. */

#include "base/json.h"
#include "runtime/caps.h"
#include "runtime/config.h"
#include "runtime/container.h"
#include "runtime/seccomp_profile.h"

static json_t *names(const char *(*at)(size_t))
{
	json_t *list = json_array();
	for (size_t i = 0; at(i); i++)
		json_array_append_new(list, json_string(at(i)));
	return list;
}

static const char *capability(size_t i)
{
	return cap_name((unsigned)i);
}

static const char *namespace_name(size_t i)
{
	return i < NS_COUNT ? ns_kinds[i].oci : NULL;
}

static json_t *mount_names(void)
{
	AUTO_STRV char **all = mount_option_names();
	return json_texts(all);
}

static json_t *supported_flags(void)
{
	json_t *list = json_array();
	for (size_t i = 0; seccomp_flag_name(i); i++)
		if (seccomp_flag_supported(seccomp_flag_name(i)))
			json_array_append_new(list, json_string(seccomp_flag_name(i)));
	return list;
}

static json_t *memory_policy(void)
{
	return json_pack("{s:[s,s,s,s,s,s,s], s:[s,s,s]}", "modes", "MPOL_DEFAULT", "MPOL_PREFERRED", "MPOL_BIND",
			 "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE", "flags",
			 "MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES");
}

static json_t *enabled(void)
{
	return json_pack("{s:b}", "enabled", 1);
}

static json_t *seccomp_features(void)
{
	return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o}", "enabled", 1, "actions", names(seccomp_action_name), "operators",
			 names(seccomp_operator_name), "archs", names(seccomp_arch_name), "knownFlags",
			 names(seccomp_flag_name), "supportedFlags", supported_flags());
}

static json_t *linux_features(void)
{
	json_t *cgroup = json_pack("{s:b, s:b, s:b, s:b, s:b}", "v1", 1, "v2", 1, "systemd", 1, "systemdUser", 1, "rdma", 1);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:{s:b, s:b, s:b}, s:o, s:{s:o}, s:o}", "namespaces",
			 names(namespace_name), "capabilities", names(capability), "cgroup", cgroup, "seccomp", seccomp_features(),
			 "apparmor", enabled(), "selinux", enabled(), "intelRdt", "enabled", 1, "schemata", 1, "monitoring", 1,
			 "memoryPolicy", memory_policy(), "mountExtensions", "idmap", enabled(), "netDevices", enabled());
}

json_t *container_features(void)
{
	json_t *j = json_pack("{s:s, s:s, s:[s,s,s,s,s,s], s:o, s:o}", "ociVersionMin", "1.0.0", "ociVersionMax",
			      CONTAINER_SPEC_VERSION, "hooks", "prestart", "createRuntime", "createContainer", "startContainer",
			      "poststart", "poststop", "mountOptions", mount_names(), "linux", linux_features());
	json_object_set_new(j, "annotations",
			    json_pack("{s:s}", "org.knarr.version", KNARR_VERSION));
	json_object_set_new(j, "potentiallyUnsafeConfigAnnotations",
			    json_pack("[s,s,s]", "bundle", "org.systemd.property.", "org.criu.config"));
	return j;
}
