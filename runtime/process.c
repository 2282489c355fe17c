/* The OCI process object.
 *
 * Happy path: fields to struct process_conf. What can fail: -EINVAL with the field. What always holds: argv has at least
 * one element, envp names every variable once. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/caps.h"
#include "runtime/config.h"
#include "runtime/process_env.h"

#define STRINGS_MAX 65536

static const struct {
	const char *name;
	int number;
} rlimit_names[] = {
	{ "RLIMIT_AS", RLIMIT_AS },	      { "RLIMIT_CORE", RLIMIT_CORE },	  { "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },	      { "RLIMIT_FSIZE", RLIMIT_FSIZE },	  { "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK }, { "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE }, { "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },   { "RLIMIT_NPROC", RLIMIT_NPROC },	  { "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },   { "RLIMIT_RTTIME", RLIMIT_RTTIME }, { "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
};

/* "RLIMIT_NOFILE" to its number, -EINVAL. */
static int rlimit_number(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(rlimit_names); i++)
		if (str_eq(rlimit_names[i].name, name))
			return rlimit_names[i].number;
	return -EINVAL;
}

static int parse_strings(const json_t *list, const char *field, char ***ret, struct err *e)
{
	size_t i, n = json_array_size(list);
	json_t *v;
	if (n > STRINGS_MAX)
		return err_set(e, -E2BIG, "process.%s has more than %d elements", field, STRINGS_MAX);
	AUTO_STRV char **out = xcalloc(n + 1, sizeof(char *));
	json_array_foreach(list, i, v)
	{
		if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v))
			return err_set(e, -EINVAL, "process.%s[%zu] is no text", field, i);
		out[i] = xstrdup(json_string_value(v));
	}
	*ret = TAKE(out);
	return 0;
}

static int parse_user(const json_t *user, struct process_conf *p, struct err *e)
{
	int64_t uid = json_int_at(user, "uid", 0), gid = json_int_at(user, "gid", 0), mask = json_int_at(user, "umask", -1);
	const json_t *groups = json_object_get(user, "additionalGids");
	size_t i, n = json_array_size(groups);
	json_t *g;
	if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX || mask > 0777 || n > 65536)
		return err_set(e, -EINVAL, "process.user is invalid");
	p->uid = (uid_t)uid;
	p->gid = (gid_t)gid;
	p->umask = (int)mask;
	p->groups = xcalloc(n, sizeof(gid_t));
	p->n_groups = n;
	json_array_foreach(groups, i, g)
	{
		if (!json_is_integer(g) || json_integer_value(g) < 0 || json_integer_value(g) >= UINT32_MAX)
			return err_set(e, -EINVAL, "process.user.additionalGids[%zu] is invalid", i);
		p->groups[i] = (gid_t)json_integer_value(g);
	}
	return 0;
}

/* -1 and everything from 2^63-1 on mean infinity. */
static rlim_t rlimit_value(const json_t *j)
{
	json_int_t v = json_integer_value(j);
	return !json_is_integer(j) || v < 0 || v == INT64_MAX ? RLIM_INFINITY : (rlim_t)v;
}

static int parse_rlimits(const json_t *list, struct process_conf *p, struct err *e)
{
	size_t i;
	json_t *l;
	json_array_foreach(list, i, l)
	{
		int number = rlimit_number(json_str_or(l, "type", ""));
		if (number < 0)
			return err_set(e, -EINVAL, "process.rlimits: unknown type \"%.32s\"", json_str_or(l, "type", ""));
		for (size_t k = 0; k < p->n_rlimits; k++)
			if (p->rlimits[k].resource == number)
				return err_set(e, -EINVAL, "process.rlimits: %s twice", json_str_at(l, "type"));
		json_t *soft = json_object_get(l, "soft"), *hard = json_object_get(l, "hard");
		p->rlimits[p->n_rlimits++] = (struct rlimit_conf){
			number,
			{ rlimit_value(soft),
			  rlimit_value(hard) } };
	}
	return 0;
}

static int parse_caps(const json_t *caps, struct caps_conf *c, char ***ret_unknown, struct err *e)
{
	const struct {
		const char *name;
		uint64_t *bits;
	} sets[] = { { "bounding", &c->bounding },
		     { "effective", &c->effective },
		     { "permitted", &c->permitted },
		     { "inheritable", &c->inheritable },
		     { "ambient", &c->ambient } };
	c->given = json_is_object(caps);
	for (size_t i = 0; c->given && i < ARRAY_LEN(sets); i++) {
		int r = caps_parse(json_object_get(caps, sets[i].name), sets[i].bits, ret_unknown, e);
		if (r < 0)
			return err_wrap(e, r, "process.capabilities.%s", sets[i].name);
	}
	return 0;
}

static int parse_affinity(const json_t *j, struct process_conf *p, struct err *e)
{
	int r = number_set_parse(json_str_at(j, "initial"), &p->cpus_initial, e);
	if (r < 0)
		return err_wrap(e, -EINVAL, "bad CPUAffinity.Initial");
	r = number_set_parse(json_str_at(j, "final"), &p->cpus_final, e);
	return r < 0 ? err_wrap(e, -EINVAL, "bad CPUAffinity.Final") : 0;
}

static int parse_env(const json_t *list, struct process_conf *p, struct err *e)
{
	int r = json_is_array(list) ? parse_strings(list, "env", &p->envp, e) : 0;
	return r == 0 ? process_env_clean(p->envp, e) : r;
}

int process_parse(const json_t *j, struct process_conf *ret, struct err *e)
{
	AUTO_PROCESS_CONF p = { .umask = -1, .personality = -1 };
	if (!json_is_object(j) || !json_array_size(json_object_get(j, "args")))
		return err_set(e, -EINVAL, "process args cannot be empty");
	p.cwd = json_str_or(j, "cwd", "");
	if (*p.cwd != '/')
		return err_set(e, -EINVAL, *p.cwd ? "Cwd must be an absolute path" : "Cwd property must not be empty");
	p.no_new_privs = json_bool_at(j, "noNewPrivileges", false);
	p.terminal = json_bool_at(j, "terminal", false);
	p.rows = (unsigned)json_int_at(j, "consoleSize.height", 0);
	p.columns = (unsigned)json_int_at(j, "consoleSize.width", 0);
	p.apparmor = json_str_at(j, "apparmorProfile");
	p.selinux = json_str_at(j, "selinuxLabel");
	json_t *oom = json_object_get(j, "oomScoreAdj");
	p.has_oom_score_adj = json_is_integer(oom);
	p.oom_score_adj = (int)json_integer_value(oom);
	int r = parse_strings(json_object_get(j, "args"), "args", &p.argv, e);
	if (r == 0)
		r = parse_env(json_object_get(j, "env"), &p, e);
	if (r == 0)
		r = parse_user(json_object_get(j, "user"), &p, e);
	if (r == 0)
		r = parse_rlimits(json_object_get(j, "rlimits"), &p, e);
	if (r == 0)
		r = parse_caps(json_object_get(j, "capabilities"), &p.caps, &p.unknown_caps, e);
	if (r == 0)
		r = io_priority_parse(json_object_get(j, "ioPriority"), &p.io_class, &p.io_priority, e);
	if (r == 0)
		r = scheduler_parse(json_object_get(j, "scheduler"), &p.scheduler, e);
	if (r == 0)
		r = parse_affinity(json_object_get(j, "execCPUAffinity"), &p, e);
	if (r < 0)
		return r;
	*ret = p;
	p = (struct process_conf){ 0 };
	return 0;
}

int process_parse_linux(const json_t *l, struct process_conf *p, struct err *e)
{
	p->cpus_limited = !str_empty(json_str_at(l, "resources.cpu.cpus"));
	int r = personality_parse(json_object_get(l, "personality"), &p->personality, e);
	return r == 0 ? memory_policy_parse(json_object_get(l, "memoryPolicy"), &p->memory_policy, e) : r;
}

void process_conf_done(struct process_conf *p)
{
	free_strv(&p->argv);
	free_strv(&p->envp);
	free_strv(&p->unknown_caps);
	free(p->groups);
	*p = (struct process_conf){ 0 };
}
