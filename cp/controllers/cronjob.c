/* The cronjob controller: CronJobs and their jobs from the cache to cronjob_plan(). A time zone that the cron job names is this
 * process' own while its plan is made: nothing else here reads local time. */
#include <stdlib.h>

#include "base/json.h"
#include "cp/controllers/cronjob_plan.h"
#include "cp/controllers/object.h"
#include "cp/controllers/table.h"

static void map_job(struct runner *r, const struct cache_event *ev)
{
	runner_map_owner(r, ev, "CronJob");
}

static bool is_controlled(void *arg, const struct cobj *job)
{
	return str_eq(cobj_controller_uid(job), arg);
}

static void set_zone(const char *zone)
{
	if (zone)
		setenv("TZ", zone, 1);
	else
		unsetenv("TZ");
	tzset();
}

static void sync_cronjob(struct sync *s)
{
	static const struct cronjob_clock local = {localtime_r, mktime};
	AUTO_JSON *cronjob = runner_parse(s->runner, bucket_get(api_bucket(s->api, "batch", "cronjobs"), s->ns, s->name));
	if (!cronjob)
		return;
	AUTO_JSON *jobs = runner_list(s->runner, api_bucket(s->api, "batch", "jobs"), s->ns, is_controlled, (void *)object_uid(cronjob));
	const char *zone = json_str_at(cronjob, "spec.timeZone");
	AUTO_FREE char *own = xstrdup(getenv("TZ"));
	if (zone)
		set_zone(zone);
	cronjob_plan(&(struct cronjob_observed){.cronjob = cronjob, .jobs = jobs}, &local, s->now_ms, s->plan);
	if (zone)
		set_zone(own);
}

const struct controller cronjob_controller = {
    .name = "cronjob-controller",
    .component = "cronjob-controller",
    .workers = 5,
    .sources = {{"batch", "cronjobs", runner_map_self}, {"batch", "jobs", map_job}},
    .sync = sync_cronjob,
};
