/* The end of Events: one hour after they were last written.
 *
 * An event's key waits in the queue for its time; the queue has one timer for the earliest. When the time comes the
 * event is read, and waits on if it was written again since. Times are rounded up to whole minutes, so that events go
 * together. */
#include "base/json.h"
#include "cp/controllers/event_ttl_plan.h"
#include "cp/controllers/table.h"

static void map_event(struct runner *r, const struct cache_event *ev)
{
	if (ev->type == CACHE_ADDED)
		runner_add_after(r, ev->obj->ns, ev->obj->name, 0);
}

static void sync_event(struct sync *s)
{
	AUTO_JSON *event = runner_parse(s->runner, bucket_get(api_bucket(s->api, "", "events"), s->ns, s->name));
	if (event)
		event_ttl_plan(event, s->now_ms, s->plan);
}

const struct controller event_ttl_controller = {
    .name = "event-ttl-controller",
    .component = "event-ttl-controller",
    .workers = 4,
    .sources = {{"", "events", map_event}},
    .sync = sync_event,
};
