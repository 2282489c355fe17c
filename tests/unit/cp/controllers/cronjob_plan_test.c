/* The plan of a CronJob: times that have come, policies, history. */
#include "cp/controllers/cronjob_plan.h"

#include "tests/unit/cp/controllers/plans.h"

static const struct cronjob_clock utc = {gmtime_r, timegm};

/* NOW is 12:26:40; the schedule is every five minutes. */
static json_t *cronjob(const char *spec, const char *status)
{
	return J("{'apiVersion':'batch/v1','kind':'CronJob','metadata':{'name':'cj','namespace':'ns','uid':'u',"
		 "'creationTimestamp':'2020-09-13T12:01:00Z'},'spec':{'schedule':'*/5 * * * *','jobTemplate':{'metadata':{'labels':{'a':'b'}},"
		 "'spec':{'template':{}}}%s},'status':{%s}}",
		 spec, status);
}

static void add(json_t *jobs, const char *status)
{
	json_array_append_new(jobs, J("{'metadata':{'name':'j%zu','namespace':'ns','uid':'ju%zu'},'status':{%s}}", json_array_size(jobs),
				      json_array_size(jobs), status));
}

static void run(const json_t *cj, const json_t *jobs, struct plan *plan)
{
	cronjob_plan(&(struct cronjob_observed){.cronjob = cj, .jobs = jobs}, &utc, NOW, plan);
}

START_TEST(the_last_missed_time_counts)
{
	AUTO_JSON *cj = cronjob("", "");
	AUTO_JSON *jobs = json_array();
	AUTO_PLAN plan = {0};
	run(cj, jobs, &plan);
	ck_assert_int_eq(count_actions(&plan, "POST", "/jobs"), 1);
	const json_t *job = find_action(&plan, "POST", "/jobs", 0)->body;
	ck_assert_str_eq(object_name(job), "cj-26666665");
	ck_assert_str_eq(object_annotation(job, "batch.kubernetes.io/cronjob-scheduled-timestamp"), "2020-09-13T12:25:00Z");
	ck_assert_str_eq(json_str_at(find_action(&plan, "PATCH", "/status", 0)->body, "status.lastScheduleTime"), "2020-09-13T12:25:00Z");
	ck_assert_int_eq(plan.again_ms, 200100);
}
END_TEST

START_TEST(nothing_before_its_time)
{
	AUTO_JSON *cj = cronjob("", "'lastScheduleTime':'2020-09-13T12:25:00Z'");
	AUTO_JSON *off = cronjob(",'suspend':true", "");
	AUTO_JSON *late = cronjob(",'startingDeadlineSeconds':60", "");
	AUTO_JSON *jobs = json_array();
	const json_t *all[] = {cj, off, late};
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		AUTO_PLAN plan = {0};
		run(all[i], jobs, &plan);
		ck_assert_int_eq(count_actions(&plan, "POST", "/jobs"), 0);
	}
}
END_TEST

START_TEST(policies_for_running_jobs)
{
	AUTO_JSON *allow = cronjob("", "");
	AUTO_JSON *forbid = cronjob(",'concurrencyPolicy':'Forbid'", "");
	AUTO_JSON *replace = cronjob(",'concurrencyPolicy':'Replace'", "");
	AUTO_JSON *jobs = json_array();
	AUTO_PLAN a = {0}, f = {0}, r = {0};
	add(jobs, "");
	run(allow, jobs, &a);
	run(forbid, jobs, &f);
	run(replace, jobs, &r);
	ck_assert_int_eq(count_actions(&a, "POST", "/jobs"), 1);
	ck_assert_int_eq(count_actions(&f, "POST", "/jobs"), 0);
	ck_assert_int_eq(count_actions(&r, "DELETE", "/jobs/j0"), 1);
	ck_assert_int_lt(find_action(&r, "DELETE", "/jobs/j0", 0)->stage, find_action(&r, "POST", "/jobs", 0)->stage);
	const json_t *active = json_at(find_action(&f, "PATCH", "/status", 0)->body, "status.active");
	ck_assert_str_eq(json_str_at(json_array_get(active, 0), "name"), "j0");
}
END_TEST

START_TEST(history_is_limited)
{
	AUTO_JSON *cj = cronjob(",'suspend':true,'successfulJobsHistoryLimit':1", "");
	AUTO_JSON *jobs = json_array();
	AUTO_PLAN plan = {0};
	add(jobs, "'startTime':'2020-09-13T12:05:00Z','completionTime':'2020-09-13T12:06:00Z','conditions':[{'type':'Complete','status':'True'}]");
	add(jobs, "'startTime':'2020-09-13T12:10:00Z','completionTime':'2020-09-13T12:11:00Z','conditions':[{'type':'Complete','status':'True'}]");
	add(jobs, "'startTime':'2020-09-13T12:01:00Z','conditions':[{'type':'Failed','status':'True'}]");
	run(cj, jobs, &plan);
	ck_assert_int_eq(count_actions(&plan, "DELETE", "/jobs/j0"), 1);
	ck_assert_int_eq(count_actions(&plan, "DELETE", "/jobs"), 1);
	ck_assert_str_eq(json_str_at(find_action(&plan, "PATCH", "/status", 0)->body, "status.lastSuccessfulTime"), "2020-09-13T12:11:00Z");
}
END_TEST

TESTS("cronjob_plan", the_last_missed_time_counts, nothing_before_its_time, policies_for_running_jobs, history_is_limited)
