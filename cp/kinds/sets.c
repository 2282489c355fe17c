/* Rules of stateful sets, daemon sets, replication controllers and controller revisions. */
#include <string.h>

#include "api/names.h"
#include "api/selector.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/go_value.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/storage.h"

/* --- stateful sets --------------------------------------------------------------------------------------------------- */

static void claim_template_set_defaults(json_t *claim)
{
	json_object_set_new(claim, "kind", json_string("PersistentVolumeClaim"));
	json_object_set_new(claim, "apiVersion", json_string("v1"));
	json_set_str(claim, "status.phase", "Pending");
}

static void statefulset_set_defaults(json_t *set, const json_t *old)
{
	json_t *spec = json_object_get(set, "spec"), *claim;
	size_t i;
	workload_set_defaults(set, old);
	json_array_foreach(json_at(set, "spec.volumeClaimTemplates"), i, claim)
		claim_template_set_defaults(claim);
	if (!strcmp(json_str_or(spec, "updateStrategy.type", ""), "RollingUpdate"))
		set_default(json_object_at(spec, "updateStrategy.rollingUpdate"), "partition", json_integer(0));
}

static void statefulset_prepare_create(json_t *set)
{
	json_object_set_new(set, "status", json_pack("{s:i, s:i}", "replicas", 0, "availableReplicas", 0));
}

/* What an update of a stateful set may touch. */
static void statefulset_validate_update(const json_t *set, const json_t *old, struct field_errors *errors)
{
	static const char *const open[] = { "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
					    "persistentVolumeClaimRetentionPolicy", "minReadySeconds" };
	AUTO_JSON *now = json_copy(json_object_get(set, "spec")), *before = json_copy(json_object_get(old, "spec"));
	for (size_t i = 0; i < ARRAY_LEN(open); i++) {
		json_object_del(now, open[i]);
		json_object_del(before, open[i]);
	}
	if (!json_equal(now, before))
		field_forbidden(errors, "spec",
				"updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
				"'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden");
}

static void statefulset_validate_strategy(const json_t *set, struct field_errors *errors)
{
	const json_t *policy = json_at(set, "spec.podManagementPolicy"), *strategy = json_at(set, "spec.updateStrategy");
	const json_t *rolling = json_at(set, "spec.updateStrategy.rollingUpdate"), *start = json_at(set, "spec.ordinals.start");
	const char *type = json_str_or(set, "spec.updateStrategy.type", "");
	AUTO_JSON *shown = go_shown(errors, "apps.v1.StatefulSetUpdateStrategy", strategy), *part = rolling ? go_shown(errors, "apps.v1.RollingUpdateStatefulSetStrategy", rolling) : NULL;
	if (policy && strcmp(json_string_value(policy), "OrderedReady") && strcmp(json_string_value(policy), "Parallel"))
		field_invalid(errors, "spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'");
	if (strcmp(type, "OnDelete") && strcmp(type, "RollingUpdate"))
		field_invalid(errors, "spec.updateStrategy", shown, "must be 'RollingUpdate' or 'OnDelete'");
	if (!strcmp(type, "OnDelete") && rolling)
		field_invalid(errors, "spec.updateStrategy.rollingUpdate", part, "only allowed for updateStrategy 'RollingUpdate'");
	if (!strcmp(type, "RollingUpdate") && json_object_get(rolling, "maxUnavailable")) {
		if (count_or_percent(set, "spec.updateStrategy.rollingUpdate.maxUnavailable", errors) == 0)
			field_invalid(errors, "spec.updateStrategy.rollingUpdate.maxUnavailable", json_object_get(rolling, "maxUnavailable"), "cannot be 0");
		validate_at_most_all(set, "spec.updateStrategy.rollingUpdate.maxUnavailable", errors);
	}
	if (start && json_integer_value(start) < 0)
		field_invalid(errors, "spec.ordinals.start", start, "must be greater than or equal to 0");
}

static void statefulset_validate_status(const json_t *set, const json_t *old, struct field_errors *errors)
{
	static const char *const counts[] = { "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas", NULL };
	replica_counts_validate(set, counts, errors);
	collisions_validate(set, old, errors);
}

/* Claims that are made for each pod; a service's name is that of a part of a host's. */
static void statefulset_validate_new(const json_t *set, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *claim;
	size_t i;
	if (*json_str_or(set, "spec.serviceName", ""))
		validate_name(json_str_or(set, "spec.serviceName", ""), "spec.serviceName", name_check_label, errors);
	json_array_foreach(json_at(set, "spec.volumeClaimTemplates"), i, claim)
		claim_spec_validate(json_object_get(claim, "spec"), FIELD_PATH(p, "spec.volumeClaimTemplates[%zu].spec", i), errors);
}

static void statefulset_validate(const json_t *set, const json_t *old, struct field_errors *errors)
{
	static const char *const order[] = { "metadata", "spec.podManagementPolicy", "spec.updateStrategy", "spec.persistentVolumeClaimRetentionPolicy",
					     "spec.volumeClaimTemplates", "spec.replicas", "spec.minReadySeconds", "spec.ordinals", "spec.serviceName",
					     "spec.selector", "spec.template.metadata", "spec.template", NULL };
	workload_validate(set, errors);
	statefulset_validate_strategy(set, errors);
	if (!old)
		statefulset_validate_new(set, errors);
	errors_order(errors, "", order);
	if (old)
		statefulset_validate_update(set, old, errors);
}

const struct kind_ops statefulset_ops = {
	.group = "apps", .kind = "StatefulSet", .set_defaults = statefulset_set_defaults, .prepare_create = statefulset_prepare_create,
	.prepare_update = kind_keep_status, .prepare_status = kind_keep_spec, .validate = statefulset_validate, .validate_status = statefulset_validate_status, .warn = workload_warn, .has_status = true,
};

/* --- daemon sets ----------------------------------------------------------------------------------------------------- */

/* How often the template changed stands in an annotation, from the times before controller revisions. */
static void count_template(json_t *set, const json_t *old)
{
#define GENERATION "deprecated.daemonset.template.generation"
	int64_t n = 0;
	(void)str_to_i64(json_str_or(json_at(old, "metadata.annotations"), GENERATION, "0"), &n);
	bool changed = !old || !json_equal(json_at(set, "spec.template"), json_at(old, "spec.template"));
	AUTO_FREE char *text = xasprintf("%lld", (long long)(changed ? n + 1 : n));
	if (n || !old)
		json_object_set_new(json_object_at(set, "metadata.annotations"), GENERATION, json_string(text));
}

static void daemonset_set_defaults(json_t *set, const json_t *old)
{
	json_t *spec = json_object_get(set, "spec");
	workload_set_defaults(set, old);
	count_template(set, old);
	if (strcmp(json_str_or(spec, "updateStrategy.type", ""), "RollingUpdate"))
		return;
	json_t *rolling = json_object_at(spec, "updateStrategy.rollingUpdate");
	set_default(rolling, "maxUnavailable", json_integer(1));
	set_default(rolling, "maxSurge", json_integer(0));
}

static void daemonset_prepare_create(json_t *set)
{
	static const char *const zero[] = { "currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady" };
	json_t *status = json_object();
	for (size_t i = 0; i < ARRAY_LEN(zero); i++)
		json_object_set_new(status, zero[i], json_integer(0));
	json_object_set_new(set, "status", status);
}

#define ROLLING "spec.updateStrategy.rollingUpdate"
static void daemonset_validate_strategy(const json_t *set, struct field_errors *errors)
{
	static const char *const types[] = { "RollingUpdate", "OnDelete", NULL };
	const char *type = json_str_or(set, "spec.updateStrategy.type", "");
	if (strcmp(type, "RollingUpdate") && strcmp(type, "OnDelete"))
		workload_strategy_unsupported(json_at(set, "spec.updateStrategy"), "spec.updateStrategy", "apps.v1.DaemonSetUpdateStrategy", types, errors);
	if (strcmp(type, "RollingUpdate"))
		return;
	const json_t *more = json_at(set, ROLLING ".maxSurge");
	int64_t unavailable = count_or_percent(set, ROLLING ".maxUnavailable", errors), surge = count_or_percent(set, ROLLING ".maxSurge", errors);
	validate_at_most_all(set, ROLLING ".maxUnavailable", errors);
	validate_at_most_all(set, ROLLING ".maxSurge", errors);
	if (unavailable && surge)
		field_invalid(errors, ROLLING ".maxSurge", more, "may not be set when maxUnavailable is non-zero");
	if (!unavailable && !surge)
		field_required(errors, ROLLING ".maxUnavailable", "cannot be 0 when maxSurge is 0");
}

static void daemonset_validate_status(const json_t *set, const json_t *old, struct field_errors *errors)
{
	static const char *const counts[] = { "currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady",
					      "observedGeneration", "updatedNumberScheduled", "numberAvailable", "numberUnavailable" };
	char p[FIELD_PATH_MAX];
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		validate_not_negative(set, FIELD_PATH(p, "status.%s", counts[i]), errors);
	collisions_validate(set, old, errors);
}

static void daemonset_validate(const json_t *set, const json_t *old, struct field_errors *errors)
{
	static const char *const order[] = { "metadata", "spec.selector", "spec.template.metadata", "spec.template", "spec.minReadySeconds",
					     "spec.updateStrategy", "spec.revisionHistoryLimit", NULL };
	workload_validate(set, errors);
	daemonset_validate_strategy(set, errors);
	errors_order(errors, "", order);
	if (!old)
		return;
	errors_repeat_body(errors); /* the reference looks at it twice */
	validate_immutable(set, old, "spec.selector", errors);
}

const struct kind_ops daemonset_ops = {
	.group = "apps", .kind = "DaemonSet", .set_defaults = daemonset_set_defaults, .prepare_create = daemonset_prepare_create,
	.prepare_update = kind_keep_status, .prepare_status = kind_keep_spec, .validate = daemonset_validate, .validate_status = daemonset_validate_status, .warn = daemonset_warn, .has_status = true,
};

/* --- replication controllers ------------------------------------------------------------------------------------------ */

/* Selector and labels come from the template where they are not given. */
static void controller_set_defaults(json_t *rc, const json_t *old)
{
	json_t *labels = json_at(rc, "spec.template.metadata.labels");
	workload_set_defaults(rc, old);
	if (!json_object_size(labels))
		return;
	if (!json_object_size(json_at(rc, "spec.selector")))
		json_set_at(rc, "spec.selector", json_copy(labels));
	if (!json_object_size(json_at(rc, "metadata.labels")))
		json_set_at(rc, "metadata.labels", json_copy(labels));
}

static void controller_prepare_create(json_t *rc)
{
	json_object_set_new(rc, "status", json_pack("{s:i}", "replicas", 0));
}

static void controller_validate_status(const json_t *rc, const json_t *old, struct field_errors *errors)
{
	static const char *const counts[] = { "fullyLabeledReplicas", "readyReplicas", "availableReplicas", NULL };
	(void)old;
	replica_counts_validate(rc, counts, errors);
}

static void controller_validate(const json_t *rc, const json_t *old, struct field_errors *errors)
{
	static const char *const order[] = { "metadata", "spec.minReadySeconds", "spec.selector", "spec.replicas", "spec.template.metadata", "spec.template", NULL };
	const json_t *selector = json_at(rc, "spec.selector"), *labels = json_at(rc, "spec.template.metadata.labels"), *value;
	const char *key;
	if (!json_object_size(selector))
		field_required(errors, "spec.selector", NULL);
	if (!json_at(rc, "spec.template"))
		field_required(errors, "spec.template", NULL);
	json_object_foreach((json_t *)selector, key, value) {
		if (json_at(rc, "spec.template") && !str_eq(json_member(labels, key), json_string_value(value))) {
			AUTO_JSON *none = json_null();
			field_invalid(errors, "spec.template.metadata.labels", labels ? labels : none, "`selector` does not match template `labels`");
			break;
		}
	}
	if (json_at(rc, "spec.template"))
		workload_template_validate(rc, errors);
	errors_order(errors, "", order);
	if (old)
		errors_repeat_body(errors); /* the reference looks at it twice */
}

const struct kind_ops replicationcontroller_ops = {
	.group = "", .kind = "ReplicationController", .set_defaults = controller_set_defaults, .prepare_create = controller_prepare_create,
	.prepare_update = kind_keep_status, .prepare_status = kind_keep_spec, .validate = controller_validate, .validate_status = controller_validate_status, .warn = workload_warn, .has_status = true,
};

static void revision_validate(const json_t *revision, const json_t *old, struct field_errors *errors)
{
	if (!json_object_get(revision, "data"))
		field_required(errors, "data", "data is mandatory");
	validate_not_negative(revision, "revision", errors);
	if (old && !json_equal(json_object_get(revision, "data"), json_object_get(old, "data")))
		field_invalid(errors, "data", json_object_get(revision, "data"), "field is immutable");
}

const struct kind_ops controllerrevision_ops = { .group = "apps", .kind = "ControllerRevision", .validate = revision_validate };

static void podtemplate_set_defaults(json_t *t, const json_t *old)
{
	json_t *spec = json_at(t, "template.spec");
	if (spec)
		pod_spec_set_defaults(spec, json_at(old, "template.spec"));
}

static void podtemplate_validate(const json_t *t, const json_t *old, struct field_errors *errors)
{
	(void)old;
	pod_template_validate(json_object_get(t, "template"), "template", errors);
}

static void podtemplate_warn(const json_t *t, const json_t *old, char ***warnings)
{
	(void)old;
	pod_template_warn(json_object_get(t, "template"), "template.", warnings);
}

const struct kind_ops podtemplate_ops = { .group = "", .kind = "PodTemplate", .set_defaults = podtemplate_set_defaults,
					  .validate = podtemplate_validate, .warn = podtemplate_warn };
