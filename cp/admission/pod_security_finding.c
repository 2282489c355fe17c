/* Findings of pod security: who, in words. Nothing fails. */
#include "cp/admission/pod_security_finding.h"

#include <stdlib.h>
#include <string.h>

static const char *const container_lists[] = { "initContainers", "containers", "ephemeralContainers" };

const json_t *check_next_container(const json_t *spec, struct walk *w)
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

const char *check_name(const json_t *c)
{
	return json_str_or(c, "name", "");
}

const char *check_plural(const char *one, const char *many, size_t n)
{
	return n == 1 ? one : many;
}

void check_add_once(char ***list, const char *text)
{
	if (!strv_has(*list, text))
		strv_add(list, text);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void check_sort(char **list)
{
	if (list)
		qsort(list, strv_len(list), sizeof(*list), by_text);
}

/* "a", "b": as they are, whatever they hold */
char *check_quoted(char *const *list)
{
	struct str out = STR_INIT;
	for (size_t i = 0; list && list[i]; i++) {
		str_addf(&out, "%s\"%s\"", i ? ", " : "", list[i]);
	}
	return str_take(&out);
}

/* container "a", or containers "a", "b" */
char *check_containers(char *const *names)
{
	AUTO_FREE char *all = check_quoted(names);
	return xasprintf("%s %s", check_plural("container", "containers", strv_len(names)), all);
}

/* pod and container "a" */
char *check_setters(bool pod, char *const *names)
{
	AUTO_FREE char *some = names ? check_containers(names) : NULL;
	return xasprintf("%s%s%s", pod ? "pod" : "", pod && some ? " and " : "", some ? some : "");
}

void check_found(struct finding *f, const char *reason, char *detail)
{
	f->reason = xstrdup(reason);
	f->detail = detail;
}

/* --- what several checks share ----------------------------------------------------------------------------------- */

/* Containers whose value at path is of the JSON type (JSON_TRUE ...). */
char **check_containers_with(const json_t *spec, const char *path, json_type type)
{
	char **names = NULL;
	const json_t *c;
	for (struct walk w = { 0 }; (c = check_next_container(spec, &w));) {
		const json_t *v = json_at(c, path);
		if (v && json_typeof(v) == type)
			strv_add(&names, check_name(c));
	}
	return names;
}

bool check_is_windows(const struct finding *f, int since)
{
	return f->minor >= since && str_eq(json_str_at(f->spec, "os.name"), "windows");
}

/* A pod with users of its own may look like root inside. */
bool check_has_own_users(const struct finding *f)
{
	const json_t *v = json_object_get(f->spec, "hostUsers");
	return f->minor >= 35 && json_is_false(v);
}

bool check_is_one_of(const char *const *list, const char *text)
{
	return strv_has((char *const *)list, text);
}

/* Containers that add capabilities outside allowed; the capabilities in values. */
char **check_adding(const json_t *spec, const char *const *allowed, char ***values)
{
	char **names = NULL;
	const json_t *c;
	for (struct walk w = { 0 }; (c = check_next_container(spec, &w));) {
		size_t i;
		json_t *cap;
		bool bad = false;
		json_array_foreach(json_at(c, "securityContext.capabilities.add"), i, cap)
		{
			if (check_is_one_of(allowed, json_string_value(cap)))
				continue;
			bad = true;
			check_add_once(values, json_string_value(cap));
		}
		if (bad)
			strv_add(&names, check_name(c));
	}
	check_sort(*values);
	return names;
}

static const char *const seccomp_allowed[] = { "RuntimeDefault", "Localhost", NULL };

/* Who sets a profile that is not allowed. */
bool check_seccomp(struct finding *f)
{
	AUTO_STRV char **names = NULL;
	AUTO_STRV char **values = NULL;
	const json_t *c;
	const char *type = json_str_at(f->spec, "securityContext.seccompProfile.type");
	bool pod = type && !check_is_one_of(seccomp_allowed, type);
	if (pod)
		check_add_once(&values, type);
	for (struct walk w = { 0 }; (c = check_next_container(f->spec, &w));) {
		type = json_str_at(c, "securityContext.seccompProfile.type");
		if (!type || check_is_one_of(seccomp_allowed, type))
			continue;
		strv_add(&names, check_name(c));
		check_add_once(&values, type);
	}
	if (!values)
		return false;
	check_sort(values);
	AUTO_FREE char *who = check_setters(pod, names), *what = check_quoted(values);
	check_found(f, "seccompProfile", xasprintf("%s must not set securityContext.seccompProfile.type to %s", who, what));
	return true;
}
