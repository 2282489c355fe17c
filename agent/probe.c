/* The probes of a running container: the state machine of probe_plan.c over the handlers of hook.c.
 *
 * Happy path: a timer starts the handler, its end goes into the plan, a verdict changes the container's started, ready
 * or kill_reason. What can fail: the handler, which is what a probe is for. What always holds: liveness and readiness
 * wait for the startup probe. */
#include <stdlib.h>
#include <string.h>

#include "agent/events.h"
#include "agent/pod.h"
#include "agent/probe_plan.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"

struct probe {
	struct container_work *work;
	enum probe_kind kind;
	struct probe_plan plan;
	struct timer *timer; /* NULL: there is no such probe */
	struct hook *hook;
	uint64_t passed, failed; /* since the container started */
};

static struct container_state *container_of(const struct probe *pr)
{
	return pod_state_find(pr->work->pod->state, pr->work->name);
}

static void schedule(struct probe *pr)
{
	int64_t after = pr->plan.next_mono - clock_mono_ms();
	timer_start(pr->timer, MAX(after, (int64_t)0));
}

static void demand_end(struct probe *pr, struct container_state *c)
{
	AUTO_FREE char *text = xasprintf("Container %s failed %s probe, will be restarted", c->name,
					 pr->kind == PROBE_STARTUP ? "startup" : "liveness");
	text_set(&c->kill_reason, text);
	c->kill_grace_ms = pr->plan.grace_ms;
}

static void apply(struct probe *pr, struct container_state *c, enum probe_verdict v)
{
	if (v == PROBE_UNCHANGED)
		return;
	if (pr->kind == PROBE_READINESS)
		c->ready = v == PROBE_PASSED;
	else if (v == PROBE_FAILED)
		demand_end(pr, c);
	else if (pr->kind == PROBE_STARTUP)
		c->started = true;
}

static void on_result(void *arg, bool ok, const char *text)
{
	struct probe *pr = arg;
	struct pod *p = pr->work->pod;
	struct container_state *c = container_of(pr);
	pr->hook = NULL;
	if (!c || c->phase != PHASE_RUNNING)
		return;
	bool ready = c->ready, started = c->started;
	*(ok ? &pr->passed : &pr->failed) += 1;
	if (!ok)
		events_pod(p->agent->events, p->state, c->name, true, "Unhealthy", "%s probe failed: %s",
			   probe_name(pr->kind), text);
	apply(pr, c, probe_plan_result(&pr->plan, ok, clock_mono_ms()));
	if (c->kill_reason || (pr->kind == PROBE_STARTUP && c->started))
		timer_stop(pr->timer);
	else
		schedule(pr);
	if (c->kill_reason || ready != c->ready || started != c->started)
		pod_kick(p);
}

static void on_timer(void *arg)
{
	struct probe *pr = arg;
	struct pod *p = pr->work->pod;
	struct container_state *c = container_of(pr);
	if (!c || c->phase != PHASE_RUNNING || pr->hook)
		return;
	if (pr->kind != PROBE_STARTUP && !c->started) {
		pr->plan.next_mono = clock_mono_ms() + MIN(pr->plan.period_ms, (int64_t)1000);
		schedule(pr);
		return;
	}
	const json_t *spec = json_object_get(c->spec, probe_field(pr->kind));
	pr->hook = hook_start(p, c, spec, pr->plan.timeout_ms, "probe", on_result, pr);
}

void probes_start(struct container_work *w, struct container_state *c, bool fresh)
{
	probes_stop(w);
	for (enum probe_kind k = PROBE_STARTUP; k < PROBE_KINDS; k++) {
		const json_t *spec = json_object_get(c->spec, probe_field(k));
		if (!spec || (k == PROBE_STARTUP && c->started))
			continue;
		if (!w->probes)
			w->probes = xcalloc(PROBE_KINDS, sizeof(*w->probes));
		struct probe *pr = &w->probes[k];
		pr->work = w;
		pr->kind = k;
		probe_plan_init(&pr->plan, spec, c->started_mono, clock_mono_ms(),
				fresh ? 0 : rand_below(1000) / 1000.0);
		pr->timer = timer_new(w->pod->agent->loop, on_timer, pr);
		schedule(pr);
	}
}

void probes_write(const struct container_work *w, struct str *out)
{
	const struct pod_state *s = w->pod->state;
	for (enum probe_kind k = PROBE_STARTUP; w->probes && k < PROBE_KINDS; k++) {
		const struct probe *pr = &w->probes[k];
		const uint64_t counts[] = {pr->passed, pr->failed};
		static const char *const results[] = {"successful", "failed"};
		for (size_t i = 0; i < ARRAY_LEN(counts); i++)
			if (counts[i])
				str_addf(out,
					 "prober_probe_total{container=\"%s\",namespace=\"%s\",pod=\"%s\",pod_uid=\"%s\","
					 "probe_type=\"%s\",result=\"%s\"} %llu\n",
					 w->name, s->ns, s->name, s->uid, probe_name(k), results[i], (unsigned long long)counts[i]);
	}
}

void probes_stop(struct container_work *w)
{
	for (enum probe_kind k = PROBE_STARTUP; w->probes && k < PROBE_KINDS; k++) {
		timer_free(w->probes[k].timer);
		hook_cancel(w->probes[k].hook);
	}
	free(w->probes);
	w->probes = NULL;
}
