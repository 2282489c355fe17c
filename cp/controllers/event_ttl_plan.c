/* The plan of an Event's end: the latest of its times and an hour; pure, nothing can fail. */
#include "cp/controllers/event_ttl_plan.h"

#include "base/json.h"
#include "cp/controllers/object.h"

enum { ROUND_MS = 60000 };

void event_ttl_plan(const json_t *event, int64_t now_ms, struct plan *plan)
{
	static const char *const times[] = {"metadata.creationTimestamp", "lastTimestamp", "eventTime",
					    "series.lastObservedTime"};
	int64_t last = -1;
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		last = MAX(last, object_time_ms(event, times[i]));
	last = MIN(last, now_ms); /* a client's clock may be ahead */
	int64_t end = last + EVENT_TTL_MS;
	if (end > now_ms) {
		plan_again(plan, (end + ROUND_MS - 1) / ROUND_MS * ROUND_MS - now_ms);
		return;
	}
	AUTO_FREE char *path = object_path("", "v1", object_ns(event), "events", object_name(event));
	plan_delete(plan, path, object_uid(event), -1, NULL);
}
