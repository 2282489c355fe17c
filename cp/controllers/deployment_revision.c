/* The newest replica set of a Deployment, revisions and history.
 *
 * A replica set belongs to the current template when its own is equal but for pod-template-hash; the oldest of those is
 * the newest revision, so that going back to an old template takes the old set again under a new revision number. A
 * name that something else has raises status.collisionCount, which changes the hash. Nothing can fail. */
#include <stdlib.h>

#include "base/json.h"
#include "cp/controllers/deployment_internal.h"
#include "cp/controllers/object.h"
#include "cp/controllers/template.h"

char *deployment_template_hash(const json_t *d, char *ret)
{
	return template_hash(json_at(d, "spec.template"), json_at(d, "status.collisionCount"), ret);
}

char *deployment_new_name(const json_t *d)
{
	char hash[12];
	return xasprintf("%s-%s", object_name(d), deployment_template_hash(d, hash));
}

static json_t *template_without_hash(const json_t *object)
{
	json_t *t = json_deep_copy(json_at(object, "spec.template"));
	json_t *labels = json_at(t, "metadata.labels");
	if (!labels)
		return t;
	json_object_del(labels, TEMPLATE_HASH);
	if (!json_object_size(labels))
		json_del_at(t, "metadata.labels");
	return t;
}

json_t *deployment_find_new(const json_t *d, const json_t *replicasets)
{
	AUTO_JSON *want = template_without_hash(d);
	size_t i;
	json_t *rs;
	json_array_foreach(replicasets, i, rs)
	{
		AUTO_JSON *have = template_without_hash(rs);
		if (json_equal(want, have))
			return rs;
	}
	return NULL;
}

static int64_t revision_of(const json_t *object)
{
	const char *text = object_annotation(object, REVISION);
	int64_t n;
	return text && str_to_i64(text, &n) == 0 ? n : 0;
}

static int64_t next_revision(const struct rollout *r)
{
	int64_t max = 0;
	size_t i;
	json_t *rs;
	json_array_foreach(r->all, i, rs)
	{
		if (rs != r->newest)
			max = MAX(max, revision_of(rs));
	}
	return max + 1;
}

static bool is_copied(const char *key)
{
	static const char *const kept[] = {"kubectl.kubernetes.io/last-applied-configuration",
					   REVISION,
					   REVISION_HISTORY,
					   DESIRED_REPLICAS,
					   MAX_REPLICAS,
					   "deprecated.deployment.rollback.to"};
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		if (str_eq(key, kept[i]))
			return false;
	}
	return true;
}

/* The annotations of the newest set: the deployment's, its numbers, its revision and those it had before. */
static void annotate(const struct rollout *r, json_t *rs, int64_t revision)
{
	json_t *to = json_object_at(rs, "metadata.annotations"), *value;
	const char *key;
	json_object_foreach(json_at(r->d, "metadata.annotations"), key, value)
	{
		if (is_copied(key))
			json_object_set(to, key, value);
	}
	int64_t old = revision_of(rs);
	AUTO_FREE char *text = xasprintf("%lld", (long long)revision);
	if (old < revision) {
		const char *history = json_member(to, REVISION_HISTORY);
		AUTO_FREE char *more =
		    history ? xasprintf("%s,%lld", history, (long long)old) : xasprintf("%lld", (long long)old);
		json_object_set_new(to, REVISION, json_string(text));
		if (old)
			json_object_set_new(to, REVISION_HISTORY, json_string(more));
	}
	AUTO_FREE char *desired = xasprintf("%lld", (long long)r->bounds.replicas);
	AUTO_FREE char *max = xasprintf("%lld", (long long)(r->bounds.replicas + r->bounds.max_surge));
	if (!json_object_get(to, DESIRED_REPLICAS))
		json_object_set_new(to, DESIRED_REPLICAS, json_string(desired));
	if (!json_object_get(to, MAX_REPLICAS))
		json_object_set_new(to, MAX_REPLICAS, json_string(max));
}

static void set_deployment_revision(struct rollout *r, const char *revision)
{
	if (str_eq(object_annotation(r->d, REVISION), revision))
		return;
	AUTO_FREE char *path = object_path("apps", "v1", object_ns(r->d), "deployments", object_name(r->d));
	AUTO_FREE char *status = xasprintf("%s/status", path); /* so that it does not count as a new generation */
	plan_merge(r->plan, status, json_pack("{s:{s:{s:s}}}", "metadata", "annotations", REVISION, revision));
}

static void update_newest(struct rollout *r)
{
	AUTO_JSON *to = json_deep_copy(r->newest);
	annotate(r, to, next_revision(r));
	json_t *min_ready = json_at(r->d, "spec.minReadySeconds");
	if (min_ready)
		json_object_set(json_object_get(to, "spec"), "minReadySeconds", min_ready);
	else
		json_del_at(to, "spec.minReadySeconds");
	AUTO_FREE char *path = object_path("apps", "v1", object_ns(to), "replicasets", object_name(to));
	plan_change(r->plan, path, r->newest, to);
	set_deployment_revision(r, object_annotation(to, REVISION));
	if (json_at(r->d, "spec.progressDeadlineSeconds") && !object_condition(r->status, "Progressing")) {
		AUTO_FREE char *text = xasprintf("Found new replica set \"%s\"", object_name(r->newest));
		object_set_condition(r->status, "Progressing", "True", "FoundNewReplicaSet", text, r->now_ms, true);
	}
}

static json_t *new_replicaset(const struct rollout *r, int64_t replicas)
{
	char hash[12];
	deployment_template_hash(r->d, hash);
	AUTO_FREE char *name = deployment_new_name(r->d);
	json_t *template = json_deep_copy(json_at(r->d, "spec.template"));
	json_t *selector = json_deep_copy(json_at(r->d, "spec.selector"));
	json_object_set_new(json_object_at(template, "metadata.labels"), TEMPLATE_HASH, json_string(hash));
	json_object_set_new(json_object_at(selector, "matchLabels"), TEMPLATE_HASH, json_string(hash));
	json_t *rs = json_pack("{s:s, s:s, s:{s:s, s:s, s:O, s:[o]}, s:{s:I, s:o, s:o}}", "apiVersion", "apps/v1",
			       "kind", "ReplicaSet", "metadata", "name", name, "namespace", object_ns(r->d), "labels",
			       json_at(template, "metadata.labels"), "ownerReferences",
			       object_owner_ref(r->d, "apps/v1", "Deployment"), "spec", "replicas",
			       (json_int_t)replicas, "selector", selector, "template", template);
	json_t *min_ready = json_at(r->d, "spec.minReadySeconds");
	if (min_ready)
		json_object_set(json_object_get(rs, "spec"), "minReadySeconds", min_ready);
	return rs;
}

static void create_newest(struct rollout *r)
{
	int64_t replicas = rollout_new_replicas(r, 0);
	AUTO_JSON *rs = new_replicaset(r, replicas);
	annotate(r, rs, next_revision(r));
	AUTO_FREE char *path = object_path("apps", "v1", object_ns(r->d), "replicasets", NULL);
	struct action *a = plan_create(r->plan, path, json_incref(rs));
	if (replicas)
		plan_note_ok(a, r->d, "ScalingReplicaSet", "Scaled up replica set %s from 0 to %lld", object_name(rs),
			     (long long)replicas);
	plan_note_failed(a, r->d, "ReplicaSetCreateError", "Failed to create new replica set \"%s\": %%e",
			 object_name(rs));
	set_deployment_revision(r, object_annotation(rs, REVISION));
	if (json_at(r->d, "spec.progressDeadlineSeconds")) {
		AUTO_FREE char *text = xasprintf("Created new replica set \"%s\"", object_name(rs));
		object_set_condition(r->status, "Progressing", "True", "NewReplicaSetCreated", text, r->now_ms, true);
	}
}

void rollout_revision(struct rollout *r, const struct deployment_observed *o, bool create)
{
	if (r->newest) {
		update_newest(r);
	} else if (create && o->name_taken) {
		json_set_int(r->status, "collisionCount", json_int_at(r->status, "collisionCount", 0) + 1);
	} else if (create) {
		create_newest(r);
	}
	plan_next_stage(r->plan);
}

/* Old sets without replicas and beyond the limit go, the lowest revisions first. */
void rollout_cleanup(struct rollout *r)
{
	json_t *limit = json_at(r->d, "spec.revisionHistoryLimit");
	AUTO_JSON *old = json_array();
	size_t i;
	json_t *rs;
	json_array_foreach(r->all, i, rs)
	{
		if (rs != r->newest && !object_deleting(rs))
			json_array_append(old, rs);
	}
	int64_t extra = (int64_t)json_array_size(old) - json_integer_value(limit);
	for (; limit && extra > 0; extra--) {
		size_t lowest = 0;
		json_array_foreach(old, i, rs)
		{
			if (revision_of(rs) < revision_of(json_array_get(old, lowest)))
				lowest = i;
		}
		rs = json_array_get(old, lowest);
		bool settled =
		    json_int_at(rs, "status.replicas", 0) == 0 && rs_replicas(rs) == 0 &&
		    json_int_at(rs, "status.observedGeneration", 0) >= json_int_at(rs, "metadata.generation", 0);
		AUTO_FREE char *path = object_path("apps", "v1", object_ns(rs), "replicasets", object_name(rs));
		if (settled)
			plan_delete(r->plan, path, object_uid(rs), -1, NULL);
		json_array_remove(old, lowest);
	}
}
