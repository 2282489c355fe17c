/* The plan of a Job: counting, policies, limits, indexes. */
#include "cp/controllers/job_plan.h"

#include "cp/controllers/job_indexes.h"
#include "tests/unit/cp/controllers/plans.h"

#define OWNED "'ownerReferences':[{'apiVersion':'batch/v1','kind':'Job','name':'j','uid':'u','controller':true}]"
#define TRACKED "'finalizers':['batch.kubernetes.io/job-tracking']"
#define MORE "'parallelism':2,'completions':3"

static json_t *job(const char *spec, const char *status)
{
	return J("{'apiVersion':'batch/v1','kind':'Job','metadata':{'name':'j','namespace':'ns','uid':'u'},'spec':{%s,'backoffLimit':1,"
		 "'selector':{'matchLabels':{'a':'b'}},'template':{'metadata':{'labels':{'a':'b'}},'spec':{'restartPolicy':'Never',"
		 "'containers':[{'name':'c'}]}}},'status':{%s}}",
		 spec, status);
}

static void add(json_t *pods, const char *index, const char *meta, const char *status)
{
	AUTO_FREE char *annotation =
	    *index ? xasprintf(",'annotations':{'batch.kubernetes.io/job-completion-index':'%s'}", index) : xstrdup("");
	json_array_append_new(pods, J("{'metadata':{'name':'p%zu','uid':'pu%zu','namespace':'ns','labels':{'a':'b'}," OWNED "%s%s},"
				      "'status':{%s}}",
				      json_array_size(pods), json_array_size(pods), meta, annotation, status));
}

static void run(const json_t *j, const json_t *pods, struct plan *plan)
{
	job_plan(&(struct job_observed){.job = j, .pods = pods}, NOW, plan);
}

static json_t *status_after(const json_t *j, const struct plan *plan)
{
	json_t *copy = json_deep_copy(j);
	const struct action *a = find_action(plan, "PATCH", "/jobs/j/status", 0);
	if (a)
		merge_into(copy, a->body);
	json_t *status = json_incref(json_object_get(copy, "status"));
	json_decref(copy);
	return status;
}

static const char *reason(const json_t *status, const char *type)
{
	return json_str_or(object_condition(status, type), "reason", "");
}

START_TEST(begins_and_creates)
{
	AUTO_JSON *j = job(MORE, "");
	AUTO_JSON *pods = json_array();
	AUTO_PLAN plan = {0};
	run(j, pods, &plan);
	AUTO_JSON *status = status_after(j, &plan);
	ck_assert_str_eq(json_str_at(status, "startTime"), "2020-09-13T12:26:40Z");
	ck_assert_int_eq(count_actions(&plan, "POST", "/pods"), 2);
	ck_assert(object_has_finalizer(find_action(&plan, "POST", "/pods", 0)->body, JOB_TRACKING));
}
END_TEST

START_TEST(each_pod_counts_once)
{
	AUTO_JSON *j = job(MORE, "'startTime':'2020-09-13T12:26:00Z'");
	AUTO_JSON *pods = json_array();
	AUTO_PLAN first = {0}, second = {0};
	add(pods, "", "," TRACKED, "'phase':'Succeeded'");
	run(j, pods, &first);
	json_object_set_new(j, "status", status_after(j, &first));
	ck_assert_str_eq(json_string_value(json_array_get(json_at(j, "status.uncountedTerminatedPods.succeeded"), 0)), "pu0");
	ck_assert_int_eq(json_int_at(j, "status.succeeded", 0), 0);
	const struct action *freed = find_action(&first, "PATCH", "/pods/p0", 0), *told = find_action(&first, "PATCH", "/status", 0);
	ck_assert_int_gt(freed->stage, told->stage);
	json_del_at(json_array_get(pods, 0), "metadata.finalizers");
	run(j, pods, &second);
	AUTO_JSON *status = status_after(j, &second);
	ck_assert_int_eq(json_int_at(status, "succeeded", 0), 1);
	ck_assert_ptr_null(json_at(status, "uncountedTerminatedPods.succeeded"));
}
END_TEST

START_TEST(fails_behind_its_limit)
{
	AUTO_JSON *j = job(MORE, "'startTime':'2020-09-13T12:26:00Z','failed':2");
	AUTO_JSON *pods = json_array();
	AUTO_PLAN first = {0}, second = {0};
	add(pods, "", "," TRACKED, "'phase':'Running'");
	run(j, pods, &first);
	json_object_set_new(j, "status", status_after(j, &first));
	ck_assert_str_eq(reason(json_object_get(j, "status"), "FailureTarget"), "BackoffLimitExceeded");
	ck_assert_str_eq(reason(json_object_get(j, "status"), "Failed"), "");
	ck_assert_int_eq(count_actions(&first, "DELETE", "/pods/p0"), 1);
	json_array_clear(pods);
	run(j, pods, &second);
	AUTO_JSON *status = status_after(j, &second);
	ck_assert_str_eq(reason(status, "Failed"), "BackoffLimitExceeded");
}
END_TEST

START_TEST(waits_after_failures)
{
	AUTO_JSON *j = job(MORE, "'startTime':'2020-09-13T12:26:00Z','failed':1");
	AUTO_JSON *pods = json_array();
	AUTO_PLAN plan = {0};
	add(pods, "", "", "'phase':'Failed','containerStatuses':[{'state':{'terminated':{'exitCode':1,'finishedAt':'2020-09-13T12:26:37Z'}}}]");
	run(j, pods, &plan);
	ck_assert_int_eq(count_actions(&plan, "POST", "/pods"), 0);
	ck_assert_int_eq(plan.again_ms, 7000);
}
END_TEST

START_TEST(indexes_are_counted_and_limited)
{
	AUTO_JSON *j = job(MORE ",'completionMode':'Indexed','backoffLimitPerIndex':0", "'startTime':'2020-09-13T12:26:00Z'");
	AUTO_JSON *pods = json_array();
	AUTO_PLAN plan = {0};
	add(pods, "0", "," TRACKED, "'phase':'Succeeded'");
	add(pods, "1", "," TRACKED, "'phase':'Failed'");
	run(j, pods, &plan);
	AUTO_JSON *status = status_after(j, &plan);
	ck_assert_str_eq(json_str_at(status, "completedIndexes"), "0");
	ck_assert_str_eq(json_str_at(status, "failedIndexes"), "1");
	ck_assert_int_eq(count_actions(&plan, "POST", "/pods"), 1);
	const json_t *pod = find_action(&plan, "POST", "/pods", 0)->body;
	ck_assert_str_eq(json_str_at(pod, "metadata.generateName"), "j-2-");
	ck_assert_str_eq(json_str_at(pod, "spec.hostname"), "j-2");
}
END_TEST

START_TEST(policies_decide)
{
	AUTO_JSON *j = job(MORE ",'podFailurePolicy':{'rules':[{'action':'Ignore','onPodConditions':[{'type':'DisruptionTarget'}]},"
				"{'action':'FailJob','onExitCodes':{'operator':'In','values':[42]}}]}",
			   "'startTime':'2020-09-13T12:26:00Z'");
	AUTO_JSON *pods = json_array();
	AUTO_PLAN ignored = {0}, failed = {0};
	add(pods, "", "," TRACKED, "'phase':'Failed','conditions':[{'type':'DisruptionTarget','status':'True'}]");
	run(j, pods, &ignored);
	AUTO_JSON *one = status_after(j, &ignored);
	ck_assert_ptr_null(json_at(one, "uncountedTerminatedPods.failed"));
	ck_assert_int_eq(count_actions(&ignored, "PATCH", "/pods/p0"), 1);
	add(pods, "", "," TRACKED, "'phase':'Failed','containerStatuses':[{'name':'c','state':{'terminated':{'exitCode':42}}}]");
	run(j, pods, &failed);
	AUTO_JSON *two = status_after(j, &failed);
	ck_assert_str_eq(reason(two, "FailureTarget"), "PodFailurePolicy");
	ck_assert_str_eq(json_str_at(object_condition(two, "FailureTarget"), "message"),
			 "Container c for pod ns/p1 failed with exit code 42 matching FailJob rule at index 1");
}
END_TEST

START_TEST(success_can_come_early)
{
	AUTO_JSON *j = job(MORE ",'completionMode':'Indexed','successPolicy':{'rules':[{'succeededIndexes':'0,2','succeededCount':1}]}",
			   "'startTime':'2020-09-13T12:26:00Z'");
	AUTO_JSON *pods = json_array();
	AUTO_PLAN plan = {0};
	add(pods, "2", "," TRACKED, "'phase':'Succeeded'");
	add(pods, "0", "," TRACKED, "'phase':'Running'");
	run(j, pods, &plan);
	AUTO_JSON *status = status_after(j, &plan);
	ck_assert_str_eq(reason(status, "SuccessCriteriaMet"), "SuccessPolicy");
	ck_assert_int_eq(count_actions(&plan, "DELETE", "/pods/p1"), 1);
}
END_TEST

START_TEST(suspended_and_finished_jobs_rest)
{
	AUTO_JSON *j = job(MORE ",'suspend':true", "'startTime':'2020-09-13T12:26:00Z'");
	AUTO_JSON *done = job(MORE, "'conditions':[{'type':'Complete','status':'True'}]");
	AUTO_JSON *pods = json_array();
	AUTO_PLAN plan = {0}, other = {0};
	add(pods, "", "," TRACKED, "'phase':'Running'");
	run(j, pods, &plan);
	AUTO_JSON *status = status_after(j, &plan);
	ck_assert_str_eq(reason(status, "Suspended"), "JobSuspended");
	ck_assert_int_eq(count_actions(&plan, "DELETE", "/pods/p0"), 1);
	ck_assert_ptr_null(json_object_get(status, "startTime"));
	run(done, pods, &other);
	ck_assert_int_eq((int)other.n, 1);
	ck_assert_ptr_nonnull(find_action(&other, "PATCH", "/pods/p0", 0));
}
END_TEST

START_TEST(index_sets)
{
	AUTO_JOB_INDEXES s = {0};
	job_indexes_parse(&s, "7,1-2,x,9-8,20", 10);
	AUTO_FREE char *read = job_indexes_text(&s);
	ck_assert_str_eq(read, "1,2,7");
	static const int64_t more[] = {3, 8, 0, 6, 3};
	for (size_t i = 0; i < ARRAY_LEN(more); i++)
		job_indexes_add(&s, more[i]);
	AUTO_FREE char *text = job_indexes_text(&s);
	ck_assert_str_eq(text, "0-3,6-8");
	ck_assert_int_eq(job_indexes_count(&s), 7);
	ck_assert(job_indexes_has(&s, 6) && !job_indexes_has(&s, 5));
	job_indexes_add(&s, 5);
	job_indexes_add(&s, 4);
	AUTO_FREE char *all = job_indexes_text(&s);
	ck_assert_str_eq(all, "0-8");
}
END_TEST

TESTS("job_plan", begins_and_creates, each_pod_counts_once, fails_behind_its_limit, waits_after_failures, indexes_are_counted_and_limited,
      policies_decide, success_can_come_early, suspended_and_finished_jobs_rest, index_sets)
