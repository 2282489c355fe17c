/* The baseline level: what is known to lead out of a container. Each check notes what it finds; nothing fails. */
#include "cp/admission/pod_security_finding.h"

#include <stdlib.h>
#include <string.h>

static bool apparmor_annotation_is_fine(const char *v)
{
	return !*v || strcmp(v, "runtime/default") == 0 || str_has_prefix(v, "localhost/");
}

void pod_security_apparmor(struct finding *f)
{
	static const char *const allowed[] = { "RuntimeDefault", "Localhost", NULL };
	AUTO_STRV char **names = NULL;
	AUTO_STRV char **values = NULL;
	AUTO_STRV char **notes = NULL;
	const char *type = json_str_at(f->spec, "securityContext.appArmorProfile.type"), *key;
	const json_t *c;
	json_t *v, *annotations = json_object_get(f->meta, "annotations");
	bool pod = type && !check_is_one_of(allowed, type);
	if (pod)
		check_add_once(&values, type);
	for (struct walk w = { 0 }; (c = check_next_container(f->spec, &w));) {
		type = json_str_at(c, "securityContext.appArmorProfile.type");
		if (!type || check_is_one_of(allowed, type))
			continue;
		strv_add(&names, check_name(c));
		check_add_once(&values, type);
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
	check_sort(values);
	check_sort(notes);
	AUTO_FREE char *who = check_setters(pod, names);
	AUTO_STRV char **parts = NULL;
	if (*who)
		strv_add(&parts, who);
	if (notes)
		strv_add(&parts, check_plural("annotation", "annotations", strv_len(notes)));
	for (size_t i = 0; notes && notes[i]; i++)
		strv_add(&values, notes[i]);
	AUTO_FREE char *all = check_quoted(values), *by = str_join(parts, " and ");
	check_found(f, check_plural("forbidden AppArmor profile", "forbidden AppArmor profiles", n),
	      xasprintf("%s must not set AppArmor profile type to %s", by, all));
}

void pod_security_capabilities_baseline(struct finding *f)
{
	static const char *const allowed[] = { "AUDIT_WRITE", "CHOWN",		   "DAC_OVERRIDE", "FOWNER", "FSETID",
					       "KILL",	      "MKNOD",		   "NET_BIND_SERVICE", "SETFCAP", "SETGID",
					       "SETPCAP",     "SETUID",		   "SYS_CHROOT",   NULL };
	AUTO_STRV char **values = NULL;
	AUTO_STRV char **names = check_adding(f->spec, allowed, &values);
	if (!names)
		return;
	AUTO_FREE char *who = check_containers(names), *what = check_quoted(values);
	check_found(f, "non-default capabilities", xasprintf("%s must not include %s in securityContext.capabilities.add", who, what));
}

void pod_security_host_namespaces(struct finding *f)
{
	static const char *const fields[] = { "hostNetwork", "hostPID", "hostIPC" };
	struct str out = STR_INIT;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (json_bool_at(f->spec, fields[i], false))
			str_addf(&out, "%s%s=true", out.len ? ", " : "", fields[i]);
	if (out.len)
		check_found(f, "host namespaces", str_take(&out));
}

void pod_security_host_path_volumes(struct finding *f)
{
	AUTO_STRV char **names = NULL;
	size_t i;
	json_t *v;
	json_array_foreach(json_object_get(f->spec, "volumes"), i, v)
	{
		if (json_object_get(v, "hostPath"))
			strv_add(&names, check_name(v));
	}
	if (!names)
		return;
	AUTO_FREE char *all = check_quoted(names);
	check_found(f, "hostPath volumes", xasprintf("%s %s", check_plural("volume", "volumes", strv_len(names)), all));
}

void pod_security_host_ports(struct finding *f)
{
	AUTO_STRV char **names = NULL;
	AUTO_STRV char **ports = NULL;
	const json_t *c;
	for (struct walk w = { 0 }; (c = check_next_container(f->spec, &w));) {
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
			check_add_once(&ports, text);
		}
		if (bad)
			strv_add(&names, check_name(c));
	}
	if (!names)
		return;
	check_sort(ports);
	size_t n = strv_len(names);
	AUTO_FREE char *who = check_containers(names), *what = str_join(ports, ", ");
	check_found(f, "hostPort",
	      xasprintf("%s %s %s %s", who, check_plural("uses", "use", n), check_plural("hostPort", "hostPorts", strv_len(ports)), what));
}

void pod_security_host_handlers(struct finding *f)
{
	static const char *const paths[] = { "livenessProbe",	   "readinessProbe",	"startupProbe",
					     "lifecycle.postStart", "lifecycle.preStop" };
	static const char *const ways[] = { "httpGet.host", "tcpSocket.host" };
	AUTO_STRV char **names = NULL;
	AUTO_STRV char **hosts = NULL;
	const json_t *c;
	for (struct walk w = { 0 }; (c = check_next_container(f->spec, &w));)
		for (size_t i = 0; i < ARRAY_LEN(paths) * ARRAY_LEN(ways); i++) {
			const char *host = json_str_at(json_at(c, paths[i / 2]), ways[i % 2]);
			if (str_empty(host))
				continue;
			check_add_once(&names, check_name(c));
			check_add_once(&hosts, host);
		}
	if (!names)
		return;
	check_sort(names);
	check_sort(hosts);
	AUTO_FREE char *who = check_containers(names), *what = check_quoted(hosts);
	check_found(f, "probe or lifecycle host",
	      xasprintf("%s %s %s %s", who, check_plural("uses", "use", strv_len(names)),
			check_plural("probe or lifecycle host", "probe or lifecycle hosts", strv_len(hosts)), what));
}

void pod_security_privileged(struct finding *f)
{
	AUTO_STRV char **names = check_containers_with(f->spec, "securityContext.privileged", JSON_TRUE);
	if (!names)
		return;
	AUTO_FREE char *who = check_containers(names);
	check_found(f, "privileged", xasprintf("%s must not set securityContext.privileged=true", who));
}

void pod_security_proc_mount(struct finding *f)
{
	if (!check_has_own_users(f))
		pod_security_proc_mount_restricted(f);
}

void pod_security_proc_mount_restricted(struct finding *f)
{
	AUTO_STRV char **names = NULL;
	AUTO_STRV char **types = NULL;
	const json_t *c;
	for (struct walk w = { 0 }; (c = check_next_container(f->spec, &w));) {
		const char *type = json_str_at(c, "securityContext.procMount");
		if (!type || strcmp(type, "Default") == 0)
			continue;
		strv_add(&names, check_name(c));
		check_add_once(&types, type);
	}
	if (!names)
		return;
	check_sort(types);
	AUTO_FREE char *who = check_containers(names), *what = check_quoted(types);
	check_found(f, "procMount", xasprintf("%s must not set securityContext.procMount to %s", who, what));
}

struct selinux {
	char **types;
	bool user, role;
};

static bool selinux_is_bad(const json_t *options, int minor, struct selinux *s)
{
	static const char *const allowed[] = { "", "container_t", "container_init_t", "container_kvm_t", NULL };
	const char *type = json_str_or(options, "type", "");
	bool bad_type = !check_is_one_of(allowed, type) && !(minor >= 31 && strcmp(type, "container_engine_t") == 0);
	bool user = *json_str_or(options, "user", ""), role = *json_str_or(options, "role", "");
	if (bad_type)
		check_add_once(&s->types, type);
	s->user |= user;
	s->role |= role;
	return bad_type || user || role;
}

void pod_security_selinux_options(struct finding *f)
{
	struct selinux s = { 0 };
	AUTO_STRV char **names = NULL;
	AUTO_STRV char **data = NULL;
	const json_t *c, *options = json_at(f->spec, "securityContext.seLinuxOptions");
	bool pod = options && selinux_is_bad(options, f->minor, &s);
	for (struct walk w = { 0 }; (c = check_next_container(f->spec, &w));) {
		options = json_at(c, "securityContext.seLinuxOptions");
		if (options && selinux_is_bad(options, f->minor, &s))
			strv_add(&names, check_name(c));
	}
	if (s.types) {
		check_sort(s.types);
		AUTO_FREE char *all = check_quoted(s.types);
		AUTO_FREE char *text = xasprintf("%s %s", check_plural("type", "types", strv_len(s.types)), all);
		strv_add(&data, text);
	}
	if (s.user)
		strv_add(&data, "user may not be set");
	if (s.role)
		strv_add(&data, "role may not be set");
	if (pod || names) {
		AUTO_FREE char *who = check_setters(pod, names), *what = str_join(data, "; ");
		check_found(f, "seLinuxOptions", xasprintf("%s set forbidden securityContext.seLinuxOptions: %s", who, what));
	}
	free_strv(&s.types);
}

/* Before there were fields: annotations. */
static void seccomp_annotations(struct finding *f)
{
	AUTO_STRV char **bad = NULL;
	const json_t *annotations = json_object_get(f->meta, "annotations"), *c = NULL;
	struct walk w = { 0 };
	do {
		AUTO_FREE char *key = c ? xasprintf("container.seccomp.security.alpha.kubernetes.io/%s", check_name(c))
					: xstrdup("seccomp.security.alpha.kubernetes.io/pod");
		const char *v = json_member(annotations, key);
		if (!v || strcmp(v, "runtime/default") == 0 || strcmp(v, "docker/default") == 0 || str_has_prefix(v, "localhost/"))
			continue;
		AUTO_FREE char *text = xasprintf("%s=\"%s\"", key, v);
		check_add_once(&bad, text);
	} while ((c = check_next_container(f->spec, &w)));
	if (!bad)
		return;
	check_sort(bad);
	AUTO_FREE char *all = str_join(bad, ", ");
	check_found(f, "seccompProfile", xasprintf("forbidden %s %s", check_plural("annotation", "annotations", strv_len(bad)), all));
}

void pod_security_seccomp_baseline(struct finding *f)
{
	if (f->minor < 19)
		seccomp_annotations(f);
	else
		check_seccomp(f);
}

void pod_security_sysctls(struct finding *f)
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
			fine |= f->minor >= allowed[k].since && strcmp(allowed[k].name, check_name(s)) == 0;
		if (!fine)
			strv_add(&bad, check_name(s));
	}
	if (bad)
		check_found(f, "forbidden sysctls", str_join(bad, ", "));
}

void pod_security_windows_host_process(struct finding *f)
{
	AUTO_STRV char **names = check_containers_with(f->spec, "securityContext.windowsOptions.hostProcess", JSON_TRUE);
	bool pod = json_bool_at(f->spec, "securityContext.windowsOptions.hostProcess", false);
	if (!pod && !names)
		return;
	AUTO_FREE char *who = check_setters(pod, names);
	check_found(f, "hostProcess", xasprintf("%s must not set securityContext.windowsOptions.hostProcess=true", who));
}
