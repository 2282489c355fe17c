/* The pods of a stateful set, their identity and their claims; pure, nothing can fail.
 *
 * A pod's name is the set's with its ordinal; its host name is the same, and its volumes of the claim templates are claims of that
 * name. A pod belongs to the current revision as long as its ordinal has not been rolled. Always holds: claims outlive pods
 * unless the retention policy says otherwise. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cp/controllers/history.h"
#include "cp/controllers/object.h"
#include "cp/controllers/statefulset_internal.h"
#include "cp/controllers/template.h"

#define POD_NAME "statefulset.kubernetes.io/pod-name"
#define POD_INDEX "apps.kubernetes.io/pod-index"

int64_t statefulset_ordinal(const json_t *set, const json_t *pod)
{
	const char *name = object_name(pod), *dash = strrchr(name, '-'), *own = object_name(set);
	int64_t n;
	if (!dash || (size_t)(dash - name) != strlen(own) || strncmp(name, own, strlen(own)) != 0 || str_to_i64(dash + 1, &n) < 0)
		return -1;
	return n;
}

const char *stateful_revision(const json_t *pod)
{
	const char *revision = json_member(object_labels(pod), HISTORY_HASH);
	return revision ? revision : "";
}

static char *claim_name(const json_t *template, const char *pod_name)
{
	return xasprintf("%s-%s", object_name(template), pod_name);
}

/* Volumes of the claim templates stand in for those of the template that have their names. */
static void set_volumes(const json_t *set, json_t *spec, const char *pod_name)
{
	json_t *volumes = json_array(), *v;
	const json_t *templates = json_at(set, "spec.volumeClaimTemplates");
	size_t i;
	json_array_foreach(templates, i, v)
	{
		AUTO_FREE char *claim = claim_name(v, pod_name);
		json_array_append_new(volumes, json_pack("{s:s, s:{s:s}}", "name", object_name(v), "persistentVolumeClaim",
							 "claimName", claim));
	}
	json_array_foreach(json_object_get(spec, "volumes"), i, v)
	{
		size_t k;
		json_t *t;
		bool replaced = false;
		json_array_foreach(templates, k, t) replaced |= str_eq(object_name(t), json_member(v, "name"));
		if (!replaced)
			json_array_append(volumes, v);
	}
	if (json_array_size(volumes))
		json_object_set(spec, "volumes", volumes);
	json_decref(volumes);
}

/* Ordinals below the partition, and with an update under way those that it has not reached, stay with the current revision. */
static bool is_of_current(const struct stateful *s, int64_t ordinal)
{
	if (!str_eq(json_str_or(s->set, "spec.updateStrategy.type", "RollingUpdate"), "RollingUpdate"))
		return false;
	if (!json_at(s->set, "spec.updateStrategy.rollingUpdate"))
		return ordinal < s->start + json_int_at(s->set, "status.currentReplicas", 0);
	return ordinal < s->start + s->partition;
}

json_t *stateful_pod(const struct stateful *s, int64_t ordinal)
{
	bool current = s->current_template && is_of_current(s, ordinal);
	AUTO_JSON *template = json_deep_copy(current ? s->current_template : json_at(s->set, "spec.template"));
	AUTO_FREE char *name = xasprintf("%s-%lld", object_name(s->set), (long long)ordinal);
	AUTO_FREE char *index = xasprintf("%lld", (long long)ordinal);
	json_t *pod = template_pod(template, s->set, &statefulset_pods);
	json_t *meta = json_object_get(pod, "metadata"), *labels = json_object_at(pod, "metadata.labels");
	json_t *spec = json_object_get(pod, "spec");
	const char *service = json_str_or(s->set, "spec.serviceName", "");
	json_object_del(meta, "generateName");
	json_object_set_new(meta, "name", json_string(name));
	json_object_set_new(labels, POD_NAME, json_string(name));
	json_object_set_new(labels, POD_INDEX, json_string(index));
	json_object_set_new(labels, HISTORY_HASH, json_string(current ? s->current : s->update));
	json_set_str(spec, "hostname", name);
	if (*service)
		json_set_str(spec, "subdomain", service);
	set_volumes(s->set, spec, name);
	return pod;
}

static json_t *claim_of(const struct stateful *s, const char *name)
{
	size_t i;
	json_t *c;
	json_array_foreach(s->claims, i, c)
	{
		if (str_eq(object_name(c), name))
			return c;
	}
	return NULL;
}

void stateful_claims(const struct stateful *s, int64_t ordinal, struct plan *plan)
{
	AUTO_FREE char *pod = xasprintf("%s-%lld", object_name(s->set), (long long)ordinal);
	AUTO_FREE char *path = object_path("", "v1", object_ns(s->set), "persistentvolumeclaims", NULL);
	size_t i;
	json_t *t;
	json_array_foreach(json_at(s->set, "spec.volumeClaimTemplates"), i, t)
	{
		AUTO_FREE char *name = claim_name(t, pod);
		const char *key;
		json_t *value;
		if (claim_of(s, name))
			continue;
		json_t *claim = json_deep_copy(t);
		json_set_str(claim, "apiVersion", "v1");
		json_set_str(claim, "kind", "PersistentVolumeClaim");
		json_set_str(claim, "metadata.name", name);
		json_object_del(claim, "status");
		json_t *labels = json_object_at(claim, "metadata.labels");
		json_object_foreach(json_at(s->set, "spec.selector.matchLabels"), key, value)
			json_object_set(labels, key, value);
		struct action *a = plan_create(plan, path, claim);
		a->flags |= PLAN_EXISTS_OK;
		plan_note_ok(a, s->set, "SuccessfulCreate", "create Claim %s Pod %s in StatefulSet %s success", name, pod,
			     object_name(s->set));
		plan_note_failed(a, s->set, "FailedCreate", "create Claim %s for Pod %s in StatefulSet %s failed error: %%e", name,
				 pod, object_name(s->set));
	}
}

/* With or without a reference to this owner. */
static void set_owner(const json_t *claim, const json_t *owner, const char *version, const char *kind, bool wanted, json_t *refs)
{
	for (size_t i = json_array_size(refs); i-- > 0;) {
		if (str_eq(json_member(json_array_get(refs, i), "uid"), object_uid(owner))) {
			if (wanted)
				return;
			json_array_remove(refs, i);
		}
	}
	(void)claim;
	if (wanted)
		json_array_append_new(refs, json_pack("{s:s, s:s, s:s, s:s}", "apiVersion", version, "kind", kind, "name",
						      object_name(owner), "uid", object_uid(owner)));
}

void stateful_retention(const struct stateful *s, const json_t *pod, bool condemned, struct plan *plan)
{
	const json_t *policy = json_at(s->set, "spec.persistentVolumeClaimRetentionPolicy");
	bool when_deleted = str_eq(json_str_at(policy, "whenDeleted"), "Delete");
	bool when_scaled = str_eq(json_str_at(policy, "whenScaled"), "Delete");
	size_t i;
	json_t *t;
	json_array_foreach(json_at(s->set, "spec.volumeClaimTemplates"), i, t)
	{
		AUTO_FREE char *name = claim_name(t, object_name(pod));
		json_t *claim = claim_of(s, name), *old = json_at(claim, "metadata.ownerReferences");
		if (!claim || object_deleting(claim))
			continue;
		AUTO_JSON *refs = old ? json_deep_copy(old) : json_array();
		AUTO_JSON *none = json_array();
		set_owner(claim, s->set, "apps/v1", "StatefulSet", when_deleted && !(condemned && when_scaled), refs);
		set_owner(claim, pod, "v1", "Pod", when_scaled && condemned, refs);
		if (json_equal(refs, old ? old : none))
			continue;
		AUTO_FREE char *path = object_path("", "v1", object_ns(claim), "persistentvolumeclaims", name);
		plan_merge(plan, path, json_pack("{s:{s:s, s:O}}", "metadata", "uid", object_uid(claim), "ownerReferences", refs))
		    ->flags |= PLAN_ABSENT_OK;
	}
}
