/* Preemption carried out.
 *
 * Happy path: a victim gets the condition DisruptionTarget and is deleted with its own grace period; the pod that it makes room
 * for gets status.nominatedNodeName, so that nobody less important is put there meanwhile (cluster_nominate()). A failed call is
 * ignored on purpose: the pod still waits and is tried again. */
#include "cp/scheduler/preempt.h"

#include <errno.h>
#include <stdlib.h>

#include "api/selector.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cp/controllers/object.h"
#include "cp/scheduler/preempt_plan.h"

struct removal {
	struct api *api;
	const char *user; /* static */
	char *path;
	json_t *options;
};

static void removal_free(struct removal *x)
{
	free(x->path);
	json_decref(x->options);
	free(x);
}

static void on_deleted(void *arg, int status, json_t *answer, const struct err *e)
{
	(void)status, (void)answer;
	if (e && e->code != -ENOENT)
		log_warn("preempted pod not deleted, ignoring error=%s", err_text(e));
	removal_free(arg);
}

static void on_told(void *arg, int status, json_t *answer, const struct err *e)
{
	struct removal *x = arg;
	(void)status, (void)answer, (void)e;
	api_local(x->api, x->user, "DELETE", x->path, "application/json", x->options, on_deleted, x);
}

static void on_nominated(void *arg, int status, json_t *answer, const struct err *e)
{
	(void)arg, (void)status, (void)answer, (void)e;
}

static void patch_status(struct api *a, const char *user, const char *path, json_t *take_status,
			 void (*done)(void *arg, int status, json_t *answer, const struct err *e), void *arg)
{
	AUTO_FREE char *sub = xasprintf("%s/status", path);
	AUTO_JSON *patch = json_pack("{s:o}", "status", take_status);
	api_local(a, user, "PATCH", sub, "application/strategic-merge-patch+json", patch, done, arg);
}

static void remove_victim(struct api *a, const struct sched_pod *victim, const struct sched_pod *winner, const char *node,
			  const char *user, struct events *events)
{
	char now[RFC3339_MAX];
	struct removal *x = xcalloc(1, sizeof(*x));
	*x = (struct removal){.api = a, .user = user, .path = object_path("", "v1", victim->ns, "pods", victim->name)};
	x->options = json_pack("{s:s, s:s, s:{s:s}}", "apiVersion", "v1", "kind", "DeleteOptions", "preconditions", "uid", victim->uid);
	AUTO_JSON *involved = json_pack("{s:s, s:s, s:s, s:s, s:s}", "apiVersion", "v1", "kind", "Pod", "namespace", victim->ns, "name",
					victim->name, "uid", victim->uid);
	AUTO_FREE char *text = xasprintf("Preempted by pod %s on node %s", winner->uid, node);
	events_record(events, involved, "Normal", "Preempted", text);
	patch_status(a, user, x->path,
		     json_pack("{s:[{s:s, s:s, s:s, s:s, s:s}]}", "conditions", "type", "DisruptionTarget", "status", "True", "reason",
			       "PreemptionByScheduler", "message",
			       "default-scheduler: preempting to accommodate a higher priority pod", "lastTransitionTime",
			       rfc3339(clock_wall_ms(), now)),
		     on_told, x);
}

/* Budgets that allow no disruption now. */
struct guard {
	json_t *budgets;
};

static void add_strict(void *arg, struct cobj *o)
{
	struct guard *g = arg;
	AUTO_JSON *budget = cobj_parse(o);
	if (json_int_at(budget, "status.disruptionsAllowed", 0) <= 0)
		json_array_append(g->budgets, budget);
}

static bool is_guarded(void *arg, const struct sched_pod *pod)
{
	struct guard *g = arg;
	size_t i;
	json_t *budget;
	json_array_foreach(g->budgets, i, budget)
	{
		AUTO_SELECTOR *selector = NULL;
		if (str_eq(object_ns(budget), pod->ns) && selector_from_json(json_at(budget, "spec.selector"), &selector, NULL) == 0 &&
		    selector_match_labels(selector, pod->labels))
			return true;
	}
	return false;
}

char *preempt(struct api *a, struct cluster *s, const struct sched_pod *pod, const char *user, struct events *events)
{
	AUTO_PREEMPT_RESULT result = {0};
	if (pod->never_preempts || preempt_waits(s, pod))
		return NULL;
	struct guard g = {.budgets = json_array()};
	bucket_list(api_bucket(a, "policy", "poddisruptionbudgets"), &(struct bucket_query){0}, add_strict, &g);
	preempt_plan(s, pod, is_guarded, &g, &result);
	json_decref(g.budgets);
	if (!result.node)
		return NULL;
	char *node = xstrdup(result.node);
	AUTO_FREE char *path = object_path("", "v1", pod->ns, "pods", pod->name);
	patch_status(a, user, path, json_pack("{s:s}", "nominatedNodeName", node), on_nominated, NULL);
	for (size_t i = 0; i < result.n_victims; i++) {
		if (!result.victims[i]->deleting)
			remove_victim(a, result.victims[i], pod, node, user, events);
	}
	return node;
}
