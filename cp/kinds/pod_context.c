/* Rules of the security contexts of a pod and of its containers. */
#include <ctype.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/go_value.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/rule.h"

enum { ID_MAX = 2147483647, SYSCTL_MAX = 253, PROFILE_MAX = 4095, CREDENTIAL_MAX = 64 * 1024, DOMAIN_MAX = 256, USER_MAX = 104 };

static void validate_seccomp(const json_t *profile, const char *path, struct field_errors *errors)
{
	bool local = !strcmp(json_str_or(profile, "type", ""), "Localhost");
	const json_t *name = json_object_get(profile, "localhostProfile");
	char p[FIELD_PATH_MAX];

	if (!profile)
		return;
	FIELD_PATH(p, "%s.localhostProfile", path);
	if (local && !name) {
		field_required(errors, p, "must be set when seccomp type is Localhost");
	} else if (local) {
		rule_path_inside(profile, path, "localhostProfile", errors);
	} else if (name) {
		AUTO_JSON *shown = go_shown(errors, "core.v1.SeccompProfile", profile);
		field_invalid(errors, p, shown, "can only be set when seccomp type is Localhost");
	}
}

static void validate_apparmor(const json_t *profile, const char *path, struct field_errors *errors)
{
	const char *type = json_str_or(profile, "type", ""), *name = json_member(profile, "localhostProfile");
	bool local = !strcmp(type, "Localhost");
	char p[FIELD_PATH_MAX];

	if (!profile)
		return;
	FIELD_PATH(p, "%s.localhostProfile", path);
	if (!local) {
		if (name && *type)
			field_invalid(errors, p, json_object_get(profile, "localhostProfile"), "can only be set when AppArmor type is Localhost");
		return;
	}
	if (!name || !*name)
		field_required(errors, p, "must be set when AppArmor type is Localhost");
	else if (isspace((unsigned char)*name) || isspace((unsigned char)name[strlen(name) - 1]))
		field_invalid(errors, p, json_object_get(profile, "localhostProfile"), "must not be padded with whitespace");
	if (name && strlen(name) > PROFILE_MAX)
		field_too_long(errors, p, PROFILE_MAX);
}

/* --- Windows --------------------------------------------------------------------------------------------------------- */

static bool is_netbios_or_dns(const char *domain)
{
	size_t n = strlen(domain);
	AUTO_FREE char *lower = xstrdup(domain);

	for (char *c = lower; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return (n >= 1 && n <= 15 && *domain != '.' && !strpbrk(domain, "\\/:*?\"<>|")) || !name_check_subdomain(lower);
}

static void validate_windows_user(const json_t *options, const char *path, struct field_errors *errors)
{
	const json_t *v = json_object_get(options, "runAsUserName");
	const char *text = json_string_value(v), *slash = text ? strchr(text, '\\') : NULL, *user = slash ? slash + 1 : text;
	AUTO_FREE char *domain = slash ? xstrndup(text, (size_t)(slash - text)) : NULL;
	bool control = false;
	char p[FIELD_PATH_MAX];

	if (!text)
		return;
	FIELD_PATH(p, "%s.runAsUserName", path);
	for (const char *c = text; *c; c++)
		control |= iscntrl((unsigned char)*c) != 0;
	if (!*text || control || (slash && strchr(slash + 1, '\\'))) {
		field_invalid(errors, p, v, "runAsUserName cannot %s",
			      !*text ? "be an empty string" : control ? "contain control characters" : "contain more than one backslash");
		return;
	}
	if (domain && strlen(domain) >= DOMAIN_MAX)
		field_invalid(errors, p, v, "runAsUserName's Domain length must be under %d characters", DOMAIN_MAX);
	if (domain && !is_netbios_or_dns(domain))
		field_invalid(errors, p, v, "runAsUserName's Domain doesn't match the NetBios nor the DNS format");
	if (!*user)
		field_invalid(errors, p, v, "runAsUserName's User cannot be empty");
	else if (strlen(user) > USER_MAX)
		field_invalid(errors, p, v, "runAsUserName's User length must not be longer than %d characters", USER_MAX);
	if (*user && strspn(user, ". ") == strlen(user))
		field_invalid(errors, p, v, "runAsUserName's User cannot contain only periods or spaces");
	if (strpbrk(user, "\"/\\:;|=,+*?<>@[]"))
		field_invalid(errors, p, v, "runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]");
}

static void validate_windows(const json_t *options, const char *path, struct field_errors *errors)
{
	const json_t *spec = json_object_get(options, "gmsaCredentialSpec");
	char p[FIELD_PATH_MAX];

	if (!options)
		return;
	rule_name(options, path, "gmsaCredentialSpecName", name_check_subdomain, errors);
	FIELD_PATH(p, "%s.gmsaCredentialSpec", path);
	if (spec && !json_string_length(spec))
		field_invalid(errors, p, spec, "gmsaCredentialSpec cannot be an empty string");
	else if (spec && json_string_length(spec) > CREDENTIAL_MAX)
		field_invalid(errors, p, spec, "gmsaCredentialSpec size must be under 64 KiB");
	validate_windows_user(options, path, errors);
}

/* --- containers ------------------------------------------------------------------------------------------------------ */

static void validate_escalation(const json_t *sc, const char *path, struct field_errors *errors)
{
	AUTO_JSON *shown = go_shown(errors, "core.v1.SecurityContext", sc);
	json_t *cap;
	size_t i;

	if (json_bool_at(sc, "allowPrivilegeEscalation", true))
		return;
	if (json_bool_at(sc, "privileged", false))
		field_invalid(errors, path, shown, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
	json_array_foreach(json_at(sc, "capabilities.add"), i, cap) if (str_eq(json_string_value(cap), "CAP_SYS_ADMIN"))
	    field_invalid(errors, path, shown, "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN");
}

void container_context_validate(const struct pod_rules *r, const json_t *container, const char *path)
{
	const json_t *sc = json_object_get(container, "securityContext");
	char at[FIELD_PATH_MAX], p[FIELD_PATH_MAX];

	if (!sc)
		return;
	FIELD_PATH(at, "%s.securityContext", path);
	if (!strcmp(json_str_or(sc, "procMount", ""), "Unmasked") && json_bool_at(r->spec, "hostUsers", true))
		field_invalid(r->errors, FIELD_PATH(p, "%s.procMount", at), json_object_get(sc, "procMount"),
			      "`hostUsers` must be false to use `Unmasked`");
	validate_seccomp(json_object_get(sc, "seccompProfile"), FIELD_PATH(p, "%s.seccompProfile", at), r->errors);
	validate_escalation(sc, at, r->errors);
	validate_windows(json_object_get(sc, "windowsOptions"), FIELD_PATH(p, "%s.windowsOptions", at), r->errors);
	validate_apparmor(json_object_get(sc, "appArmorProfile"), FIELD_PATH(p, "%s.appArmorProfile", at), r->errors);
}

/* --- pods ------------------------------------------------------------------------------------------------------------ */

static bool is_sysctl(const char *name)
{
	bool inside = false;

	if (strlen(name) > SYSCTL_MAX)
		return false;
	for (const char *c = name; *c; c++) {
		bool alnum = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9'), dash = *c == '-' || *c == '_',
		     sep = *c == '.' || *c == '/', last = !c[1] || c[1] == '.' || c[1] == '/';
		if (!(alnum || (dash && inside && !last) || (sep && inside && c[1])))
			return false;
		inside = !sep;
	}
	return true;
}

/* The namespace of the kernel that a sysctl belongs to. */
static const char *sysctl_shared_with_host(const json_t *spec, const char *name)
{
	AUTO_FREE char *dotted = xstrdup(name);

	for (char *c = dotted; *c; c++)
		*c = *c == '/' ? '.' : *c;
	if (str_has_prefix(dotted, "net.") && json_bool_at(spec, "hostNetwork", false))
		return "hostNetwork";
	if (json_bool_at(spec, "hostIPC", false) && (str_has_prefix(dotted, "kernel.shm") || str_has_prefix(dotted, "kernel.msg") ||
						     !strcmp(dotted, "kernel.sem") || str_has_prefix(dotted, "fs.mqueue.")))
		return "hostIPC";
	return NULL;
}

static void validate_sysctls(const struct pod_rules *r, const json_t *list, const char *path)
{
	AUTO_MAP *seen = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *s;
	size_t i;

	json_array_foreach(list, i, s)
	{
		const char *name = json_str_or(s, "name", ""), *host = sysctl_shared_with_host(r->spec, name);
		FIELD_PATH(p, "%s[%zu].name", path, i);
		if (*name && !is_sysctl(name))
			field_invalid(r->errors, p, json_object_get(s, "name"),
				      "must have at most %d characters and match regex "
				      "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$",
				      SYSCTL_MAX);
		else if (*name && map_has(seen, name))
			field_duplicate(r->errors, p, json_object_get(s, "name"));
		if (host)
			field_invalid(r->errors, p, json_object_get(s, "name"), "may not be specified when '%s' is true", host);
		map_set(seen, name, s);
	}
}

void pod_context_validate(const struct pod_rules *r)
{
	const json_t *sc = json_object_get(r->spec, "securityContext"), *share = json_object_get(r->spec, "shareProcessNamespace");
	char at[FIELD_PATH_MAX], p[FIELD_PATH_MAX];
	json_t *gid;
	size_t i;

	FIELD_PATH(at, "%s.securityContext", r->path);
	json_array_foreach(json_object_get(sc, "supplementalGroups"), i, gid) if (json_integer_value(gid) < 0 || json_integer_value(gid) > ID_MAX)
	    field_invalid(r->errors, FIELD_PATH(p, "%s.supplementalGroups[%zu]", at, i), gid, "must be between 0 and 2147483647, inclusive");
	if (json_is_true(share) && json_bool_at(r->spec, "hostPID", false))
		field_invalid(r->errors, FIELD_PATH(p, "%s.shareProcessNamespace", at), share,
			      "ShareProcessNamespace and HostPID cannot both be enabled");
	validate_sysctls(r, json_object_get(sc, "sysctls"), FIELD_PATH(p, "%s.sysctls", at));
	validate_seccomp(json_object_get(sc, "seccompProfile"), FIELD_PATH(p, "%s.seccompProfile", at), r->errors);
	validate_windows(json_object_get(sc, "windowsOptions"), FIELD_PATH(p, "%s.windowsOptions", at), r->errors);
	validate_apparmor(json_object_get(sc, "appArmorProfile"), FIELD_PATH(p, "%s.appArmorProfile", at), r->errors);
}
