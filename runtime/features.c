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
	json_t *list = json_array();
	for (size_t i = 0; i < strv_len(all); i++)
		json_array_append_new(list, json_string(all[i]));
	return list;
}

json_t *container_features(void)
{
	json_t *seccomp = json_pack("{s:b, s:o, s:o, s:o, s:o}", "enabled", 1, "actions", names(seccomp_action_name), "operators",
				    names(seccomp_operator_name), "archs", names(seccomp_arch_name), "knownFlags",
				    names(seccomp_flag_name));
	json_t *cgroup = json_pack("{s:b, s:b, s:b, s:b}", "v1", 1, "v2", 1, "systemd", 0, "systemdUser", 0);
	json_t *linux_ = json_pack("{s:o, s:o, s:o, s:o, s:{s:b}, s:{s:b}}", "namespaces", names(namespace_name), "capabilities",
				   names(capability), "cgroup", cgroup, "seccomp", seccomp, "apparmor", "enabled", 1, "selinux",
				   "enabled", 1);
	return json_pack("{s:s, s:s, s:[s,s,s,s,s,s], s:o, s:o}", "ociVersionMin", "1.0.0", "ociVersionMax", "1.2.0", "hooks",
			 "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop", "mountOptions",
			 mount_names(), "linux", linux_);
}
