/* The plan of EndpointSlices.
 *
 * Wanted endpoints are grouped by address family and by the ports that their pods have; each group is compared with the
 * slices of the same family and ports. An endpoint that a slice has (by its target) is kept or updated there, one that
 * is no longer wanted is taken out, what is left over fills up slices with room and then new ones; empty slices go. A
 * service without endpoints keeps one empty slice. Always holds: no slice gets more than 100 endpoints, and a slice
 * whose content stays the same is not written. Nothing can fail. */
#include "cp/controllers/endpointslice_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cp/controllers/object.h"
#include "cp/controllers/pod.h"
#include "cp/controllers/service_pods.h"

#define HEADLESS "service.kubernetes.io/headless"
enum { ENDPOINTS_MAX = 100 };

static json_t *endpoint_of(const struct endpointslice_observed *o, const json_t *pod, const char *ip)
{
	bool serving = pod_is_ready(pod), terminating = object_deleting(pod);
	bool ready = json_bool_at(o->service, "spec.publishNotReadyAddresses", false) || (serving && !terminating);
	json_t *ep = json_pack("{s:[s], s:{s:b, s:b, s:b}}", "addresses", ip, "conditions", "ready", (int)ready,
			       "serving", (int)serving, "terminating", (int)terminating);
	const char *hostname = service_pod_hostname(o->service, pod), *node = json_str_at(pod, "spec.nodeName");
	if (hostname)
		json_set_str(ep, "hostname", hostname);
	json_object_set_new(ep, "targetRef", service_target_ref(pod));
	if (!str_empty(node)) {
		json_set_str(ep, "nodeName", node);
		const char *zone = json_member(o->zones, node);
		if (zone)
			json_set_str(ep, "zone", zone);
	}
	return ep;
}

/* Groups: {family, ports, endpoints: {target uid: endpoint}}. */
static json_t *group_get(json_t *groups, const char *family, const json_t *ports)
{
	size_t i;
	json_t *g;
	json_array_foreach(groups, i, g)
	{
		if (str_eq(json_member(g, "family"), family) && json_equal(json_object_get(g, "ports"), ports))
			return g;
	}
	g = json_pack("{s:s, s:O, s:{}}", "family", family, "ports", (json_t *)ports, "endpoints");
	json_array_append_new(groups, g);
	return g;
}

static void add_family(const struct endpointslice_observed *o, const char *family, json_t *groups)
{
	size_t i;
	json_t *pod;
	bool any = false;
	json_array_foreach(o->pods, i, pod)
	{
		const char *ip = service_pod_ip(pod, family);
		if (!ip || !service_pod_counts(pod))
			continue;
		AUTO_JSON *ports = service_ports(o->service, pod, true);
		json_t *g = group_get(groups, family, ports);
		json_object_set_new(json_object_get(g, "endpoints"), object_uid(pod), endpoint_of(o, pod, ip));
		any = true;
	}
	AUTO_JSON *none = json_array();
	if (!any)
		group_get(groups, family, none);
}

static void set_labels(const json_t *service, json_t *slice)
{
	static const char *const own[] = {HEADLESS, ENDPOINTSLICE_SERVICE, ENDPOINTSLICE_MANAGED_BY};
	json_t *labels = object_labels(service) ? json_deep_copy(object_labels(service)) : json_object();
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		json_object_del(labels, own[i]);
	if (service_is_headless(service))
		json_object_set_new(labels, HEADLESS, json_string(""));
	json_object_set_new(labels, ENDPOINTSLICE_SERVICE, json_string(object_name(service)));
	json_object_set_new(labels, ENDPOINTSLICE_MANAGED_BY, json_string(ENDPOINTSLICE_MANAGER));
	json_object_set_new(json_object_at(slice, "metadata"), "labels", labels);
}

static json_t *new_slice(const struct endpointslice_observed *o, const json_t *group)
{
	AUTO_FREE char *prefix = xasprintf("%s-", object_name(o->service));
	json_t *slice = json_pack(
	    "{s:s, s:s, s:s, s:{s:s, s:s, s:[o]}, s:[], s:O}", "apiVersion", "discovery.k8s.io/v1", "kind",
	    "EndpointSlice", "addressType", json_str_or(group, "family", "IPv4"), "metadata", "generateName", prefix,
	    "namespace", object_ns(o->service), "ownerReferences", object_owner_ref(o->service, "v1", "Service"),
	    "endpoints", "ports", json_object_get(group, "ports"));
	set_labels(o->service, slice);
	return slice;
}

/* The ports of a slice with the defaults written out, as service_ports(, true) has them. */
static bool same_ports(const json_t *slice, const json_t *ports)
{
	const json_t *have = json_object_get(slice, "ports");
	if (json_array_size(have) != json_array_size(ports))
		return false;
	for (size_t i = 0; i < json_array_size(have); i++) {
		AUTO_JSON *a = json_deep_copy(json_array_get(have, i));
		if (!json_object_get(a, "name"))
			json_set_str(a, "name", "");
		if (!json_equal(a, json_array_get(ports, i)))
			return false;
	}
	return true;
}

static bool belongs(const json_t *slice, const json_t *group)
{
	return str_eq(json_member(slice, "addressType"), json_member(group, "family")) && !object_deleting(slice) &&
	       same_ports(slice, json_object_get(group, "ports"));
}

/* A copy of slice with the endpoints that are still wanted, in their new state; these leave the group. */
static json_t *kept_slice(const struct endpointslice_observed *o, const json_t *slice, json_t *endpoints)
{
	json_t *to = json_deep_copy(slice), *kept = json_array(), *ep;
	size_t i;
	json_array_foreach(json_object_get(slice, "endpoints"), i, ep)
	{
		const char *uid = json_str_or(ep, "targetRef.uid", "");
		json_t *wanted = json_object_get(endpoints, uid);
		if (!wanted)
			continue;
		json_array_append(kept, wanted);
		json_object_del(endpoints, uid);
	}
	json_object_set_new(to, "endpoints", kept);
	set_labels(o->service, to);
	return to;
}

static void fill(json_t *slice, json_t *endpoints)
{
	json_t *list = json_object_get(slice, "endpoints"), *ep;
	const char *uid;
	void *next;
	json_object_foreach_safe(endpoints, next, uid, ep)
	{
		if (json_array_size(list) >= ENDPOINTS_MAX)
			return;
		json_array_append(list, ep);
		json_object_del(endpoints, uid);
	}
}

static void plan_slice(const struct endpointslice_observed *o, const json_t *from, json_t *to, bool drop_empty,
		       struct plan *plan)
{
	const char *ns = object_ns(o->service);
	AUTO_FREE char *path =
	    object_path("discovery.k8s.io", "v1", ns, "endpointslices", from ? object_name(from) : NULL);
	bool empty = !json_array_size(json_object_get(to, "endpoints"));
	struct action *a;
	if (!from)
		a = plan_create(plan, path, json_incref(to));
	else if (empty && drop_empty)
		a = plan_delete(plan, path, object_uid(from), -1, NULL);
	else
		a = plan_change(plan, path, from, to);
	if (!a)
		return;
	a->flags |= PLAN_REFUSED_OK | PLAN_ABSENT_OK;
	plan_note_failed(a, o->service, "FailedToUpdateEndpointSlices",
			 "Error updating Endpoint Slices for Service %s/%s: %%e", ns, object_name(o->service));
}

static void plan_group(const struct endpointslice_observed *o, const json_t *group, struct plan *plan)
{
	json_t *endpoints = json_object_get(group, "endpoints"), *slice, *to;
	AUTO_JSON *from = json_array();
	AUTO_JSON *after = json_array();
	size_t i, with_endpoints = 0;
	json_array_foreach(o->slices, i, slice)
	{
		if (!belongs(slice, group))
			continue;
		json_array_append(from, slice);
		json_array_append_new(after, kept_slice(o, slice, endpoints));
	}
	json_array_foreach(after, i, to)
	{
		fill(to, endpoints);
		with_endpoints += json_array_size(json_object_get(to, "endpoints")) > 0;
	}
	bool kept_one = with_endpoints > 0;
	json_array_foreach(after, i, to)
	{
		plan_slice(o, json_array_get(from, i), to, kept_one, plan);
		kept_one = true;
	}
	while (json_object_size(endpoints) || !kept_one) {
		AUTO_JSON *slice_new = new_slice(o, group);
		fill(slice_new, endpoints);
		plan_slice(o, NULL, slice_new, false, plan);
		kept_one = true;
	}
}

/* Slices of no group any more: another family or other ports. */
static void drop_strangers(const struct endpointslice_observed *o, const json_t *groups, struct plan *plan)
{
	size_t i, k;
	json_t *slice, *group;
	json_array_foreach(o->slices, i, slice)
	{
		bool known = object_deleting(slice);
		json_array_foreach(groups, k, group) known |= belongs(slice, group);
		if (known)
			continue;
		AUTO_FREE char *path =
		    object_path("discovery.k8s.io", "v1", object_ns(slice), "endpointslices", object_name(slice));
		plan_delete(plan, path, object_uid(slice), -1, NULL);
	}
}

void endpointslice_plan(const struct endpointslice_observed *o, struct plan *plan)
{
	if (!json_object_size(json_at(o->service, "spec.selector")) || object_deleting(o->service) ||
	    str_eq(json_str_at(o->service, "spec.type"), "ExternalName"))
		return;
	const char *families[2];
	size_t n, i;
	service_families(o->service, families, &n);
	AUTO_JSON *groups = json_array();
	json_t *group;
	for (i = 0; i < n; i++)
		add_family(o, families[i], groups);
	json_array_foreach(groups, i, group) plan_group(o, group, plan);
	plan_next_stage(plan);
	drop_strangers(o, groups, plan);
}
