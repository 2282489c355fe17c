/* Rules of jobs and cron jobs; what an update may change is in job_update.c, a job's status in job_status.c. */
#include <string.h>
#include <strings.h>

#include "api/cron.h"
#include "api/names.h"
#include "api/selector.h"
#include "api/timezone.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/job_rules.h"
#include "cp/kinds/kinds.h"

#define UID_LABEL "batch.kubernetes.io/controller-uid"
#define NAME_LABEL "batch.kubernetes.io/job-name"
enum { CRON_NAME_MAX = 52 };

static void job_spec_set_defaults(json_t *spec, const json_t *old_spec)
{
	json_t *pods = json_at(spec, "template.spec");
	if (!spec)
		return;
	if (!json_object_get(spec, "completions") && !json_object_get(spec, "parallelism"))
		json_object_set_new(spec, "completions", json_integer(1));
	set_default(spec, "parallelism", json_integer(1));
	set_default(spec, "podReplacementPolicy", json_string(json_object_get(spec, "podFailurePolicy") ? "Failed" : "TerminatingOrFailed"));
	if (json_object_get(spec, "backoffLimitPerIndex"))
		set_default(spec, "backoffLimit", json_integer(INT32_MAX));
	set_default(spec, "backoffLimit", json_integer(6));
	json_t *rule, *pattern;
	size_t i, j;
	json_array_foreach(json_at(spec, "podFailurePolicy.rules"), i, rule)
		json_array_foreach(json_object_get(rule, "onPodConditions"), j, pattern)
			set_default(pattern, "status", json_string("True"));
	if (pods)
		pod_spec_set_defaults(pods, json_at(old_spec, "template.spec"));
}

static void job_set_defaults(json_t *job, const json_t *old)
{
	json_t *spec = json_object_get(job, "spec"), *labels = json_at(job, "spec.template.metadata.labels");
	job_spec_set_defaults(spec, json_object_get(old, "spec"));
	if (spec)
		set_default(spec, "manualSelector", json_false());
	if (json_object_size(labels) && !json_object_size(json_at(job, "metadata.labels")))
		json_set_at(job, "metadata.labels", json_incref(labels));
}

static void set_label(json_t *labels, const char *key, json_t *value)
{
	if (value)
		set_default(labels, key, json_incref(value));
}

/* Unless the user chose a selector: one by the job's own uid, which its pods carry. */
static void job_prepare_create(json_t *job)
{
	json_t *uid = json_at(job, "metadata.uid"), *name = json_at(job, "metadata.name");
	json_object_set_new(job, "status", json_object());
	if (json_bool_at(job, "spec.manualSelector", false))
		return;
	json_t *labels = json_object_at(job, "spec.template.metadata.labels");
	set_label(labels, "controller-uid", uid);
	set_label(labels, UID_LABEL, uid);
	set_label(labels, "job-name", name);
	set_label(labels, NAME_LABEL, name);
	if (!json_object_size(json_at(job, "metadata.labels")))
		json_set_at(job, "metadata.labels", json_copy(labels));
	json_t *match = json_object_at(job, "spec.selector.matchLabels");
	set_label(match, UID_LABEL, uid);
}

static void job_template_validate(const json_t *spec, const char *path, struct field_errors *errors)
{
	static const char *const supported[] = { "OnFailure", "Never", NULL };
	char p[FIELD_PATH_MAX];
	const json_t *policy = json_at(spec, "template.spec.restartPolicy");
	pod_template_validate(json_object_get(spec, "template"), FIELD_PATH(p, "%s.template", path), errors);
	FIELD_PATH(p, "%s.template.spec.restartPolicy", path);
	if (policy && !strcmp(json_string_value(policy), "Always")) /* the default of pods is none for jobs */
		field_required(errors, p, "valid values: \"OnFailure\", \"Never\"");
	else if (policy && strcmp(json_string_value(policy), "OnFailure") && strcmp(json_string_value(policy), "Never"))
		field_not_supported(errors, p, policy, supported);
}

static void job_spec_validate(const json_t *spec, const char *path, struct field_errors *errors)
{
	job_policies_validate(spec, path, errors);
	job_template_validate(spec, path, errors);
}

/* Pods of an indexed job are named by it and their index. */
static void validate_indexed_name(const json_t *job, struct field_errors *errors)
{
	int64_t completions = json_int_at(job, "spec.completions", 0);
	const char *name = json_str_or(job, "metadata.name", "");
	AUTO_FREE char *host = xasprintf("%s-%lld", name, (long long)completions - 1);
	if (strcmp(json_str_or(job, "spec.completionMode", ""), "Indexed") || completions < 1 || !name_check_label(host))
		return;
	field_invalid(errors, "metadata.name", json_at(job, "metadata.name"), "will not able to create pod with invalid DNS label: %s", host);
}

static void validate_label(const json_t *labels, const char *key, const char *wanted, struct field_errors *errors)
{
	const char *value = json_member(labels, key);
	char p[FIELD_PATH_MAX];
	FIELD_PATH(p, "spec.template.metadata.labels[%s]", key);
	if (!value) {
		AUTO_FREE char *why = xasprintf("must be '%s'", wanted);
		field_required(errors, p, why);
	} else if (strcmp(value, wanted)) {
		field_invalid(errors, p, labels, "must be '%s'", wanted);
	}
}

/* A selector and labels that the server makes itself: what the user gave beside them does not fit. */
static void validate_generated(const json_t *job, struct field_errors *errors)
{
	const json_t *labels = json_at(job, "spec.template.metadata.labels"), *selector = json_at(job, "spec.selector");
	const char *uid = json_str_or(job, "metadata.uid", ""), *name = json_str_or(job, "metadata.name", "");
	AUTO_JSON *made = json_pack("{s:s, s:s, s:s, s:s}", "controller-uid", uid, "job-name", name, UID_LABEL, uid, NAME_LABEL, name);
	AUTO_SELECTOR *s = NULL;
	if (json_bool_at(job, "spec.manualSelector", false) || !selector || !*uid)
		return;
	validate_label(labels, "controller-uid", uid, errors);
	validate_label(labels, "job-name", name, errors);
	validate_label(labels, UID_LABEL, uid, errors);
	validate_label(labels, NAME_LABEL, name, errors);
	if (selector_from_json(selector, &s, NULL) == 0 && !selector_match_labels(s, made))
		field_invalid(errors, "spec.selector", selector, "`selector` not auto-generated");
}

static void validate_selects_own(const json_t *job, struct field_errors *errors)
{
	const json_t *labels = json_at(job, "spec.template.metadata.labels");
	AUTO_SELECTOR *s = NULL;
	AUTO_JSON *none = json_null();
	const json_t *selector = json_at(job, "spec.selector");
	if (!selector || (selector_from_json(selector, &s, NULL) == 0 && !selector_match_labels(s, labels)))
		field_invalid(errors, "spec.template.metadata.labels", labels ? labels : none, "`selector` does not match template `labels`");
}

static void job_validate(const json_t *job, const json_t *old, struct field_errors *errors)
{
	static const char *const order[] = {
		"metadata", "spec.selector", "spec.parallelism", "spec.completions", "spec.activeDeadlineSeconds", "spec.backoffLimit",
		"spec.ttlSecondsAfterFinished", "spec.backoffLimitPerIndex", "spec.maxFailedIndexes", "spec.managedBy", "spec.completionMode",
		"spec.podFailurePolicy", "spec.successPolicy", "spec.podReplacementPolicy", "spec.template", "spec.template.metadata.labels", NULL };
	bool generated = !old && !json_bool_at(job, "spec.manualSelector", false) && !json_at(job, "spec.selector");
	validate_generated(job, errors);
	if (!json_at(job, "spec.selector") && !generated)
		field_required(errors, "spec.selector", NULL);
	label_selector_validate(json_at(job, "spec.selector"), "spec.selector", errors);
	job_spec_validate(json_object_get(job, "spec"), "spec", errors);
	if (!generated)
		validate_selects_own(job, errors);
	errors_order(errors, "", order);
	if (!old) {
		validate_indexed_name(job, errors);
		return;
	}
	errors_repeat_body(errors); /* the reference looks at it twice */
	job_validate_update(job, old, errors);
}

const struct kind_ops job_ops = {
	.group = "batch", .kind = "Job", .set_defaults = job_set_defaults, .prepare_create = job_prepare_create,
	.prepare_update = kind_keep_status, .prepare_status = kind_keep_spec, .validate = job_validate, .validate_status = job_validate_status, .warn = job_warn, .has_status = true,
};

/* --- cron jobs ------------------------------------------------------------------------------------------------------ */

static void cronjob_set_defaults(json_t *cron, const json_t *old)
{
	job_spec_set_defaults(json_at(cron, "spec.jobTemplate.spec"), json_at(old, "spec.jobTemplate.spec"));
}

static void zone_validate(const json_t *zone, struct field_errors *errors)
{
	const char *text = json_string_value(zone), *why;
	char buf[128];
	if (!text)
		return;
	if (!*text)
		field_invalid(errors, "spec.timeZone", zone, "timeZone must be nil or non-empty string");
	else if (!strcasecmp(text, "Local"))
		field_invalid(errors, "spec.timeZone", zone,
			      "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones");
	else if ((why = timezone_check(text, buf, sizeof(buf))))
		field_invalid(errors, "spec.timeZone", zone, "%s", why);
}

/* "TZ=Area/City " in front of a schedule. */
static bool is_zoned(const char *schedule)
{
	return str_has_prefix(schedule, "TZ=") || str_has_prefix(schedule, "CRON_TZ=");
}

static void schedule_validate(const json_t *cron, const json_t *old, struct field_errors *errors)
{
	bool zoned = old && strstr(json_str_or(old, "spec.schedule", ""), "TZ"); /* what was allowed once stays so */
	const json_t *schedule = json_at(cron, "spec.schedule"), *zone = json_at(cron, "spec.timeZone");
	const char *text = json_str_or(cron, "spec.schedule", "");
	struct err e = ERR_INIT;
	struct cron parsed;
	if (!*text)
		field_required(errors, "spec.schedule", NULL);
	else if (!is_zoned(text) && cron_parse(text, &parsed, &e) < 0)
		field_invalid(errors, "spec.schedule", schedule, "%s", err_text(&e));
	if (strstr(text, "TZ") && !zoned)
		field_invalid(errors, "spec.schedule", schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
	else if (strstr(text, "TZ") && zone)
		field_invalid(errors, "spec.schedule", schedule, "cannot use both timeZone field and TZ or CRON_TZ in schedule");
	if (!old || !str_eq(json_string_value(zone), json_str_at(old, "spec.timeZone")))
		zone_validate(zone, errors);
}

/* What a job of a cron job gets by itself. */
static void job_template_fields_validate(const json_t *spec, struct field_errors *errors)
{
	static const char *const may[] = { "nil", "false", NULL };
	if (json_object_get(spec, "selector"))
		field_invalid(errors, "spec.jobTemplate.spec.selector", json_object_get(spec, "selector"), "`selector` will be auto-generated");
	if (json_bool_at(spec, "manualSelector", false))
		field_not_supported(errors, "spec.jobTemplate.spec.manualSelector", json_object_get(spec, "manualSelector"), may);
}

static void cronjob_validate(const json_t *cron, const json_t *old, struct field_errors *errors)
{
	const json_t *name = json_at(cron, "metadata.name"), *spec = json_at(cron, "spec.jobTemplate.spec");
	static const char *const order[] = { "metadata", "spec.schedule", "spec.startingDeadlineSeconds", "spec.timeZone", "spec.concurrencyPolicy",
					     "spec.jobTemplate", "spec.successfulJobsHistoryLimit", "spec.failedJobsHistoryLimit", NULL };
	schedule_validate(cron, old, errors);
	job_spec_validate(spec, "spec.jobTemplate.spec", errors);
	job_template_fields_validate(spec, errors);
	errors_order(errors, "", order);
	if (!old && strlen(json_str_or(cron, "metadata.name", "")) > CRON_NAME_MAX)
		field_invalid(errors, "metadata.name", name, "must be no more than 52 characters");
}

const struct kind_ops cronjob_ops = {
	.group = "batch", .kind = "CronJob", .set_defaults = cronjob_set_defaults, .prepare_create = kind_empty_status,
	.prepare_update = kind_keep_status, .prepare_status = kind_keep_spec, .validate = cronjob_validate, .warn = cronjob_warn, .has_status = true,
};
