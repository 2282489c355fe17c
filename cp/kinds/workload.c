/* Rules of deployments and replica sets. */
#include <stdlib.h>
#include <string.h>

#include "api/selector.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/go_value.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"

void workload_set_defaults(json_t *obj, const json_t *old)
{
	json_t *spec = json_at(obj, "spec.template.spec");
	if (spec)
		pod_spec_set_defaults(spec, json_at(old, "spec.template.spec"));
}

/* Each kind has its own words for a selector that selects everything. */
static const char *empty_words(const json_t *obj)
{
	const char *kind = json_str_or(obj, "kind", "");
	if (!strcmp(kind, "StatefulSet"))
		return "empty selector is invalid for statefulset";
	return !strcmp(kind, "DaemonSet") ? "empty selector is invalid for daemonset" : "empty selector is invalid for deployment";
}

void workload_labels_validate(const json_t *obj, const char *words, struct field_errors *errors)
{
	const json_t *selector = json_at(obj, "spec.selector"), *labels = json_at(obj, "spec.template.metadata.labels");
	AUTO_SELECTOR *s = NULL;
	AUTO_JSON *none = json_null();
	bool all = selector && !json_object_size(json_object_get(selector, "matchLabels")) && !json_array_size(json_object_get(selector, "matchExpressions"));
	if (all)
		return;
	if (selector && selector_from_json(selector, &s, NULL) < 0) {
		if (words && *words)
			field_invalid(errors, "spec.selector", selector, "%s", words);
		else if (words) {
			AUTO_FREE char *text = json_text(selector);
			field_add(errors, "FieldValueInvalid", "spec.selector", "Invalid value: %s", text);
		}
	} else if (!selector || !selector_match_labels(s, labels)) { /* no selector selects nothing */
		field_invalid(errors, "spec.template.metadata.labels", labels ? labels : none, "`selector` does not match template `labels`");
	}
}

/* What is said of a selector that is none, beside what is wrong with its parts; NULL: nothing, "": no words. */
static const char *selector_words(const json_t *obj)
{
	const char *kind = json_str_or(obj, "kind", "");
	if (!strcmp(kind, "DaemonSet"))
		return NULL;
	return strcmp(kind, "StatefulSet") ? "invalid label selector" : "";
}

static void validate_selector(const json_t *obj, struct field_errors *errors)
{
	const json_t *selector = json_at(obj, "spec.selector");
	label_selector_validate(selector, "spec.selector", errors);
	if (selector && !json_object_size(json_object_get(selector, "matchLabels")) && !json_array_size(json_object_get(selector, "matchExpressions")))
		field_invalid(errors, "spec.selector", selector, "%s", empty_words(obj));
	workload_labels_validate(obj, selector_words(obj), errors);
}

/* The words for a deadline name the replica set of a deployment. */
static const char *deadline_words(const json_t *obj)
{
	const char *kind = json_str_or(obj, "kind", "");
	return strcmp(kind, "Deployment") ? kind : "ReplicaSet";
}

void workload_template_validate(const json_t *obj, struct field_errors *errors)
{
	static const char *const always[] = { "Always", NULL };
	const json_t *policy = json_at(obj, "spec.template.spec.restartPolicy");
	pod_template_validate_with(json_at(obj, "spec.template"), json_at(obj, "spec.volumeClaimTemplates"), "spec.template", errors);
	if (policy && strcmp(json_string_value(policy), "Always"))
		field_not_supported(errors, "spec.template.spec.restartPolicy", policy, always);
	const json_t *deadline = json_at(obj, "spec.template.spec.activeDeadlineSeconds");
	if (deadline)
		field_forbidden(errors, "spec.template.spec.activeDeadlineSeconds", "activeDeadlineSeconds in %s is not Supported", deadline_words(obj));
}

void workload_validate(const json_t *obj, struct field_errors *errors)
{
	validate_not_negative(obj, "spec.replicas", errors);
	validate_not_negative(obj, "spec.minReadySeconds", errors);
	validate_selector(obj, errors);
	workload_template_validate(obj, errors);
}

static void replicaset_validate(const json_t *obj, const json_t *old, struct field_errors *errors)
{
	static const char *const order[] = { "metadata", "spec.replicas", "spec.minReadySeconds", "spec.selector", "spec.template.metadata", "spec.template", NULL };
	workload_validate(obj, errors);
	errors_order(errors, "", order);
	if (!old)
		return;
	errors_repeat_body(errors);
	validate_immutable(obj, old, "spec.selector", errors);
}

void workload_strategy_unsupported(const json_t *strategy, const char *path, const char *type, const char *const *words, struct field_errors *errors)
{
	AUTO_JSON *shown = go_shown(errors, type, strategy);
	field_not_supported(errors, path, shown, words);
}

/* "25%": digits and the sign. */
static bool is_percent(const char *text)
{
	size_t n = strspn(text, "0123456789");
	return n && !strcmp(text + n, "%");
}

int64_t count_or_percent(const json_t *obj, const char *path, struct field_errors *errors)
{
	const json_t *v = json_at(obj, path);
	const char *text = json_string_value(v);
	int64_t n = 0;
	if (json_is_integer(v)) {
		if (json_integer_value(v) < 0)
			field_invalid(errors, path, v, "must be greater than or equal to 0");
		return json_integer_value(v);
	}
	if (!text)
		return -1;
	if (is_percent(text))
		return strtol(text, NULL, 10);
	field_invalid(errors, path, v, "a valid percent string must be a numeric string followed by an ending '%%' (e.g. '1%%',  or '93%%', regex used for validation is '[0-9]+%%')");
	return str_to_i64(text, &n) < 0 ? 0 : n;
}

void validate_at_most_all(const json_t *obj, const char *path, struct field_errors *errors)
{
	const json_t *v = json_at(obj, path);
	if (json_is_string(v) && is_percent(json_string_value(v)) && strtol(json_string_value(v), NULL, 10) > 100)
		field_invalid(errors, path, v, "must not be greater than 100%%");
}

/* What a status counts cannot be more than there are. */
void replica_counts_validate(const json_t *obj, const char *const *counts, struct field_errors *errors)
{
	int64_t all = json_int_at(obj, "status.replicas", 0), ready = json_int_at(obj, "status.readyReplicas", 0);
	const json_t *available = json_at(obj, "status.availableReplicas");
	AUTO_JSON *zero = json_integer(0);
	char p[FIELD_PATH_MAX];
	validate_not_negative(obj, "status.replicas", errors);
	validate_not_negative(obj, "status.observedGeneration", errors);
	for (size_t i = 0; counts[i]; i++)
		validate_not_negative(obj, FIELD_PATH(p, "status.%s", counts[i]), errors);
	for (size_t i = 0; counts[i]; i++) {
		const json_t *v = json_at(obj, FIELD_PATH(p, "status.%s", counts[i]));
		if (json_integer_value(v) > all)
			field_invalid(errors, p, v ? v : zero, "cannot be greater than status.replicas");
	}
	if (json_integer_value(available) > ready)
		field_invalid(errors, "status.availableReplicas", available ? available : zero, "cannot be greater than %sreadyReplicas",
			      strcmp(json_str_or(obj, "kind", ""), "StatefulSet") ? "" : "status.");
}

void collisions_validate(const json_t *obj, const json_t *old, struct field_errors *errors)
{
	int64_t now = json_int_at(obj, "status.collisionCount", 0);
	AUTO_JSON *shown = json_integer(now);
	validate_not_negative(obj, "status.collisionCount", errors);
	if (now < json_int_at(old, "status.collisionCount", 0))
		field_invalid(errors, "status.collisionCount", shown, "cannot be decremented");
}

static void deployment_validate_status(const json_t *obj, const json_t *old, struct field_errors *errors)
{
	static const char *const counts[] = { "updatedReplicas", "readyReplicas", "availableReplicas", NULL };
	replica_counts_validate(obj, counts, errors);
	validate_not_negative(obj, "status.unavailableReplicas", errors);
	validate_not_negative(obj, "status.terminatingReplicas", errors);
	collisions_validate(obj, old, errors);
}

static void replicaset_validate_status(const json_t *obj, const json_t *old, struct field_errors *errors)
{
	static const char *const counts[] = { "fullyLabeledReplicas", "readyReplicas", "availableReplicas", NULL };
	(void)old;
	replica_counts_validate(obj, counts, errors);
	validate_not_negative(obj, "status.terminatingReplicas", errors);
}

static void validate_strategy(const json_t *obj, struct field_errors *errors)
{
	static const char *const types[] = { "Recreate", "RollingUpdate", NULL };
	const char *type = json_str_or(obj, "spec.strategy.type", "");
	if (strcmp(type, "Recreate") && strcmp(type, "RollingUpdate")) {
		workload_strategy_unsupported(json_at(obj, "spec.strategy"), "spec.strategy", "apps.v1.DeploymentStrategy", types, errors);
		return;
	}
	if (!strcmp(type, "Recreate")) {
		if (json_at(obj, "spec.strategy.rollingUpdate"))
			field_forbidden(errors, "spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'");
		return;
	}
	int64_t unavailable = count_or_percent(obj, "spec.strategy.rollingUpdate.maxUnavailable", errors);
	int64_t surge = count_or_percent(obj, "spec.strategy.rollingUpdate.maxSurge", errors);
	if (unavailable == 0 && surge == 0)
		field_invalid(errors, "spec.strategy.rollingUpdate.maxUnavailable", json_at(obj, "spec.strategy.rollingUpdate.maxUnavailable"),
			      "may not be 0 when `maxSurge` is 0");
	validate_at_most_all(obj, "spec.strategy.rollingUpdate.maxUnavailable", errors);
}

static void deployment_set_defaults(json_t *obj, const json_t *old)
{
	json_t *spec = json_object_get(obj, "spec");
	workload_set_defaults(obj, old);
	if (!spec)
		return;
	json_t *strategy = json_object_at(spec, "strategy");
	set_default(strategy, "type", json_string("RollingUpdate"));
	if (strcmp(json_str_or(strategy, "type", ""), "RollingUpdate"))
		return;
	json_t *rolling = json_object_at(strategy, "rollingUpdate");
	set_default(rolling, "maxUnavailable", json_string("25%"));
	set_default(rolling, "maxSurge", json_string("25%"));
}

static void deployment_validate(const json_t *obj, const json_t *old, struct field_errors *errors)
{
	static const char *const order[] = { "metadata", "spec.replicas", "spec.selector", "spec.template.metadata", "spec.template", "spec.strategy",
					     "spec.minReadySeconds", "spec.revisionHistoryLimit", "spec.progressDeadlineSeconds", NULL };
	workload_validate(obj, errors);
	validate_strategy(obj, errors);
	validate_not_negative(obj, "spec.revisionHistoryLimit", errors);
	const json_t *deadline = json_at(obj, "spec.progressDeadlineSeconds");
	validate_not_negative(obj, "spec.progressDeadlineSeconds", errors);
	if (json_is_integer(deadline) && json_integer_value(deadline) <= json_int_at(obj, "spec.minReadySeconds", 0))
		field_invalid(errors, "spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds");
	errors_order(errors, "", order);
	if (old)
		validate_immutable(obj, old, "spec.selector", errors);
}

/* Labels are not the status' to change; annotations are: the controller notes its revision so. */
static void deployment_prepare_status(json_t *obj, const json_t *old)
{
	json_t *labels = json_at(old, "metadata.labels");
	kind_keep_spec(obj, old);
	if (labels)
		json_object_set(json_object_at(obj, "metadata"), "labels", labels);
	else
		json_del_at(obj, "metadata.labels");
}

static void replicaset_prepare_create(json_t *obj)
{
	json_object_set_new(obj, "status", json_pack("{s:i}", "replicas", 0));
}

const struct kind_ops deployment_ops = {
	.group = "apps", .kind = "Deployment", .set_defaults = deployment_set_defaults, .prepare_create = kind_empty_status,
	.prepare_update = kind_keep_status, .prepare_status = deployment_prepare_status, .validate = deployment_validate, .validate_status = deployment_validate_status, .warn = workload_warn, .has_status = true,
};

const struct kind_ops replicaset_ops = {
	.group = "apps", .kind = "ReplicaSet", .set_defaults = workload_set_defaults, .prepare_create = replicaset_prepare_create,
	.prepare_update = kind_keep_status, .prepare_status = kind_keep_spec, .validate = replicaset_validate, .validate_status = replicaset_validate_status, .warn = workload_warn, .has_status = true,
};
