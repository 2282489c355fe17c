/* Pod Security Standards. Purpose: which fields of a pod leave the level that its namespace demands. Happy path: a table
 * of checks, each with the version that it came with; those of the level run in the order of their names, a stricter one
 * in place of the one that it covers. Nothing fails: a violation is text. */
#include "cp/admission/pod_security_checks.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

/* What a check has found. */
struct finding {
	const json_t *meta, *spec;
	int minor;
	char *reason, *detail; /* reason NULL: nothing */
};

static const char *const container_lists[] = { "initContainers", "containers", "ephemeralContainers" };

/* Walks all containers of spec: for (struct walk w = {0}; (c = next_container(spec, &w));) */
struct walk {
	size_t list, at;
};

static const json_t *next_container(const json_t *spec, struct walk *w)
{
	for (; w->list < ARRAY_LEN(container_lists); w->list++, w->at = 0) {
		const json_t *c = json_array_get(json_object_get(spec, container_lists[w->list]), w->at);
		if (c) {
			w->at++;
			return c;
		}
	}
	return NULL;
}

static const char *name_of(const json_t *c)
{
	return json_str_or(c, "name", "");
}

static const char *plural(const char *one, const char *many, size_t n)
{
	return n == 1 ? one : many;
}

static void add_once(char ***list, const char *text)
{
	if (!strv_has(*list, text))
		strv_add(list, text);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(char **list)
{
	if (list)
		qsort(list, strv_len(list), sizeof(*list), by_text);
}

/* "a", "b" */
static char *quoted(char *const *list)
{
	struct str out = STR_INIT;
	for (size_t i = 0; list && list[i]; i++) {
		str_add(&out, i ? ", " : "");
		str_add_json(&out, list[i]);
	}
	return str_take(&out);
}

/* container "a", or containers "a", "b" */
static char *containers(char *const *names)
{
	AUTO_FREE char *all = quoted(names);
	return xasprintf("%s %s", plural("container", "containers", strv_len(names)), all);
}

/* pod and container "a" */
static char *setters(bool pod, char *const *names)
{
	AUTO_FREE char *some = names ? containers(names) : NULL;
	return xasprintf("%s%s%s", pod ? "pod" : "", pod && some ? " and " : "", some ? some : "");
}

static void found(struct finding *f, const char *reason, char *detail)
{
	f->reason = xstrdup(reason);
	f->detail = detail;
}

/* --- what several checks share ----------------------------------------------------------------------------------- */

/* Containers whose value at path is of the JSON type (JSON_TRUE ...). */
static char **containers_with(const json_t *spec, const char *path, json_type type)
{
	char **names = NULL;
	const json_t *c;
	for (struct walk w = { 0 }; (c = next_container(spec, &w));) {
		const json_t *v = json_at(c, path);
		if (v && json_typeof(v) == type)
			strv_add(&names, name_of(c));
	}
	return names;
}

static bool is_windows(const struct finding *f, int since)
{
	return f->minor >= since && str_eq(json_str_at(f->spec, "os.name"), "windows");
}

/* A pod with users of its own may look like root inside. */
static bool has_own_users(const struct finding *f)
{
	const json_t *v = json_object_get(f->spec, "hostUsers");
	return f->minor >= 35 && json_is_false(v);
}

static bool is_one_of(const char *const *list, const char *text)
{
	return strv_has((char *const *)list, text);
}

/* --- baseline ---------------------------------------------------------------------------------------------------- */

static bool apparmor_annotation_is_fine(const char *v)
{
	return !*v || strcmp(v, "runtime/default") == 0 || str_has_prefix(v, "localhost/");
}

static void apparmor(struct finding *f)
{
	static const char *const allowed[] = { "RuntimeDefault", "Localhost", NULL };
	AUTO_STRV char **names = NULL;
	AUTO_STRV char **values = NULL;
	AUTO_STRV char **notes = NULL;
	const char *type = json_str_at(f->spec, "securityContext.appArmorProfile.type"), *key;
	const json_t *c;
	json_t *v, *annotations = json_object_get(f->meta, "annotations");
	bool pod = type && !is_one_of(allowed, type);
	if (pod)
		add_once(&values, type);
	for (struct walk w = { 0 }; (c = next_container(f->spec, &w));) {
		type = json_str_at(c, "securityContext.appArmorProfile.type");
		if (!type || is_one_of(allowed, type))
			continue;
		strv_add(&names, name_of(c));
		add_once(&values, type);
	}
	if (json_is_object(annotations))
		json_object_foreach(annotations, key, v)
		{
			if (!str_has_prefix(key, "container.apparmor.security.beta.kubernetes.io/") ||
			    apparmor_annotation_is_fine(json_string_value(v)))
				continue;
			AUTO_FREE char *note = xasprintf("%s=\"%s\"", key, json_string_value(v));
			strv_add(&notes, note);
		}
	size_t n = strv_len(values) + strv_len(notes);
	if (!n)
		return;
	sort(values);
	sort(notes);
	AUTO_FREE char *who = setters(pod, names);
	AUTO_STRV char **parts = NULL;
	if (*who)
		strv_add(&parts, who);
	if (notes)
		strv_add(&parts, plural("annotation", "annotations", strv_len(notes)));
	for (size_t i = 0; notes && notes[i]; i++)
		strv_add(&values, notes[i]);
	AUTO_FREE char *all = quoted(values), *by = str_join(parts, " and ");
	found(f, plural("forbidden AppArmor profile", "forbidden AppArmor profiles", n),
	      xasprintf("%s must not set AppArmor profile type to %s", by, all));
}

/* Containers that add capabilities outside allowed; the capabilities in values. */
static char **adding(const json_t *spec, const char *const *allowed, char ***values)
{
	char **names = NULL;
	const json_t *c;
	for (struct walk w = { 0 }; (c = next_container(spec, &w));) {
		size_t i;
		json_t *cap;
		bool bad = false;
		json_array_foreach(json_at(c, "securityContext.capabilities.add"), i, cap)
		{
			if (is_one_of(allowed, json_string_value(cap)))
				continue;
			bad = true;
			add_once(values, json_string_value(cap));
		}
		if (bad)
			strv_add(&names, name_of(c));
	}
	sort(*values);
	return names;
}

static void capabilities_baseline(struct finding *f)
{
	static const char *const allowed[] = { "AUDIT_WRITE", "CHOWN",		   "DAC_OVERRIDE", "FOWNER", "FSETID",
					       "KILL",	      "MKNOD",		   "NET_BIND_SERVICE", "SETFCAP", "SETGID",
					       "SETPCAP",     "SETUID",		   "SYS_CHROOT",   NULL };
	AUTO_STRV char **values = NULL;
	AUTO_STRV char **names = adding(f->spec, allowed, &values);
	if (!names)
		return;
	AUTO_FREE char *who = containers(names), *what = quoted(values);
	found(f, "non-default capabilities", xasprintf("%s must not include %s in securityContext.capabilities.add", who, what));
}

static void host_namespaces(struct finding *f)
{
	static const char *const fields[] = { "hostNetwork", "hostPID", "hostIPC" };
	struct str out = STR_INIT;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (json_bool_at(f->spec, fields[i], false))
			str_addf(&out, "%s%s=true", out.len ? ", " : "", fields[i]);
	if (out.len)
		found(f, "host namespaces", str_take(&out));
}

static void host_path_volumes(struct finding *f)
{
	AUTO_STRV char **names = NULL;
	size_t i;
	json_t *v;
	json_array_foreach(json_object_get(f->spec, "volumes"), i, v)
	{
		if (json_object_get(v, "hostPath"))
			strv_add(&names, name_of(v));
	}
	if (!names)
		return;
	AUTO_FREE char *all = quoted(names);
	found(f, "hostPath volumes", xasprintf("%s %s", plural("volume", "volumes", strv_len(names)), all));
}

static void host_ports(struct finding *f)
{
	AUTO_STRV char **names = NULL;
	AUTO_STRV char **ports = NULL;
	const json_t *c;
	for (struct walk w = { 0 }; (c = next_container(f->spec, &w));) {
		size_t i;
		json_t *p;
		bool bad = false;
		json_array_foreach(json_object_get(c, "ports"), i, p)
		{
			int64_t port = json_int_at(p, "hostPort", 0);
			if (!port)
				continue;
			AUTO_FREE char *text = xasprintf("%lld", (long long)port);
			bad = true;
			add_once(&ports, text);
		}
		if (bad)
			strv_add(&names, name_of(c));
	}
	if (!names)
		return;
	sort(ports);
	size_t n = strv_len(names);
	AUTO_FREE char *who = containers(names), *what = str_join(ports, ", ");
	found(f, "hostPort",
	      xasprintf("%s %s %s %s", who, plural("uses", "use", n), plural("hostPort", "hostPorts", strv_len(ports)), what));
}

static void host_handlers(struct finding *f)
{
	static const char *const paths[] = { "livenessProbe",	   "readinessProbe",	"startupProbe",
					     "lifecycle.postStart", "lifecycle.preStop" };
	static const char *const ways[] = { "httpGet.host", "tcpSocket.host" };
	AUTO_STRV char **names = NULL;
	AUTO_STRV char **hosts = NULL;
	const json_t *c;
	for (struct walk w = { 0 }; (c = next_container(f->spec, &w));)
		for (size_t i = 0; i < ARRAY_LEN(paths) * ARRAY_LEN(ways); i++) {
			const char *host = json_str_at(json_at(c, paths[i / 2]), ways[i % 2]);
			if (str_empty(host))
				continue;
			add_once(&names, name_of(c));
			add_once(&hosts, host);
		}
	if (!names)
		return;
	sort(names);
	sort(hosts);
	AUTO_FREE char *who = containers(names), *what = quoted(hosts);
	found(f, "probe or lifecycle host",
	      xasprintf("%s %s %s %s", who, plural("uses", "use", strv_len(names)),
			plural("probe or lifecycle host", "probe or lifecycle hosts", strv_len(hosts)), what));
}

static void privileged(struct finding *f)
{
	AUTO_STRV char **names = containers_with(f->spec, "securityContext.privileged", JSON_TRUE);
	if (!names)
		return;
	AUTO_FREE char *who = containers(names);
	found(f, "privileged", xasprintf("%s must not set securityContext.privileged=true", who));
}

static void proc_mount(struct finding *f)
{
	AUTO_STRV char **names = NULL;
	AUTO_STRV char **types = NULL;
	const json_t *c;
	if (has_own_users(f))
		return;
	for (struct walk w = { 0 }; (c = next_container(f->spec, &w));) {
		const char *type = json_str_at(c, "securityContext.procMount");
		if (!type || strcmp(type, "Default") == 0)
			continue;
		strv_add(&names, name_of(c));
		add_once(&types, type);
	}
	if (!names)
		return;
	sort(types);
	AUTO_FREE char *who = containers(names), *what = quoted(types);
	found(f, "procMount", xasprintf("%s must not set securityContext.procMount to %s", who, what));
}

struct selinux {
	char **types;
	bool user, role;
};

static bool selinux_is_bad(const json_t *options, int minor, struct selinux *s)
{
	static const char *const allowed[] = { "", "container_t", "container_init_t", "container_kvm_t", NULL };
	const char *type = json_str_or(options, "type", "");
	bool bad_type = !is_one_of(allowed, type) && !(minor >= 31 && strcmp(type, "container_engine_t") == 0);
	bool user = *json_str_or(options, "user", ""), role = *json_str_or(options, "role", "");
	if (bad_type)
		add_once(&s->types, type);
	s->user |= user;
	s->role |= role;
	return bad_type || user || role;
}

static void selinux_options(struct finding *f)
{
	struct selinux s = { 0 };
	AUTO_STRV char **names = NULL;
	AUTO_STRV char **data = NULL;
	const json_t *c, *options = json_at(f->spec, "securityContext.seLinuxOptions");
	bool pod = options && selinux_is_bad(options, f->minor, &s);
	for (struct walk w = { 0 }; (c = next_container(f->spec, &w));) {
		options = json_at(c, "securityContext.seLinuxOptions");
		if (options && selinux_is_bad(options, f->minor, &s))
			strv_add(&names, name_of(c));
	}
	if (s.types) {
		sort(s.types);
		AUTO_FREE char *all = quoted(s.types);
		AUTO_FREE char *text = xasprintf("%s %s", plural("type", "types", strv_len(s.types)), all);
		strv_add(&data, text);
	}
	if (s.user)
		strv_add(&data, "user may not be set");
	if (s.role)
		strv_add(&data, "role may not be set");
	if (pod || names) {
		AUTO_FREE char *who = setters(pod, names), *what = str_join(data, "; ");
		found(f, "seLinuxOptions", xasprintf("%s set forbidden securityContext.seLinuxOptions: %s", who, what));
	}
	free_strv(&s.types);
}

static const char *const seccomp_allowed[] = { "RuntimeDefault", "Localhost", NULL };

/* Who sets a profile that is not allowed. */
static bool seccomp_is_set_badly(struct finding *f)
{
	AUTO_STRV char **names = NULL;
	AUTO_STRV char **values = NULL;
	const json_t *c;
	const char *type = json_str_at(f->spec, "securityContext.seccompProfile.type");
	bool pod = type && !is_one_of(seccomp_allowed, type);
	if (pod)
		add_once(&values, type);
	for (struct walk w = { 0 }; (c = next_container(f->spec, &w));) {
		type = json_str_at(c, "securityContext.seccompProfile.type");
		if (!type || is_one_of(seccomp_allowed, type))
			continue;
		strv_add(&names, name_of(c));
		add_once(&values, type);
	}
	if (!values)
		return false;
	sort(values);
	AUTO_FREE char *who = setters(pod, names), *what = quoted(values);
	found(f, "seccompProfile", xasprintf("%s must not set securityContext.seccompProfile.type to %s", who, what));
	return true;
}

/* Before there were fields: annotations. */
static void seccomp_annotations(struct finding *f)
{
	AUTO_STRV char **bad = NULL;
	const json_t *annotations = json_object_get(f->meta, "annotations"), *c = NULL;
	struct walk w = { 0 };
	do {
		AUTO_FREE char *key = c ? xasprintf("container.seccomp.security.alpha.kubernetes.io/%s", name_of(c))
					: xstrdup("seccomp.security.alpha.kubernetes.io/pod");
		const char *v = json_member(annotations, key);
		if (!v || strcmp(v, "runtime/default") == 0 || strcmp(v, "docker/default") == 0 || str_has_prefix(v, "localhost/"))
			continue;
		AUTO_FREE char *text = xasprintf("%s=\"%s\"", key, v);
		add_once(&bad, text);
	} while ((c = next_container(f->spec, &w)));
	if (!bad)
		return;
	sort(bad);
	AUTO_FREE char *all = str_join(bad, ", ");
	found(f, "seccompProfile", xasprintf("forbidden %s %s", plural("annotation", "annotations", strv_len(bad)), all));
}

static void seccomp_baseline(struct finding *f)
{
	if (f->minor < 19)
		seccomp_annotations(f);
	else
		seccomp_is_set_badly(f);
}

static void sysctls(struct finding *f)
{
	static const struct {
		const char *name;
		int since;
	} allowed[] = {
		{ "kernel.shm_rmid_forced", 0 },	   { "net.ipv4.ip_local_port_range", 0 },
		{ "net.ipv4.tcp_syncookies", 0 },	   { "net.ipv4.ping_group_range", 0 },
		{ "net.ipv4.ip_unprivileged_port_start", 0 }, { "net.ipv4.ip_local_reserved_ports", 27 },
		{ "net.ipv4.tcp_keepalive_time", 29 },	   { "net.ipv4.tcp_fin_timeout", 29 },
		{ "net.ipv4.tcp_keepalive_intvl", 29 },	   { "net.ipv4.tcp_keepalive_probes", 29 },
		{ "net.ipv4.tcp_rmem", 32 },		   { "net.ipv4.tcp_wmem", 32 },
	};
	AUTO_STRV char **bad = NULL;
	size_t i;
	json_t *s;
	json_array_foreach(json_at(f->spec, "securityContext.sysctls"), i, s)
	{
		bool fine = false;
		for (size_t k = 0; k < ARRAY_LEN(allowed); k++)
			fine |= f->minor >= allowed[k].since && strcmp(allowed[k].name, name_of(s)) == 0;
		if (!fine)
			strv_add(&bad, name_of(s));
	}
	if (bad)
		found(f, "forbidden sysctls", str_join(bad, ", "));
}

static void windows_host_process(struct finding *f)
{
	AUTO_STRV char **names = containers_with(f->spec, "securityContext.windowsOptions.hostProcess", JSON_TRUE);
	bool pod = json_bool_at(f->spec, "securityContext.windowsOptions.hostProcess", false);
	if (!pod && !names)
		return;
	AUTO_FREE char *who = setters(pod, names);
	found(f, "hostProcess", xasprintf("%s must not set securityContext.windowsOptions.hostProcess=true", who));
}

/* --- restricted -------------------------------------------------------------------------------------------------- */

static void privilege_escalation(struct finding *f)
{
	AUTO_STRV char **names = NULL;
	const json_t *c;
	if (is_windows(f, 25))
		return;
	for (struct walk w = { 0 }; (c = next_container(f->spec, &w));)
		if (json_bool_at(c, "securityContext.allowPrivilegeEscalation", true))
			strv_add(&names, name_of(c));
	if (!names)
		return;
	AUTO_FREE char *who = containers(names);
	found(f, "allowPrivilegeEscalation != false",
	      xasprintf("%s must set securityContext.allowPrivilegeEscalation=false", who));
}

static void capabilities_restricted(struct finding *f)
{
	static const char *const allowed[] = { "NET_BIND_SERVICE", NULL };
	AUTO_STRV char **keeping = NULL;
	AUTO_STRV char **values = NULL;
	AUTO_STRV char **details = NULL;
	const json_t *c;
	if (is_windows(f, 25))
		return;
	for (struct walk w = { 0 }; (c = next_container(f->spec, &w));) {
		size_t i;
		json_t *cap;
		bool all = false;
		json_array_foreach(json_at(c, "securityContext.capabilities.drop"), i, cap)
		{
			all |= str_eq(json_string_value(cap), "ALL");
		}
		if (!all)
			strv_add(&keeping, name_of(c));
	}
	AUTO_STRV char **names = adding(f->spec, allowed, &values);
	if (keeping) {
		AUTO_FREE char *who = containers(keeping);
		AUTO_FREE char *text = xasprintf("%s must set securityContext.capabilities.drop=[\"ALL\"]", who);
		strv_add(&details, text);
	}
	if (names) {
		AUTO_FREE char *who = containers(names), *what = quoted(values);
		AUTO_FREE char *text = xasprintf("%s must not include %s in securityContext.capabilities.add", who, what);
		strv_add(&details, text);
	}
	if (details)
		found(f, "unrestricted capabilities", str_join(details, "; "));
}

static void restricted_volumes(struct finding *f)
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
			fine |= is_one_of(allowed, key);
			if (strcmp(key, "name") != 0)
				type = key;
		}
		if (fine)
			continue;
		strv_add(&names, name_of(v));
		add_once(&types, type);
	}
	if (!names)
		return;
	sort(types);
	AUTO_FREE char *who = quoted(names), *what = quoted(types);
	size_t n = strv_len(names);
	found(f, "restricted volume types",
	      xasprintf("%s %s %s %s %s", plural("volume", "volumes", n), who, plural("uses", "use", n),
			plural("restricted volume type", "restricted volume types", strv_len(types)), what));
}

static void run_as_non_root(struct finding *f)
{
	AUTO_STRV char **refusing = NULL;
	AUTO_STRV char **silent = NULL;
	const json_t *c, *pod = json_at(f->spec, "securityContext.runAsNonRoot");
	if (has_own_users(f))
		return;
	for (struct walk w = { 0 }; (c = next_container(f->spec, &w));) {
		const json_t *v = json_at(c, "securityContext.runAsNonRoot");
		if (json_is_false(v))
			strv_add(&refusing, name_of(c));
		else if (!json_is_true(v) && !json_is_true(pod))
			strv_add(&silent, name_of(c));
	}
	if (json_is_false(pod) || refusing) {
		AUTO_FREE char *who = setters(json_is_false(pod), refusing);
		found(f, "runAsNonRoot != true", xasprintf("%s must not set securityContext.runAsNonRoot=false", who));
	} else if (silent) {
		AUTO_FREE char *who = containers(silent);
		found(f, "runAsNonRoot != true", xasprintf("pod or %s must set securityContext.runAsNonRoot=true", who));
	}
}

static void run_as_user(struct finding *f)
{
	AUTO_STRV char **names = NULL;
	const json_t *c;
	bool pod = json_int_at(f->spec, "securityContext.runAsUser", -1) == 0;
	if (has_own_users(f))
		return;
	for (struct walk w = { 0 }; (c = next_container(f->spec, &w));)
		if (json_int_at(c, "securityContext.runAsUser", -1) == 0)
			strv_add(&names, name_of(c));
	if (!pod && !names)
		return;
	AUTO_FREE char *who = setters(pod, names);
	found(f, "runAsUser=0", xasprintf("%s must not set runAsUser=0", who));
}

static void seccomp_restricted(struct finding *f)
{
	AUTO_STRV char **silent = NULL;
	const json_t *c;
	if (is_windows(f, 25) || seccomp_is_set_badly(f) || json_at(f->spec, "securityContext.seccompProfile"))
		return;
	for (struct walk w = { 0 }; (c = next_container(f->spec, &w));)
		if (!json_at(c, "securityContext.seccompProfile"))
			strv_add(&silent, name_of(c));
	if (!silent)
		return;
	AUTO_FREE char *who = containers(silent);
	found(f, "seccompProfile",
	      xasprintf("pod or %s must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"", who));
}

/* In the order in which they are told; since: the minor version that brought it. */
static const struct check {
	enum pod_security_level level;
	int since;
	void (*run)(struct finding *f);
	void (*covers)(struct finding *f); /* the milder check that goes without saying */
} checks[] = {
	{ POD_SECURITY_BASELINE, 0, apparmor, NULL },
	{ POD_SECURITY_BASELINE, 0, capabilities_baseline, NULL },
	{ POD_SECURITY_BASELINE, 0, host_namespaces, NULL },
	{ POD_SECURITY_BASELINE, 0, host_path_volumes, NULL },
	{ POD_SECURITY_BASELINE, 0, host_ports, NULL },
	{ POD_SECURITY_BASELINE, 34, host_handlers, NULL },
	{ POD_SECURITY_BASELINE, 0, privileged, NULL },
	{ POD_SECURITY_BASELINE, 0, proc_mount, NULL },
	{ POD_SECURITY_BASELINE, 0, selinux_options, NULL },
	{ POD_SECURITY_BASELINE, 0, seccomp_baseline, NULL },
	{ POD_SECURITY_BASELINE, 0, sysctls, NULL },
	{ POD_SECURITY_BASELINE, 0, windows_host_process, NULL },
	{ POD_SECURITY_RESTRICTED, 8, privilege_escalation, NULL },
	{ POD_SECURITY_RESTRICTED, 22, capabilities_restricted, capabilities_baseline },
	{ POD_SECURITY_RESTRICTED, 0, restricted_volumes, host_path_volumes },
	{ POD_SECURITY_RESTRICTED, 0, run_as_non_root, NULL },
	{ POD_SECURITY_RESTRICTED, 23, run_as_user, NULL },
	{ POD_SECURITY_RESTRICTED, 19, seccomp_restricted, seccomp_baseline },
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
