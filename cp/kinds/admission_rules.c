/* Rules that webhooks and admission policies share: which requests they are for, and their conditions. */
#include "cp/kinds/admission_rules.h"

#include <ctype.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

/* A list that has to be given, and in which "*" stands alone. */
static void validate_list(const json_t *rule, const char *path, const char *key, const char *others, struct field_errors *errors)
{
	const json_t *list = json_object_get(rule, key);
	char p[FIELD_PATH_MAX];

	rule_required(rule, path, key, NULL, errors);
	if (json_array_size(list) > 1 && json_has_text(list, "*"))
		field_invalid(errors, FIELD_PATH(p, "%s.%s", path, key), list, "if '*' is present, must not specify other %s", others);
}

static void validate_operations(const json_t *rule, const char *path, struct field_errors *errors)
{
	static const char *const operations[] = {"*", "CONNECT", "CREATE", "DELETE", "UPDATE", NULL};
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	validate_list(rule, path, "operations", "operations", errors);
	json_array_foreach(json_object_get(rule, "operations"), i, v) if (!rule_is_one_of(json_string_value(v), operations))
	    field_not_supported(errors, FIELD_PATH(p, "%s.operations[%zu]", path, i), v, operations);
}

static void validate_versions(const json_t *rule, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	validate_list(rule, path, "apiVersions", "API versions", errors);
	json_array_foreach(json_object_get(rule, "apiVersions"), i, v) if (!json_string_length(v))
	    field_required(errors, FIELD_PATH(p, "%s.apiVersions[%zu]", path, i), NULL);
}

/* "pods/log" where "pods" with "*" came before, or "*" with "log". */
static void validate_subresource(const char *text, const json_t *v, const char *path, struct map *seen, struct field_errors *errors)
{
	const char *slash = strchr(text, '/');
	AUTO_FREE char *resource = xstrndup(text, (size_t)(slash - text)), *all = xasprintf("%s/*", resource), *any = xasprintf("*%s", slash);

	if (map_has(seen, all))
		field_invalid(errors, path, v, "if '%s' is present, must not specify %s", all, text);
	if (map_has(seen, any))
		field_invalid(errors, path, v, "if '%s' is present, must not specify %s", any, text);
}

static void validate_resources(const json_t *rule, const char *path, struct field_errors *errors)
{
	const json_t *list = json_object_get(rule, "resources");
	AUTO_MAP *seen = map_new(NULL);
	bool plain = false;
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	rule_required(rule, path, "resources", NULL, errors);
	json_array_foreach(list, i, v)
	{
		const char *text = json_string_value(v);
		FIELD_PATH(p, "%s.resources[%zu]", path, i);
		if (!*text)
			field_required(errors, p, NULL);
		else if (strchr(text, '/'))
			validate_subresource(text, v, p, seen, errors);
		else
			plain = strcmp(text, "*") != 0; /* the last one decides, as in the reference */
		map_set(seen, text, v);
	}
	FIELD_PATH(p, "%s.resources", path);
	if (json_array_size(list) > 1 && json_has_text(list, "*/*"))
		field_invalid(errors, p, list, "if '*/*' is present, must not specify other resources");
	if (json_has_text(list, "*") && plain)
		field_invalid(errors, p, list, "if '*' is present, must not specify other resources without subresources");
}

void admission_rule_validate(const json_t *rule, const char *path, struct field_errors *errors)
{
	static const char *const scopes[] = {"*", "Cluster", "Namespaced", NULL};
	AUTO_MAP *seen = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	json_array_foreach(json_object_get(rule, "resourceNames"), i, v)
	{
		FIELD_PATH(p, "%s.resourceNames[%zu]", path, i);
		validate_name(json_string_value(v), p, name_check_path_segment, errors);
		if (map_has(seen, json_string_value(v)))
			field_duplicate(errors, p, v);
		map_set(seen, json_string_value(v), v);
	}
	validate_operations(rule, path, errors);
	validate_list(rule, path, "apiGroups", "API groups", errors);
	validate_versions(rule, path, errors);
	validate_resources(rule, path, errors);
	if (json_object_get(rule, "scope"))
		rule_word(rule, path, "scope", scopes, errors);
}

void match_resources_validate(const json_t *match, const char *path, struct field_errors *errors)
{
	static const char *const lists[] = {"resourceRules", "excludeResourceRules"};
	char p[FIELD_PATH_MAX];
	json_t *rule;
	size_t i;

	label_selector_validate(json_object_get(match, "namespaceSelector"), FIELD_PATH(p, "%s.namespaceSelector", path), errors);
	label_selector_validate(json_object_get(match, "objectSelector"), FIELD_PATH(p, "%s.objectSelector", path), errors);
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		json_array_foreach(json_object_get(match, lists[l]), i, rule)
		    admission_rule_validate(rule, FIELD_PATH(p, "%s.%s[%zu]", path, lists[l], i), errors);
}

void mutating_operations_validate(const json_t *match, const char *path, struct field_errors *errors)
{
	static const char *const operations[] = {"*", "CONNECT", "CREATE", "UPDATE", NULL};
	char p[FIELD_PATH_MAX];
	json_t *rule, *v;
	size_t i, k;

	FIELD_PATH(p, "%s.resourceRules.operations", path);
	json_array_foreach(json_object_get(match, "resourceRules"), i, rule) json_array_foreach(json_object_get(rule, "operations"), k, v)
	{
		if (!rule_is_one_of(json_string_value(v), operations))
			field_not_supported(errors, p, v, operations);
	}
}

static bool is_blank(const char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	return !*text;
}

void match_conditions_validate(const json_t *conditions, const char *path, struct field_errors *errors)
{
	enum { CONDITIONS_MAX = 64 };
	AUTO_MAP *names = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *c;
	size_t i;

	if (json_array_size(conditions) > CONDITIONS_MAX)
		field_too_many(errors, path, json_array_size(conditions), CONDITIONS_MAX);
	json_array_foreach(conditions, i, c)
	{
		const char *name = json_str_or(c, "name", "");
		if (is_blank(json_str_or(c, "expression", "")))
			field_required(errors, FIELD_PATH(p, "%s[%zu].expression", path, i), NULL);
		rule_name(c, FIELD_PATH(p, "%s[%zu]", path, i), "name", name_check_qualified, errors);
		if (*name && map_has(names, name))
			field_duplicate(errors, FIELD_PATH(p, "%s[%zu].name", path, i), json_object_get(c, "name"));
		map_set(names, name, c);
	}
}
