/* Rules of a job's status. Purpose: whoever runs the job (spec.managedBy may name somebody else), its end is final, and its counts and
 * indexes fit. Happy path: what changed is looked at, in the order of the reference; what was wrong before and stays so is let be, so
 * that everything else can still be written. Pure; nothing fails. */
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/go_value.h"
#include "cp/kinds/job_rules.h"
#include "cp/kinds/kinds.h"

static bool is_true(const json_t *job, const char *type)
{
	json_t *c;
	size_t i;
	json_array_foreach(json_at(job, "status.conditions"), i, c)
		if (str_eq(json_member(c, "type"), type) && str_eq(json_member(c, "status"), "True"))
			return true;
	return false;
}

/* The conditions that decide, of one state. */
struct ends {
	bool complete, failed, failing, succeeded, finished;
};

static struct ends ends_of(const json_t *job)
{
	struct ends e = { is_true(job, "Complete"), is_true(job, "Failed"), is_true(job, "FailureTarget"), is_true(job, "SuccessCriteriaMet"), false };
	e.finished = e.complete || e.failed;
	return e;
}

/* What all rules look at. */
struct look {
	const json_t *job, *old;
	struct ends now, was;
	struct field_errors *errors;
};

static const json_t *at(const json_t *job, const char *key)
{
	return json_object_get(json_object_get(job, "status"), key);
}

static bool changed(const struct look *l, const char *key)
{
	const json_t *now = at(l->job, key), *was = at(l->old, key);
	return now != was && !json_equal(now, was);
}

static void bad_conditions(const struct look *l, const char *why)
{
	field_add(l->errors, "FieldValueInvalid", "status.conditions", "Invalid value: %s", why);
}

static void bad(const struct look *l, const char *key, const char *why)
{
	char p[FIELD_PATH_MAX];
	const json_t *v = at(l->job, key);
	AUTO_JSON *zero = json_integer(0);
	field_invalid(l->errors, FIELD_PATH(p, "status.%s", key), v ? v : zero, "%s", why);
}

static void missing(const struct look *l, const char *key, const char *why)
{
	char p[FIELD_PATH_MAX];
	field_required(l->errors, FIELD_PATH(p, "status.%s", key), why);
}

static void check_uncounted(const struct look *l)
{
	static const char *const lists[] = { "succeeded", "failed" };
	AUTO_MAP *seen = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *uid;
	size_t i;
	for (size_t k = 0; k < ARRAY_LEN(lists); k++)
		json_array_foreach(json_object_get(at(l->job, "uncountedTerminatedPods"), lists[k]), i, uid) {
			const char *text = json_string_value(uid);
			FIELD_PATH(p, "status.uncountedTerminatedPods.%s[%zu]", lists[k], i);
			if (str_empty(text))
				field_invalid(l->errors, p, uid, "must not be empty");
			else if (map_has(seen, text))
				field_duplicate(l->errors, p, uid);
			else
				map_set(seen, text, uid);
		}
}

/* An end, and the time of it. */
static void check_completion(const struct look *l)
{
	bool ended = l->now.complete != l->was.complete, timed = changed(l, "completionTime"), failing = l->now.failing != l->was.failing;
	const json_t *time = at(l->job, "completionTime"), *start = at(l->job, "startTime");
	if ((ended || l->now.failed != l->was.failed) && l->now.complete && l->now.failed)
		bad_conditions(l, "cannot set Complete=True and Failed=true conditions");
	if ((ended || failing) && l->now.complete && l->now.failing)
		bad_conditions(l, "cannot set Complete=True and FailureTarget=true conditions");
	if ((ended || timed) && time && !l->now.complete)
		bad(l, "completionTime", "cannot set completionTime when there is no Complete=True condition");
	if ((ended || timed) && !time && l->now.complete)
		missing(l, "completionTime", "completionTime is required for Complete jobs");
	if ((changed(l, "startTime") || timed) && time && start && strcmp(json_string_value(time), json_string_value(start)) < 0)
		bad(l, "completionTime", "completionTime cannot be set before startTime");
	if ((l->now.failed != l->was.failed || failing) && l->now.failed && !l->now.failing)
		bad_conditions(l, "cannot set Failed=True condition without the FailureTarget=true condition");
	if ((ended || l->now.succeeded != l->was.succeeded) && l->now.complete && !l->now.succeeded)
		bad_conditions(l, "cannot set Complete=True condition without the SuccessCriteriaMet=true condition");
}

/* What a job that has come to its end cannot have. */
static void check_finished(const struct look *l)
{
	const json_t *uncounted = at(l->job, "uncountedTerminatedPods");
	bool ended = l->now.finished != l->was.finished;
	if (!l->now.finished)
		return;
	if ((ended || changed(l, "active")) && json_integer_value(at(l->job, "active")) > 0)
		bad(l, "active", "active>0 is invalid for finished job");
	if ((ended || changed(l, "startTime")) && !at(l->job, "startTime"))
		missing(l, "startTime", "startTime is required for finished job");
	if ((ended || changed(l, "uncountedTerminatedPods")) &&
	    json_array_size(json_object_get(uncounted, "failed")) + json_array_size(json_object_get(uncounted, "succeeded"))) {
		AUTO_JSON *shown = go_shown(l->errors, "batch.v1.UncountedTerminatedPods", uncounted);
		field_invalid(l->errors, "status.uncountedTerminatedPods", shown, "uncountedTerminatedPods needs to be empty for finished job");
	}
}

static void check_list(const struct look *l, const char *key)
{
	const json_t *completions = json_at(l->job, "spec.completions");
	const char *text = json_string_value(at(l->job, key));
	AUTO_FREE char *why = NULL, *words = NULL;
	if (!changed(l, key) || !completions || !text)
		return;
	job_index_list_count(text, json_integer_value(completions), &why);
	if (!why)
		return;
	words = xasprintf("error parsing %s: %s", key, why);
	bad(l, key, words);
}

static void check_indexes(const struct look *l)
{
	const json_t *completions = json_at(l->job, "spec.completions"), *failed = at(l->job, "failedIndexes"), *done = at(l->job, "completedIndexes");
	bool each = json_at(l->job, "spec.backoffLimitPerIndex") != NULL, indexed = !strcmp(json_str_or(l->job, "spec.completionMode", ""), "Indexed");
	check_list(l, "completedIndexes");
	if (each)
		check_list(l, "failedIndexes");
	if (changed(l, "completedIndexes") && json_string_length(done) && !indexed)
		bad(l, "completedIndexes", "cannot set non-empty completedIndexes when non-indexed completion mode");
	if (changed(l, "failedIndexes") && failed && !each)
		bad(l, "failedIndexes", "cannot set non-null failedIndexes when backoffLimitPerIndex is null");
	if (!completions || !failed || !(changed(l, "failedIndexes") || changed(l, "completedIndexes")))
		return;
	AUTO_FREE char *why = job_index_list_overlap(done ? json_string_value(done) : "", json_string_value(failed), json_integer_value(completions));
	if (why)
		bad(l, "failedIndexes", why);
}

static void check_counts(const struct look *l)
{
	bool ended = l->now.finished != l->was.finished;
	const json_t *ready = at(l->job, "ready");
	if ((ended || changed(l, "terminating")) && l->now.finished && json_integer_value(at(l->job, "terminating")) > 0)
		bad(l, "terminating", "terminating>0 is invalid for finished job");
	if ((changed(l, "ready") || changed(l, "active")) && ready && json_integer_value(ready) > json_integer_value(at(l->job, "active")))
		bad(l, "ready", "cannot set more ready pods than active");
}

static void check_success(const struct look *l)
{
	if (l->now.succeeded && l->now.failed)
		bad_conditions(l, "cannot set SuccessCriteriaMet=True and Failed=true conditions");
	if (l->now.succeeded && l->now.failing)
		bad_conditions(l, "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions");
	if (json_at(l->job, "spec.successPolicy") && !l->now.succeeded && l->now.complete)
		bad_conditions(l, "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True");
}

/* Numbers of pods that have ended do not become less; those of an indexed job that is scaled with its parallelism may. */
static void check_decrease(const struct look *l)
{
	const json_t *spec = json_object_get(l->job, "spec"), *completions = json_object_get(spec, "completions"), *parallel = json_object_get(spec, "parallelism");
	bool elastic = !strcmp(json_str_or(spec, "completionMode", ""), "Indexed") && completions && parallel && json_equal(completions, parallel);
	if (json_integer_value(at(l->job, "failed")) < json_integer_value(at(l->old, "failed")))
		bad(l, "failed", "cannot decrease the failed counter");
	if (!elastic && json_integer_value(at(l->job, "succeeded")) < json_integer_value(at(l->old, "succeeded")))
		bad(l, "succeeded", "cannot decrease the succeeded counter");
}

/* What stands stays. */
static void check_kept(const struct look *l)
{
	static const char words[] = "cannot disable the terminal %s=True condition";
	static const char *const types[] = { "Failed", "Complete", "FailureTarget" };
	const json_t *time = at(l->job, "completionTime");
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		AUTO_FREE char *why = xasprintf(words, types[i]);
		if (is_true(l->old, types[i]) && !is_true(l->job, types[i]))
			bad_conditions(l, why);
	}
	check_decrease(l);
	if (time && at(l->old, "completionTime") && changed(l, "completionTime"))
		bad(l, "completionTime", "completionTime cannot be mutated");
	if (changed(l, "startTime") && at(l->old, "startTime") && !json_bool_at(l->job, "spec.suspend", false))
		missing(l, "startTime", "startTime cannot be removed for unsuspended job");
	if (l->was.succeeded && !l->now.succeeded)
		bad_conditions(l, "cannot disable the SuccessCriteriaMet=True condition");
	if (l->was.complete && !l->was.succeeded && l->now.succeeded)
		bad_conditions(l, "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions");
}

void job_validate_status(const json_t *job, const json_t *old, struct field_errors *errors)
{
	static const char *const counts[] = { "active", "succeeded", "failed", "ready", "terminating" };
	struct look l = { job, old, ends_of(job), ends_of(old), errors };
	char p[FIELD_PATH_MAX];
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		validate_not_negative(job, FIELD_PATH(p, "status.%s", counts[i]), errors);
	check_uncounted(&l);
	check_completion(&l);
	check_finished(&l);
	check_indexes(&l);
	check_counts(&l);
	check_success(&l);
	check_kept(&l);
}
