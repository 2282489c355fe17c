/* Rules of a job's indexes and of its policies for failed and succeeded pods. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/go_value.h"
#include "cp/kinds/job_rules.h"
#include "cp/kinds/kinds.h"

enum { RULES_MAX = 20, VALUES_MAX = 255, PATTERNS_MAX = 20, INDEXES_MAX = 100000, INDEXES_BYTES_MAX = 64 * 1024 };
/* More completions than these, each with a limit of its own: then fewer at a time. */
enum { MANY_COMPLETIONS = 100000, MANY_PARALLEL_MAX = 10000, MANY_FAILED_MAX = 10000 };

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
		json_int_t now = json_integer_value(v), before = i ? json_integer_value(json_array_get(values, i - 1)) : now;
		bool seen = false;
		for (size_t k = 0; k < i && n <= VALUES_MAX; k++)
			seen |= json_integer_value(json_array_get(values, k)) == now;
		FIELD_PATH(p, "%s.values[%zu]", at, i);
		ordered &= before <= now;
		if (in && !now)
			field_invalid(errors, p, v, "must not be 0 for the In operator");
		if (seen)
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
	if (json_array_size(conditions) > PATTERNS_MAX)
		field_too_many(errors, FIELD_PATH(p, "%s.onPodConditions", at), json_array_size(conditions), PATTERNS_MAX);
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

static void validate_succeeded(const json_t *rule, const char *at, int64_t completions, struct field_errors *errors)
{
	const json_t *indexes = json_object_get(rule, "succeededIndexes"), *count = json_object_get(rule, "succeededCount");
	AUTO_FREE char *why = NULL;
	char p[FIELD_PATH_MAX];
	int64_t n = indexes ? job_index_list_count(json_string_value(indexes), completions, &why) : 0;
	FIELD_PATH(p, "%s.succeededIndexes", at);
	if (json_string_length(indexes) > INDEXES_BYTES_MAX)
		field_too_long(errors, p, INDEXES_BYTES_MAX);
	if (why)
		field_invalid(errors, p, indexes, "error parsing succeededIndexes: %s", why);
	if (!count)
		return;
	FIELD_PATH(p, "%s.succeededCount", at);
	if (json_integer_value(count) < 0)
		field_invalid(errors, p, count, "must be greater than or equal to 0");
	if (json_integer_value(count) > completions)
		field_invalid(errors, p, count, "must be less than or equal to %lld (the number of specified completions)", (long long)completions);
	if (indexes && json_integer_value(count) > n)
		field_invalid(errors, p, count,
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
		AUTO_JSON *shown = go_shown(errors, "batch.v1.SuccessPolicy", policy);
		field_invalid(errors, FIELD_PATH(p, "%s.successPolicy", path), shown, "requires indexed completion mode");
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
		validate_succeeded(rule, FIELD_PATH(p, "%s.successPolicy.rules[%zu]", path, i), completions, errors);
	}
}

static void validate_many(const json_t *spec, const char *path, struct field_errors *errors)
{
	static const char words[] = "must be less than or equal to %d when completions are above %d and used with backoff limit per index";
	const json_t *parallel = json_object_get(spec, "parallelism"), *failed = json_object_get(spec, "maxFailedIndexes");
	char p[FIELD_PATH_MAX];
	FIELD_PATH(p, "%s.maxFailedIndexes", path);
	if (!failed) {
		AUTO_FREE char *why = xasprintf("must be specified when completions is above %d", MANY_COMPLETIONS);
		field_required(errors, p, why);
	} else if (json_integer_value(failed) > MANY_FAILED_MAX) {
		field_invalid(errors, p, failed, words, MANY_FAILED_MAX, MANY_COMPLETIONS);
	}
	if (json_integer_value(parallel) > MANY_PARALLEL_MAX)
		field_invalid(errors, FIELD_PATH(p, "%s.parallelism", path), parallel, words, MANY_PARALLEL_MAX, MANY_COMPLETIONS);
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
	if (indexed && json_integer_value(failed) > INDEXES_MAX)
		field_invalid(errors, FIELD_PATH(p, "%s.maxFailedIndexes", path), failed, "must be less than or equal to %d", INDEXES_MAX);
	if (indexed && json_integer_value(completions) > MANY_COMPLETIONS && json_object_get(spec, "backoffLimitPerIndex"))
		validate_many(spec, path, errors);
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
