/* The status of a Deployment: counts, and the conditions Available, Progressing and ReplicaFailure.
 *
 * Counts are sums over what the replica sets report. Progressing is True while something moves or when all is done, and
 * False once nothing moved for progressDeadlineSeconds; the plan asks to be run again at that time. Nothing can fail.
 */
#include "base/clock.h"
#include "base/json.h"
#include "cp/controllers/deployment_internal.h"
#include "cp/controllers/object.h"

static int64_t sum(const struct rollout *r, const char *path)
{
	int64_t n = 0;
	size_t i;
	json_t *rs;
	json_array_foreach(r->all, i, rs) n += json_int_at(rs, path, 0);
	return n;
}

static void set_counts(struct rollout *r)
{
	int64_t available = sum(r, "status.availableReplicas");
	object_set_count(r->status, "replicas", sum(r, "status.replicas"));
	object_set_count(r->status, "updatedReplicas", r->newest ? json_int_at(r->newest, "status.replicas", 0) : 0);
	object_set_count(r->status, "readyReplicas", sum(r, "status.readyReplicas"));
	object_set_count(r->status, "availableReplicas", available);
	object_set_count(r->status, "unavailableReplicas", rollout_sum_replicas(r) - available);
	json_object_set_new(r->status, "terminatingReplicas", json_integer(sum(r, "status.terminatingReplicas")));
	json_object_set_new(r->status, "observedGeneration", json_integer(json_int_at(r->d, "metadata.generation", 0)));
	if (available >= r->bounds.replicas - r->bounds.max_unavailable)
		object_set_condition(r->status, "Available", "True", "MinimumReplicasAvailable",
				     "Deployment has minimum availability.", r->now_ms, true);
	else
		object_set_condition(r->status, "Available", "False", "MinimumReplicasUnavailable",
				     "Deployment does not have minimum availability.", r->now_ms, true);
}

static int64_t count(const json_t *status, const char *name)
{
	return json_integer_value(json_object_get(status, name));
}

bool rollout_complete(const struct rollout *r)
{
	return count(r->status, "updatedReplicas") == r->bounds.replicas &&
	       count(r->status, "replicas") == r->bounds.replicas &&
	       count(r->status, "availableReplicas") == r->bounds.replicas;
}

static bool has_progressed(const struct rollout *r)
{
	const json_t *old = json_object_get(r->d, "status"), *new = r->status;
	return count(new, "updatedReplicas") > count(old, "updatedReplicas") ||
	       count(new, "replicas") - count(new, "updatedReplicas") <
		   count(old, "replicas") - count(old, "updatedReplicas") ||
	       count(new, "readyReplicas") > count(old, "readyReplicas") ||
	       count(new, "availableReplicas") > count(old, "availableReplicas");
}

/* Sets Progressing; quoted_text has one %s for the name. */
static void set_progress(struct rollout *r, const char *cond_status, const char *reason, const char *what)
{
	AUTO_FREE char *text = r->newest ? xasprintf("ReplicaSet \"%s\" %s", object_name(r->newest), what)
					 : xasprintf("Deployment \"%s\" %s", object_name(r->d), what);
	object_set_condition(r->status, "Progressing", cond_status, reason, text, r->now_ms, true);
	char now[RFC3339_MAX];
	json_t *c = object_condition(r->status, "Progressing");
	if (str_eq(reason, "ReplicaSetUpdated"))
		json_set_str(c, "lastUpdateTime", rfc3339(r->now_ms, now));
}

/* Ms until the deadline of the last progress; INT64_MAX when none runs. */
static int64_t until_deadline(const struct rollout *r)
{
	const json_t *c = object_condition(r->status, "Progressing");
	const char *reason = json_str_or(c, "reason", "");
	if (!c || str_eq(reason, "NewReplicaSetAvailable") || str_eq(reason, "ProgressDeadlineExceeded"))
		return INT64_MAX;
	int64_t from = object_time_ms(c, "lastUpdateTime");
	return from + json_int_at(r->d, "spec.progressDeadlineSeconds", 600) * 1000 + 1000 - r->now_ms;
}

static void progress(struct rollout *r)
{
	const json_t *c = object_condition(r->status, "Progressing");
	bool was_done = c && str_eq(json_member(c, "reason"), "NewReplicaSetAvailable");
	bool settled = count(r->status, "replicas") == count(r->status, "updatedReplicas");
	if (was_done && settled)
		return;
	if (rollout_complete(r))
		set_progress(r, "True", "NewReplicaSetAvailable", "has successfully progressed.");
	else if (has_progressed(r))
		set_progress(r, "True", "ReplicaSetUpdated", "is progressing.");
	else if (until_deadline(r) <= 0)
		set_progress(r, "False", "ProgressDeadlineExceeded", "has timed out progressing.");
	int64_t left = until_deadline(r);
	if (left != INT64_MAX)
		plan_again(r->plan, left);
}

static void replica_failure(struct rollout *r)
{
	size_t i;
	json_t *rs;
	const json_t *failure =
	    r->newest ? object_condition(json_object_get(r->newest, "status"), "ReplicaFailure") : NULL;
	json_array_foreach(r->all, i, rs)
	{
		if (!failure)
			failure = object_condition(json_object_get(rs, "status"), "ReplicaFailure");
	}
	if (failure)
		object_set_condition(r->status, "ReplicaFailure", json_str_or(failure, "status", "True"),
				     json_str_or(failure, "reason", ""), json_str_or(failure, "message", ""), r->now_ms,
				     true);
	else
		object_remove_condition(r->status, "ReplicaFailure");
}

void rollout_status(struct rollout *r, bool with_progress)
{
	set_counts(r);
	if (!json_at(r->d, "spec.progressDeadlineSeconds"))
		object_remove_condition(r->status, "Progressing");
	else if (with_progress)
		progress(r);
	replica_failure(r);
}
