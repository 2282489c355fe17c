/* The restricted level: what a hardened pod has to say and must not. Each check notes what it finds; nothing fails. */
#include "cp/admission/pod_security_finding.h"

#include <stdlib.h>
#include <string.h>

void pod_security_privilege_escalation(struct finding *f)
{
	AUTO_STRV char **names = NULL;
	const json_t *c;
	if (check_is_windows(f, 25))
		return;
	for (struct walk w = { 0 }; (c = check_next_container(f->spec, &w));)
		if (json_bool_at(c, "securityContext.allowPrivilegeEscalation", true))
			strv_add(&names, check_name(c));
	if (!names)
		return;
	AUTO_FREE char *who = check_containers(names);
	check_found(f, "allowPrivilegeEscalation != false",
	      xasprintf("%s must set securityContext.allowPrivilegeEscalation=false", who));
}

void pod_security_capabilities_restricted(struct finding *f)
{
	static const char *const allowed[] = { "NET_BIND_SERVICE", NULL };
	AUTO_STRV char **keeping = NULL;
	AUTO_STRV char **values = NULL;
	AUTO_STRV char **details = NULL;
	const json_t *c;
	if (check_is_windows(f, 25))
		return;
	for (struct walk w = { 0 }; (c = check_next_container(f->spec, &w));) {
		if (!json_has_text(json_at(c, "securityContext.capabilities.drop"), "ALL"))
			strv_add(&keeping, check_name(c));
	}
	AUTO_STRV char **names = check_adding(f->spec, allowed, &values);
	if (keeping) {
		AUTO_FREE char *who = check_containers(keeping);
		AUTO_FREE char *text = xasprintf("%s must set securityContext.capabilities.drop=[\"ALL\"]", who);
		strv_add(&details, text);
	}
	if (names) {
		AUTO_FREE char *who = check_containers(names), *what = check_quoted(values);
		AUTO_FREE char *text = xasprintf("%s must not include %s in securityContext.capabilities.add", who, what);
		strv_add(&details, text);
	}
	if (details)
		check_found(f, "unrestricted capabilities", str_join(details, "; "));
}

void pod_security_restricted_volumes(struct finding *f)
{
	static const char *const allowed[] = { "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image",
					       "persistentVolumeClaim", "projected", "secret", NULL };
	AUTO_STRV char **names = NULL;
	AUTO_STRV char **types = NULL;
	size_t i;
	json_t *v, *source;
	json_array_foreach(json_object_get(f->spec, "volumes"), i, v)
	{
		const char *key, *type = "unknown";
		bool fine = false;
		json_object_foreach(v, key, source)
		{
			fine |= check_is_one_of(allowed, key);
			if (strcmp(key, "name") != 0)
				type = key;
		}
		if (fine)
			continue;
		strv_add(&names, check_name(v));
		check_add_once(&types, type);
	}
	if (!names)
		return;
	check_sort(types);
	AUTO_FREE char *who = check_quoted(names), *what = check_quoted(types);
	size_t n = strv_len(names);
	check_found(f, "restricted volume types",
	      xasprintf("%s %s %s %s %s", check_plural("volume", "volumes", n), who, check_plural("uses", "use", n),
			check_plural("restricted volume type", "restricted volume types", strv_len(types)), what));
}

void pod_security_run_as_non_root(struct finding *f)
{
	AUTO_STRV char **refusing = NULL;
	AUTO_STRV char **silent = NULL;
	const json_t *c, *pod = json_at(f->spec, "securityContext.runAsNonRoot");
	if (check_has_own_users(f))
		return;
	for (struct walk w = { 0 }; (c = check_next_container(f->spec, &w));) {
		const json_t *v = json_at(c, "securityContext.runAsNonRoot");
		if (json_is_false(v))
			strv_add(&refusing, check_name(c));
		else if (!json_is_true(v) && !json_is_true(pod))
			strv_add(&silent, check_name(c));
	}
	if (json_is_false(pod) || refusing) {
		AUTO_FREE char *who = check_setters(json_is_false(pod), refusing);
		check_found(f, "runAsNonRoot != true", xasprintf("%s must not set securityContext.runAsNonRoot=false", who));
	} else if (silent) {
		AUTO_FREE char *who = check_containers(silent);
		check_found(f, "runAsNonRoot != true", xasprintf("pod or %s must set securityContext.runAsNonRoot=true", who));
	}
}

void pod_security_run_as_user(struct finding *f)
{
	AUTO_STRV char **names = NULL;
	const json_t *c;
	bool pod = json_int_at(f->spec, "securityContext.runAsUser", -1) == 0;
	if (check_has_own_users(f))
		return;
	for (struct walk w = { 0 }; (c = check_next_container(f->spec, &w));)
		if (json_int_at(c, "securityContext.runAsUser", -1) == 0)
			strv_add(&names, check_name(c));
	if (!pod && !names)
		return;
	AUTO_FREE char *who = check_setters(pod, names);
	check_found(f, "runAsUser=0", xasprintf("%s must not set runAsUser=0", who));
}

void pod_security_seccomp_restricted(struct finding *f)
{
	AUTO_STRV char **silent = NULL;
	const json_t *c;
	if (check_is_windows(f, 25) || check_seccomp(f) || json_at(f->spec, "securityContext.seccompProfile"))
		return;
	for (struct walk w = { 0 }; (c = check_next_container(f->spec, &w));)
		if (!json_at(c, "securityContext.seccompProfile"))
			strv_add(&silent, check_name(c));
	if (!silent)
		return;
	AUTO_FREE char *who = check_containers(silent);
	check_found(f, "seccompProfile",
	      xasprintf("pod or %s must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"", who));
}
