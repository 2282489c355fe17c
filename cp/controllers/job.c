/* The job controller: Jobs and their pods from the cache to job_plan(); pods whose job is gone lose the finalizer that it gave them. */
#include "base/json.h"
#include "cp/controllers/claim.h"
#include "cp/controllers/job_plan.h"
#include "cp/controllers/object.h"
#include "cp/controllers/table.h"

static void map_pod(struct runner *r, const struct cache_event *ev)
{
	claim_map_child(r, ev, api_bucket(runner_api(r), "batch", "jobs"), "Job");
}

static bool is_of_job(void *arg, const struct cobj *pod)
{
	struct cobj_owner owner;
	for (size_t i = 0; cobj_owner(pod, i, &owner); i++) {
		if (owner.controller && str_eq(owner.kind, "Job") && str_eq(owner.name, arg))
			return true;
	}
	return false;
}

static void sync_job(struct sync *s)
{
	struct bucket *pods = api_bucket(s->api, "", "pods");
	AUTO_JSON *job = runner_parse(s->runner, bucket_get(api_bucket(s->api, "batch", "jobs"), s->ns, s->name));
	AUTO_JSON *named = runner_list(s->runner, pods, s->ns, is_of_job, (void *)s->name);
	AUTO_JSON *lost = json_array();
	size_t i;
	json_t *pod;
	json_array_foreach(named, i, pod)
	{
		if (!job || !object_controlled_by(pod, object_uid(job)))
			json_array_append(lost, pod);
	}
	job_release(lost, s->plan);
	if (!job)
		return;
	AUTO_JSON *candidates = claim_candidates(s->runner, pods, job);
	job_plan(&(struct job_observed){.job = job, .pods = candidates}, s->now_ms, s->plan);
}

const struct controller job_controller = {
    .name = "job-controller",
    .component = "job-controller",
    .workers = 5,
    .sources = {{"batch", "jobs", runner_map_self}, {"", "pods", map_pod}},
    .sync = sync_job,
};
