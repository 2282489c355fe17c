/* Small rules that many kinds share. Purpose: one sentence a rule, wherever it stands. Happy path: the member is found,
 * judged, and an error with its path is added where it breaks the rule. Nothing fails; values have been decoded. */
#include "cp/kinds/rule.h"

#include <string.h>

#include "api/ip_form.h"
#include "api/names.h"
#include "api/quantity.h"
#include "base/json.h"
#include "cp/kinds/kinds.h"

static bool is_empty(const json_t *v)
{
	return !v || json_is_null(v) || (json_is_string(v) && !json_string_length(v)) ||
	       (json_is_array(v) && !json_array_size(v)) || (json_is_object(v) && !json_object_size(v));
}

bool rule_is_one_of(const char *text, const char *const *words)
{
	for (; text && *words; words++)
		if (!strcmp(*words, text))
			return true;
	return false;
}

bool rule_required(const json_t *obj, const char *path, const char *key, const char *detail, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];

	if (!is_empty(json_object_get(obj, key)))
		return true;
	field_required(errors, FIELD_PATH(p, "%s%s%s", path, *path ? "." : "", key), detail);
	return false;
}

void rule_word(const json_t *obj, const char *path, const char *key, const char *const *words, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *text = json_member(obj, key);
	AUTO_JSON *shown = json_string(text ? text : "");

	if (!rule_is_one_of(text ? text : "", words))
		field_not_supported(errors, FIELD_PATH(p, "%s%s%s", path, *path ? "." : "", key), shown, words);
}

void rule_name(const json_t *obj, const char *path, const char *key, const char *(*check)(const char *),
	       struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *text = json_member(obj, key);

	if (text && *text)
		validate_name(text, FIELD_PATH(p, "%s%s%s", path, *path ? "." : "", key), check, errors);
}

void rule_range(const json_t *obj, const char *path, const char *key, int64_t min, int64_t max, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const json_t *v = json_object_get(obj, key);

	if (json_is_integer(v) && (json_integer_value(v) < min || json_integer_value(v) > max))
		field_invalid(errors, FIELD_PATH(p, "%s.%s", path, key), v, "must be between %lld and %lld, inclusive",
			      (long long)min, (long long)max);
}

void rule_forbidden(const json_t *obj, const char *path, const char *key, const char *why, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];

	if (json_object_get(obj, key))
		field_forbidden(errors, FIELD_PATH(p, "%s.%s", path, key), "%s", why);
}

void rule_reference(const json_t *ref, const char *path, struct field_errors *errors)
{
	static const char *const keys[] = {"kind", "name"};
	char p[FIELD_PATH_MAX];

	if (json_object_get(ref, "apiGroup"))
		validate_name(json_member(ref, "apiGroup"), FIELD_PATH(p, "%s.apiGroup", path), name_check_subdomain, errors);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (rule_required(ref, path, keys[i], NULL, errors))
			rule_name(ref, path, keys[i], name_check_path_segment, errors);
}

static bool has_backstep(const char *text)
{
	AUTO_STRV char **parts = str_split(text, '/');

	return strv_has(parts, "..");
}

void rule_no_backsteps(const json_t *obj, const char *path, const char *key, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *text = json_member(obj, key);

	if (text && has_backstep(text))
		field_invalid(errors, FIELD_PATH(p, "%s.%s", path, key), json_object_get(obj, key), "must not contain '..'");
}

void rule_path_inside_at(const json_t *text, const char *path, struct field_errors *errors)
{
	if (*json_string_value(text) == '/')
		field_invalid(errors, path, text, "must be a relative path");
	if (has_backstep(json_string_value(text)))
		field_invalid(errors, path, text, "must not contain '..'");
}

void rule_path_inside(const json_t *obj, const char *path, const char *key, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];

	if (json_member(obj, key))
		rule_path_inside_at(json_object_get(obj, key), FIELD_PATH(p, "%s.%s", path, key), errors);
}

void rule_path_not_reserved(const json_t *obj, const char *path, const char *key, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *text = json_member(obj, key);

	rule_path_inside(obj, path, key, errors);
	if (text && str_has_prefix(text, "..") && !str_has_prefix(text, "../"))
		field_invalid(errors, FIELD_PATH(p, "%s.%s", path, key), json_object_get(obj, key), "must not start with '..'");
}

void rule_unchanged(const json_t *obj, const json_t *old, const char *path, const char *key, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const json_t *now = json_object_get(obj, key), *was = json_object_get(old, key);

	if (now != was && !json_equal(now, was))
		field_invalid(errors, FIELD_PATH(p, "%s%s%s", path, *path ? "." : "", key), now, "field is immutable");
}

static void rule_form(const json_t *value, const json_t *was, const char *path, char *(*problem)(const char *), struct field_errors *errors)
{
	const char *text = json_is_string(value) ? json_string_value(value) : "";
	AUTO_FREE char *why = json_has_text(was, text) ? NULL : problem(text);

	if (why)
		field_invalid(errors, path, value, "%s", why);
}

void rule_ip(const json_t *value, const json_t *was, const char *path, struct field_errors *errors)
{
	rule_form(value, was, path, ip_form_loose_address_problem, errors);
}

void rule_cidr(const json_t *value, const json_t *was, const char *path, struct field_errors *errors)
{
	rule_form(value, was, path, ip_form_loose_range_problem, errors);
}
