/* Audit policies. Purpose: how much is told about which request. Happy path: rules in their order, the first one whose
 * users, groups, verbs, namespaces, resources or paths all hold the request decides. Fails for a policy with an unknown
 * level or stage, or a rule that asks for resources and paths at once. */
#include "cp/auth/audit_policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/yaml.h"
#include "base/json.h"
#include "base/mem.h"

struct audit_policy {
	json_t *rules; /* owned */
	unsigned omit;
	bool omit_managed_fields;
};

static const char *const levels[] = {"None", "Metadata", "Request", "RequestResponse"};
static const char *const stages[] = {"RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"};

const char *audit_level_name(enum audit_level l)
{
	return levels[l];
}

const char *audit_stage_name(enum audit_stage s)
{
	size_t i = 0;
	while (i + 1 < ARRAY_LEN(stages) && !((unsigned)s & 1u << i))
		i++;
	return stages[i];
}

/* --- reading ------------------------------------------------------------------------------------------------------------ */

static int read_stages(const json_t *list, const char *path, unsigned *ret, struct err *e)
{
	json_t *v;
	size_t i, s;
	*ret = 0;
	json_array_foreach(list, i, v)
	{
		for (s = 0; s < ARRAY_LEN(stages); s++)
			if (str_eq(json_string_value(v), stages[s]))
				break;
		if (s == ARRAY_LEN(stages))
			return err_set(e, -EINVAL, "%s.omitStages[%zu]: unknown stage", path, i);
		*ret |= 1u << s;
	}
	return 0;
}

static int level_of(const json_t *rule)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (str_eq(json_str_at(rule, "level"), levels[i]))
			return (int)i;
	return -EINVAL;
}

static int check_rule(const json_t *rule, const char *path, struct err *e)
{
	unsigned omit;
	bool paths = json_array_size(json_object_get(rule, "nonResourceURLs"));
	json_t *v;
	size_t i;
	if (level_of(rule) < 0)
		return err_set(e, -EINVAL, "%s.level: not one of None, Metadata, Request, RequestResponse", path);
	if (paths && (json_array_size(json_object_get(rule, "resources")) || json_array_size(json_object_get(rule, "namespaces"))))
		return err_set(e, -EINVAL, "%s.nonResourceURLs: rules cannot apply to both regular resources and non-resource URLs", path);
	json_array_foreach(json_object_get(rule, "resources"), i, v)
	{
		if (json_array_size(json_object_get(v, "resourceNames")) && !json_array_size(json_object_get(v, "resources")))
			return err_set(e, -EINVAL, "%s.resources[%zu].resourceNames: using resourceNames requires at least 1 resource",
				       path, i);
	}
	return read_stages(json_object_get(rule, "omitStages"), path, &omit, e);
}

int audit_policy_new(const json_t *policy, struct audit_policy **ret, struct err *e)
{
	json_t *rules = json_object_get(policy, "rules"), *rule;
	unsigned omit = 0;
	size_t i;
	if (!str_eq(json_str_at(policy, "kind"), "Policy") || !str_has_prefix(json_str_or(policy, "apiVersion", ""), "audit.k8s.io/"))
		return err_set(e, -EINVAL, "not a Policy of audit.k8s.io/v1");
	if (!json_array_size(rules))
		return err_set(e, -EINVAL, "a policy without rules");
	int r = read_stages(json_object_get(policy, "omitStages"), "policy", &omit, e);
	json_array_foreach(rules, i, rule)
	{
		AUTO_FREE char *path = xasprintf("rules[%zu]", i);
		if (r == 0)
			r = check_rule(rule, path, e);
	}
	if (r < 0)
		return r;
	struct audit_policy *p = xcalloc(1, sizeof(*p));
	*p = (struct audit_policy){json_deep_copy(rules), omit, json_bool_at(policy, "omitManagedFields", false)};
	*ret = p;
	return 0;
}

int audit_policy_load(const char *file, struct audit_policy **ret, struct err *e)
{
	AUTO_JSON *policy = NULL;
	int r = yaml_read_file(file, 1 << 20, &policy, e);
	if (r < 0)
		return r;
	r = audit_policy_new(policy, ret, e);
	return r < 0 ? err_wrap(e, r, "%s", file) : 0;
}

void audit_policy_free(struct audit_policy *p)
{
	if (!p)
		return;
	json_decref(p->rules);
	free(p);
}

/* --- deciding ----------------------------------------------------------------------------------------------------------- */

/* Whether list holds text; an absent or empty one holds everything. */
static bool fits(const json_t *list, const char *text)
{
	return !json_array_size(list) || json_has_text(list, text);
}

static bool groups_fit(const json_t *list, const struct auth_user *u)
{
	json_t *v;
	size_t i;
	json_array_foreach(list, i, v)
	{
		if (json_is_string(v) && auth_user_in(u, json_string_value(v)))
			return true;
	}
	return !json_array_size(list);
}

/* "pods" and "pods/log" are just these; a star in place of the subresource takes pods with all of theirs, one in place of
 * the resource the subresource of all. */
static bool resource_fits(const char *pattern, const struct auth_attributes *a)
{
	const char *slash = strchr(pattern, '/');
	size_t n = slash ? (size_t)(slash - pattern) : strlen(pattern);
	if (!strcmp(pattern, "*"))
		return true;
	if (strncmp(pattern, "*", n) && (strlen(a->resource) != n || strncmp(pattern, a->resource, n)))
		return false;
	if (!slash)
		return !*a->subresource;
	return !strcmp(slash + 1, "*") || !strcmp(slash + 1, a->subresource);
}

static bool group_fits(const json_t *group, const struct auth_attributes *a)
{
	const json_t *resources = json_object_get(group, "resources"), *names = json_object_get(group, "resourceNames");
	json_t *v;
	size_t i;
	if (strcmp(json_str_or(group, "group", ""), a->group))
		return false;
	if (!json_array_size(resources))
		return true;
	json_array_foreach(resources, i, v)
	{
		if (json_is_string(v) && resource_fits(json_string_value(v), a) && fits(names, a->name))
			return true;
	}
	return false;
}

static bool resources_fit(const json_t *rule, const struct auth_attributes *a)
{
	const json_t *groups = json_object_get(rule, "resources");
	json_t *g;
	size_t i;
	if (!fits(json_object_get(rule, "namespaces"), a->ns))
		return false;
	json_array_foreach(groups, i, g)
	{
		if (group_fits(g, a))
			return true;
	}
	return !json_array_size(groups);
}

static bool rule_fits(const json_t *rule, const struct auth_user *u, const struct auth_attributes *a)
{
	const json_t *urls = json_object_get(rule, "nonResourceURLs");
	bool resources = json_array_size(json_object_get(rule, "resources")) || json_array_size(json_object_get(rule, "namespaces"));
	bool unknown = str_empty(u->name); /* nobody knows whether it is the rule's user */
	if (!unknown && (!fits(json_object_get(rule, "users"), u->name) || !groups_fit(json_object_get(rule, "userGroups"), u)))
		return false;
	if (!fits(json_object_get(rule, "verbs"), a->verb))
		return false;
	if (a->path)
		return json_array_size(urls) ? auth_path_fits(urls, a->path) : !resources;
	return !json_array_size(urls) && resources_fit(rule, a);
}

struct audit_decision audit_policy_decide(const struct audit_policy *p, const struct auth_user *u, const struct auth_attributes *a)
{
	struct audit_decision d = {.level = AUDIT_NONE};
	json_t *rule;
	size_t i;
	json_array_foreach(p->rules, i, rule)
	{
		unsigned omit = 0;
		if (!rule_fits(rule, u, a))
			continue;
		(void)read_stages(json_object_get(rule, "omitStages"), "", &omit, NULL); /* checked when it was read */
		d.level = (enum audit_level)level_of(rule);
		d.omit = p->omit | omit;
		d.omit_managed_fields = json_bool_at(rule, "omitManagedFields", p->omit_managed_fields);
		return d;
	}
	return d;
}
