/* The status of a pod from its state.
 *
 * Happy path: container statuses, phase, conditions, addresses. What can fail: nothing. What always holds: the same
 * state gives the same status, so that comparing two of them tells whether anything must be sent. */
#include "agent/pod_status.h"

#include <stdio.h>
#include <string.h>

#include "agent/pod_plan.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

static void set_time(json_t *o, const char *key, int64_t ms)
{
	char text[RFC3339_MAX];
	json_set_str(o, key, rfc3339(ms, text));
}

static json_t *waiting(const char *reason, const char *message)
{
	json_t *w = json_object(), *state = json_object();
	if (message)
		json_set_str(w, "message", message);
	json_set_str(w, "reason", reason);
	json_object_set_new(state, "waiting", w);
	return state;
}

static json_t *terminated(const struct container_state *c)
{
	json_t *state = json_object();
	json_object_set_new(state, "terminated", container_terminated_json(c));
	return state;
}

static json_t *crash_loop(const struct pod_state *s, const struct container_state *c)
{
	char human[32];
	int64_t sec = c->backoff_ms / 1000;
	if (sec >= 60 && sec % 60 == 0)
		snprintf(human, sizeof(human), "%lldm0s", (long long)sec / 60);
	else if (sec >= 60)
		snprintf(human, sizeof(human), "%lldm%llds", (long long)sec / 60, (long long)sec % 60);
	else
		snprintf(human, sizeof(human), "%llds", (long long)sec);
	AUTO_FREE char *text = xasprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)", human, c->name,
					 s->name, s->ns, s->uid);
	return waiting("CrashLoopBackOff", text);
}

static bool pod_ends(const struct pod_state *s)
{
	return s->deleting || s->fail_reason || pod_is_over(s);
}

static json_t *waiting_state(const struct pod_state *s, const struct container_state *c)
{
	bool has_init = s->n && s->containers[0].kind < CONTAINER_MAIN;
	if (c->wait_reason)
		return waiting(c->wait_reason, c->wait_message);
	return waiting(has_init ? "PodInitializing" : "ContainerCreating", NULL);
}

static json_t *container_current(const struct pod_state *s, const struct container_state *c, int64_t now_mono)
{
	json_t *state, *running;
	switch (c->phase) {
	case PHASE_RUNNING:
		state = json_object();
		running = json_object();
		set_time(running, "startedAt", c->started_ms);
		json_object_set_new(state, "running", running);
		return state;
	case PHASE_EXITED:
		if (pod_ends(s) || !container_restarts(s, c))
			return terminated(c);
		if (c->wait_reason)
			return waiting(c->wait_reason, c->wait_message);
		return c->backoff_ms && container_restart_mono(c) > now_mono ? crash_loop(s, c) : terminated(c);
	default:
		return waiting_state(s, c);
	}
}

/* An exited container that waits for its next attempt shows its end as the last state. */
static json_t *container_last(const struct container_state *c, const json_t *current)
{
	json_t *last = json_object();
	if (c->phase == PHASE_EXITED && json_object_get(current, "waiting"))
		json_object_set_new(last, "terminated", container_terminated_json(c));
	else if (c->last)
		json_object_set(last, "terminated", c->last);
	return last;
}

static json_t *volume_mounts(const struct container_state *c)
{
	json_t *list = json_array(), *m;
	size_t i;
	json_array_foreach(json_object_get(c->spec, "volumeMounts"), i, m)
	{
		json_t *o = json_object();
		json_set_str(o, "mountPath", json_str_or(m, "mountPath", ""));
		json_set_str(o, "name", json_str_or(m, "name", ""));
		if (json_bool_at(m, "readOnly", false)) {
			json_object_set_new(o, "readOnly", json_true());
			json_set_str(o, "recursiveReadOnly", "Disabled");
		}
		json_array_append_new(list, o);
	}
	return list;
}

static void add_resources(json_t *o, const struct container_state *c)
{
	const json_t *resources = json_object_get(c->spec, "resources"),
		     *requests = json_object_get(resources, "requests");
	json_object_set_new(o, "resources", resources ? json_deep_copy(resources) : json_object());
	if (json_object_size(requests))
		json_object_set_new(o, "allocatedResources", json_deep_copy(requests));
}

static bool container_ready(const struct container_state *c)
{
	if (c->kind == CONTAINER_INIT)
		return c->phase == PHASE_EXITED && c->exit_code == 0;
	if (c->kind == CONTAINER_EPHEMERAL)
		return false;
	return c->phase == PHASE_RUNNING && c->started && c->ready;
}

static json_t *container_status(const struct pod_state *s, const struct container_state *c, int64_t now_mono)
{
	json_t *o = json_object(), *state = container_current(s, c, now_mono), *mounts = volume_mounts(c);
	AUTO_FREE char *id = xasprintf("knarr://%s", c->id);
	add_resources(o, c);
	if (c->id[0])
		json_set_str(o, "containerID", id);
	json_set_str(o, "image", json_str_or(c->spec, "image", ""));
	json_set_str(o, "imageID", c->image_id ? c->image_id : "");
	json_object_set_new(o, "lastState", container_last(c, state));
	json_set_str(o, "name", c->name);
	json_object_set_new(o, "ready", json_boolean(container_ready(c)));
	json_set_int(o, "restartCount", c->restart_count);
	json_object_set_new(o, "started", json_boolean(c->phase == PHASE_RUNNING && c->started));
	json_object_set_new(o, "state", state);
	if (json_array_size(mounts))
		json_object_set(o, "volumeMounts", mounts);
	json_decref(mounts);
	return o;
}

static void add_container_statuses(json_t *status, const struct pod_state *s, int64_t now_mono)
{
	static const char *const lists[] = {[CONTAINER_INIT] = "initContainerStatuses",
					    [CONTAINER_SIDECAR] = "initContainerStatuses",
					    [CONTAINER_MAIN] = "containerStatuses",
					    [CONTAINER_EPHEMERAL] = "ephemeralContainerStatuses"};
	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(json_array_at(status, lists[s->containers[i].kind]),
				      container_status(s, &s->containers[i], now_mono));
}

const char *pod_phase(const struct pod_state *s)
{
	bool failed = pod_init_failed(s), running = false, alive = false;
	for (size_t i = 0; i < s->n; i++) {
		const struct container_state *c = &s->containers[i];
		alive |= c->phase == PHASE_RUNNING || c->phase == PHASE_STARTING;
		if (c->kind != CONTAINER_MAIN)
			continue;
		failed |= c->phase == PHASE_EXITED && c->exit_code != 0;
		running |= c->phase == PHASE_RUNNING || c->phase == PHASE_EXITED || c->last;
	}
	bool over = pod_is_over(s);
	if (s->fail_reason)
		return "Failed";
	if ((over || s->deleting) && !alive && (over || running))
		return failed ? "Failed" : "Succeeded";
	return running ? "Running" : "Pending";
}

/* Names of the containers that are not what want says, as "[a b]"; empty where all are. */
static void list_names(const struct pod_state *s, bool init, struct str *out)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct container_state *c = &s->containers[i];
		bool bad;
		if (init)
			bad = (c->kind == CONTAINER_INIT && !container_ready(c)) ||
			      (c->kind == CONTAINER_SIDECAR && !c->started);
		else
			bad = (c->kind == CONTAINER_SIDECAR || c->kind == CONTAINER_MAIN) && !container_ready(c);
		if (bad)
			str_addf(out, "%s%s", out->len ? " " : "", c->name);
	}
}

struct condition {
	const char *type;
	bool ok;
	const char *reason, *message;
};

static const json_t *find_condition(const json_t *status, const char *type)
{
	return json_find(json_object_get(status, "conditions"), "type", type);
}

static void add_condition(json_t *list, const struct pod_state *s, const struct pod_status_in *in, struct condition k)
{
	const json_t *old = find_condition(in->previous, k.type);
	const char *value = k.ok ? "True" : "False", *since = json_str_at(old, "lastTransitionTime");
	json_t *o = json_object();
	json_object_set_new(o, "lastProbeTime", json_null());
	if (since && str_eq(json_str_at(old, "status"), value))
		json_set_str(o, "lastTransitionTime", since);
	else
		set_time(o, "lastTransitionTime", in->now_ms);
	if (!k.ok && k.message)
		json_set_str(o, "message", k.message);
	int64_t generation = json_int_at(s->pod, "metadata.generation", 0);
	if (generation)
		json_set_int(o, "observedGeneration", generation);
	if (!k.ok && k.reason)
		json_set_str(o, "reason", k.reason);
	json_set_str(o, "status", value);
	json_set_str(o, "type", k.type);
	json_array_append_new(list, o);
}

static bool gates_pass(const struct pod_state *s, struct str *missing)
{
	size_t i;
	json_t *gate;
	json_array_foreach(json_at(s->pod, "spec.readinessGates"), i, gate)
	{
		const char *type = json_str_or(gate, "conditionType", "");
		const json_t *c = find_condition(json_object_get(s->pod, "status"), type);
		if (!str_eq(json_str_at(c, "status"), "True"))
			str_addf(missing, "%s\"%s\"", missing->len ? "; " : "", type);
	}
	return missing->len == 0;
}

static void add_conditions(json_t *status, const struct pod_state *s, const struct pod_status_in *in, const char *phase)
{
	AUTO_STR unready = STR_INIT, uninit = STR_INIT, gates = STR_INIT;
	json_t *list = json_array();
	list_names(s, false, &unready);
	list_names(s, true, &uninit);
	bool over = !strcmp(phase, "Succeeded"), failed = !strcmp(phase, "Failed"),
	     sandbox = s->sandbox == SANDBOX_READY;
	const char *why = over ? "PodCompleted" : failed ? "PodFailed" : NULL;
	AUTO_FREE char *unready_text = xasprintf("containers with unready status: [%s]", str_text(&unready));
	AUTO_FREE char *uninit_text = xasprintf("containers with incomplete status: [%s]", str_text(&uninit));
	bool ready = !unready.len && !why, gates_ok = gates_pass(s, &gates);
	AUTO_FREE char *gate_text = xasprintf("the status of pod readiness gate %s is not \"True\"", str_text(&gates));
	add_condition(list, s, in, (struct condition){"PodReadyToStartContainers", sandbox, NULL, NULL});
	add_condition(list, s, in,
		      (struct condition){"Initialized", !uninit.len || over, "ContainersNotInitialized", uninit_text});
	add_condition(list, s, in,
		      (struct condition){"Ready", ready && gates_ok,
					 why     ? why
					 : ready ? "ReadinessGatesNotReady"
						 : "ContainersNotReady",
					 why     ? NULL
					 : ready ? gate_text
						 : unready_text});
	add_condition(
	    list, s, in,
	    (struct condition){"ContainersReady", ready, why ? why : "ContainersNotReady", why ? NULL : unready_text});
	add_condition(list, s, in, (struct condition){"PodScheduled", true, NULL, NULL});
	json_object_set_new(status, "conditions", list);
}

/* The first one and all of them. */
static void tell_ips(json_t *status, const char *one, const char *all, char *const *ips)
{
	json_t *list = json_array();
	json_set_str(status, one, ips[0]);
	for (; *ips; ips++)
		json_array_append_new(list, json_pack("{s:s}", "ip", *ips));
	json_object_set_new(status, all, list);
}

static void add_ips(json_t *status, const struct pod_state *s, char *const *host_ips)
{
	char *const *ips = pod_host_network(s) ? host_ips : s->ips;
	if (host_ips && host_ips[0])
		tell_ips(status, "hostIP", "hostIPs", host_ips);
	if (!ips || !ips[0] || (s->sandbox == SANDBOX_NONE && pod_host_network(s) && !s->cleaned))
		return;
	tell_ips(status, "podIP", "podIPs", ips);
}

json_t *pod_status(const struct pod_state *s, const struct pod_status_in *in)
{
	json_t *status = json_object();
	const char *phase = pod_phase(s);
	int64_t generation = json_int_at(s->pod, "metadata.generation", 0);
	add_conditions(status, s, in, phase);
	add_container_statuses(status, s, in->now_mono);
	add_ips(status, s, in->host_ips);
	if (s->fail_message)
		json_set_str(status, "message", s->fail_message);
	if (generation)
		json_set_int(status, "observedGeneration", generation);
	json_set_str(status, "phase", phase);
	json_set_str(status, "qosClass", pod_qos(s->pod));
	if (s->fail_reason)
		json_set_str(status, "reason", s->fail_reason);
	set_time(status, "startTime", s->start_ms);
	return status;
}

json_t *pod_status_patch(const struct pod_state *s, const json_t *status)
{
	static const char *const texts[] = {"message", "reason"}, *const lists[] = {"podIPs", "hostIPs"};
	json_t *copy = json_deep_copy(status), *c;
	size_t i;
	for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
		if (!json_object_get(copy, texts[t]))
			json_object_set_new(copy, texts[t], json_null());
		json_array_foreach(json_object_get(copy, "conditions"), i, c) if (!json_object_get(c, texts[t]))
		    json_object_set_new(c, texts[t], json_null());
	}
	for (size_t l = 0; l < ARRAY_LEN(lists); l++) /* addresses that it has no more are not to stay among them */
		if (json_object_get(copy, lists[l]))
			json_array_insert_new(json_object_get(copy, lists[l]), 0, json_pack("{s:s}", "$patch", "replace"));
	return json_pack("{s:{s:s}, s:o}", "metadata", "uid", s->uid, "status", copy);
}
