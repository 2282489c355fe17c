/* The state machine of one probe. Pure. Kubernetes API, Probe. */
#ifndef KNARR_AGENT_PROBE_PLAN_H
#define KNARR_AGENT_PROBE_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum probe_kind { PROBE_STARTUP, PROBE_LIVENESS, PROBE_READINESS, PROBE_KINDS };
enum probe_verdict { PROBE_UNCHANGED, PROBE_PASSED, PROBE_FAILED };

struct probe_plan {
	int64_t delay_ms, period_ms, timeout_ms, grace_ms; /* grace -1: the pod's */
	int success_threshold, failure_threshold;
	int successes, failures; /* in a row */
	int64_t next_mono;
};

/* Reads spec (a Probe object, defaults filled in) and sets the first time: started + delay; jitter 0..1 of the period
 * is added after a restart of the agent, so that not all probes fire together. */
void probe_plan_init(struct probe_plan *p, const json_t *spec, int64_t started_mono, int64_t now_mono, double jitter);
/* A probe has ended at now: counts, sets the next time. A verdict comes each time that a threshold is met. */
enum probe_verdict probe_plan_result(struct probe_plan *p, bool ok, int64_t now_mono);
const char *probe_name(enum probe_kind k);  /* "Liveness" ... */
const char *probe_field(enum probe_kind k); /* "livenessProbe" ... */

#endif
