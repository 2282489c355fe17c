/* What the status of a job may become, and what of a job may change: a row a rule. */
#include "tests/unit/cp/kinds/rules_fixture.h"

#define OBJECT(spec, status) "{\"metadata\":{\"name\":\"j\"},\"spec\":{" spec "},\"status\":{" status "}}"
#define INDEXED "\"completionMode\":\"Indexed\",\"completions\":5,\"parallelism\":2"
#define START "\"startTime\":\"2026-01-01T00:00:00Z\""
#define END "\"completionTime\":\"2026-01-01T00:01:00Z\""
#define TRUE_(type) "{\"type\":\"" type "\",\"status\":\"True\"}"
#define COMPLETE "\"conditions\":[" TRUE_("SuccessCriteriaMet") "," TRUE_("Complete") "]"

static const struct change {
	const char *spec, *was, *now, *errors;
} changes[] = {
    {"", START ",\"active\":1", START "," END "," COMPLETE, ""},
    {"", "", START "," COMPLETE, "status.completionTime: Required value: completionTime is required for Complete jobs\n"},
    {"", "", END "," COMPLETE, "status.startTime: Required value: startTime is required for finished job\n"},
    {"", "", START "," END, "status.completionTime: Invalid value: \"2026-01-01T00:01:00Z\": cannot set completionTime when there is no Complete=True condition\n"},
    {"", "", "\"startTime\":\"2026-01-02T00:00:00Z\"," END "," COMPLETE,
     "status.completionTime: Invalid value: \"2026-01-01T00:01:00Z\": completionTime cannot be set before startTime\n"},
    {"", START, START ",\"conditions\":[" TRUE_("Failed") "]",
     "status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition\n"},
    {"", START, START "," END ",\"conditions\":[" TRUE_("Complete") "]",
     "status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition\n"},
    {"", START, START "," END "," COMPLETE ",\"active\":1", "status.active: Invalid value: 1: active>0 is invalid for finished job\n"},
    {"", START, START "," END "," COMPLETE ",\"terminating\":1", "status.terminating: Invalid value: 1: terminating>0 is invalid for finished job\n"},
    {"", START, START "," END "," COMPLETE ",\"uncountedTerminatedPods\":{\"failed\":[\"a\"]}",
     "status.uncountedTerminatedPods: Invalid value: {\"Succeeded\":null,\"Failed\":[\"a\"]}: uncountedTerminatedPods needs to be empty for finished job\n"},
    {"", "", "\"uncountedTerminatedPods\":{\"succeeded\":[\"\",\"a\"],\"failed\":[\"a\"]}",
     "status.uncountedTerminatedPods.succeeded[0]: Invalid value: \"\": must not be empty\n"
     "status.uncountedTerminatedPods.failed[0]: Duplicate value: \"a\"\n"},
    {"", START "," END "," COMPLETE, START "," END ",\"conditions\":[" TRUE_("SuccessCriteriaMet") "]",
     "status.completionTime: Invalid value: \"2026-01-01T00:01:00Z\": cannot set completionTime when there is no Complete=True condition\n"
     "status.conditions: Invalid value: cannot disable the terminal Complete=True condition\n"},
    {"", "\"failed\":2,\"succeeded\":2", "\"failed\":1", "status.failed: Invalid value: 1: cannot decrease the failed counter\n"
						      "status.succeeded: Invalid value: 0: cannot decrease the succeeded counter\n"},
    {INDEXED, "\"succeeded\":2", "\"succeeded\":1", "status.succeeded: Invalid value: 1: cannot decrease the succeeded counter\n"},
    {"\"completionMode\":\"Indexed\",\"completions\":2,\"parallelism\":2", "\"succeeded\":2", "\"succeeded\":1", ""},
    {INDEXED, "", "\"completedIndexes\":\"1,3-7\"", "status.completedIndexes: Invalid value: \"1,3-7\": error parsing completedIndexes: too large index: \"7\"\n"},
    {INDEXED, "\"completedIndexes\":\"1,3-7\"", "\"completedIndexes\":\"1,3-7\",\"active\":1", ""},
    {INDEXED, "", "\"failedIndexes\":\"1\"", "status.failedIndexes: Invalid value: \"1\": cannot set non-null failedIndexes when backoffLimitPerIndex is null\n"},
    {INDEXED ",\"backoffLimitPerIndex\":1", "", "\"completedIndexes\":\"0-2\",\"failedIndexes\":\"2,4\"",
     "status.failedIndexes: Invalid value: \"2,4\": failedIndexes and completedIndexes overlap at index: 2\n"},
    {INDEXED ",\"backoffLimitPerIndex\":1", "", "\"completedIndexes\":\"0-1,3\",\"failedIndexes\":\"2,4\"", ""},
    {"", "", "\"completedIndexes\":\"1\"", "status.completedIndexes: Invalid value: \"1\": cannot set non-empty completedIndexes when non-indexed completion mode\n"},
    {"", "", "\"ready\":2,\"active\":1", "status.ready: Invalid value: 2: cannot set more ready pods than active\n"},
    {"", "\"ready\":2,\"active\":1", "\"ready\":2,\"active\":1,\"failed\":1", ""},
    {"", START, "\"active\":1", "status.startTime: Required value: startTime cannot be removed for unsuspended job\n"},
    {"\"suspend\":true", START, "", ""},
    {"", "", START ",\"conditions\":[" TRUE_("SuccessCriteriaMet") "," TRUE_("FailureTarget") "]",
     "status.conditions: Invalid value: cannot set SuccessCriteriaMet=True and FailureTarget=true conditions\n"},
};

START_TEST(statuses)
{
	const struct change *c = &changes[_i];
	const struct kind *k = fixture_kind("batch", "v1", "Job");
	AUTO_FREE char *before = xasprintf(OBJECT("%s", "%s"), c->spec, c->was), *after = xasprintf(OBJECT("%s", "%s"), c->spec, c->now);
	AUTO_JSON *old = json_loads(before, 0, NULL), *now = json_loads(after, 0, NULL);
	AUTO_FIELD_ERRORS f = {.schema = fixture_schema};
	AUTO_STR s = STR_INIT;

	ck_assert_ptr_nonnull(old);
	ck_assert_ptr_nonnull(now);
	kind_ops_find(k)->validate_status(now, old, &f);
	for (size_t i = 0; i < f.n; i++)
		str_addf(&s, "%s: %s\n", f.v[i].field, f.v[i].message);
	ck_assert_msg(!strcmp(str_text(&s), c->errors), "from %s to %s\ngot:\n%swant:\n%s", c->was, c->now, str_text(&s), c->errors);
}
END_TEST

#define POD(more) "{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"" more "}]}"
#define MATCH "\"manualSelector\":true,\"selector\":{\"matchLabels\":{\"a\":\"b\"}}"
#define JOB(suspend, status)                                                                                                    \
	"{\"metadata\":{\"name\":\"j\",\"namespace\":\"d\"},\"spec\":{" MATCH ",\"suspend\":" suspend                          \
	",\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":" POD("") "}},\"status\":{" status "}}"
#define RESOURCES ",\"resources\":{\"requests\":{\"cpu\":\"1\"}}"

/* Whether a row is refused with an error at one field, whatever value it shows. */
static void refused(const char *text, const char *path, const char *value, const char *field)
{
	const struct kind *k = fixture_kind("batch", "v1", "Job");
	struct rule_row row = {path, value, ""};
	AUTO_JSON *old = fixture_load(k, text, NULL, NULL), *now = fixture_load(k, text, &row, old);
	AUTO_FREE char *got = fixture_errors(k, now, old);
	AUTO_FREE char *wanted = field ? xasprintf("%s: Invalid value: ", field) : xstrdup("");

	ck_assert_msg(field ? str_has_prefix(got, wanted) && str_has_suffix(got, ": field is immutable\n") && strchr(got, '\n')[1] == '\0' : !*got,
		      "%s = %s\ngot: %swant: %s", path, value, got, wanted);
}

START_TEST(templates)
{
	static const char spec[] = "spec.template.spec", whole[] = "spec.template", labels[] = "{\"a\":\"b\",\"c\":\"d\"}";
	static const char waiting[] = JOB("true", ""), running[] = JOB("false", START), stopping[] = JOB("true", START ",\"active\":1");
	static const char stopped[] = JOB("true", START ",\"conditions\":[" TRUE_("Suspended") "]");

	refused(running, spec, POD(RESOURCES), whole);
	refused(running, "spec.template.metadata.labels", labels, whole);
	refused(stopping, spec, POD(RESOURCES), whole);
	refused(waiting, spec, POD(RESOURCES), NULL);
	refused(stopped, spec, POD(RESOURCES), NULL);
	refused(waiting, "spec.template.metadata.labels", labels, NULL);
	refused(waiting, "spec.template.spec.nodeSelector", "{\"a\":\"b\"}", NULL);
	refused(waiting, "spec.template.spec.affinity",
		"{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Exists\"}]}]}}}", NULL);
	refused(waiting, "spec.template.spec.affinity",
		"{\"podAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":[{\"topologyKey\":\"a\",\"labelSelector\":{}}]}}", spec);
	refused(waiting, "spec.template.spec.priorityClassName", "\"a\"", spec);
}
END_TEST

TESTS_TABLE("job_status", statuses, ARRAY_LEN(changes), templates)
