/* Rules of a job's indexes and of its policies for failed and succeeded pods. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"

enum { RULES_MAX = 20, VALUES_MAX = 255, INDEXES_MAX = 100000 };

static bool is_in(const char *const *words, const char *word)
{
	return strv_has((char *const *)words, word);
}

/* A word of a list that has to be given; words in the order in which errors name them. */
static void validate_word(const json_t *object, const char *key, const char *at, const char *const *words, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *word = json_str_or(object, key, "");
	AUTO_STR list = STR_INIT;
	FIELD_PATH(p, "%s.%s", at, key);
	for (size_t i = 0; words[i]; i++)
		str_addf(&list, "%s\"%s\"", i ? " " : "valid values: [", words[i]);
	str_add(&list, "]");
	if (!*word)
		field_required(errors, p, str_text(&list));
	else if (!is_in(words, word))
		field_not_supported(errors, p, json_object_get(object, key), words);
}

static bool has_container(const json_t *spec, const char *name)
{
	return json_find(json_at(spec, "template.spec.containers"), "name", name) ||
	       json_find(json_at(spec, "template.spec.initContainers"), "name", name);
}

static void validate_codes(const json_t *codes, bool in, const char *at, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const json_t *values = json_object_get(codes, "values");
	size_t n = json_array_size(values), i;
	AUTO_JSON *none = json_array();
	bool ordered = true;
	json_t *v;
	FIELD_PATH(p, "%s.values", at);
	if (!n)
		field_invalid(errors, p, none, "at least one value is required");
	else if (n > VALUES_MAX)
		field_too_many(errors, p, n, VALUES_MAX);
	json_array_foreach(values, i, v) {
		json_int_t now = json_integer_value(v), before = i ? json_integer_value(json_array_get(values, i - 1)) : now - 1;
		FIELD_PATH(p, "%s.values[%zu]", at, i);
		ordered &= before <= now;
		if (in && !now)
			field_invalid(errors, p, v, "must not be 0 for the In operator");
		if (before == now)
			field_duplicate(errors, p, v);
	}
	if (!ordered)
		field_invalid(errors, FIELD_PATH(p, "%s.values", at), values, "must be ordered");
}

static void validate_exit_codes(const json_t *spec, const json_t *codes, const char *at, struct field_errors *errors)
{
	static const char *const operators[] = { "In", "NotIn", NULL };
	char p[FIELD_PATH_MAX];
	const json_t *container = json_object_get(codes, "containerName");
	validate_word(codes, "operator", at, operators, errors);
	if (container && !has_container(spec, json_string_value(container)))
		field_invalid(errors, FIELD_PATH(p, "%s.containerName", at), container,
			      "must be one of the container or initContainer names in the pod template");
	validate_codes(codes, !strcmp(json_str_or(codes, "operator", ""), "In"), at, errors);
}

static void validate_failure_rule(const json_t *spec, const json_t *rule, const char *at, struct field_errors *errors)
{
	static const char *const actions[] = { "Count", "FailIndex", "FailJob", "Ignore", NULL };
	static const char *const states[] = { "False", "True", "Unknown", NULL };
	char p[FIELD_PATH_MAX], t[FIELD_PATH_MAX];
	const json_t *codes = json_object_get(rule, "onExitCodes"), *conditions = json_object_get(rule, "onPodConditions");
	json_t *c;
	size_t i;
	validate_word(rule, "action", at, actions, errors);
	if (!strcmp(json_str_or(rule, "action", ""), "FailIndex") && !json_object_get(spec, "backoffLimitPerIndex"))
		field_invalid(errors, FIELD_PATH(p, "%s.action", at), json_object_get(rule, "action"),
			      "requires the backoffLimitPerIndex to be set");
	if (codes)
		validate_exit_codes(spec, codes, FIELD_PATH(p, "%s.onExitCodes", at), errors);
	json_array_foreach(conditions, i, c) {
		FIELD_PATH(p, "%s.onPodConditions[%zu]", at, i);
		validate_name(json_str_or(c, "type", ""), FIELD_PATH(t, "%s.onPodConditions[%zu].type", at, i), name_check_qualified,
			      errors);
		validate_word(c, "status", p, states, errors);
	}
	if (!!codes == (json_array_size(conditions) > 0))
		field_add(errors, "FieldValueInvalid", at, "Invalid value: %s",
			  codes ? "specifying both OnExitCodes and OnPodConditions is not supported"
				: "specifying one of OnExitCodes and OnPodConditions is required");
}

static void validate_failure_policy(const json_t *spec, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const json_t *rules = json_at(spec, "podFailurePolicy.rules"), *restart = json_at(spec, "template.spec.restartPolicy");
	json_t *rule;
	size_t i;
	if (!json_object_get(spec, "podFailurePolicy"))
		return;
	if (json_array_size(rules) > RULES_MAX)
		field_too_many(errors, FIELD_PATH(p, "%s.podFailurePolicy.rules", path), json_array_size(rules), RULES_MAX);
	json_array_foreach(rules, i, rule)
		validate_failure_rule(spec, rule, FIELD_PATH(p, "%s.podFailurePolicy.rules[%zu]", path, i), errors);
	if (restart && !strcmp(json_string_value(restart), "OnFailure"))
		field_invalid(errors, FIELD_PATH(p, "%s.template.spec.restartPolicy", path), restart,
			      "only \"Never\" is supported when podFailurePolicy is specified");
}

/* "1,3-5,7": numbers below completions in rising order. Returns their number, -1 with *ret_why (owned) set. */
static int64_t count_indexes(const char *text, int64_t completions, char **ret_why)
{
	AUTO_STRV char **parts = str_split(text, ',');
	int64_t previous = -1, total = 0;
	for (size_t i = 0; parts && parts[i]; i++) {
		char *dash = strchr(parts[i], '-');
		int64_t from = 0, to = 0;
		if (dash && strchr(dash + 1, '-')) {
			*ret_why = xasprintf("the fragment \"%s\" violates the requirement that an index interval can have at most two parts separated by '-'",
					     parts[i]);
			return -1;
		}
		AUTO_FREE char *first = xstrndup(parts[i], dash ? (size_t)(dash - parts[i]) : strlen(parts[i]));
		if (str_to_i64(first, &from) < 0 || (dash && str_to_i64(dash + 1, &to) < 0)) {
			*ret_why = xasprintf("cannot convert string to integer for index: \"%s\"", str_to_i64(first, &from) < 0 ? first : dash + 1);
			return -1;
		}
		to = dash ? to : from;
		if (to >= completions) {
			*ret_why = xasprintf("too large index: \"%s\"", from >= completions || !dash ? first : dash + 1);
			return -1;
		}
		if (from <= previous || to < from) {
			*ret_why = xasprintf("non-increasing order, previous: %lld, current: %lld", (long long)(from <= previous ? previous : from),
					     (long long)(from <= previous ? from : to));
			return -1;
		}
		previous = to;
		total += to - from + 1;
	}
	return total;
}

static void validate_succeeded(const json_t *rule, const char *at, int64_t completions, struct field_errors *errors)
{
	const json_t *indexes = json_object_get(rule, "succeededIndexes"), *count = json_object_get(rule, "succeededCount");
	AUTO_FREE char *why = NULL;
	char p[FIELD_PATH_MAX];
	int64_t n = indexes ? count_indexes(json_string_value(indexes), completions, &why) : 0;
	if (why)
		field_invalid(errors, FIELD_PATH(p, "%s.succeededIndexes", at), indexes, "error parsing succeededIndexes: %s", why);
	else if (indexes && count && json_integer_value(count) > n)
		field_invalid(errors, FIELD_PATH(p, "%s.succeededCount", at), count,
			      "must be less than or equal to %lld (the number of indexes in the specified succeededIndexes field)", (long long)n);
}

static void validate_success_policy(const json_t *spec, bool indexed, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const json_t *policy = json_object_get(spec, "successPolicy"), *rules = json_object_get(policy, "rules");
	int64_t completions = json_int_at(spec, "completions", 0);
	json_t *rule;
	size_t i;
	if (!policy)
		return;
	if (!indexed) {
		field_add(errors, "FieldValueInvalid", FIELD_PATH(p, "%s.successPolicy", path), "Invalid value: requires indexed completion mode");
		return;
	}
	FIELD_PATH(p, "%s.successPolicy.rules", path);
	if (!json_array_size(rules))
		field_required(errors, p, "at least one rules must be specified when the successPolicy is specified");
	if (json_array_size(rules) > RULES_MAX)
		field_too_many(errors, p, json_array_size(rules), RULES_MAX);
	json_array_foreach(rules, i, rule) {
		const json_t *count = json_object_get(rule, "succeededCount");
		FIELD_PATH(p, "%s.successPolicy.rules[%zu]", path, i);
		if (!count && !json_object_get(rule, "succeededIndexes"))
			field_required(errors, p, "at least one of succeededCount or succeededIndexes must be specified");
		FIELD_PATH(p, "%s.successPolicy.rules[%zu].succeededCount", path, i);
		if (count && json_integer_value(count) < 0)
			field_invalid(errors, p, count, "must be greater than or equal to 0");
		else if (count && json_integer_value(count) > completions)
			field_invalid(errors, p, count, "must be less than or equal to %lld (the number of specified completions)",
				      (long long)completions);
		validate_succeeded(rule, FIELD_PATH(p, "%s.successPolicy.rules[%zu]", path, i), completions, errors);
	}
}

static void validate_indexes(const json_t *spec, bool indexed, const char *path, struct field_errors *errors)
{
	static const char *const only[] = { "backoffLimitPerIndex", "maxFailedIndexes" };
	char p[FIELD_PATH_MAX];
	const json_t *completions = json_object_get(spec, "completions"), *parallel = json_object_get(spec, "parallelism"),
		     *failed = json_object_get(spec, "maxFailedIndexes");
	if (indexed && !completions)
		field_required(errors, FIELD_PATH(p, "%s.completions", path), "when completion mode is Indexed");
	if (indexed && json_integer_value(parallel) > INDEXES_MAX)
		field_invalid(errors, FIELD_PATH(p, "%s.parallelism", path), parallel,
			      "must be less than or equal to 100000 when completion mode is Indexed");
	if (indexed && completions && failed && json_integer_value(failed) > json_integer_value(completions))
		field_invalid(errors, FIELD_PATH(p, "%s.maxFailedIndexes", path), failed, "must be less than or equal to completions");
	for (size_t i = 0; !indexed && i < ARRAY_LEN(only); i++)
		if (json_object_get(spec, only[i]))
			field_invalid(errors, FIELD_PATH(p, "%s.%s", path, only[i]), json_object_get(spec, only[i]),
				      "requires indexed completion mode");
	if (failed && !json_object_get(spec, "backoffLimitPerIndex"))
		field_required(errors, FIELD_PATH(p, "%s.backoffLimitPerIndex", path), "when maxFailedIndexes is specified");
}

/* Who looks after the job, "example.com/controller". */
static void validate_manager(const json_t *spec, const char *path, struct field_errors *errors)
{
	enum { MANAGER_MAX = 63 };
	static const char key[] = "managedBy";
	const char *text = json_member(spec, key), *slash = text ? strchr(text, '/') : NULL;
	AUTO_FREE char *domain = slash ? xstrndup(text, (size_t)(slash - text)) : NULL;
	char p[FIELD_PATH_MAX];
	if (!text)
		return;
	FIELD_PATH(p, "%s.%s", path, key);
	if (!*text)
		field_required(errors, p, NULL);
	else if (!slash || !*domain || !slash[1])
		field_invalid(errors, p, json_object_get(spec, key), "must be a domain-prefixed path (such as \"acme.io/foo\")");
	else
		validate_name(domain, p, name_check_subdomain, errors);
	if (strlen(text) > MANAGER_MAX)
		field_too_long(errors, p, MANAGER_MAX);
}

void job_policies_validate(const json_t *spec, const char *path, struct field_errors *errors)
{
	static const char *const failed[] = { "Failed", NULL };
	const char *replace = json_str_or(spec, "podReplacementPolicy", "Failed");
	char p[FIELD_PATH_MAX];
	validate_manager(spec, path, errors);
	if (json_object_get(spec, "podFailurePolicy") && strcmp(replace, "Failed"))
		field_not_supported(errors, FIELD_PATH(p, "%s.podReplacementPolicy", path), json_object_get(spec, "podReplacementPolicy"), failed);
	bool indexed = !strcmp(json_str_or(spec, "completionMode", ""), "Indexed");
	validate_indexes(spec, indexed, path, errors);
	validate_failure_policy(spec, path, errors);
	validate_success_policy(spec, indexed, path, errors);
}
