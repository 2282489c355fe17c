/* The plan of a Deployment.
 *
 * Happy path of a change of the template: a replica set with the new template is created (deployment_revision.c), then
 * plan by plan the newest grows as far as maxSurge allows and the old ones shrink as far as maxUnavailable allows,
 * until only the newest has replicas; then history beyond revisionHistoryLimit goes. A change of spec.replicas is
 * shared out in proportion (deployment_scale.c). Each plan ends with the status that was observed
 * (deployment_status.c). Always holds: one plan either grows or shrinks; the pods wanted in all never exceed replicas +
 * maxSurge by its doing; old replicas only go while replicas - maxUnavailable are available besides. */
#include "cp/controllers/deployment_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cp/controllers/adopt.h"
#include "cp/controllers/deployment_internal.h"
#include "cp/controllers/object.h"

static const struct adopt_kind children = {"apps/v1", "Deployment", "apps", "replicasets"};

struct deployment_bounds deployment_bounds(const json_t *d)
{
	struct deployment_bounds b = {.replicas = json_int_at(d, "spec.replicas", 1)};
	if (str_eq(json_str_at(d, "spec.strategy.type"), "Recreate"))
		return b;
	const json_t *rolling = json_at(d, "spec.strategy.rollingUpdate");
	AUTO_JSON *quarter = json_string("25%");
	json_t *surge = json_object_get(rolling, "maxSurge"), *unavailable = json_object_get(rolling, "maxUnavailable");
	b.max_surge = object_int_or_percent(surge ? surge : quarter, b.replicas, true, 0);
	b.max_unavailable = object_int_or_percent(unavailable ? unavailable : quarter, b.replicas, false, 0);
	if (b.max_surge == 0 && b.max_unavailable == 0)
		b.max_unavailable = 1;
	b.max_unavailable = MIN(b.max_unavailable, b.replicas);
	return b;
}

int64_t rs_replicas(const json_t *rs)
{
	return json_int_at(rs, "spec.replicas", 1);
}

int64_t rs_available(const json_t *rs)
{
	return json_int_at(rs, "status.availableReplicas", 0);
}

int64_t rollout_sum_replicas(const struct rollout *r)
{
	int64_t sum = 0;
	size_t i;
	json_t *rs;
	json_array_foreach(r->all, i, rs) sum += rs_replicas(rs);
	return sum;
}

static void set_number_annotation(json_t *object, const char *name, int64_t n)
{
	AUTO_FREE char *text = xasprintf("%lld", (long long)n);
	json_object_set_new(json_object_at(object, "metadata.annotations"), name, json_string(text));
}

bool rollout_scale(struct rollout *r, const json_t *rs, int64_t n)
{
	AUTO_JSON *to = json_deep_copy(rs);
	int64_t old = rs_replicas(rs);
	set_number_annotation(to, DESIRED_REPLICAS, r->bounds.replicas);
	set_number_annotation(to, MAX_REPLICAS, r->bounds.replicas + r->bounds.max_surge);
	json_set_int(to, "spec.replicas", n);
	AUTO_FREE char *path = object_path("apps", "v1", object_ns(rs), "replicasets", object_name(rs));
	struct action *a = plan_change(r->plan, path, rs, to);
	if (a && n != old)
		plan_note_ok(a, r->d, "ScalingReplicaSet", "Scaled %s replica set %s from %lld to %lld",
			     n > old ? "up" : "down", object_name(rs), (long long)old, (long long)n);
	return a != NULL && n != old;
}

/* Takes replicas away from the old sets: unhealthy ones first, then healthy ones while enough are available. */
static bool shrink_old(struct rollout *r)
{
	int64_t min_available = r->bounds.replicas - r->bounds.max_unavailable, available = 0;
	int64_t new_unavailable = rs_replicas(r->newest) - rs_available(r->newest);
	int64_t budget = rollout_sum_replicas(r) - min_available - new_unavailable;
	bool any = false;
	size_t i, n = json_array_size(r->all);
	json_t *rs;
	AUTO_FREE int64_t *want = xcalloc(n + 1, sizeof(*want));
	json_array_foreach(r->all, i, rs)
	{
		available += rs_available(rs);
		int64_t unhealthy = rs_replicas(rs) - rs_available(rs);
		want[i] = rs_replicas(rs);
		if (rs == r->newest || budget <= 0 || unhealthy <= 0)
			continue;
		want[i] -= MIN(budget, unhealthy);
		budget -= MIN(budget, unhealthy);
	}
	int64_t healthy = MIN(available - min_available, budget);
	json_array_foreach(r->all, i, rs)
	{
		if (rs == r->newest || healthy <= 0)
			continue;
		int64_t less = MIN(want[i], healthy);
		want[i] -= less;
		healthy -= less;
	}
	json_array_foreach(r->all, i, rs)
	{
		if (rs != r->newest && want[i] != rs_replicas(rs))
			any |= rollout_scale(r, rs, want[i]);
	}
	return any;
}

static bool rolling_update(struct rollout *r)
{
	if (!r->newest)
		return true;
	int64_t wanted = rollout_new_replicas(r, rs_replicas(r->newest));
	return rollout_scale(r, r->newest, wanted) || shrink_old(r);
}

/* Recreate: nothing new before every old pod has ended. */
static bool recreate(struct rollout *r, const struct deployment_observed *o)
{
	bool any = false;
	size_t i;
	json_t *rs;
	json_array_foreach(r->all, i, rs)
	{
		if (rs != r->newest && rs_replicas(rs))
			any |= rollout_scale(r, rs, 0);
	}
	if (any || o->old_pods_running)
		return true;
	if (!r->newest) {
		rollout_revision(r, o, true);
		return true;
	}
	return rollout_scale(r, r->newest, r->bounds.replicas);
}

static int by_age(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	int64_t at_x = object_time_ms(x, "metadata.creationTimestamp"),
		at_y = object_time_ms(y, "metadata.creationTimestamp");
	return at_x != at_y ? (at_x < at_y ? -1 : 1) : strcmp(object_name(x), object_name(y));
}

static json_t *sorted_by_age(const json_t *array)
{
	size_t n = json_array_size(array), i;
	AUTO_FREE json_t **v = xcalloc(n + 1, sizeof(json_t *));
	json_t *sorted = json_array();
	for (i = 0; i < n; i++)
		v[i] = json_array_get(array, i);
	qsort(v, n, sizeof(json_t *), by_age);
	for (i = 0; i < n; i++)
		json_array_append(sorted, v[i]);
	return sorted;
}

/* Paused or resumed: said in the Progressing condition, so that the time that passes while paused does not count. */
static void note_pause(struct rollout *r, bool paused)
{
	const json_t *c = object_condition(r->status, "Progressing");
	const char *reason = json_str_or(c, "reason", "");
	if (!json_at(r->d, "spec.progressDeadlineSeconds") || str_eq(reason, "ProgressDeadlineExceeded"))
		return;
	if (paused && !str_eq(reason, "DeploymentPaused"))
		object_set_condition(r->status, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused",
				     r->now_ms, true);
	else if (!paused && str_eq(reason, "DeploymentPaused"))
		object_set_condition(r->status, "Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed",
				     r->now_ms, true);
}

static void roll_out(struct rollout *r, const struct deployment_observed *o)
{
	bool paused = json_bool_at(r->d, "spec.paused", false);
	note_pause(r, paused);
	if (paused || rollout_is_scaling(r)) {
		rollout_revision(r, o, false);
		rollout_proportional(r);
		if (paused)
			rollout_cleanup(r);
		rollout_status(r, false);
		return;
	}
	bool is_recreate = str_eq(json_str_at(r->d, "spec.strategy.type"), "Recreate");
	rollout_revision(r, o, !is_recreate);
	bool under_way = is_recreate ? recreate(r, o) : rolling_update(r);
	rollout_status(r, true);
	if (!under_way && r->newest && rollout_complete(r))
		rollout_cleanup(r);
}

void deployment_plan(const struct deployment_observed *o, int64_t now_ms, struct plan *plan)
{
	const json_t *old_status = json_object_get(o->deployment, "status");
	const json_t *labels = json_at(o->deployment, "spec.selector");
	if (!json_object_size(json_object_get(labels, "matchLabels")) &&
	    !json_array_size(json_object_get(labels, "matchExpressions")))
		return; /* a selector that selects everything is never acted on */
	AUTO_JSON *claimed = adopt_claim(&children, o->deployment, o->replicasets, plan);
	AUTO_JSON *all = sorted_by_age(claimed);
	AUTO_JSON *status = old_status ? json_deep_copy(old_status) : json_object();
	struct rollout r = {.d = o->deployment,
			    .bounds = deployment_bounds(o->deployment),
			    .all = all,
			    .status = status,
			    .now_ms = now_ms,
			    .plan = plan};
	r.newest = deployment_find_new(r.d, all);
	if (object_deleting(r.d))
		rollout_status(&r, false);
	else
		roll_out(&r, o);
	AUTO_FREE char *path = object_path("apps", "v1", object_ns(r.d), "deployments", object_name(r.d));
	struct action *a = plan_status(plan, path, old_status, status);
	if (a)
		a->flags |= PLAN_ALWAYS | PLAN_ABSENT_OK;
}
