/* What an update of a job may change. Purpose: pods of one job are alike. Happy path: counts and times change; the template stays,
 * but for where pods run and what they get as long as a suspended job has none. Pure; nothing fails. */
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/job_rules.h"
#include "cp/kinds/kinds.h"

/* Of the affinity only that to nodes may change. */
static void take_node_affinity(json_t *pods, const json_t *now)
{
	json_t *wanted = json_at(now, "affinity.nodeAffinity");
	if (wanted)
		json_object_set(json_object_at(pods, "affinity"), "nodeAffinity", wanted);
	else
		json_object_del(json_object_get(pods, "affinity"), "nodeAffinity");
	if (!json_object_get(now, "affinity") && !json_object_size(json_object_get(pods, "affinity")))
		json_object_del(pods, "affinity");
	else if (json_object_get(now, "affinity"))
		json_object_at(pods, "affinity");
}

static void take_resources(json_t *containers, const json_t *now)
{
	json_t *c;
	size_t i;
	if (json_array_size(containers) != json_array_size(now))
		return;
	json_array_foreach(containers, i, c) {
		const json_t *other = json_array_get(now, i);
		if (str_eq(json_member(c, "name"), json_member(other, "name")))
			json_take_member(c, other, "resources");
	}
}

/* Where the pods of a suspended job run, and what they get, may change while it has none: before its start, or after it has
 * stopped. */
static bool is_open(const json_t *old)
{
	const json_t *stopped = json_find(json_at(old, "status.conditions"), "type", "Suspended");
	return json_bool_at(old, "spec.suspend", false) && !json_int_at(old, "status.active", 0) &&
	       (!json_at(old, "status.startTime") || str_eq(json_member(stopped, "status"), "True"));
}

static void validate_template_update(const json_t *job, const json_t *old, struct field_errors *errors)
{
	static const char *const open[] = { "nodeSelector", "tolerations", "schedulingGates" };
	AUTO_JSON *before = json_clone(old);
	json_t *pods = json_at(before, "spec.template.spec");
	const json_t *now = json_at(job, "spec.template.spec");
	if (!is_open(old)) {
		validate_immutable_as(job, old, "spec.template", "core.v1.PodTemplateSpec", errors);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(open); i++)
		json_take_member(pods, now, open[i]);
	take_node_affinity(pods, now);
	take_resources(json_object_get(pods, "containers"), json_object_get(now, "containers"));
	take_resources(json_object_get(pods, "initContainers"), json_object_get(now, "initContainers"));
	validate_immutable_as(job, before, "spec.template.spec", "core.v1.PodSpec", errors);
}

/* Those of an indexed job go with its parallelism. */
static void validate_completions_update(const json_t *job, const json_t *old, struct field_errors *errors)
{
	const json_t *now = json_at(job, "spec.completions"), *was = json_at(old, "spec.completions");
	if (strcmp(json_str_or(job, "spec.completionMode", ""), "Indexed"))
		validate_immutable(job, old, "spec.completions", errors);
	else if (now && !(was && json_equal(now, was)) && json_integer_value(now) != json_int_at(job, "spec.parallelism", 0))
		field_invalid(errors, "spec.completions", now, "can only be modified in tandem with spec.parallelism");
}

void job_validate_update(const json_t *job, const json_t *old, struct field_errors *errors)
{
	validate_completions_update(job, old, errors);
	validate_immutable(job, old, "spec.selector", errors);
	validate_template_update(job, old, errors);
	validate_immutable(job, old, "spec.completionMode", errors);
	validate_immutable_as(job, old, "spec.podFailurePolicy", "batch.v1.PodFailurePolicy", errors);
	validate_immutable(job, old, "spec.backoffLimitPerIndex", errors);
	validate_immutable(job, old, "spec.managedBy", errors);
	validate_immutable_as(job, old, "spec.successPolicy", "batch.v1.SuccessPolicy", errors);
}
