/* The OCI process object of a container: what runs, as whom, with which rights.
 *
 * Happy path: the pod's command and args over the image's, the environment, the user as resolved. What can fail:
 * nothing to run. What always holds: a container that is not privileged gets no capability that it did not ask for
 * beyond the common default set, and loses all effective ones when it is not root. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/env.h"
#include "agent/oci_spec.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

static const char *const default_caps[] = {"CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
					   "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
					   "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
					   "CAP_KILL",    "CAP_AUDIT_WRITE"};
static const char *const all_caps[] = {"CAP_CHOWN",
				       "CAP_DAC_OVERRIDE",
				       "CAP_DAC_READ_SEARCH",
				       "CAP_FOWNER",
				       "CAP_FSETID",
				       "CAP_KILL",
				       "CAP_SETGID",
				       "CAP_SETUID",
				       "CAP_SETPCAP",
				       "CAP_LINUX_IMMUTABLE",
				       "CAP_NET_BIND_SERVICE",
				       "CAP_NET_BROADCAST",
				       "CAP_NET_ADMIN",
				       "CAP_NET_RAW",
				       "CAP_IPC_LOCK",
				       "CAP_IPC_OWNER",
				       "CAP_SYS_MODULE",
				       "CAP_SYS_RAWIO",
				       "CAP_SYS_CHROOT",
				       "CAP_SYS_PTRACE",
				       "CAP_SYS_PACCT",
				       "CAP_SYS_ADMIN",
				       "CAP_SYS_BOOT",
				       "CAP_SYS_NICE",
				       "CAP_SYS_RESOURCE",
				       "CAP_SYS_TIME",
				       "CAP_SYS_TTY_CONFIG",
				       "CAP_MKNOD",
				       "CAP_LEASE",
				       "CAP_AUDIT_WRITE",
				       "CAP_AUDIT_CONTROL",
				       "CAP_SETFCAP",
				       "CAP_MAC_OVERRIDE",
				       "CAP_MAC_ADMIN",
				       "CAP_SYSLOG",
				       "CAP_WAKE_ALARM",
				       "CAP_BLOCK_SUSPEND",
				       "CAP_AUDIT_READ",
				       "CAP_PERFMON",
				       "CAP_BPF",
				       "CAP_CHECKPOINT_RESTORE"};

bool oci_privileged(const json_t *container)
{
	return json_bool_at(container, "securityContext.privileged", false);
}

/* A member of the container's security context, else of the pod's. */
static const json_t *security(const json_t *pod, const json_t *container, const char *member)
{
	const json_t *v = json_object_get(json_object_get(container, "securityContext"), member);
	return v ? v : json_object_get(json_at(pod, "spec.securityContext"), member);
}

char *oci_user(const json_t *pod, const json_t *container, const json_t *image)
{
	const json_t *uid = security(pod, container, "runAsUser"), *gid = security(pod, container, "runAsGroup");
	const char *own = json_str_or(image, "User", "");
	AUTO_FREE char *user = uid ? xasprintf("%lld", (long long)json_integer_value(uid)) : xstrdup(own);
	if (!gid)
		return TAKE(user);
	char *colon = strchr(user, ':');
	if (colon)
		*colon = '\0';
	return xasprintf("%s:%lld", *user ? user : "0", (long long)json_integer_value(gid));
}

int oci_check_nonroot(const json_t *pod, const json_t *container, const char *user, uint32_t uid, struct err *e)
{
	if (!json_is_true(security(pod, container, "runAsNonRoot")))
		return 0;
	size_t name_len = strcspn(user, ":");
	bool explicit_uid = security(pod, container, "runAsUser");
	if (name_len && strspn(user, "0123456789") < name_len)
		return err_set(
		    e, -EACCES,
		    "container has runAsNonRoot and image has non-numeric user (%.*s), cannot verify user is non-root "
		    "(pod: \"%s_%s(%s)\", container: %s)",
		    (int)name_len, user, json_str_or(pod, "metadata.name", ""),
		    json_str_or(pod, "metadata.namespace", ""), json_str_or(pod, "metadata.uid", ""),
		    json_str_or(container, "name", ""));
	if (uid != 0)
		return 0;
	return err_set(e, -EACCES, "container%s (pod: \"%s_%s(%s)\", container: %s)",
		       explicit_uid ? "'s runAsUser breaks non-root policy"
				    : " has runAsNonRoot and image will run as root",
		       json_str_or(pod, "metadata.name", ""), json_str_or(pod, "metadata.namespace", ""),
		       json_str_or(pod, "metadata.uid", ""), json_str_or(container, "name", ""));
}

static bool names(const json_t *list, const char *cap)
{
	size_t i;
	json_t *v;
	json_array_foreach(list, i, v)
	{
		const char *s = json_string_value(v);
		if (s && (!strcasecmp(s, cap) || !strcasecmp(s, cap + strlen("CAP_")) || !strcasecmp(s, "ALL")))
			return true;
	}
	return false;
}

static bool names_exactly(const json_t *list, const char *cap)
{
	size_t i;
	json_t *v;
	json_array_foreach(list, i, v)
	{
		const char *s = json_string_value(v);
		if (s && (!strcasecmp(s, cap) || !strcasecmp(s, cap + strlen("CAP_"))))
			return true;
	}
	return false;
}

static bool is_default(const char *cap)
{
	for (size_t i = 0; i < ARRAY_LEN(default_caps); i++)
		if (!strcmp(default_caps[i], cap))
			return true;
	return false;
}

static json_t *capabilities(const struct oci_in *in)
{
	const json_t *own = json_at(in->container, "securityContext.capabilities");
	const json_t *add = json_object_get(own, "add"), *drop = json_object_get(own, "drop");
	bool privileged = oci_privileged(in->container);
	json_t *list = json_array();
	for (size_t i = 0; i < ARRAY_LEN(all_caps); i++) {
		const char *cap = all_caps[i];
		bool has = privileged || (is_default(cap) && !names(drop, cap)) || names(add, cap);
		if (has && (privileged || !names_exactly(drop, cap)))
			json_array_append_new(list, json_string(cap));
	}
	json_t *o = json_object();
	json_object_set(o, "bounding", list);
	json_object_set_new(o, "effective", in->uid == 0 ? json_incref(list) : json_array());
	json_object_set_new(o, "permitted", in->uid == 0 ? json_incref(list) : json_array());
	json_decref(list);
	return o;
}

static void add_strings(json_t *to, const json_t *from, const struct map *env)
{
	size_t i;
	json_t *v;
	json_array_foreach(from, i, v)
	{
		AUTO_FREE char *text = env ? env_expand(env, json_string_value(v)) : xstrdup(json_string_value(v));
		json_array_append_new(to, json_string(text ? text : ""));
	}
}

/* command replaces Entrypoint and, unless args are given, Cmd. */
static json_t *arguments(const struct oci_in *in)
{
	const json_t *command = json_object_get(in->container, "command"),
		     *args = json_object_get(in->container, "args");
	json_t *list = json_array();
	if (json_array_size(command))
		add_strings(list, command, in->env);
	else
		add_strings(list, json_object_get(in->image, "Entrypoint"), NULL);
	if (json_array_size(args))
		add_strings(list, args, in->env);
	else if (!json_array_size(command))
		add_strings(list, json_object_get(in->image, "Cmd"), NULL);
	return list;
}

static bool defines(const struct oci_in *in, const char *assignment)
{
	AUTO_FREE char *name = xstrndup(assignment, strcspn(assignment, "="));
	return map_has(in->env, name);
}

static json_t *environment(const struct oci_in *in)
{
	json_t *list = json_array(), *v;
	bool path = map_has(in->env, "PATH"), home = map_has(in->env, "HOME");
	size_t i, at = 0;
	const char *name, *value;
	json_array_foreach(json_object_get(in->image, "Env"), i, v)
	{
		const char *s = json_string_value(v);
		if (!s || defines(in, s))
			continue;
		path |= str_has_prefix(s, "PATH=");
		home |= str_has_prefix(s, "HOME=");
		json_array_append(list, v);
	}
	if (!path)
		json_array_append_new(list,
				      json_string("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
	if (json_bool_at(in->container, "tty", false) && !map_has(in->env, "TERM"))
		json_array_append_new(list, json_string("TERM=xterm"));
	if (!map_has(in->env, "HOSTNAME"))
		json_array_append_new(list, json_sprintf("HOSTNAME=%s", in->hostname));
	while (map_next(in->env, &at, &name, &value))
		json_array_append_new(list, json_sprintf("%s=%s", name, value));
	if (!home)
		json_array_append_new(list, json_sprintf("HOME=%s", in->home ? in->home : "/"));
	return list;
}

static void add_group(json_t *list, int64_t gid)
{
	size_t i;
	json_t *v;
	json_array_foreach(list, i, v) if (json_integer_value(v) == gid) return;
	json_array_append_new(list, json_integer(gid));
}

static json_t *user(const struct oci_in *in)
{
	json_t *u = json_pack("{s:I, s:I}", "uid", (json_int_t)in->uid, "gid", (json_int_t)in->gid),
	       *groups = json_array(), *v;
	const json_t *context = json_at(in->pod, "spec.securityContext");
	size_t i;
	add_group(groups, in->gid);
	if (!str_eq(json_str_at(context, "supplementalGroupsPolicy"), "Strict"))
		for (i = 0; i < in->n_groups; i++)
			add_group(groups, in->groups[i]);
	json_array_foreach(json_object_get(context, "supplementalGroups"), i, v)
	    add_group(groups, json_integer_value(v));
	if (json_object_get(context, "fsGroup"))
		add_group(groups, json_int_at(context, "fsGroup", 0));
	json_object_set_new(u, "additionalGids", groups);
	return u;
}

static const char *working_dir(const struct oci_in *in)
{
	const char *own = json_str_at(in->container, "workingDir"), *image = json_str_at(in->image, "WorkingDir");
	return !str_empty(own) ? own : !str_empty(image) ? image : "/";
}

int oci_process(const struct oci_in *in, json_t **ret, struct err *e)
{
	json_t *args = arguments(in);
	if (!json_array_size(args)) {
		json_decref(args);
		return err_set(e, -EINVAL, "no command specified");
	}
	json_t *p = json_object();
	json_object_set_new(p, "args", args);
	json_object_set_new(p, "capabilities", capabilities(in));
	json_set_str(p, "cwd", working_dir(in));
	json_object_set_new(p, "env", environment(in));
	bool escalate = json_bool_at(in->container, "securityContext.allowPrivilegeEscalation", true);
	json_object_set_new(p, "noNewPrivileges", json_boolean(!escalate && !oci_privileged(in->container)));
	json_set_int(p, "oomScoreAdj",
		     MAX(oci_oom_score(in->pod, in->container, in->node_memory_bytes), in->oom_floor));
	json_object_set_new(p, "terminal", json_boolean(json_bool_at(in->container, "tty", false)));
	json_object_set_new(p, "user", user(in));
	*ret = p;
	return 0;
}

json_t *oci_exec_process(const json_t *config, char *const *argv, bool tty)
{
	json_t *p = json_deep_copy(json_object_get(config, "process"));
	json_object_set_new(p, "args", json_texts(argv));
	json_object_set_new(p, "terminal", json_boolean(tty));
	if (tty)
		json_array_append_new(json_array_at(p, "env"), json_string("TERM=xterm"));
	return p;
}
