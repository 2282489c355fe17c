/* Evictions under disruption budgets, without a server. */
#include "base/json.h"
#include "base/mem.h"
#include "cp/api/eviction_plan.h"
#include "tests/unit/check_main.h"

#define NOW_MS 1700000000000

static json_t *ready_pod(void)
{
	return json_loads("{\"metadata\":{\"name\":\"p\"},\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\","
			  "\"status\":\"True\"}]}}",
			  0, NULL);
}

static json_t *budget(int allowed, int generation)
{
	return json_pack("{s:{s:s,s:i},s:{},s:{s:i,s:i,s:i,s:i}}", "metadata", "name", "b", "generation", generation, "spec",
			 "status", "observedGeneration", 1, "disruptionsAllowed", allowed, "currentHealthy", 2, "desiredHealthy",
			 2);
}

START_TEST(takes_one_disruption)
{
	AUTO_JSON *pod = ready_pod(), *b = budget(2, 1), *status = NULL, *last = NULL;
	ck_assert_ptr_null(eviction_plan(pod, b, NOW_MS, &status));
	ck_assert_int_eq(json_int_at(status, "disruptionsAllowed", -1), 1);
	ck_assert_str_eq(json_str_at(status, "disruptedPods.p"), "2023-11-14T22:13:20Z");
	ck_assert_ptr_null(json_at(status, "conditions"));
	json_set_int(b, "status.disruptionsAllowed", 1);
	ck_assert_ptr_null(eviction_plan(pod, b, NOW_MS, &last));
	const json_t *c = json_array_get(json_at(last, "conditions"), 0);
	ck_assert_str_eq(json_str_at(c, "type"), "DisruptionAllowed");
	ck_assert_str_eq(json_str_at(c, "status"), "False");
	ck_assert_str_eq(json_str_at(c, "reason"), "InsufficientPods");
}
END_TEST

START_TEST(refuses)
{
	AUTO_JSON *pod = ready_pod(), *none = budget(0, 1), *stale = budget(1, 2), *wrong = budget(-1, 1), *status = NULL;
	AUTO_JSON *a = eviction_plan(pod, none, NOW_MS, &status), *b = eviction_plan(pod, stale, NOW_MS, &status),
		  *c = eviction_plan(pod, wrong, NOW_MS, &status);
	ck_assert_int_eq(json_int_at(a, "code", 0), 429);
	ck_assert_str_eq(json_str_at(json_array_get(json_at(a, "details.causes"), 0), "message"),
			 "The disruption budget b needs 2 healthy pods and has 2 currently");
	ck_assert_ptr_null(json_at(a, "details.retryAfterSeconds"));
	ck_assert_int_eq(json_int_at(b, "details.retryAfterSeconds", 0), 10);
	ck_assert_int_eq(json_int_at(c, "code", 0), 403);
	ck_assert_ptr_null(status);
}
END_TEST

/* Pods that do not run, or are not ready while enough others are, cost the budget nothing. */
START_TEST(free_pods)
{
	AUTO_JSON *pod = ready_pod(), *b = budget(0, 1), *status = NULL;
	json_set_str(pod, "status.phase", "Pending");
	ck_assert_ptr_null(eviction_plan(pod, b, NOW_MS, &status));
	json_set_str(pod, "status.phase", "Running");
	json_del_at(pod, "status.conditions");
	ck_assert_ptr_null(eviction_plan(pod, b, NOW_MS, &status));
	json_set_int(b, "status.currentHealthy", 1);
	AUTO_JSON *refused = eviction_plan(pod, b, NOW_MS, &status);
	ck_assert_ptr_nonnull(refused);
	json_set_str(b, "spec.unhealthyPodEvictionPolicy", "AlwaysAllow");
	ck_assert_ptr_null(eviction_plan(pod, b, NOW_MS, &status));
	ck_assert_ptr_null(eviction_plan(pod, NULL, NOW_MS, &status));
	ck_assert_ptr_null(status);
}
END_TEST

START_TEST(marks)
{
	AUTO_JSON *pod = ready_pod();
	eviction_mark(pod, NOW_MS);
	eviction_mark(pod, NOW_MS + 5000);
	ck_assert_uint_eq(json_array_size(json_at(pod, "status.conditions")), 2);
	const json_t *c = json_array_get(json_at(pod, "status.conditions"), 1);
	ck_assert_str_eq(json_str_at(c, "reason"), "EvictionByEvictionAPI");
	ck_assert_str_eq(json_str_at(c, "lastTransitionTime"), "2023-11-14T22:13:20Z");
}
END_TEST

TESTS("eviction_plan", takes_one_disruption, refuses, free_pods, marks)
