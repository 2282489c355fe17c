/* Rules of pods: defaults beyond the table, what a create and an update may say, graceful deletion. */
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/gated_fields.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"

static const char *const container_lists[] = { "initContainers", "containers", "ephemeralContainers" };

/* ":latest", or no tag and no digest, is pulled always. */
static const char *pull_policy(const char *image)
{
	const char *base = str_base_name(image), *tag = strchr(base, ':');
	if (strchr(base, '@'))
		return "IfNotPresent";
	return !tag || !strcmp(tag, ":latest") ? "Always" : "IfNotPresent";
}

static void container_set_defaults(json_t *c, bool host_network)
{
	set_default(c, "imagePullPolicy", json_string(pull_policy(json_str_or(c, "image", ""))));
	set_default(c, "resources", json_object());
	size_t i;
	json_t *port;
	json_array_foreach(json_object_get(c, "ports"), i, port)
		if (host_network && json_object_get(port, "containerPort"))
			set_default(port, "hostPort", json_incref(json_object_get(port, "containerPort")));
}

void pod_spec_set_defaults(json_t *pod_spec, const json_t *old_spec)
{
	bool host_network = json_bool_at(pod_spec, "hostNetwork", false);
	gated_pod_drop(pod_spec, old_spec);
	for (size_t l = 0; l < ARRAY_LEN(container_lists); l++) {
		size_t i;
		json_t *c;
		json_array_foreach(json_object_get(pod_spec, container_lists[l]), i, c)
			container_set_defaults(c, host_network);
	}
	set_default(pod_spec, "securityContext", json_object());
	if (json_member(pod_spec, "serviceAccountName"))
		json_object_set(pod_spec, "serviceAccount", json_object_get(pod_spec, "serviceAccountName"));
	else if (json_member(pod_spec, "serviceAccount"))
		json_object_set(pod_spec, "serviceAccountName", json_object_get(pod_spec, "serviceAccount"));
	size_t i;
	json_t *v;
	json_array_foreach(json_object_get(pod_spec, "volumes"), i, v)
		if (json_object_size(v) == 1)
			json_object_set_new(v, "emptyDir", json_object());
}

/* A limit without a request is the request, too. Only pods, not templates. */
static void requests_from_limits(json_t *pod_spec)
{
	for (size_t l = 0; l < ARRAY_LEN(container_lists); l++) {
		size_t i;
		json_t *c;
		json_array_foreach(json_object_get(pod_spec, container_lists[l]), i, c) {
			const char *name;
			json_t *v;
			json_object_foreach(json_at(c, "resources.limits"), name, v)
				set_default(json_object_at(c, "resources.requests"), name, json_incref(v));
		}
	}
}

static void pod_set_defaults(json_t *pod, const json_t *old)
{
	json_t *spec = json_object_get(pod, "spec");
	if (!spec)
		return;
	pod_spec_set_defaults(spec, json_object_get(old, "spec"));
	requests_from_limits(spec);
	set_default(spec, "enableServiceLinks", json_true());
	/* Negative is what old clients said for at once. */
	if (json_int_at(spec, "terminationGracePeriodSeconds", 0) < 0 && !old)
		json_object_set_new(spec, "terminationGracePeriodSeconds", json_integer(1));
}

static void pod_prepare_create(json_t *pod)
{
	json_t *status = json_object();
	json_object_set_new(status, "phase", json_string("Pending"));
	json_object_set_new(status, "qosClass", json_string(pod_qos_class(json_object_get(pod, "spec"))));
	json_object_set_new(pod, "status", status);
}

/* The one address and the list of them say the same. */
static void set_pod_ips(json_t *status)
{
	json_t *ip = json_object_get(status, "podIP");
	if (ip && !str_eq(json_str_at(json_array_get(json_object_get(status, "podIPs"), 0), "ip"), json_string_value(ip)))
		json_object_set_new(status, "podIPs", json_pack("[{s:O}]", "ip", ip));
}

static void pod_prepare_status(json_t *pod, const json_t *old)
{
	kind_keep_spec(pod, old);
	set_pod_ips(json_object_get(pod, "status"));
	json_t *class = json_at(old, "status.qosClass"), *status = json_object_get(pod, "status");
	if (class && json_is_object(status))
		json_object_set(status, "qosClass", class);
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
	char path[FIELD_PATH_MAX];
	json_t *one;
	size_t i;
	(void)old;
	json_array_foreach(json_at(pod, "status.podIPs"), i, one) {
		const json_t *ip = json_object_get(one, "ip");
		if (!ip_family(json_string_value(ip)))
			field_invalid(errors, FIELD_PATH(path, "status.podIPs[%zu]", i), ip,
				      "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
	}
}

static void pod_validate(const json_t *pod, const json_t *old, struct field_errors *errors)
{
	const json_t *spec = json_object_get(pod, "spec");
	struct pod_rules r = { .spec = spec, .path = "spec", .name = json_str_at(pod, "metadata.name"), .is_pod = true, .errors = errors };
	pod_rules_validate(&r);
	if (old) {
		pod_update_validate(pod, old, errors);
		return;
	}
	if (json_array_size(json_object_get(spec, "ephemeralContainers")))
		field_forbidden(errors, "spec.ephemeralContainers", "cannot be set on create");
	if (!str_empty(json_str_at(spec, "nodeName")) && json_array_size(json_object_get(spec, "schedulingGates")))
		field_forbidden(errors, "spec.nodeName", "cannot be set until all schedulingGates have been cleared");
	pod_annotations_validate(json_object_get(pod, "metadata"), &r);
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
