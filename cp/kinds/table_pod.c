/* Rows of pods and pod templates.
 *
 * A pod's status is one word that tells most: the phase, unless an init container, a waiting or ended container, or the
 * deletion of the pod has more to say. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/kinds/table_cells.h"

struct pod_summary {
	const char *reason; /* borrowed, or text.p */
	struct str text;
	int64_t restarts, sidecar_restarts;
	int64_t restarted_us, sidecar_restarted_us; /* when last, 0: unknown */
	size_t ready, total;
	bool initializing;
};

static bool condition_is(const json_t *pod, const char *type, const char *status, const char *reason)
{
	const json_t *c = json_find(json_at(pod, "status.conditions"), "type", type);

	return c && (!status || str_eq(json_member(c, "status"), status)) &&
	       (!reason || str_eq(json_member(c, "reason"), reason));
}

/* Whether the init container of that name keeps running beside the others. */
static bool is_sidecar(const json_t *pod, const char *name)
{
	const json_t *c = json_find(json_at(pod, "spec.initContainers"), "name", name);

	return str_eq(json_member(c, "restartPolicy"), "Always");
}

static int64_t last_end(const json_t *container, int64_t before)
{
	const char *time = json_str_at(container, "lastState.terminated.finishedAt");
	int64_t us;

	return time && !rfc3339_parse(time, &us) && us > before ? us : before;
}

static void say(struct pod_summary *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct pod_summary *s, const char *fmt, ...)
{
	va_list ap;

	str_reset(&s->text);
	va_start(ap, fmt);
	str_vaddf(&s->text, fmt, ap);
	va_end(ap);
	s->reason = str_text(&s->text);
}

/* Why a container ended: its reason, else its signal or exit code. */
static void say_end(struct pod_summary *s, const char *prefix, const json_t *ended)
{
	const char *reason = json_member(ended, "reason");

	if (!str_empty(reason))
		say(s, "%s%s", prefix, reason);
	else if (json_int_at(ended, "signal", 0))
		say(s, "%sSignal:%d", prefix, (int)json_int_at(ended, "signal", 0));
	else
		say(s, "%sExitCode:%d", prefix, (int)json_int_at(ended, "exitCode", 0));
}

/* One init container; false when the pod still waits for it. */
static bool look_at_init(struct pod_summary *s, const json_t *pod, const json_t *c, size_t i)
{
	const json_t *ended = json_at(c, "state.terminated");
	const char *waiting = json_str_at(c, "state.waiting.reason");
	bool sidecar = is_sidecar(pod, json_member(c, "name"));

	s->restarts += json_int_at(c, "restartCount", 0);
	s->restarted_us = last_end(c, s->restarted_us);
	if (sidecar) {
		s->sidecar_restarts += json_int_at(c, "restartCount", 0);
		s->sidecar_restarted_us = last_end(c, s->sidecar_restarted_us);
	}
	if (ended && !json_int_at(ended, "exitCode", 0))
		return true;
	if (sidecar && json_bool_at(c, "started", false)) {
		s->ready += json_bool_at(c, "ready", false);
		return true;
	}
	if (ended)
		say_end(s, "Init:", ended);
	else if (!str_empty(waiting) && strcmp(waiting, "PodInitializing"))
		say(s, "Init:%s", waiting);
	else
		say(s, "Init:%zu/%zu", i, json_array_size(json_at(pod, "spec.initContainers")));
	s->initializing = true;
	return false;
}

static void look_at_inits(struct pod_summary *s, const json_t *pod)
{
	json_t *c;
	size_t i;

	json_array_foreach(json_at(pod, "spec.initContainers"), i, c) s->total +=
	    str_eq(json_member(c, "restartPolicy"), "Always");
	json_array_foreach(json_at(pod, "status.initContainerStatuses"), i, c) if (!look_at_init(s, pod, c, i)) break;
}

static void look_at_containers(struct pod_summary *s, const json_t *pod)
{
	const json_t *statuses = json_at(pod, "status.containerStatuses");
	bool running = false;

	s->restarts = s->sidecar_restarts;
	s->restarted_us = s->sidecar_restarted_us;
	for (size_t i = json_array_size(statuses); i-- > 0;) {
		const json_t *c = json_array_get(statuses, i), *ended = json_at(c, "state.terminated");
		const char *waiting = json_str_at(c, "state.waiting.reason");

		s->restarts += json_int_at(c, "restartCount", 0);
		s->restarted_us = last_end(c, s->restarted_us);
		if (!str_empty(waiting)) {
			s->reason = waiting;
		} else if (ended) {
			say_end(s, "", ended);
		} else if (json_bool_at(c, "ready", false) && json_at(c, "state.running")) {
			running = true;
			s->ready++;
		}
	}
	if (running && !strcmp(s->reason, "Completed"))
		s->reason = condition_is(pod, "Ready", "True", NULL) ? "Running" : "NotReady";
}

static bool has_ended(const json_t *pod)
{
	const char *phase = json_str_or(pod, "status.phase", "");

	return !strcmp(phase, "Succeeded") || !strcmp(phase, "Failed");
}

static void summarize(struct pod_summary *s, const json_t *pod)
{
	const char *reason = json_str_or(pod, "status.reason", "");

	s->total = json_array_size(json_at(pod, "spec.containers"));
	s->reason = *reason ? reason : json_str_or(pod, "status.phase", "");
	if (condition_is(pod, "PodScheduled", NULL, "SchedulingGated"))
		s->reason = "SchedulingGated";
	look_at_inits(s, pod);
	if (!s->initializing || condition_is(pod, "Initialized", "True", NULL))
		look_at_containers(s, pod);
	if (!json_str_at(pod, "metadata.deletionTimestamp"))
		return;
	if (!strcmp(reason, "NodeLost"))
		s->reason = "Unknown";
	else if (!has_ended(pod))
		s->reason = "Terminating";
}

static void add_restarts(json_t *row, const struct pod_summary *s, int64_t now_ms)
{
	AUTO_STR text = STR_INIT;
	char ago[24];

	str_addf(&text, "%lld", (long long)s->restarts);
	if (s->restarts && s->restarted_us)
		str_addf(&text, " (%s ago)", duration_human(now_ms - s->restarted_us / 1000, ago));
	row_add_str(row, &text, "0");
}

static void add_gates(json_t *row, const json_t *pod)
{
	const json_t *gates = json_at(pod, "spec.readinessGates");
	AUTO_STR text = STR_INIT;
	size_t i, passed = 0;
	json_t *gate;

	json_array_foreach(gates, i, gate) passed +=
	    condition_is(pod, json_str_or(gate, "conditionType", ""), "True", NULL);
	if (json_array_size(gates))
		str_addf(&text, "%zu/%zu", passed, json_array_size(gates));
	row_add_str(row, &text, "<none>");
}

static void pod_cells(const json_t *pod, int64_t now_ms, json_t *row)
{
	struct pod_summary s = {0};
	AUTO_FREE char *ready = NULL;

	summarize(&s, pod);
	ready = xasprintf("%zu/%zu", s.ready, s.total);
	row_add(row, json_str_at(pod, "metadata.name"));
	row_add(row, ready);
	row_add(row, s.reason);
	add_restarts(row, &s, now_ms);
	row_add_age(row, pod, now_ms);
	row_add_or(row, json_member(json_array_get(json_at(pod, "status.podIPs"), 0), "ip"), "<none>");
	row_add_or(row, json_str_at(pod, "spec.nodeName"), "<none>");
	row_add_or(row, json_str_at(pod, "status.nominatedNodeName"), "<none>");
	add_gates(row, pod);
	str_done(&s.text);
}

static const struct table_column pod_columns[] = {
    COLUMN_NAME,
    {"Ready", "string", "", 0, "Containers that are ready, of all containers of the pod", NULL, NULL},
    {"Status", "string", "", 0, "What the pod or its most telling container is doing", NULL, NULL},
    {"Restarts", "string", "", 0, "How often containers of the pod were started again, and when last", NULL, NULL},
    COLUMN_AGE,
    {"IP", "string", "", 1, "First address of the pod", NULL, NULL},
    {"Node", "string", "", 1, "Node on which the pod runs", NULL, NULL},
    {"Nominated Node", "string", "", 1, "Node on which room is being made for the pod", NULL, NULL},
    {"Readiness Gates", "string", "", 1, "Readiness gates that are passed, of all gates of the pod", NULL, NULL},
};

const struct table_printer table_pods = {.group = "", .plural = "pods", COLUMNS(pod_columns), .cells = pod_cells};

static void template_cells(const json_t *object, int64_t now_ms, json_t *row)
{
	(void)now_ms;
	row_add(row, json_str_at(object, "metadata.name"));
	row_add_containers(row, json_at(object, "template.spec"));
	row_add_labels(row, json_at(object, "template.metadata.labels"));
}

static const struct table_column template_columns[] = {
    COLUMN_NAME,
    {"Containers", "string", "", 0, "Names of the containers in the template", NULL, NULL},
    {"Images", "string", "", 0, "Images of the containers in the template", NULL, NULL},
    {"Pod Labels", "string", "", 0, "Labels that pods made from the template get", NULL, NULL},
};

const struct table_printer table_pod_templates = {
    .group = "", .plural = "podtemplates", COLUMNS(template_columns), .cells = template_cells};
