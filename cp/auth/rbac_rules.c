/* Rules of roles: what they allow, what of others they cover, and how they are told.
 *
 * What is wanted is split into rules about one verb, group, resource and name (or path), each of which must be allowed by
 * one of the owned rules; those that are not are joined again where they differ by verb only. Nothing fails: a rule that does
 * not fit its schema grants nothing. */
#include "cp/auth/rbac_rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

static bool has(const json_t *list, const char *text)
{
	return json_has_text(list, "*") || json_has_text(list, text);
}

static bool resource_fits(const json_t *resources, const struct auth_attributes *a)
{
	if (str_empty(a->subresource))
		return has(resources, a->resource);
	AUTO_FREE char *full = xasprintf("%s/%s", a->resource, a->subresource), *any = xasprintf("*/%s", a->subresource);
	return has(resources, full) || has(resources, any);
}

static bool rule_allows(const json_t *rule, const struct auth_attributes *a)
{
	const json_t *names = json_object_get(rule, "resourceNames");
	if (!has(json_object_get(rule, "verbs"), a->verb))
		return false;
	if (a->path)
		return auth_path_fits(json_object_get(rule, "nonResourceURLs"), a->path);
	if (!has(json_object_get(rule, "apiGroups"), a->group) || !resource_fits(json_object_get(rule, "resources"), a))
		return false;
	return !json_array_size(names) || json_has_text(names, a->name);
}

bool rbac_rules_allow(const json_t *rules, const struct auth_attributes *a)
{
	json_t *rule;
	size_t i;
	json_array_foreach(rules, i, rule) if (rule_allows(rule, a)) return true;
	return false;
}

/* --- covering ---------------------------------------------------------------------------------------------------------- */

static json_t *one(const char *text)
{
	return json_pack("[s]", text);
}

/* A rule about one verb, group, resource and name, or one verb and path. */
static void add_single(json_t *out, const char *verb, const char *group, const char *resource, const char *name, const char *url)
{
	json_t *rule = json_object();
	json_object_set_new(rule, "verbs", one(verb));
	if (url) {
		json_object_set_new(rule, "nonResourceURLs", one(url));
	} else {
		json_object_set_new(rule, "apiGroups", one(group));
		json_object_set_new(rule, "resources", one(resource));
		if (name)
			json_object_set_new(rule, "resourceNames", one(name));
	}
	json_array_append_new(out, rule);
}

static void split_resources(json_t *out, const json_t *rule, const char *verb)
{
	const json_t *names = json_object_get(rule, "resourceNames");
	json_t *group, *resource, *name;
	size_t g, r, n;
	json_array_foreach(json_object_get(rule, "apiGroups"), g, group)
	    json_array_foreach(json_object_get(rule, "resources"), r, resource)
	{
		json_array_foreach(names, n, name)
		    add_single(out, verb, json_string_value(group), json_string_value(resource), json_string_value(name), NULL);
		if (!json_array_size(names))
			add_single(out, verb, json_string_value(group), json_string_value(resource), NULL, NULL);
	}
}

static json_t *split(const json_t *rule)
{
	json_t *out = json_array(), *verb, *url;
	size_t v, i;
	json_array_foreach(json_object_get(rule, "verbs"), v, verb)
	{
		split_resources(out, rule, json_string_value(verb));
		json_array_foreach(json_object_get(rule, "nonResourceURLs"), i, url)
		    add_single(out, json_string_value(verb), NULL, NULL, NULL, json_string_value(url));
	}
	return out;
}

static const char *first(const json_t *rule, const char *member)
{
	const char *text = json_string_value(json_array_get(json_object_get(rule, member), 0));
	return text ? text : "";
}

static bool covers(const json_t *owned, const json_t *single)
{
	const char *resource = first(single, "resources"), *slash = strchr(resource, '/');
	AUTO_FREE char *main = xstrndup(resource, strcspn(resource, "/"));
	struct auth_attributes a = {.verb = first(single, "verbs"),
				    .group = first(single, "apiGroups"),
				    .resource = main,
				    .subresource = slash ? slash + 1 : "",
				    .ns = "",
				    .name = first(single, "resourceNames")};
	if (json_object_get(single, "nonResourceURLs"))
		a.path = first(single, "nonResourceURLs");
	return rbac_rules_allow(owned, &a);
}

/* The rule of list that says the same but for its verbs; rules about paths stay alone. */
static json_t *find_sibling(const json_t *list, const json_t *single)
{
	static const char *const members[] = {"apiGroups", "resources", "resourceNames"};
	json_t *rule;
	size_t i;
	json_array_foreach(list, i, rule)
	{
		bool same = !json_object_get(single, "nonResourceURLs") && !json_object_get(rule, "nonResourceURLs");
		for (size_t k = 0; same && k < ARRAY_LEN(members); k++) {
			const json_t *a = json_object_get(rule, members[k]), *b = json_object_get(single, members[k]);
			same = a && b ? json_equal(a, b) : a == b;
		}
		if (same)
			return rule;
	}
	return NULL;
}

static void add_missing(json_t *list, json_t *single)
{
	json_t *sibling = find_sibling(list, single), *verbs = json_object_get(sibling, "verbs");
	if (!sibling)
		json_array_append(list, single);
	else if (!json_has_text(verbs, first(single, "verbs")))
		json_array_append(verbs, json_array_get(json_object_get(single, "verbs"), 0));
}

json_t *rbac_rules_missing(const json_t *owned, const json_t *wanted)
{
	AUTO_JSON *missing = json_array();
	json_t *rule, *single;
	size_t i, k;
	json_array_foreach(wanted, i, rule)
	{
		AUTO_JSON *singles = split(rule);
		json_array_foreach(singles, k, single) if (!covers(owned, single)) add_missing(missing, single);
	}
	return json_array_size(missing) ? TAKE(missing) : NULL;
}

static void add_text(struct str *out, const json_t *rule)
{
	static const char *const members[][2] = {{"nonResourceURLs", "NonResourceURLs"},
						 {"apiGroups", "APIGroups"},
						 {"resources", "Resources"},
						 {"resourceNames", "ResourceNames"},
						 {"verbs", "Verbs"}};
	const char *before = "";
	json_t *v;
	size_t k;
	str_addc(out, '{');
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		const json_t *list = json_object_get(rule, members[i][0]);
		if (!json_array_size(list))
			continue;
		str_addf(out, "%s%s:[", before, members[i][1]);
		json_array_foreach(list, k, v)
		{
			str_add(out, k ? " " : "");
			str_add_json(out, json_string_value(v));
		}
		str_addc(out, ']');
		before = ", ";
	}
	str_addc(out, '}');
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *rbac_rules_text(const json_t *rules)
{
	AUTO_STRV char **lines = NULL;
	json_t *rule;
	size_t i;
	json_array_foreach(rules, i, rule)
	{
		AUTO_STR line = STR_INIT;
		add_text(&line, rule);
		if (!strv_has(lines, str_text(&line)))
			strv_add(&lines, str_text(&line));
	}
	if (lines)
		qsort(lines, strv_len(lines), sizeof(*lines), by_text);
	return lines ? str_join(lines, "\n") : xstrdup("");
}
