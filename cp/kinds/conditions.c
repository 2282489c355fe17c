/* Rules of conditions in the form that most kinds share (Kubernetes API conventions, Typical status properties). Pure; nothing
 * fails. */
#include <ctype.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

enum { REASON_MAX = 1024, MESSAGE_MAX = 32 * 1024 };

static const char *check_reason(const char *s)
{
	static const char why[] = "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric "
				  "characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or "
				  "'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is "
				  "'[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')";
	size_t n = strlen(s);

	for (const char *c = s; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_,:", *c))
			return why;
	return n && isalpha((unsigned char)*s) && !strchr(",:", s[n - 1]) ? NULL : why;
}

static void validate_condition(const json_t *c, const char *path, struct field_errors *errors)
{
	static const char *const states[] = {"False", "True", "Unknown", NULL};
	const json_t *generation = json_object_get(c, "observedGeneration");
	char p[FIELD_PATH_MAX];

	validate_name(json_str_or(c, "type", ""), FIELD_PATH(p, "%s.type", path), name_check_qualified, errors);
	rule_word(c, path, "status", states, errors);
	if (json_integer_value(generation) < 0)
		field_invalid(errors, FIELD_PATH(p, "%s.observedGeneration", path), generation, "must be greater than or equal to zero");
	if (!json_string_length(json_object_get(c, "lastTransitionTime")))
		field_required(errors, FIELD_PATH(p, "%s.lastTransitionTime", path), "must be set");
	FIELD_PATH(p, "%s.reason", path);
	if (rule_required(c, path, "reason", "must be set", errors))
		validate_name(json_member(c, "reason"), p, check_reason, errors);
	if (strlen(json_str_or(c, "reason", "")) > REASON_MAX)
		field_too_long(errors, p, REASON_MAX);
	if (strlen(json_str_or(c, "message", "")) > MESSAGE_MAX)
		field_too_long(errors, FIELD_PATH(p, "%s.message", path), MESSAGE_MAX);
}

void rule_conditions(const json_t *conditions, const char *path, struct field_errors *errors)
{
	AUTO_MAP *seen = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *c;
	size_t i;

	json_array_foreach(conditions, i, c)
	{
		const char *type = json_str_or(c, "type", "");
		if (map_has(seen, type))
			field_duplicate(errors, FIELD_PATH(p, "%s[%zu].type", path, i), json_object_get(c, "type"));
		map_set(seen, type, c);
		validate_condition(c, FIELD_PATH(p, "%s[%zu]", path, i), errors);
	}
}
