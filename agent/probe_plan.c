/* Probe thresholds and times: the pure half of agent/probe.c. Nothing here can fail. */
#include "agent/probe_plan.h"

#include "base/json.h"
#include "base/mem.h"

static const struct {
	const char *name, *field;
} kinds[PROBE_KINDS] = {{"Startup", "startupProbe"}, {"Liveness", "livenessProbe"}, {"Readiness", "readinessProbe"}};

const char *probe_name(enum probe_kind k)
{
	return kinds[k].name;
}

const char *probe_field(enum probe_kind k)
{
	return kinds[k].field;
}

static int64_t at_least(const json_t *spec, const char *field, int64_t otherwise, int64_t least)
{
	int64_t v = json_int_at(spec, field, otherwise);
	return v < least ? otherwise : v;
}

void probe_plan_init(struct probe_plan *p, const json_t *spec, int64_t started_mono, int64_t now_mono, double jitter)
{
	*p = (struct probe_plan){
	    .delay_ms = at_least(spec, "initialDelaySeconds", 0, 0) * 1000,
	    .period_ms = at_least(spec, "periodSeconds", 10, 1) * 1000,
	    .timeout_ms = at_least(spec, "timeoutSeconds", 1, 1) * 1000,
	    .success_threshold = (int)at_least(spec, "successThreshold", 1, 1),
	    .failure_threshold = (int)at_least(spec, "failureThreshold", 3, 1),
	    .grace_ms = -1,
	};
	if (json_object_get(spec, "terminationGracePeriodSeconds"))
		p->grace_ms = json_int_at(spec, "terminationGracePeriodSeconds", 30) * 1000;
	p->next_mono = MAX(started_mono + p->delay_ms, now_mono + (int64_t)((double)p->period_ms * jitter));
}

enum probe_verdict probe_plan_result(struct probe_plan *p, bool ok, int64_t now_mono)
{
	p->successes = ok ? p->successes + 1 : 0;
	p->failures = ok ? 0 : p->failures + 1;
	p->next_mono = MAX(p->next_mono + p->period_ms, now_mono);
	if (ok)
		return p->successes >= p->success_threshold ? PROBE_PASSED : PROBE_UNCHANGED;
	return p->failures >= p->failure_threshold ? PROBE_FAILED : PROBE_UNCHANGED;
}
