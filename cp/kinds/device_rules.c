/* Rules that claims and slices of devices share. Nothing fails. */
#include "cp/kinds/device_rules.h"

#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

enum { DOMAIN_MAX = 63, ID_MAX = 32, POOL_NAME_MAX = 253, TOLERATIONS_MAX = 16, BINDING_MAX = 4 };
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"

static const char *const effects[] = {"NoExecute", "NoSchedule", "None", NULL};

bool device_size_validate(const json_t *list, size_t max, const char *path, struct field_errors *errors)
{
	if (json_array_size(list) <= max)
		return true;
	field_too_many(errors, path, json_array_size(list), max);
	return false;
}

void device_set_validate(const json_t *list, const char *key, const char *path, struct field_errors *errors)
{
	AUTO_MAP *seen = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
	{
		const json_t *shown = key ? json_object_get(v, key) : v;
		const char *text = json_string_value(shown);
		if (text && map_has(seen, text))
			field_duplicate(errors, FIELD_PATH(p, "%s[%zu]", path, i), shown);
		map_set(seen, text ? text : "", v);
	}
}

void device_uid_validate(const json_t *uid, const char *path, struct field_errors *errors)
{
	static const size_t lengths[] = {8, 4, 4, 4, 12};
	const char *text = json_string_value(uid), *at = text;
	bool whole = text != NULL;

	if (!uid)
		return;
	for (size_t i = 0; whole && i < ARRAY_LEN(lengths); i++) {
		size_t n = strspn(at, "0123456789abcdefABCDEF");
		whole = n == lengths[i] && at[n] == (i + 1 < ARRAY_LEN(lengths) ? '-' : '\0');
		at += n + (at[n] == '-');
	}
	if (!whole)
		field_invalid(errors, path, uid, "error validating uid: invalid UUID length: %zu", strlen(text ? text : ""));
	else if (strpbrk(text, "ABCDEF"))
		field_invalid(errors, path, uid,
			      "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters");
}

void device_pool_validate(const char *name, const char *path, struct field_errors *errors)
{
	AUTO_STRV char **parts = str_split(name, '/');

	if (strlen(name) > POOL_NAME_MAX)
		field_too_long(errors, path, POOL_NAME_MAX);
	for (size_t i = 0; parts && parts[i]; i++)
		validate_name(parts[i], path, name_check_subdomain, errors);
}

static const char *check_identifier(const char *s)
{
	return *s && strchr(LETTERS, *s) && !s[strspn(s, LETTERS "0123456789")]
		   ? NULL
		   : "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. "
		     "'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')";
}

static void validate_identifier(const char *id, const char *path, struct field_errors *errors)
{
	if (strlen(id) > ID_MAX)
		field_too_long(errors, path, ID_MAX);
	validate_name(id, path, check_identifier, errors);
}

void device_attribute_name_validate(const char *name, const char *path, struct field_errors *errors)
{
	const char *slash = strchr(name, '/');
	AUTO_JSON *none = json_string("");

	if (!slash) {
		validate_identifier(name, path, errors);
		return;
	}
	AUTO_FREE char *domain = xstrndup(name, (size_t)(slash - name));
	if (strchr(slash + 1, '/'))
		return;
	if (!*domain)
		field_invalid(errors, path, none, "the domain must not be empty");
	else if (strlen(domain) > DOMAIN_MAX)
		field_too_long(errors, path, DOMAIN_MAX);
	else
		validate_name(domain, path, name_check_subdomain, errors);
	if (!slash[1])
		field_invalid(errors, path, none, "the name must not be empty");
	else
		validate_identifier(slash + 1, path, errors);
}

void device_taint_validate(const json_t *taint, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];

	rule_name(taint, path, "key", name_check_qualified, errors);
	rule_name(taint, path, "value", name_check_label_value, errors);
	FIELD_PATH(p, "%s.effect", path);
	if (!str_empty(json_member(taint, "effect")))
		rule_word(taint, path, "effect", effects, errors);
}

static void validate_toleration(const json_t *t, const char *path, struct field_errors *errors)
{
	static const char *const operators[] = {"Equal", "Exists", NULL};
	const char *op = json_str_or(t, "operator", "");
	char p[FIELD_PATH_MAX];

	rule_name(t, path, "key", name_check_qualified, errors);
	if (!strcmp(op, "Exists") && !str_empty(json_member(t, "value")))
		field_invalid(errors, FIELD_PATH(p, "%s.value", path), json_object_get(t, "value"), "must be empty for operator `Exists`");
	else if (!strcmp(op, "Equal"))
		rule_name(t, path, "value", name_check_label_value, errors);
	else if (strcmp(op, "Exists"))
		rule_word(t, path, "operator", operators, errors);
	if (!str_empty(json_member(t, "effect")))
		rule_word(t, path, "effect", effects, errors);
}

void device_tolerations_validate(const json_t *request, const char *path, struct field_errors *errors)
{
	const json_t *list = json_object_get(request, "tolerations");
	char p[FIELD_PATH_MAX];
	json_t *t;
	size_t i;

	if (!device_size_validate(list, TOLERATIONS_MAX, FIELD_PATH(p, "%s.tolerations", path), errors))
		return;
	json_array_foreach(list, i, t) validate_toleration(t, FIELD_PATH(p, "%s.tolerations[%zu]", path, i), errors);
}

void device_bindings_validate(const json_t *obj, const char *path, struct field_errors *errors)
{
	static const char *const keys[] = {"bindingConditions", "bindingFailureConditions"};
	const json_t *lists[2];
	char p[FIELD_PATH_MAX];
	AUTO_JSON *none = json_null();
	json_t *v;
	size_t i;

	for (size_t l = 0; l < ARRAY_LEN(keys); l++) {
		lists[l] = json_object_get(obj, keys[l]);
		if (!device_size_validate(lists[l], BINDING_MAX, FIELD_PATH(p, "%s.%s", path, keys[l]), errors))
			continue;
		json_array_foreach(lists[l], i, v)
		    validate_name(json_string_value(v), FIELD_PATH(p, "%s.%s[%zu]", path, keys[l], i), name_check_qualified, errors);
	}
	for (size_t l = 0; l < ARRAY_LEN(keys); l++)
		device_set_validate(lists[l], NULL, FIELD_PATH(p, "%s.%s", path, keys[l]), errors);
	json_array_foreach(lists[1], i, v) if (json_has_text(lists[0], json_string_value(v)))
	    field_invalid(errors, FIELD_PATH(p, "%s.%s[%zu]", path, keys[1], i), v, "bindingFailureConditions must not overlap with bindingConditions");
	for (size_t l = 0; l < ARRAY_LEN(keys); l++)
		if (!json_array_size(lists[l]) && json_array_size(lists[1 - l]))
			field_invalid(errors, FIELD_PATH(p, "%s.%s", path, keys[l]), lists[l] ? lists[l] : none, "%s are required to use %s", keys[l],
				      keys[1 - l]);
}
