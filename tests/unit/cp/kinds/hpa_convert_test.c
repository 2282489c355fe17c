/* Autoscalers between versions: what v1 has no field for is in annotations and comes back. */
#include "base/json.h"
#include "cp/kinds/hpa_convert.h"
#include "tests/unit/check_main.h"

#define TEXT(...) #__VA_ARGS__
static const char full[] = TEXT({
	"metadata" : {"name" : "h", "annotations" : {"mine" : "x"}},
	"spec" : {
		"minReplicas" : 1,
		"maxReplicas" : 5,
		"metrics" : [
			{"type" : "Pods",
			 "pods" : {"metric" : {"name" : "qps"}, "target" : {"type" : "AverageValue", "averageValue" : "5"}}},
			{"type" : "Resource",
			 "resource" : {"name" : "cpu", "target" : {"type" : "Utilization", "averageUtilization" : 70}}}
		],
		"behavior" : {
			"scaleUp" : {
				"stabilizationWindowSeconds" : 3,
				"selectPolicy" : "Max",
				"policies" : [ {"type" : "Pods", "value" : 4, "periodSeconds" : 15} ]
			}
		}
	},
	"status" : {
		"desiredReplicas" : 2,
		"currentMetrics" : null,
		"conditions" : [ {"type" : "AbleToScale", "status" : "True"} ]
	}
});

START_TEST(to_v1)
{
	AUTO_JSON *hpa = json_loads(full, 0, NULL);
	hpa_v2_to_v1(hpa);
	const json_t *notes = json_at(hpa, "metadata.annotations");
	ck_assert_int_eq(json_int_at(hpa, "spec.targetCPUUtilizationPercentage", 0), 70);
	ck_assert_str_eq(json_member(notes, "autoscaling.alpha.kubernetes.io/metrics"),
			 "[{\"type\":\"Pods\",\"pods\":{\"metricName\":\"qps\",\"targetAverageValue\":\"5\"}}]");
	ck_assert_str_eq(json_member(notes, "autoscaling.alpha.kubernetes.io/behavior"),
			 "{\"ScaleUp\":{\"StabilizationWindowSeconds\":3,\"SelectPolicy\":\"Max\",\"Policies\":[{\"Type\":"
			 "\"Pods\",\"Value\":4,\"PeriodSeconds\":15}],\"Tolerance\":null},\"ScaleDown\":null}");
	ck_assert_ptr_null(json_at(hpa, "spec.metrics"));
	ck_assert_ptr_null(json_at(hpa, "spec.behavior"));
	ck_assert_ptr_null(json_at(hpa, "status.conditions"));
	ck_assert_int_eq(json_int_at(hpa, "status.currentReplicas", -1), 0);
}
END_TEST

START_TEST(there_and_back)
{
	AUTO_JSON *hpa = json_loads(full, 0, NULL), *before = json_loads(full, 0, NULL);
	hpa_v2_to_v1(hpa);
	hpa_v1_to_v2(hpa);
	AUTO_FREE char *a = json_text(hpa), *b = json_text(before);
	ck_assert_msg(json_equal(hpa, before), "%s\n%s", a, b);
}
END_TEST

/* An annotation that is no JSON is nothing, and what v1 says of the CPU is a metric. */
START_TEST(from_v1)
{
	AUTO_JSON *hpa = json_loads("{\"metadata\":{\"annotations\":{\"autoscaling.alpha.kubernetes.io/metrics\":\"{{\"}},"
				    "\"spec\":{\"targetCPUUtilizationPercentage\":40}}",
				    0, NULL);
	hpa_v1_to_v2(hpa);
	const json_t *metric = json_array_get(json_at(hpa, "spec.metrics"), 0);
	ck_assert_uint_eq(json_array_size(json_at(hpa, "spec.metrics")), 1);
	ck_assert_int_eq(json_int_at(metric, "resource.target.averageUtilization", 0), 40);
	ck_assert_ptr_null(json_at(hpa, "metadata.annotations"));
	ck_assert_ptr_null(json_at(hpa, "spec.targetCPUUtilizationPercentage"));
}
END_TEST

TESTS("hpa_convert", to_v1, there_and_back, from_v1)
