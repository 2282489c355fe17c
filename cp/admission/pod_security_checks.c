/* Pod Security Standards. Purpose: which fields of a pod leave the level that its namespace demands. Happy path: a table
 * of checks, each with the version that it came with; those of the level run in the order of their names, a stricter one
 * in place of the one that it covers. Nothing fails: a violation is text. */
#include "cp/admission/pod_security_checks.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cp/admission/pod_security_finding.h"

/* In the order in which they are told; since: the minor version that brought it. */
static const struct check {
	enum pod_security_level level;
	int since;
	void (*run)(struct finding *f);
	void (*covers)(struct finding *f); /* the milder check that goes without saying */
} checks[] = {
	{ POD_SECURITY_BASELINE, 0, pod_security_apparmor, NULL },
	{ POD_SECURITY_BASELINE, 0, pod_security_capabilities_baseline, NULL },
	{ POD_SECURITY_BASELINE, 0, pod_security_host_namespaces, NULL },
	{ POD_SECURITY_BASELINE, 0, pod_security_host_path_volumes, NULL },
	{ POD_SECURITY_BASELINE, 0, pod_security_host_ports, NULL },
	{ POD_SECURITY_BASELINE, 34, pod_security_host_handlers, NULL },
	{ POD_SECURITY_BASELINE, 0, pod_security_privileged, NULL },
	{ POD_SECURITY_BASELINE, 0, pod_security_proc_mount, NULL },
	{ POD_SECURITY_BASELINE, 0, pod_security_selinux_options, NULL },
	{ POD_SECURITY_BASELINE, 0, pod_security_seccomp_baseline, NULL },
	{ POD_SECURITY_BASELINE, 0, pod_security_sysctls, NULL },
	{ POD_SECURITY_BASELINE, 0, pod_security_windows_host_process, NULL },
	{ POD_SECURITY_RESTRICTED, 8, pod_security_privilege_escalation, NULL },
	{ POD_SECURITY_RESTRICTED, 22, pod_security_capabilities_restricted, pod_security_capabilities_baseline },
	{ POD_SECURITY_RESTRICTED, 35, pod_security_proc_mount_restricted, NULL },
	{ POD_SECURITY_RESTRICTED, 0, pod_security_restricted_volumes, pod_security_host_path_volumes },
	{ POD_SECURITY_RESTRICTED, 0, pod_security_run_as_non_root, NULL },
	{ POD_SECURITY_RESTRICTED, 23, pod_security_run_as_user, NULL },
	{ POD_SECURITY_RESTRICTED, 19, pod_security_seccomp_restricted, pod_security_seccomp_baseline },
};

static bool applies(const struct check *c, enum pod_security_level level, int minor)
{
	return c->level <= level && c->since <= minor;
}

static bool is_covered(const struct check *c, enum pod_security_level level, int minor)
{
	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		if (checks[i].covers == c->run && applies(&checks[i], level, minor))
			return true;
	return false;
}

char *pod_security_violations(enum pod_security_level level, int minor, const json_t *meta, const json_t *spec,
			      bool details)
{
	struct str out = STR_INIT;
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		struct finding f = { .meta = meta, .spec = spec, .minor = minor };
		if (!applies(&checks[i], level, minor) || is_covered(&checks[i], level, minor))
			continue;
		checks[i].run(&f);
		if (f.reason) {
			str_addf(&out, "%s%s", out.len ? ", " : "", f.reason);
			if (details)
				str_addf(&out, " (%s)", f.detail);
		}
		free(f.reason);
		free(f.detail);
	}
	return out.len ? str_take(&out) : NULL;
}
