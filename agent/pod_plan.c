/* The plan for one pod.
 *
 * Happy path: sandbox, init containers one by one (sidecars as soon as they have started), then the main ones together;
 * ends are followed by new attempts after their back-off; deletion stops main containers, then sidecars in reverse
 * order, then the sandbox. What can fail: nothing, it is a pure function. What always holds: a container is never
 * started while the pod is to end, nor before everything in front of it is done. */
#include "agent/pod_plan.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

static void add(struct pod_plan *p, struct pod_action a)
{
	p->actions = xreallocarray(p->actions, p->n + 1, sizeof(a));
	p->actions[p->n++] = a;
}

static void wake(struct pod_plan *p, int64_t at)
{
	p->wake_mono = MIN(p->wake_mono, at);
}

void pod_plan_done(struct pod_plan *p)
{
	free(p->actions);
	p->actions = NULL;
	p->n = 0;
}

static bool is_alive(const struct container_state *c)
{
	return c->phase == PHASE_RUNNING || c->phase == PHASE_STARTING;
}

static const json_t *rule_matching(const struct container_state *c)
{
	size_t i, j;
	json_t *rule, *value;
	json_array_foreach(json_object_get(c->spec, "restartPolicyRules"), i, rule)
	{
		bool in = !str_eq(json_str_at(rule, "exitCodes.operator"), "NotIn"), found = false;
		json_array_foreach(json_at(rule, "exitCodes.values"), j, value) found =
		    found || json_integer_value(value) == c->exit_code;
		if (found == in)
			return rule;
	}
	return NULL;
}

bool container_restarts(const struct pod_state *s, const struct container_state *c)
{
	if (c->kind == CONTAINER_SIDECAR)
		return true;
	if (c->kind == CONTAINER_EPHEMERAL)
		return false;
	const char *policy = json_str_at(c->spec, "restartPolicy");
	const json_t *rule = rule_matching(c);
	if (c->kind == CONTAINER_INIT && c->exit_code == 0)
		return false;
	if (rule && str_eq(json_str_at(rule, "action"), "Restart"))
		return true;
	if (!policy)
		policy = json_str_or(s->pod, "spec.restartPolicy", "Always");
	if (str_eq(policy, "Never"))
		return false;
	return c->kind == CONTAINER_INIT || c->exit_code != 0 || !str_eq(policy, "OnFailure");
}

int64_t container_restart_mono(const struct container_state *c)
{
	return c->finished_mono + c->backoff_ms;
}

bool pod_init_failed(const struct pod_state *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct container_state *c = &s->containers[i];
		if (c->kind == CONTAINER_INIT && c->phase == PHASE_EXITED && c->exit_code && !container_restarts(s, c))
			return true;
	}
	return false;
}

bool pod_is_over(const struct pod_state *s)
{
	if (pod_init_failed(s))
		return true;
	bool any = false;
	for (size_t i = 0; i < s->n; i++) {
		const struct container_state *c = &s->containers[i];
		if (c->kind != CONTAINER_MAIN)
			continue;
		any = true;
		if (c->phase != PHASE_EXITED || container_restarts(s, c))
			return false;
	}
	return any;
}

static bool passed(const struct container_state *c)
{
	if (c->kind == CONTAINER_INIT)
		return c->phase == PHASE_EXITED && c->exit_code == 0;
	if (c->kind == CONTAINER_SIDECAR) /* one that started once lets the others go on, whatever becomes of it */
		return c->started || c->ended_once;
	return true;
}

bool pod_initialized(const struct pod_state *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!passed(&s->containers[i]))
			return false;
	return true;
}

static bool any_alive(const struct pod_state *s, enum container_kind kind)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->containers[i].kind == kind && is_alive(&s->containers[i]))
			return true;
	return false;
}

/* Stops a running container, or shortens or ends a stop that is on its way. */
static void stop(struct container_state *c, int64_t grace_ms, const char *reason, int64_t now, struct pod_plan *p)
{
	if (c->phase != PHASE_RUNNING || c->killed)
		return;
	if (!c->stopping)
		add(p, (struct pod_action){POD_STOP, c, grace_ms, reason});
	else if (MIN(c->kill_mono, now + grace_ms) <= now)
		add(p, (struct pod_action){POD_KILL, c, 0, NULL});
	else
		wake(p, c->kill_mono);
}

/* Main and init containers first; sidecars one by one from the last, once those have ended. */
static void stop_all(struct pod_state *s, int64_t grace_ms, int64_t now, struct pod_plan *p)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->containers[i].kind != CONTAINER_SIDECAR)
			stop(&s->containers[i], grace_ms, NULL, now, p);
	if (any_alive(s, CONTAINER_MAIN) || any_alive(s, CONTAINER_INIT))
		return;
	for (size_t i = s->n; i-- > 0;) {
		struct container_state *c = &s->containers[i];
		if (c->kind != CONTAINER_SIDECAR || !is_alive(c))
			continue;
		stop(c, grace_ms, NULL, now, p);
		return;
	}
}

static void plan_end(struct pod_state *s, int64_t now, struct pod_plan *p)
{
	stop_all(s, s->deleting ? s->grace_ms : pod_grace_ms(s), now, p);
	for (enum container_kind k = CONTAINER_INIT; k <= CONTAINER_EPHEMERAL; k++)
		if (any_alive(s, k))
			return;
	if (s->sandbox == SANDBOX_READY || s->sandbox == SANDBOX_LOST)
		add(p, (struct pod_action){.type = POD_TEARDOWN});
	else if (s->sandbox == SANDBOX_NONE && s->deleting && s->cleaned)
		add(p, (struct pod_action){.type = POD_FINISH});
	else if (s->sandbox == SANDBOX_NONE && !s->cleaned)
		add(p, (struct pod_action){.type = POD_TEARDOWN});
}

/* One container that may run now. */
static void plan_container(struct pod_state *s, struct container_state *c, int64_t now, struct pod_plan *p)
{
	int64_t due = c->wait_reason ? c->retry_mono : 0;
	switch (c->phase) {
	case PHASE_STARTING:
		return;
	case PHASE_RUNNING:
		if (c->kill_reason || c->stopping)
			stop(c, c->kill_grace_ms >= 0 ? c->kill_grace_ms : pod_grace_ms(s), c->kill_reason, now, p);
		return;
	case PHASE_EXITED:
		if (!container_restarts(s, c))
			return;
		due = MAX(due, container_restart_mono(c));
		break;
	case PHASE_WAITING:
		break;
	}
	if (due <= now)
		add(p, (struct pod_action){.type = POD_START, .container = c});
	else
		wake(p, due);
}

/* Ephemeral ones run beside whatever the pod does; the others wait for those before them. */
static void plan_containers(struct pod_state *s, int64_t now, struct pod_plan *p)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->containers[i].kind == CONTAINER_EPHEMERAL)
			plan_container(s, &s->containers[i], now, p);
	for (size_t i = 0; i < s->n; i++) {
		struct container_state *c = &s->containers[i];
		if (c->kind == CONTAINER_EPHEMERAL)
			continue;
		if (c->kind == CONTAINER_INIT && passed(c))
			continue;
		plan_container(s, c, now, p);
		if (!passed(c))
			return;
	}
}

static bool past_deadline(const struct pod_state *s, int64_t now, struct pod_plan *p)
{
	int64_t seconds = json_int_at(s->pod, "spec.activeDeadlineSeconds", 0);
	if (seconds <= 0)
		return false;
	int64_t at = s->start_mono + seconds * 1000;
	if (at <= now)
		return true;
	wake(p, at);
	return false;
}

void pod_plan(struct pod_state *s, int64_t now_mono, struct pod_plan *ret)
{
	struct pod_plan p = {.wake_mono = POD_PLAN_NEVER};
	*ret = p;
	if (!s->deleting && !s->fail_reason && !pod_is_over(s) && past_deadline(s, now_mono, ret)) {
		add(ret, (struct pod_action){.type = POD_FAIL, .reason = "DeadlineExceeded"});
		return;
	}
	if (s->deleting || s->fail_reason || pod_is_over(s)) {
		plan_end(s, now_mono, ret);
		return;
	}
	switch (s->sandbox) {
	case SANDBOX_NONE:
		if (s->sandbox_retry_mono <= now_mono)
			add(ret, (struct pod_action){.type = POD_CREATE_SANDBOX});
		else
			wake(ret, s->sandbox_retry_mono);
		return;
	case SANDBOX_LOST:
		add(ret, (struct pod_action){.type = POD_TEARDOWN});
		return;
	case SANDBOX_READY:
		plan_containers(s, now_mono, ret);
		return;
	case SANDBOX_CREATING:
	case SANDBOX_STOPPING:
		return;
	}
}
