/* Rules of a job's indexes and policies. */
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cp/kinds/job_rules.h"
#include "tests/unit/check_main.h"

static void expect(const char *text, const char *wanted)
{
	AUTO_JSON *spec = json_loads(text, 0, NULL);
	AUTO_FIELD_ERRORS errors = {0};
	AUTO_STR out = STR_INIT;
	ck_assert_ptr_nonnull(spec);
	job_policies_validate(spec, "spec", &errors);
	for (size_t i = 0; i < errors.n; i++)
		str_addf(&out, "%s%s: %s", i ? "\n" : "", errors.v[i].field, errors.v[i].message);
	ck_assert_str_eq(str_text(&out), wanted);
}

START_TEST(indexes)
{
	expect("{\"completionMode\":\"Indexed\"}", "spec.completions: Required value: when completion mode is Indexed");
	expect("{\"backoffLimitPerIndex\":1}", "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode");
	expect("{\"completionMode\":\"Indexed\",\"completions\":2,\"maxFailedIndexes\":3}",
	       "spec.maxFailedIndexes: Invalid value: 3: must be less than or equal to completions\n"
	       "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified");
	expect("{\"completionMode\":\"Indexed\",\"completions\":2,\"parallelism\":1}", "");
}
END_TEST

START_TEST(failure_policy)
{
	expect("{\"template\":{\"spec\":{\"restartPolicy\":\"OnFailure\"}},\"podFailurePolicy\":{\"rules\":[{\"action\":\"FailIndex\"}]}}",
	       "spec.podFailurePolicy.rules[0].action: Invalid value: \"FailIndex\": requires the backoffLimitPerIndex to be set\n"
	       "spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required\n"
	       "spec.template.spec.restartPolicy: Invalid value: \"OnFailure\": only \"Never\" is supported when podFailurePolicy is specified");
	expect("{\"podFailurePolicy\":{\"rules\":[{\"action\":\"Ignore\",\"onExitCodes\":{\"operator\":\"In\",\"containerName\":\"x\",\"values\":[0,5,3]}}]}}",
	       "spec.podFailurePolicy.rules[0].onExitCodes.containerName: Invalid value: \"x\": must be one of the container or initContainer "
	       "names in the pod template\n"
	       "spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator\n"
	       "spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [0,5,3]: must be ordered");
	expect("{\"podFailurePolicy\":{\"rules\":[{\"onPodConditions\":[{\"type\":\"A\",\"status\":\"True\"}]}]}}",
	       "spec.podFailurePolicy.rules[0].action: Required value: valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]");
}
END_TEST

START_TEST(success_policy)
{
	expect("{\"successPolicy\":{\"rules\":[{}]}}", "spec.successPolicy: Invalid value: {\"rules\":[{}]}: requires indexed completion mode");
	expect("{\"completionMode\":\"Indexed\",\"completions\":2,\"successPolicy\":{\"rules\":[{},{\"succeededCount\":3}]}}",
	       "spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be specified\n"
	       "spec.successPolicy.rules[1].succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of specified completions)");
}
END_TEST

TESTS("job_policies", indexes, failure_policy, success_policy)
