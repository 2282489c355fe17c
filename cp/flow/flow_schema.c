/* Matching requests with flow schemas. Purpose: one answer for every request. Happy path: rules are taken apart once, when
 * their object comes; a request walks the schemas in order of precedence until a rule has its user among its subjects and
 * its verb and path, or verb, group, resource and namespace, in one of its lines. Nothing fails. */
#include "cp/flow/flow_schema.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define ACCOUNT_PREFIX "system:serviceaccount:"

enum subject_kind { SUBJECT_USER, SUBJECT_GROUP, SUBJECT_ACCOUNT, SUBJECT_NONE };

struct subject {
	enum subject_kind kind;
	char *name, *ns; /* "*": any */
};

/* A line of verbs and what they are done to. */
struct line {
	char **verbs, **groups, **resources, **namespaces, **paths;
	bool cluster;
};

struct flow_rule {
	struct subject *subjects;
	struct line *resources, *paths;
	size_t n_subjects, n_resources, n_paths;
};

static char **read_texts(const json_t *list)
{
	char **v = NULL;
	const json_t *item;
	size_t i;
	json_array_foreach(list, i, item)
	{
		strv_add(&v, json_is_string(item) ? json_string_value(item) : "");
	}
	return v;
}

static struct subject read_subject(const json_t *j)
{
	const char *kind = json_str_or(j, "kind", "");
	if (strcmp(kind, "User") == 0)
		return (struct subject){SUBJECT_USER, xstrdup(json_str_or(j, "user.name", "")), NULL};
	if (strcmp(kind, "Group") == 0)
		return (struct subject){SUBJECT_GROUP, xstrdup(json_str_or(j, "group.name", "")), NULL};
	if (strcmp(kind, "ServiceAccount") == 0)
		return (struct subject){SUBJECT_ACCOUNT, xstrdup(json_str_or(j, "serviceAccount.name", "")),
					xstrdup(json_str_or(j, "serviceAccount.namespace", ""))};
	return (struct subject){SUBJECT_NONE, NULL, NULL};
}

static struct line *read_lines(const json_t *list, size_t *ret_n)
{
	size_t i, n = json_array_size(list);
	struct line *v = xcalloc(n ? n : 1, sizeof(*v));
	const json_t *j;
	json_array_foreach(list, i, j)
	{
		v[i] = (struct line){.verbs = read_texts(json_object_get(j, "verbs")),
				     .groups = read_texts(json_object_get(j, "apiGroups")),
				     .resources = read_texts(json_object_get(j, "resources")),
				     .namespaces = read_texts(json_object_get(j, "namespaces")),
				     .paths = read_texts(json_object_get(j, "nonResourceURLs")),
				     .cluster = json_is_true(json_object_get(j, "clusterScope"))};
	}
	*ret_n = n;
	return v;
}

static void read_rule(const json_t *j, struct flow_rule *ret)
{
	const json_t *subjects = json_object_get(j, "subjects"), *subject;
	size_t i;
	ret->n_subjects = json_array_size(subjects);
	ret->subjects = xcalloc(ret->n_subjects + 1, sizeof(*ret->subjects));
	json_array_foreach(subjects, i, subject)
	{
		ret->subjects[i] = read_subject(subject);
	}
	ret->resources = read_lines(json_object_get(j, "resourceRules"), &ret->n_resources);
	ret->paths = read_lines(json_object_get(j, "nonResourceRules"), &ret->n_paths);
}

static enum flow_by read_by(const char *method)
{
	if (strcmp(method, "ByUser") == 0)
		return FLOW_BY_USER;
	return strcmp(method, "ByNamespace") == 0 ? FLOW_BY_NAMESPACE : FLOW_BY_NOTHING;
}

struct flow_schema *flow_schema_new(const json_t *object)
{
	struct flow_schema *s = xcalloc(1, sizeof(*s));
	const json_t *rules = json_at(object, "spec.rules"), *rule;
	size_t i;
	s->refs = 1;
	s->name = xstrdup(json_str_or(object, "metadata.name", ""));
	s->uid = xstrdup(json_str_or(object, "metadata.uid", ""));
	s->level = xstrdup(json_str_or(object, "spec.priorityLevelConfiguration.name", ""));
	s->precedence = json_int_at(object, "spec.matchingPrecedence", 1000);
	s->by = read_by(json_str_or(object, "spec.distinguisherMethod.type", ""));
	s->n_rules = json_array_size(rules);
	s->rules = xcalloc(s->n_rules + 1, sizeof(*s->rules));
	json_array_foreach(rules, i, rule)
	{
		read_rule(rule, &s->rules[i]);
	}
	return s;
}

struct flow_schema *flow_schema_ref(struct flow_schema *s)
{
	s->refs++;
	return s;
}

static void free_lines(struct line *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free_strv(&v[i].verbs);
		free_strv(&v[i].groups);
		free_strv(&v[i].resources);
		free_strv(&v[i].namespaces);
		free_strv(&v[i].paths);
	}
	free(v);
}

static void rule_done(struct flow_rule *r)
{
	for (size_t i = 0; i < r->n_subjects; i++) {
		free(r->subjects[i].name);
		free(r->subjects[i].ns);
	}
	free(r->subjects);
	free_lines(r->resources, r->n_resources);
	free_lines(r->paths, r->n_paths);
}

void flow_schema_unref(struct flow_schema *s)
{
	if (!s || --s->refs)
		return;
	for (size_t i = 0; i < s->n_rules; i++)
		rule_done(&s->rules[i]);
	free(s->rules);
	free(s->name);
	free(s->uid);
	free(s->level);
	free(s);
}

int flow_schema_compare(const void *a, const void *b)
{
	const struct flow_schema *x = *(struct flow_schema *const *)a, *y = *(struct flow_schema *const *)b;
	if (x->precedence != y->precedence)
		return x->precedence < y->precedence ? -1 : 1;
	return strcmp(x->name, y->name);
}

static bool is_any(const char *s)
{
	return s[0] == '*' && !s[1];
}

/* A star stands for everything where it stands alone. */
static bool has(char *const *list, const char *text)
{
	if (!list)
		return false;
	if (is_any(list[0]) && !list[1])
		return true;
	for (; *list; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

static bool is_account(const char *user, const char *ns, const char *name)
{
	size_t n = strlen(ns);
	if (!str_has_prefix(user, ACCOUNT_PREFIX))
		return false;
	user += strlen(ACCOUNT_PREFIX);
	if (strncmp(user, ns, n) != 0 || user[n] != ':')
		return false;
	return is_any(name) || strcmp(user + n + 1, name) == 0;
}

static bool subject_is(const struct subject *s, const struct auth_user *u)
{
	if (s->kind == SUBJECT_USER)
		return is_any(s->name) || strcmp(s->name, u->name) == 0;
	if (s->kind == SUBJECT_GROUP)
		return is_any(s->name) || auth_user_in(u, s->name);
	return s->kind == SUBJECT_ACCOUNT && is_account(u->name, s->ns, s->name);
}

/* "pods/log" of a request's resource and subresource among those of a line. */
static bool has_resource(char *const *list, const char *resource, const char *sub)
{
	size_t n = strlen(resource);
	if (!*sub)
		return has(list, resource);
	if (!list)
		return false;
	if (is_any(list[0]) && !list[1])
		return true;
	for (; *list; list++)
		if (strncmp(*list, resource, n) == 0 && (*list)[n] == '/' && strcmp(*list + n + 1, sub) == 0)
			return true;
	return false;
}

/* A path, what is below it, and what a star ends. */
static bool has_path(char *const *list, const char *path)
{
	for (; list && *list; list++) {
		size_t n = strlen(*list);
		if (is_any(*list) || strcmp(*list, path) == 0)
			return true;
		if (n && (*list)[n - 1] == '*')
			n--;
		if (n && (*list)[n - 1] == '/')
			n--;
		if (strncmp(*list, path, n) == 0 && path[n] == '/')
			return true;
	}
	return false;
}

static bool line_fits(const struct line *l, const struct auth_attributes *what)
{
	if (!has(l->verbs, what->verb))
		return false;
	if (what->path)
		return has_path(l->paths, what->path);
	return has_resource(l->resources, what->resource, what->subresource) && has(l->groups, what->group) &&
	       (*what->ns ? has(l->namespaces, what->ns) : l->cluster);
}

static bool rule_fits(const struct flow_rule *r, const struct auth_user *u, const struct auth_attributes *what)
{
	const struct line *lines = what->path ? r->paths : r->resources;
	size_t i = 0, n = what->path ? r->n_paths : r->n_resources;
	while (i < r->n_subjects && !subject_is(&r->subjects[i], u))
		i++;
	if (i == r->n_subjects)
		return false;
	for (i = 0; i < n; i++)
		if (line_fits(&lines[i], what))
			return true;
	return false;
}

bool flow_schema_matches(const struct flow_schema *s, const struct auth_user *u, const struct auth_attributes *what)
{
	for (size_t i = 0; i < s->n_rules; i++)
		if (rule_fits(&s->rules[i], u, what))
			return true;
	return false;
}

struct flow_schema *flow_schema_find(struct flow_schema *const *v, size_t n, const struct auth_user *u,
				     const struct auth_attributes *what)
{
	for (size_t i = 0; i < n; i++)
		if (flow_schema_matches(v[i], u, what))
			return v[i];
	return NULL;
}

const char *flow_distinguisher(const struct flow_schema *s, const struct auth_user *u, const struct auth_attributes *what)
{
	if (s->by == FLOW_BY_USER)
		return u->name;
	return s->by == FLOW_BY_NAMESPACE ? what->ns : "";
}
