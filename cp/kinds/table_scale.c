/* Rows of autoscalers, scales, quotas and component statuses. Nothing fails. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/kinds/hpa_convert.h"
#include "cp/kinds/table_cells.h"

enum { METRICS_SHOWN = 2 };

/* The status of the metric that is at the same place; the lists run in step. */
static const json_t *current_of(const json_t *hpa, size_t i, const char *source)
{
	return json_at(json_array_get(json_at(hpa, "status.currentMetrics"), i), source);
}

static const char *quantity_or(const json_t *object, const char *path, const char *otherwise)
{
	return json_str_or(object, path, otherwise);
}

/* "now/wanted" of amounts, "(avg)" behind averages. */
static void add_values(struct str *out, const json_t *now, const json_t *target)
{
	const char *average = json_str_at(target, "averageValue");
	if (average)
		str_addf(out, "%s/%s (avg)", quantity_or(now, "current.averageValue", "<unknown>"), average);
	else
		str_addf(out, "%s/%s", quantity_or(now, "current.value", "<unknown>"), json_str_or(target, "value", "<auto>"));
}

/* Resources, of pods or one container: an amount, or percent of the request. */
static void add_resource(struct str *out, const json_t *now, const json_t *source)
{
	const json_t *target = json_object_get(source, "target"), *percent = json_at(now, "current.averageUtilization");
	str_addf(out, "%s: ", json_str_or(source, "name", ""));
	if (json_object_get(target, "averageValue")) {
		str_addf(out, "%s/%s", quantity_or(now, "current.averageValue", "<unknown>"),
			 json_str_or(target, "averageValue", ""));
		return;
	}
	if (percent)
		str_addf(out, "%lld%%", (long long)json_integer_value(percent));
	else
		str_add(out, "<unknown>");
	if (json_object_get(target, "averageUtilization"))
		str_addf(out, "/%lld%%", (long long)json_int_at(target, "averageUtilization", 0));
	else
		str_add(out, "/<auto>");
}

static void add_metric(struct str *out, const json_t *hpa, const json_t *metric, size_t i)
{
	static const struct {
		const char *type, *member;
		bool resource;
	} sources[] = {{"External", "external", false},
		       {"Pods", "pods", false},
		       {"Object", "object", false},
		       {"Resource", "resource", true},
		       {"ContainerResource", "containerResource", true}};
	const char *type = json_str_or(metric, "type", "");
	for (size_t s = 0; s < ARRAY_LEN(sources); s++) {
		const json_t *source = json_object_get(metric, sources[s].member), *now = current_of(hpa, i, sources[s].member);
		if (strcmp(type, sources[s].type) != 0)
			continue;
		if (sources[s].resource)
			add_resource(out, now, source);
		else if (strcmp(type, "Pods") == 0)
			str_addf(out, "%s/%s", quantity_or(now, "current.averageValue", "<unknown>"),
				 json_str_or(source, "target.averageValue", ""));
		else
			add_values(out, now, json_object_get(source, "target"));
		return;
	}
	str_add(out, "<unknown type>");
}

static void add_targets(json_t *row, const json_t *hpa)
{
	const json_t *metrics = json_at(hpa, "spec.metrics");
	AUTO_STR out = STR_INIT;
	json_t *metric;
	size_t i, n = json_array_size(metrics);
	json_array_foreach(metrics, i, metric)
	{
		if (i == METRICS_SHOWN)
			break;
		str_add(&out, i ? ", " : "");
		add_metric(&out, hpa, metric, i);
	}
	if (n > METRICS_SHOWN)
		str_addf(&out, " + %zu more...", n - METRICS_SHOWN);
	row_add(row, n ? str_text(&out) : "<none>");
}

static void autoscaler_cells(const json_t *object, int64_t now_ms, json_t *row)
{
	AUTO_JSON *hpa = json_clone(object);
	if (str_eq(json_str_at(hpa, "apiVersion"), "autoscaling/v1"))
		hpa_v1_to_v2(hpa);
	AUTO_FREE char *of = xasprintf("%s/%s", json_str_or(hpa, "spec.scaleTargetRef.kind", ""),
				       json_str_or(hpa, "spec.scaleTargetRef.name", ""));
	AUTO_FREE char *least = xasprintf("%lld", (long long)json_int_at(hpa, "spec.minReplicas", 0));
	row_add(row, json_str_at(hpa, "metadata.name"));
	row_add(row, of);
	add_targets(row, hpa);
	row_add(row, json_at(hpa, "spec.minReplicas") ? least : "<unset>");
	row_add_int(row, json_int_at(hpa, "spec.maxReplicas", 0));
	row_add_int(row, json_int_at(hpa, "status.currentReplicas", 0));
	row_add_age(row, hpa, now_ms);
}

static const struct table_column autoscaler_columns[] = {
    COLUMN_NAME,
    {"Reference", "string", "", 0, "What is scaled", NULL, NULL},
    {"Targets", "string", "", 0, "What the metrics are, and what they should be", NULL, NULL},
    {"MinPods", "string", "", 0, "The fewest replicas", NULL, NULL},
    {"MaxPods", "string", "", 0, "The most replicas", NULL, NULL},
    {"Replicas", "string", "", 0, "Replicas now", NULL, NULL},
    COLUMN_AGE,
};

const struct table_printer table_autoscalers = {
    .group = "autoscaling", .plural = "horizontalpodautoscalers", COLUMNS(autoscaler_columns), .cells = autoscaler_cells};

static void component_cells(const json_t *component, int64_t now_ms, json_t *row)
{
	const char *status = "Unknown", *message = "", *error = "";
	json_t *c;
	size_t i;
	(void)now_ms;
	json_array_foreach(json_object_get(component, "conditions"), i, c)
	{
		if (!str_eq(json_str_at(c, "type"), "Healthy"))
			continue;
		status = str_eq(json_str_at(c, "status"), "True") ? "Healthy" : "Unhealthy";
		message = json_str_or(c, "message", "");
		error = json_str_or(c, "error", "");
	}
	row_add(row, json_str_at(component, "metadata.name"));
	row_add(row, status);
	row_add(row, message);
	row_add(row, error);
}

static const struct table_column component_columns[] = {
    COLUMN_NAME,
    {"Status", "string", "", 0, "Whether the component is well", NULL, NULL},
    {"Message", "string", "", 0, "What it says", NULL, NULL},
    {"Error", "string", "", 0, "What is wrong", NULL, NULL},
};

const struct table_printer table_components = {
    .group = "", .plural = "componentstatuses", COLUMNS(component_columns), .cells = component_cells};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "pods: 1/2, ..." of everything that has a limit, by name; what begins with "limits." apart. */
static void quota_cells(const json_t *quota, int64_t now_ms, json_t *row)
{
	const json_t *used = json_at(quota, "status.used"), *value;
	json_t *hard = json_at(quota, "status.hard");
	AUTO_STR requests = STR_INIT, limits = STR_INIT;
	AUTO_STRV char **names = NULL;
	const char *name;

	json_object_foreach(hard, name, value) strv_add(&names, name);
	if (names)
		qsort(names, strv_len(names), sizeof(*names), by_name);
	for (size_t i = 0; names && names[i]; i++) {
		struct str *out = str_has_prefix(names[i], "limits.") ? &limits : &requests;
		const char *now = json_member(used, names[i]);

		str_addf(out, "%s%s: %s/%s", out->len ? ", " : "", names[i], now ? now : "0", json_member(hard, names[i]));
	}
	row_add(row, json_str_at(quota, "metadata.name"));
	row_add(row, str_text(&requests));
	row_add(row, str_text(&limits));
	row_add_age(row, quota, now_ms);
}

static const struct table_column quota_columns[] = {
    COLUMN_NAME,
    {"Request", "string", "", 0, "What is used of what may be asked for", NULL, NULL},
    {"Limit", "string", "", 0, "What is used of the limits", NULL, NULL},
    COLUMN_AGE,
};

const struct table_printer table_quotas = {
    .group = "", .plural = "resourcequotas", COLUMNS(quota_columns), .cells = quota_cells};

static const struct table_column scale_columns[] = {
    COLUMN_NAME,
    {"Desired", "integer", "", 0, "Replicas that are wanted", cell_int, "spec.replicas"},
    {"Available", "integer", "", 0, "Replicas that there are", cell_int, "status.replicas"},
    COLUMN_AGE,
};

const struct table_printer table_scales = {.group = "autoscaling", .plural = "scales", COLUMNS(scale_columns)};
