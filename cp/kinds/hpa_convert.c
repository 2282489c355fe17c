/* Conversion of autoscalers. Purpose: one stored object, two versions. Happy path: the CPU target of v1 is one metric of v2;
 * every other metric, the current metrics, the conditions and the behavior of v2 are annotations in v1. Nothing fails. What
 * always holds: v2 -> v1 -> v2 gives the same object back. */
#include "cp/kinds/hpa_convert.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define PREFIX "autoscaling.alpha.kubernetes.io/"

/* One member of a metric in both versions, as paths below the metric's source. */
struct member {
	const char *v1, *v2;
};

/* Sources of metrics: what v1 calls their members, in the order of its encoding. */
static const struct source {
	const char *name;
	struct member spec[7], status[7];
} sources[] = {
    {"object",
     {{"target", "describedObject"},
      {"metricName", "metric.name"},
      {"targetValue", "target.value"},
      {"selector", "metric.selector"},
      {"averageValue", "target.averageValue"}},
     {{"target", "describedObject"},
      {"metricName", "metric.name"},
      {"currentValue", "current.value"},
      {"selector", "metric.selector"},
      {"averageValue", "current.averageValue"}}},
    {"pods",
     {{"metricName", "metric.name"}, {"targetAverageValue", "target.averageValue"}, {"selector", "metric.selector"}},
     {{"metricName", "metric.name"}, {"currentAverageValue", "current.averageValue"}, {"selector", "metric.selector"}}},
    {"resource",
     {{"name", "name"},
      {"targetAverageUtilization", "target.averageUtilization"},
      {"targetAverageValue", "target.averageValue"}},
     {{"name", "name"},
      {"currentAverageUtilization", "current.averageUtilization"},
      {"currentAverageValue", "current.averageValue"}}},
    {"containerResource",
     {{"name", "name"},
      {"targetAverageUtilization", "target.averageUtilization"},
      {"targetAverageValue", "target.averageValue"},
      {"container", "container"}},
     {{"name", "name"},
      {"currentAverageUtilization", "current.averageUtilization"},
      {"currentAverageValue", "current.averageValue"},
      {"container", "container"}}},
    {"external",
     {{"metricName", "metric.name"},
      {"metricSelector", "metric.selector"},
      {"targetValue", "target.value"},
      {"targetAverageValue", "target.averageValue"}},
     {{"metricName", "metric.name"},
      {"metricSelector", "metric.selector"},
      {"currentValue", "current.value"},
      {"currentAverageValue", "current.averageValue"}}},
};

/* v1 always has some values, though they be zero: an object's target, and of each source one current value. */
static bool is_always(const struct source *s, const char *v1)
{
	if (strcmp(s->name, "object") == 0 || strcmp(s->name, "external") == 0)
		return strcmp(v1, "currentValue") == 0 || (strcmp(v1, "targetValue") == 0 && strcmp(s->name, "object") == 0);
	return strcmp(v1, "currentAverageValue") == 0;
}

/* Such a zero as a target says nothing in v2. */
static bool is_nothing(const struct source *s, const char *v1, const json_t *value)
{
	return is_always(s, v1) && str_eq(json_string_value(value), "0");
}

/* What kind of target it is, v1 says only by the member that it uses. */
static void set_target_type(json_t *source)
{
	json_t *target = json_object_get(source, "target");
	if (!target)
		return;
	const char *type = json_object_get(target, "averageUtilization") ? "Utilization"
			   : json_object_get(target, "averageValue")	 ? "AverageValue"
									 : "Value";
	json_object_set_new(target, "type", json_string(type));
}

/* The members of one source, whichever way. */
static json_t *source_convert(const struct source *s, const json_t *from, bool status, bool to_v1)
{
	json_t *to = json_object();
	for (const struct member *m = status ? s->status : s->spec; m->v1; m++) {
		json_t *value = to_v1 ? json_at(from, m->v2) : json_object_get(from, m->v1);
		if (value && (to_v1 || status || !is_nothing(s, m->v1, value)))
			json_set_at(to, to_v1 ? m->v1 : m->v2, json_incref(value));
		else if (to_v1 && is_always(s, m->v1))
			json_object_set_new(to, m->v1, json_string("0"));
	}
	if (!to_v1)
		set_target_type(to);
	return to;
}

static json_t *metric_convert(const json_t *metric, bool status, bool to_v1)
{
	json_t *out = json_object();
	json_object_set(out, "type", json_object_get(metric, "type"));
	for (size_t s = 0; s < ARRAY_LEN(sources); s++) {
		const json_t *from = json_object_get(metric, sources[s].name);
		if (from)
			json_object_set_new(out, sources[s].name, source_convert(&sources[s], from, status, to_v1));
	}
	return out;
}

static bool is_cpu_target(const json_t *metric)
{
	return json_at(metric, "resource.target.averageUtilization") &&
	       strcmp(json_str_or(metric, "resource.name", ""), "cpu") == 0;
}

static void annotate(json_t *hpa, const char *name, const json_t *value)
{
	AUTO_FREE char *key = xasprintf(PREFIX "%s", name), *text = json_text(value);
	json_object_set_new(json_object_at(hpa, "metadata.annotations"), key, json_string(text));
}

/* Takes an annotation off and parses it; NULL when there is none. */
static json_t *take_annotation(json_t *hpa, const char *name)
{
	AUTO_FREE char *key = xasprintf(PREFIX "%s", name);
	json_t *annotations = json_at(hpa, "metadata.annotations");
	json_t *value = json_object_get(annotations, key), *parsed = NULL;
	if (json_is_string(value))
		parsed = json_loads(json_string_value(value), 0, NULL);
	json_object_del(annotations, key);
	if (annotations && !json_object_size(annotations))
		json_del_at(hpa, "metadata.annotations");
	return parsed;
}

/* The names of the type inside Kubernetes' server, which the annotation has. */
static const struct member rules_names[] = {{"StabilizationWindowSeconds", "stabilizationWindowSeconds"},
					    {"SelectPolicy", "selectPolicy"},
					    {"Policies", "policies"},
					    {"Tolerance", "tolerance"}};
static const struct member policy_names[] = {{"Type", "type"}, {"Value", "value"}, {"PeriodSeconds", "periodSeconds"}};

static json_t *policies_named(const json_t *list, bool to_v1)
{
	json_t *out = json_array(), *policy;
	size_t i;
	json_array_foreach(list, i, policy)
	{
		json_t *one = json_object();
		for (size_t n = 0; n < ARRAY_LEN(policy_names); n++)
			json_object_set(one, to_v1 ? policy_names[n].v1 : policy_names[n].v2,
					json_object_get(policy, to_v1 ? policy_names[n].v2 : policy_names[n].v1));
		json_array_append_new(out, one);
	}
	return out;
}

static json_t *rules_named(const json_t *rules, bool to_v1)
{
	if (!json_is_object(rules))
		return to_v1 ? json_null() : NULL;
	json_t *out = json_object();
	for (size_t n = 0; n < ARRAY_LEN(rules_names); n++) {
		json_t *value = json_object_get(rules, to_v1 ? rules_names[n].v2 : rules_names[n].v1);
		const char *name = to_v1 ? rules_names[n].v1 : rules_names[n].v2;
		if (json_is_array(value))
			json_object_set_new(out, name, policies_named(value, to_v1));
		else if (value && !json_is_null(value))
			json_object_set(out, name, value);
		else if (to_v1)
			json_object_set_new(out, name, json_null());
	}
	return out;
}

static void behavior_to_v1(json_t *hpa)
{
	const json_t *behavior = json_at(hpa, "spec.behavior");
	if (!behavior)
		return;
	AUTO_JSON *named = json_object();
	json_object_set_new(named, "ScaleUp", rules_named(json_object_get(behavior, "scaleUp"), true));
	json_object_set_new(named, "ScaleDown", rules_named(json_object_get(behavior, "scaleDown"), true));
	annotate(hpa, "behavior", named);
	json_del_at(hpa, "spec.behavior");
}

static void behavior_to_v2(json_t *hpa)
{
	AUTO_JSON *named = take_annotation(hpa, "behavior");
	if (!named)
		return;
	json_t *up = rules_named(json_object_get(named, "ScaleUp"), false),
	       *down = rules_named(json_object_get(named, "ScaleDown"), false);
	json_t *behavior = json_object_at(hpa, "spec.behavior");
	if (up)
		json_object_set_new(behavior, "scaleUp", up);
	if (down)
		json_object_set_new(behavior, "scaleDown", down);
}

void hpa_v2_to_v1(json_t *hpa)
{
	AUTO_JSON *others = json_array(), *current = json_array();
	json_t *metric, *conditions = json_at(hpa, "status.conditions");
	size_t i;
	json_array_foreach(json_at(hpa, "spec.metrics"), i, metric)
	{
		if (is_cpu_target(metric))
			json_set_at(hpa, "spec.targetCPUUtilizationPercentage",
				    json_incref(json_at(metric, "resource.target.averageUtilization")));
		else
			json_array_append_new(others, metric_convert(metric, false, true));
	}
	json_array_foreach(json_at(hpa, "status.currentMetrics"), i, metric)
	{
		json_t *now = json_at(metric, "resource.current.averageUtilization");
		if (now && strcmp(json_str_or(metric, "resource.name", ""), "cpu") == 0)
			json_set_at(hpa, "status.currentCPUUtilizationPercentage", json_incref(now));
		json_array_append_new(current, metric_convert(metric, true, true));
	}
	if (json_array_size(others))
		annotate(hpa, "metrics", others);
	if (json_array_size(current))
		annotate(hpa, "current-metrics", current);
	behavior_to_v1(hpa);
	if (json_array_size(conditions))
		annotate(hpa, "conditions", conditions);
	json_del_at(hpa, "spec.metrics");
	json_del_at(hpa, "status.conditions");
	json_del_at(hpa, "status.currentMetrics");
	if (json_object_get(hpa, "status") && !json_at(hpa, "status.currentReplicas"))
		json_set_int(hpa, "status.currentReplicas", 0);
}

static json_t *metrics_to_v2(const json_t *list, bool status)
{
	json_t *out = json_array(), *metric;
	size_t i;
	json_array_foreach(list, i, metric) json_array_append_new(out, metric_convert(metric, status, false));
	return out;
}

void hpa_v1_to_v2(json_t *hpa)
{
	AUTO_JSON *others = take_annotation(hpa, "metrics"), *current = take_annotation(hpa, "current-metrics");
	json_t *conditions = take_annotation(hpa, "conditions");
	json_t *target = json_incref(json_at(hpa, "spec.targetCPUUtilizationPercentage"));
	json_t *metrics = metrics_to_v2(others, false);
	json_del_at(hpa, "spec.targetCPUUtilizationPercentage");
	json_del_at(hpa, "status.currentCPUUtilizationPercentage");
	if (target)
		json_array_append_new(metrics, json_pack("{s:s, s:{s:s, s:{s:s, s:o}}}", "type", "Resource", "resource",
							 "name", "cpu", "target", "type", "Utilization",
							 "averageUtilization", target));
	json_set_at(hpa, "spec.metrics", metrics);
	if (current)
		json_set_at(hpa, "status.currentMetrics", metrics_to_v2(current, true));
	else if (json_object_get(hpa, "status"))
		json_set_at(hpa, "status.currentMetrics", json_null());
	if (conditions)
		json_set_at(hpa, "status.conditions", conditions);
	behavior_to_v2(hpa);
	if (json_int_at(hpa, "status.currentReplicas", 0) == 0)
		json_del_at(hpa, "status.currentReplicas");
}
