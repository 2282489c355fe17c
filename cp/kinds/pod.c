/* Rules of pods: defaults beyond the table, what a create and an update may say, graceful deletion. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/gated_fields.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_resources.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/resource_name.h"

static const char *const container_lists[] = { "initContainers", "containers", "ephemeralContainers" };

/* ":latest", or no tag and no digest, is pulled always; so is nothing that is no reference at all. */
static const char *pull_policy(const char *image)
{
	AUTO_FREE char *name = xstrndup(image, strcspn(image, "@"));
	const char *base = str_base_name(name), *tag = strchr(base, ':');
	bool digest = strchr(image, '@') != NULL, odd = !*image || strpbrk(image, " \t\n");
	for (const char *c = base; *c && c != tag; c++)
		odd |= isupper((unsigned char)*c) != 0;
	if (odd || (!tag && digest))
		return "IfNotPresent";
	return !tag || !strcmp(tag, ":latest") ? "Always" : "IfNotPresent";
}

static void container_set_defaults(json_t *c)
{
	set_default(c, "imagePullPolicy", json_string(pull_policy(json_str_or(c, "image", ""))));
	set_default(c, "resources", json_object());
}

void pod_spec_set_defaults(json_t *pod_spec, const json_t *old_spec)
{
	gated_pod_drop(pod_spec, old_spec);
	for (size_t l = 0; l < ARRAY_LEN(container_lists); l++) {
		size_t i;
		json_t *c;
		json_array_foreach(json_object_get(pod_spec, container_lists[l]), i, c)
			container_set_defaults(c);
	}
	set_default(pod_spec, "securityContext", json_object());
	if (json_member(pod_spec, "serviceAccountName"))
		json_object_set(pod_spec, "serviceAccount", json_object_get(pod_spec, "serviceAccountName"));
	else if (json_member(pod_spec, "serviceAccount"))
		json_object_set(pod_spec, "serviceAccountName", json_object_get(pod_spec, "serviceAccount"));
	size_t i;
	json_t *v;
	json_array_foreach(json_object_get(pod_spec, "volumes"), i, v)
	{
		json_t *image = json_object_get(v, "image");
		if (json_object_size(v) <= 1 && (!json_object_size(v) || json_object_get(v, "name")))
			json_object_set_new(v, "emptyDir", json_object());
		if (image)
			set_default(image, "pullPolicy", json_string(pull_policy(json_str_or(image, "reference", ""))));
	}
}

/* A limit without a request is the request, too; in the host's network a port is the host's. Only pods, not templates. */
static void running_set_defaults(json_t *c, bool host_network)
{
	const char *name;
	json_t *v;
	size_t i;
	json_object_foreach(json_at(c, "resources.limits"), name, v)
		set_default(json_object_at(c, "resources.requests"), name, json_incref(v));
	json_array_foreach(json_object_get(c, "ports"), i, v)
		if (host_network && json_object_get(v, "containerPort"))
			set_default(v, "hostPort", json_incref(json_object_get(v, "containerPort")));
}

static void pod_set_running_defaults(json_t *pod_spec)
{
	static const char *const lists[] = { "initContainers", "containers" };
	bool host_network = json_bool_at(pod_spec, "hostNetwork", false);
	json_t *c;
	size_t i;
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		json_array_foreach(json_object_get(pod_spec, lists[l]), i, c)
			running_set_defaults(c, host_network);
}

/* Where the pod as a whole is limited, it asks for what its containers ask for, and for its limits where they ask for nothing. */
static void resources_from_containers(json_t *pod_spec)
{
	json_t *own = json_object_get(pod_spec, "resources"), *limits = json_object_get(own, "limits"), *v;
	const char *name;
	if (!json_object_size(limits))
		return;
	AUTO_JSON *bare = json_copy(pod_spec);
	json_object_del(bare, "resources");
	AUTO_JSON *sum = pod_resources(bare, "requests", false);
	json_t *requests = json_object_at(own, "requests");
	json_object_foreach(sum, name, v)
		if (!strcmp(name, "cpu") || !strcmp(name, "memory"))
			set_default(requests, name, json_incref(v));
	json_object_foreach(limits, name, v)
		if (!strcmp(name, "cpu") || !strcmp(name, "memory") || resource_name_is_huge_page(name))
			set_default(requests, name, json_incref(v));
	if (!json_object_size(requests))
		json_object_del(own, "requests");
}

static void pod_set_defaults(json_t *pod, const json_t *old)
{
	json_t *spec = json_object_get(pod, "spec");
	if (!spec)
		return;
	pod_spec_set_defaults(spec, json_object_get(old, "spec"));
	pod_set_running_defaults(spec);
	set_default(spec, "enableServiceLinks", json_true());
	resources_from_containers(spec);
	if (json_int_at(spec, "terminationGracePeriodSeconds", 0) < 0)
		json_object_set_new(spec, "terminationGracePeriodSeconds", json_integer(1));
}

/* Each key's value in the pod's own labels becomes a requirement of the selector. */
static void select_by_keys(json_t *term, const char *keys, const char *op, const json_t *labels)
{
	json_t *selector = json_object_get(term, "labelSelector"), *key;
	size_t i;
	if (!selector)
		return;
	json_array_foreach(json_object_get(term, keys), i, key) {
		json_t *value = json_object_get(labels, json_string_value(key));
		if (value)
			json_array_append_new(json_array_at(selector, "matchExpressions"),
					      json_pack("{s:O, s:s, s:[O]}", "key", key, "operator", op, "values", value));
	}
}

static void set_term_selectors(json_t *affinity, const json_t *labels)
{
	json_t *t;
	size_t i;
	json_array_foreach(json_object_get(affinity, "preferredDuringSchedulingIgnoredDuringExecution"), i, t) {
		select_by_keys(json_object_get(t, "podAffinityTerm"), "matchLabelKeys", "In", labels);
		select_by_keys(json_object_get(t, "podAffinityTerm"), "mismatchLabelKeys", "NotIn", labels);
	}
	json_array_foreach(json_object_get(affinity, "requiredDuringSchedulingIgnoredDuringExecution"), i, t) {
		select_by_keys(t, "matchLabelKeys", "In", labels);
		select_by_keys(t, "mismatchLabelKeys", "NotIn", labels);
	}
}

static void set_selectors(json_t *pod)
{
	const json_t *labels = json_at(pod, "metadata.labels");
	json_t *t;
	size_t i;
	set_term_selectors(json_at(pod, "spec.affinity.podAffinity"), labels);
	set_term_selectors(json_at(pod, "spec.affinity.podAntiAffinity"), labels);
	json_array_foreach(json_at(pod, "spec.topologySpreadConstraints"), i, t)
		select_by_keys(t, "matchLabelKeys", "In", labels);
}

static void pod_prepare_create(json_t *pod)
{
	json_t *status = json_object();
	char now[RFC3339_MAX];
	json_object_set_new(status, "phase", json_string("Pending"));
	json_object_set_new(status, "qosClass", json_string(pod_qos_class(json_object_get(pod, "spec"))));
	if (json_array_size(json_at(pod, "spec.schedulingGates")))
		json_object_set_new(status, "conditions",
				    json_pack("[{s:s, s:s, s:n, s:s, s:s, s:s}]", "type", "PodScheduled", "status", "False", "lastProbeTime",
					      "lastTransitionTime", rfc3339(clock_wall_ms(), now), "reason", "SchedulingGated", "message",
					      "Scheduling is blocked due to non-empty scheduling gates"));
	json_object_set_new(pod, "status", status);
	set_selectors(pod);
	pod_profiles_from_annotations(pod);
}

/* The one address and the list of them say the same. */
static void set_pod_ips(json_t *status)
{
	json_t *ip = json_object_get(status, "podIP");
	if (ip && !str_eq(json_str_at(json_array_get(json_object_get(status, "podIPs"), 0), "ip"), json_string_value(ip)))
		json_object_set_new(status, "podIPs", json_pack("[{s:O}]", "ip", ip));
}

/* The place in conditions, from *at on, of the next one of a type; NULL: none. */
static const json_t *next_of_type(const json_t *conditions, const char *type, size_t *at)
{
	for (; *at < json_array_size(conditions); ++*at) {
		const json_t *c = json_array_get(conditions, *at);
		if (str_eq(json_member(c, "type"), type))
			return c;
	}
	return NULL;
}

/* What generation was seen is not forgotten by writers that do not know of it. */
static void keep_observed(json_t *status, const json_t *old)
{
	static const char key[] = "observedGeneration";
	const json_t *was = json_object_get(old, "conditions");
	json_t *c;
	size_t i, k;
	if (!json_is_object(status))
		return;
	if (!json_object_get(status, key) && json_object_get(old, key))
		json_object_set(status, key, json_object_get(old, key));
	json_array_foreach(json_object_get(status, "conditions"), i, c) {
		const char *type = json_str_or(c, "type", "");
		size_t nth = 0, at = 0;
		for (k = 0; k < i; k++)
			nth += str_eq(json_member(json_array_get(json_object_get(status, "conditions"), k), "type"), type);
		const json_t *before = next_of_type(was, type, &at);
		for (; before && nth; nth--) {
			at++;
			before = next_of_type(was, type, &at);
		}
		if (!json_object_get(c, key) && json_object_get(before, key))
			json_object_set(c, key, json_object_get(before, key));
	}
}

static void pod_prepare_status(json_t *pod, const json_t *old)
{
	kind_keep_spec(pod, old);
	set_pod_ips(json_object_get(pod, "status"));
	json_t *class = json_at(old, "status.qosClass"), *status = json_object_get(pod, "status");
	if (class && json_is_object(status) && str_empty(json_str_at(status, "qosClass")))
		json_object_set(status, "qosClass", class);
	keep_observed(status, json_object_get(old, "status"));
	/* Conditions of other writers (the scheduler's PodScheduled) are merged by the client; deletion marks stay. */
	json_t *meta = json_object_get(pod, "metadata");
	static const char *const keep[] = { "deletionTimestamp", "deletionGracePeriodSeconds", "ownerReferences" };
	for (size_t i = 0; i < ARRAY_LEN(keep); i++) {
		json_t *v = json_object_get(json_object_get(old, "metadata"), keep[i]);
		if (v)
			json_object_set(meta, keep[i], v);
		else
			json_object_del(meta, keep[i]);
	}
}

static void pod_validate_status(const json_t *pod, const json_t *old, struct field_errors *errors)
{
	struct pod_rules r = { .spec = json_object_get(pod, "spec"), .path = "spec", .is_pod = true, .errors = errors };
	pod_annotations_update_validate(pod, old, errors);
	pod_annotations_validate(json_object_get(pod, "metadata"), &r);
	pod_status_validate(pod, old, errors);
}

static void pod_validate(const json_t *pod, const json_t *old, struct field_errors *errors)
{
	const json_t *spec = json_object_get(pod, "spec");
	struct pod_rules r = { .spec = spec, .path = "spec", .name = json_str_at(pod, "metadata.name"), .is_pod = true, .errors = errors };
	pod_annotations_validate(json_object_get(pod, "metadata"), &r);
	if (!old || spec != json_object_get(old, "spec")) /* one that is as it was is old's own (meta_prepare_update()) */
		pod_rules_validate(&r);
	if (old) {
		pod_annotations_update_validate(pod, old, errors);
		pod_update_validate(pod, old, errors);
		return;
	}
	if (json_array_size(json_object_get(spec, "ephemeralContainers")))
		field_forbidden(errors, "spec.ephemeralContainers", "cannot be set on create");
	if (!str_empty(json_str_at(spec, "nodeName")) && json_array_size(json_object_get(spec, "schedulingGates")))
		field_forbidden(errors, "spec.nodeName", "cannot be set until all schedulingGates have been cleared");
	pod_annotations_match_validate(json_object_get(pod, "metadata"), &r);
}

static int pod_grace_seconds(const json_t *pod, int64_t requested)
{
	const char *phase = json_str_or(pod, "status.phase", "");
	if (!json_str_at(pod, "spec.nodeName") || !strcmp(phase, "Succeeded") || !strcmp(phase, "Failed"))
		return 0;
	int64_t grace = requested >= 0 ? requested : json_int_at(pod, "spec.terminationGracePeriodSeconds", 30);
	return (int)(grace < 0 ? 1 : grace);
}

const struct kind_ops pod_ops = {
	.group = "", .kind = "Pod", .set_defaults = pod_set_defaults, .prepare_create = pod_prepare_create,
	.prepare_update = kind_keep_status, .prepare_status = pod_prepare_status, .validate = pod_validate, .validate_status = pod_validate_status, .warn = pod_warn, .has_status = true, .grace_seconds = pod_grace_seconds, .parts = pod_parts,
};
