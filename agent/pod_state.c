/* The state of one pod: its life from object to record and back.
 *
 * Happy path: new from an object, changed by what the workers observe, recorded after each change, restored after a
 * restart of the agent. Nothing here can fail. What always holds: container entries follow the order of the spec, and
 * texts are owned. */
#include "agent/pod_state.h"

#include <stdlib.h>
#include <string.h>

#include "agent/pod_plan.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

enum { RETRY_FIRST_MS = 10000, RETRY_MAX_MS = 300000, BACKOFF_RESET_MS = 600000 };

void text_set(char **to, const char *text)
{
	char *copy = xstrdup(text);
	free(*to);
	*to = copy;
}

bool pod_host_network(const struct pod_state *s)
{
	return json_bool_at(s->pod, "spec.hostNetwork", false);
}

void ips_order(char **ips, const char *like)
{
	bool six = strchr(like, ':') != NULL;
	size_t at = 0;
	for (size_t i = 0; ips && ips[i]; i++) {
		char *one = ips[i];
		if ((strchr(one, ':') != NULL) != six)
			continue;
		memmove(&ips[at + 1], &ips[at], (i - at) * sizeof(*ips));
		ips[at++] = one;
	}
}

int64_t pod_grace_ms(const struct pod_state *s)
{
	return json_int_at(s->pod, "spec.terminationGracePeriodSeconds", 30) * 1000;
}

static void container_done(struct container_state *c)
{
	free(c->reason);
	free(c->message);
	free(c->wait_reason);
	free(c->wait_message);
	free(c->image_id);
	free(c->kill_reason);
	json_decref(c->last);
}

static void add_containers(struct pod_state *s, const char *path, enum container_kind kind)
{
	size_t i;
	json_t *spec;
	json_array_foreach(json_at(s->pod, path), i, spec)
	{
		struct container_state *c = &s->containers[s->n++];
		memset(c, 0, sizeof(*c));
		c->spec = spec;
		c->name = json_str_or(spec, "name", "");
		c->kind = kind;
		if (kind == CONTAINER_INIT && str_eq(json_str_at(spec, "restartPolicy"), "Always"))
			c->kind = CONTAINER_SIDECAR;
		c->kill_grace_ms = -1;
	}
}

size_t pod_container_count(const json_t *pod)
{
	return json_array_size(json_at(pod, "spec.initContainers")) + json_array_size(json_at(pod, "spec.containers")) +
	       json_array_size(json_at(pod, "spec.ephemeralContainers"));
}

static void list_containers(struct pod_state *s)
{
	s->containers = xcalloc(pod_container_count(s->pod) + 1, sizeof(*s->containers));
	s->n = 0;
	add_containers(s, "spec.initContainers", CONTAINER_INIT);
	add_containers(s, "spec.containers", CONTAINER_MAIN);
	add_containers(s, "spec.ephemeralContainers", CONTAINER_EPHEMERAL);
}

static void read_deletion(struct pod_state *s)
{
	if (!json_str_at(s->pod, "metadata.deletionTimestamp"))
		return;
	int64_t grace = json_int_at(s->pod, "metadata.deletionGracePeriodSeconds", pod_grace_ms(s) / 1000) * 1000;
	s->grace_ms = s->deleting ? MIN(s->grace_ms, grace) : grace;
	s->deleting = true;
}

struct pod_state *pod_state_new(json_t *pod, bool is_static, int64_t now_ms, int64_t now_mono)
{
	const char *uid = json_str_at(pod, "metadata.uid"), *name = json_str_at(pod, "metadata.name");
	if (str_empty(uid) || str_empty(name))
		return NULL;
	struct pod_state *s = xcalloc(1, sizeof(*s));
	s->pod = json_incref(pod);
	s->uid = xstrdup(uid);
	s->name = xstrdup(name);
	s->ns = xstrdup(json_str_or(pod, "metadata.namespace", "default"));
	s->is_static = is_static;
	s->start_ms = now_ms;
	s->start_mono = now_mono;
	int64_t us;
	const char *start = json_str_at(pod, "status.startTime");
	if (start && rfc3339_parse(start, &us) == 0) {
		s->start_ms = us / 1000;
		s->start_mono = now_mono - (now_ms - s->start_ms);
	}
	list_containers(s);
	read_deletion(s);
	return s;
}

void pod_state_free(struct pod_state *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		container_done(&s->containers[i]);
	free(s->containers);
	free(s->uid);
	free(s->ns);
	free(s->name);
	free(s->fail_reason);
	free(s->fail_message);
	free_strv(&s->ips);
	json_decref(s->pod);
	free(s);
}

struct container_state *pod_state_find(struct pod_state *s, const char *container)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(s->containers[i].name, container))
			return &s->containers[i];
	return NULL;
}

void pod_state_update(struct pod_state *s, json_t *pod)
{
	struct container_state *old = s->containers;
	size_t n_old = s->n;
	json_t *old_pod = s->pod;
	s->pod = json_incref(pod);
	list_containers(s);
	for (size_t i = 0; i < n_old; i++) {
		struct container_state *c = pod_state_find(s, old[i].name);
		if (!c) {
			container_done(&old[i]);
			continue;
		}
		struct container_state fresh = *c;
		*c = old[i];
		c->name = fresh.name;
		c->spec = fresh.spec;
		c->kind = fresh.kind;
	}
	free(old);
	json_decref(old_pod);
	read_deletion(s);
}

void container_ended(struct container_state *c, int exit_code, int signal, bool oom, int64_t now_ms, int64_t now_mono)
{
	c->phase = PHASE_EXITED;
	c->exit_code = exit_code;
	c->signal = signal;
	c->oom = oom;
	c->finished_ms = now_ms;
	c->finished_mono = now_mono;
	c->ended_once = true;
	c->started = c->ready = c->stopping = c->killed = false;
	text_set(&c->kill_reason, NULL);
	c->kill_grace_ms = -1;
	if (c->started_mono && now_mono - c->started_mono >= BACKOFF_RESET_MS)
		c->backoff_ms = 0;
}

void container_begin(struct container_state *c, const char *id, int64_t now_mono)
{
	(void)now_mono;
	if (c->phase == PHASE_EXITED) {
		json_decref(c->last);
		c->last = container_terminated_json(c);
		c->restart_count++;
		c->backoff_ms = c->backoff_ms ? MIN(c->backoff_ms * 2, RETRY_MAX_MS) : RETRY_FIRST_MS;
	}
	c->phase = PHASE_STARTING;
	strncpy(c->id, id, CONTAINER_ID_LEN);
	c->started_ms = c->finished_ms = c->started_mono = c->finished_mono = 0;
	c->exit_code = c->signal = 0;
	c->oom = c->started = c->ready = c->stopping = c->killed = false;
	text_set(&c->reason, NULL);
	text_set(&c->message, NULL);
	text_set(&c->kill_reason, NULL);
	c->kill_grace_ms = -1;
}

void container_blocked(struct container_state *c, const char *reason, const char *message, int64_t now_mono)
{
	text_set(&c->wait_reason, reason);
	text_set(&c->wait_message, message);
	c->retry_delay_ms = c->retry_delay_ms ? MIN(c->retry_delay_ms * 2, RETRY_MAX_MS) : RETRY_FIRST_MS;
	c->retry_mono = now_mono + c->retry_delay_ms;
}

void pod_sandbox_lost(struct pod_state *s, int64_t now_ms, int64_t now_mono)
{
	bool again = !s->deleting && !s->fail_reason && !pod_is_over(s);
	for (size_t i = 0; i < s->n; i++) {
		struct container_state *c = &s->containers[i];
		if (again && c->kind == CONTAINER_INIT && c->phase == PHASE_EXITED && c->exit_code == 0)
			c->phase = PHASE_WAITING;
		if (c->phase != PHASE_RUNNING && c->phase != PHASE_STARTING)
			continue;
		text_set(&c->reason, "ContainerStatusUnknown");
		text_set(&c->message, "The container's supervisor ended before the container did");
		container_ended(c, 137, 9, false, now_ms, now_mono);
	}
	for (size_t i = 0; i < s->n; i++)
		s->containers[i].ended_once = false;
	s->sandbox = s->sandbox == SANDBOX_NONE ? SANDBOX_NONE : SANDBOX_LOST;
}

static void set_time(json_t *o, const char *key, int64_t ms)
{
	char text[RFC3339_MAX];
	json_object_set_new(o, key, ms ? json_string(rfc3339(ms, text)) : json_null());
}

json_t *container_terminated_json(const struct container_state *c)
{
	json_t *t = json_object();
	AUTO_FREE char *id = xasprintf("knarr://%s", c->id);
	const char *reason = c->reason ? c->reason : c->oom ? "OOMKilled" : c->exit_code ? "Error" : "Completed";
	if (c->id[0])
		json_set_str(t, "containerID", id);
	json_set_int(t, "exitCode", c->exit_code);
	set_time(t, "finishedAt", c->finished_ms);
	if (c->message)
		json_set_str(t, "message", c->message);
	json_set_str(t, "reason", reason);
	if (c->signal)
		json_set_int(t, "signal", c->signal);
	set_time(t, "startedAt", c->started_ms ? c->started_ms : c->finished_ms);
	return t;
}
