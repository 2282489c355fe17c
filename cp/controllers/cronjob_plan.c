/* The plan of a CronJob.
 *
 * Happy path: tell which of its jobs run, delete finished ones beyond the limits, find the last time of the schedule that has come
 * since the last job, and make the job of that time unless the policy for running ones forbids it. A job's name follows from its
 * time, so that it is made once. Always holds: nothing is made while the cron job is suspended or being deleted. */
#include "cp/controllers/cronjob_plan.h"

#include <stdlib.h>
#include <string.h>

#include "api/cron.h"
#include "base/clock.h"
#include "base/json.h"
#include "cp/controllers/object.h"

#define SCHEDULED_AT "batch.kubernetes.io/cronjob-scheduled-timestamp"

struct crons {
	const json_t *cronjob, *jobs;
	const struct cronjob_clock *clock;
	int64_t now_ms;
	json_t *status; /* as it will be (owned) */
	struct cron cron;
};

static const char *end_of(const json_t *job)
{
	static const char *const ends[] = {"Complete", "Failed"};
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		const json_t *c = object_condition(json_object_get(job, "status"), ends[i]);
		if (c && str_eq(json_member(c, "status"), "True"))
			return ends[i];
	}
	return NULL;
}

static char *job_path(const json_t *cronjob, const char *name)
{
	return object_path("batch", "v1", object_ns(cronjob), "jobs", name);
}

static json_t *reference_to(const json_t *job)
{
	json_t *ref = object_reference(job);
	json_set_str(ref, "apiVersion", "batch/v1");
	json_set_str(ref, "kind", "Job");
	return ref;
}

/* Whether status.active names the job. */
static bool is_named(const json_t *active, const json_t *job)
{
	return json_find(active, "uid", object_uid(job)) != NULL;
}

/* status.active and lastSuccessfulTime, with events for what has changed. */
static void tell_active(struct crons *c, struct plan *plan)
{
	json_t *old = json_object_get(c->status, "active"), *active = json_array(), *job, *ref;
	size_t i;
	json_array_foreach(c->jobs, i, job)
	{
		const char *end = end_of(job), *done = json_str_at(job, "status.completionTime");
		bool named = is_named(old, job);
		if (!end) {
			json_array_append_new(active, named ? json_incref(json_find(old, "uid", object_uid(job))) : reference_to(job));
			continue;
		}
		if (named)
			plan_event(plan, c->cronjob, "Normal", "SawCompletedJob", "Saw completed job: %s, condition: %s",
				   object_name(job), end);
		const char *last = json_str_or(c->status, "lastSuccessfulTime", "");
		if (done && str_eq(end, "Complete") && strcmp(done, last) > 0)
			json_object_set_new(c->status, "lastSuccessfulTime", json_string(done));
	}
	json_array_foreach(old, i, ref)
	{
		bool there = false;
		size_t k;
		json_array_foreach(c->jobs, k, job) there |= str_eq(object_uid(job), json_member(ref, "uid"));
		if (!there)
			plan_event(plan, c->cronjob, "Normal", "MissingJob", "Active job went missing: %s", json_str_or(ref, "name", ""));
	}
	if (json_array_size(active))
		json_object_set(c->status, "active", active);
	else
		json_object_del(c->status, "active");
	json_decref(active);
}

static int by_start(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	int order = strcmp(json_str_or(x, "status.startTime", ""), json_str_or(y, "status.startTime", ""));
	return order ? order : strcmp(object_name(x), object_name(y));
}

static void delete_job(const struct crons *c, const json_t *job, struct plan *plan)
{
	AUTO_FREE char *path = job_path(c->cronjob, object_name(job));
	struct action *a = plan_delete(plan, path, object_uid(job), -1, "Background");
	plan_note_ok(a, c->cronjob, "SuccessfulDelete", "Deleted job %s", object_name(job));
	plan_note_failed(a, c->cronjob, "FailedDelete", "Deleted job: %%e");
}

/* Finished jobs of one kind, the oldest first, as many as are too many. */
static void limit_history(const struct crons *c, const char *end, const char *field, int64_t otherwise, struct plan *plan)
{
	size_t n = 0, i;
	AUTO_FREE json_t **v = xcalloc(json_array_size(c->jobs) + 1, sizeof(*v));
	int64_t limit = json_int_at(c->cronjob, field, otherwise);
	json_t *job;
	json_array_foreach(c->jobs, i, job)
	{
		if (str_eq(end_of(job), end) && !object_deleting(job))
			v[n++] = job;
	}
	qsort(v, n, sizeof(*v), by_start);
	for (i = 0; limit >= 0 && i + (size_t)limit < n; i++)
		delete_job(c, v[i], plan);
}

static time_t next_after(const struct crons *c, time_t t)
{
	return cron_next(&c->cron, t, c->clock->to_local, c->clock->from_local);
}

/* The last time of the schedule in (from, now]; 0: none. Looks back in growing steps, so that a long gap costs little. */
static time_t last_missed(const struct crons *c, time_t from, time_t now)
{
	time_t at = 0, next;
	for (time_t window = 120; !at; window *= 4) {
		time_t begin = now - window > from ? now - window : from;
		for (next = next_after(c, begin); next && next <= now; next = next_after(c, next))
			at = next;
		if (begin == from)
			break;
	}
	return at;
}

static time_t earliest(const struct crons *c)
{
	int64_t last = object_time_ms(c->cronjob, "status.lastScheduleTime");
	int64_t from = last >= 0 ? last : object_time_ms(c->cronjob, "metadata.creationTimestamp");
	int64_t deadline = json_int_at(c->cronjob, "spec.startingDeadlineSeconds", -1);
	if (deadline >= 0)
		from = MAX(from, c->now_ms - deadline * 1000);
	return (time_t)(from / 1000);
}

static json_t *new_job(const struct crons *c, time_t at)
{
	const json_t *template = json_at(c->cronjob, "spec.jobTemplate");
	json_t *labels = json_at(template, "metadata.labels"), *notes = json_deep_copy(json_at(template, "metadata.annotations"));
	AUTO_FREE char *name = xasprintf("%s-%lld", object_name(c->cronjob), (long long)at / 60);
	char when[RFC3339_MAX];
	if (!notes)
		notes = json_object();
	json_object_set_new(notes, SCHEDULED_AT, json_string(rfc3339((int64_t)at * 1000, when)));
	json_t *job = json_pack("{s:s, s:s, s:{s:s, s:o, s:[o]}, s:O}", "apiVersion", "batch/v1", "kind", "Job", "metadata", "name",
				name, "annotations", notes, "ownerReferences", object_owner_ref(c->cronjob, "batch/v1", "CronJob"),
				"spec", json_object_get(template, "spec"));
	if (labels)
		json_set_at(job, "metadata.labels", json_incref(labels));
	return job;
}

/* False where the policy for jobs that still run forbids one more. */
static bool make_room(const struct crons *c, struct plan *plan)
{
	const char *policy = json_str_or(c->cronjob, "spec.concurrencyPolicy", "Allow");
	size_t i;
	json_t *job;
	if (!json_array_size(json_object_get(c->status, "active")) || str_eq(policy, "Allow"))
		return true;
	if (str_eq(policy, "Forbid")) {
		plan_event(plan, c->cronjob, "Normal", "JobAlreadyActive",
			   "Not starting job because prior execution is running and concurrency policy is Forbid");
		return false;
	}
	json_array_foreach(c->jobs, i, job)
	{
		if (!end_of(job) && !object_deleting(job))
			delete_job(c, job, plan);
	}
	plan_next_stage(plan);
	return true;
}

static void start_job(struct crons *c, time_t at, struct plan *plan)
{
	int64_t deadline = json_int_at(c->cronjob, "spec.startingDeadlineSeconds", -1);
	char when[RFC3339_MAX];
	if (deadline >= 0 && (int64_t)at * 1000 + deadline * 1000 < c->now_ms) {
		plan_event(plan, c->cronjob, "Warning", "MissSchedule", "Missed scheduled time to start a job: %s",
			   rfc3339((int64_t)at * 1000, when));
		return;
	}
	if (!make_room(c, plan))
		return;
	AUTO_FREE char *path = job_path(c->cronjob, NULL);
	json_t *job = new_job(c, at);
	struct action *a = plan_create(plan, path, job);
	a->flags |= PLAN_EXISTS_OK;
	plan_note_ok(a, c->cronjob, "SuccessfulCreate", "Created job %s", object_name(job));
	plan_note_failed(a, c->cronjob, "FailedCreate", "Error creating job: %%e");
	json_set_str(c->status, "lastScheduleTime", rfc3339((int64_t)at * 1000, when));
	plan_next_stage(plan);
}

static void look_at_clock(struct crons *c, struct plan *plan)
{
	struct err e = ERR_INIT;
	time_t now = (time_t)(c->now_ms / 1000), at;
	if (object_deleting(c->cronjob) || json_bool_at(c->cronjob, "spec.suspend", false))
		return;
	if (cron_parse(json_str_or(c->cronjob, "spec.schedule", ""), &c->cron, &e) < 0) {
		plan_event(plan, c->cronjob, "Warning", "UnParseableCronJobSchedule", "Unparseable schedule for cronjob: %s", err_text(&e));
		return;
	}
	at = last_missed(c, earliest(c), now);
	if (at)
		start_job(c, at, plan);
	time_t next = next_after(c, now);
	if (next)
		plan_again(plan, (int64_t)next * 1000 - c->now_ms + 100);
}

void cronjob_plan(const struct cronjob_observed *o, const struct cronjob_clock *clock, int64_t now_ms, struct plan *plan)
{
	const json_t *old = json_object_get(o->cronjob, "status");
	AUTO_JSON *status = old ? json_deep_copy(old) : json_object();
	struct crons c = {.cronjob = o->cronjob, .jobs = o->jobs, .clock = clock, .now_ms = now_ms, .status = status};
	tell_active(&c, plan);
	limit_history(&c, "Complete", "spec.successfulJobsHistoryLimit", 3, plan);
	limit_history(&c, "Failed", "spec.failedJobsHistoryLimit", 1, plan);
	look_at_clock(&c, plan);
	AUTO_FREE char *path = object_path("batch", "v1", object_ns(o->cronjob), "cronjobs", object_name(o->cronjob));
	struct action *a = plan_status(plan, path, old, status);
	if (a)
		a->flags |= PLAN_ABSENT_OK;
}
