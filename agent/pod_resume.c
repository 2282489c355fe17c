/* A pod that ran here before a reboot, or before the node was taken down: its record is gone with /run, but the API server
 * still has its status. Happy path: what the status tells of each container becomes its state again, and what ran then has
 * ended with the sandbox. What can fail: nothing; what a status does not tell stays at its beginning. What always holds:
 * the numbers of attempts, by which logs are named, only grow. */
#include <string.h>

#include "agent/pod_state.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

static int64_t time_ms(const json_t *o, const char *key)
{
	const char *text = json_str_at(o, key);
	int64_t us = 0;
	return text && rfc3339_parse(text, &us) == 0 ? us / 1000 : 0;
}

/* "knarr://<id>". It becomes part of paths: what is not one of ours is left out. */
static void take_id(struct container_state *c, const char *text)
{
	static const char scheme[] = "knarr://";
	const char *id = text && str_has_prefix(text, scheme) ? text + strlen(scheme) : "";
	memset(c->id, 0, sizeof(c->id));
	if (strlen(id) == CONTAINER_ID_LEN && strspn(id, "0123456789abcdef") == CONTAINER_ID_LEN)
		memcpy(c->id, id, CONTAINER_ID_LEN);
}

static void take_end(struct container_state *c, const json_t *ended, int64_t offset_ms)
{
	const char *reason = json_str_or(ended, "reason", "");
	take_id(c, json_str_at(ended, "containerID"));
	c->phase = PHASE_EXITED;
	c->exit_code = (int)json_int_at(ended, "exitCode", 0);
	c->signal = (int)json_int_at(ended, "signal", 0);
	c->oom = !strcmp(reason, "OOMKilled");
	c->started_ms = time_ms(ended, "startedAt");
	c->finished_ms = time_ms(ended, "finishedAt");
	c->started_mono = c->started_ms - offset_ms;
	c->finished_mono = c->finished_ms - offset_ms;
	text_set(&c->reason, reason);
	text_set(&c->message, json_str_at(ended, "message"));
}

/* offset_ms: from the monotonic clock to the other one. */
static void resume(struct container_state *c, const json_t *status, int64_t offset_ms)
{
	const json_t *running = json_at(status, "state.running"), *ended = json_at(status, "state.terminated");
	json_t *last = json_at(status, "lastState.terminated");
	int64_t count = json_int_at(status, "restartCount", 0);
	c->restart_count = count > 0 && count < INT32_MAX ? (int)count : 0;
	if (running) {
		take_id(c, json_str_at(status, "containerID"));
		c->phase = PHASE_RUNNING;
		c->started_ms = time_ms(running, "startedAt");
		c->started_mono = c->started_ms - offset_ms;
	} else if (ended || last) {
		take_end(c, ended ? ended : last, offset_ms); /* waiting: the last end is what it waits behind */
	}
	if (running || ended)
		c->last = json_incref(last);
}

void pod_state_resume(struct pod_state *s, const json_t *status, int64_t now_ms, int64_t now_mono)
{
	static const char *const lists[] = {"initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"};
	size_t i;
	json_t *one;
	for (size_t k = 0; k < ARRAY_LEN(lists); k++)
		json_array_foreach(json_object_get(status, lists[k]), i, one)
		{
			struct container_state *c = pod_state_find(s, json_str_or(one, "name", ""));
			if (c && c->phase == PHASE_WAITING && !c->last)
				resume(c, one, now_ms - now_mono);
		}
	pod_sandbox_lost(s, now_ms, now_mono);
}
