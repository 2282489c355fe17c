/* Helpers that the rules of several kinds share. */
#include <arpa/inet.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "cp/kinds/go_value.h"
#include "cp/kinds/kinds.h"

void set_default(json_t *object, const char *key, json_t *value)
{
	if (json_object_get(object, key))
		json_decref(value);
	else
		json_object_set_new(object, key, value);
}

void validate_immutable(const json_t *obj, const json_t *old, const char *path, struct field_errors *errors)
{
	const json_t *now = json_at(obj, path), *before = json_at(old, path);
	if (now != before && !json_equal(now, before))
		field_invalid(errors, path, now, "field is immutable");
}

void validate_immutable_as(const json_t *obj, const json_t *old, const char *path, const char *type, struct field_errors *errors)
{
	const json_t *now = json_at(obj, path), *before = json_at(old, path);
	const struct type *t = errors->schema ? schema_type(errors->schema, type) : NULL;
	if (now == before || json_equal(now, before))
		return;
	AUTO_JSON *shown = t ? go_value(t, now) : json_incref((json_t *)now);
	field_invalid(errors, path, shown, "field is immutable");
}

void validate_not_negative(const json_t *obj, const char *path, struct field_errors *errors)
{
	const json_t *v = json_at(obj, path);
	if (json_is_integer(v) && json_integer_value(v) < 0)
		field_invalid(errors, path, v, "must be greater than or equal to 0");
}

void validate_name(const char *value, const char *path, const char *(*check)(const char *), struct field_errors *errors)
{
	const char *rules[NAME_CHECK_MAX], *text = value ? value : "";
	size_t n = 1;
	if (check == name_check_qualified)
		n = name_check_qualified_all(text, rules);
	else if (check == name_check_port_name)
		n = name_check_port_name_all(text, rules);
	else
		rules[0] = check(text);
	AUTO_JSON *v = json_string(text);
	for (size_t i = 0; i < n && rules[i]; i++)
		field_invalid(errors, path, v, "%s", rules[i]);
}

int ip_family(const char *address)
{
	unsigned char b[16];
	if (address && inet_pton(AF_INET, address, b) == 1)
		return 4;
	return address && inet_pton(AF_INET6, address, b) == 1 ? 6 : 0;
}

bool is_cidr(const char *text)
{
	const char *slash = strchr(text, '/');
	AUTO_FREE char *ip = xstrndup(text, slash ? (size_t)(slash - text) : 0);
	int family = ip_family(ip);
	uint32_t bits;
	return family && str_to_u32(slash + 1, &bits) == 0 && bits <= (family == 4 ? 32U : 128U);
}

void label_requirement_validate(const json_t *x, const char *path, bool any_operator, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *op = json_str_or(x, "operator", "");
	const json_t *values = json_object_get(x, "values");
	json_t *v;
	size_t i;
	if (!strcmp(op, "In") || !strcmp(op, "NotIn")) {
		if (!json_array_size(values))
			field_required(errors, FIELD_PATH(p, "%s.values", path), "must be specified when `operator` is 'In' or 'NotIn'");
	} else if (!strcmp(op, "Exists") || !strcmp(op, "DoesNotExist")) {
		if (json_array_size(values))
			field_forbidden(errors, FIELD_PATH(p, "%s.values", path), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
	} else if (!any_operator) {
		AUTO_JSON *given = json_string(op);
		field_invalid(errors, FIELD_PATH(p, "%s.operator", path), given, "not a valid selector operator");
	}
	validate_name(json_str_or(x, "key", ""), FIELD_PATH(p, "%s.key", path), name_check_qualified, errors);
	json_array_foreach(values, i, v)
		validate_name(json_string_value(v), FIELD_PATH(p, "%s.values[%zu]", path, i), name_check_label_value, errors);
}

void label_selector_validate(const json_t *selector, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *key;
	json_t *v;
	json_object_foreach(json_object_get(selector, "matchLabels"), key, v) {
		validate_name(key, FIELD_PATH(p, "%s.matchLabels", path), name_check_qualified, errors);
		validate_name(json_string_value(v), FIELD_PATH(p, "%s.matchLabels", path), name_check_label_value, errors);
	}
	size_t i;
	json_array_foreach(json_object_get(selector, "matchExpressions"), i, v)
		label_requirement_validate(v, FIELD_PATH(p, "%s.matchExpressions[%zu]", path, i), false, errors);
}
