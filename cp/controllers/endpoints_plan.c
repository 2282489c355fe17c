/* The plan of v1 Endpoints.
 *
 * Each pod that counts gives an address, ready or not, with the ports that the service's targets have in that pod;
 * addresses with the same ports share a subset; all is sorted, so that the same pods give the same bytes. Always holds:
 * at most 1,000 addresses (what is left out is marked by the over-capacity annotation). Nothing can fail. */
#include "cp/controllers/endpoints_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cp/controllers/object.h"
#include "cp/controllers/pod.h"
#include "cp/controllers/service_pods.h"

#define HEADLESS "service.kubernetes.io/headless"
#define MANAGED_BY "endpoints.kubernetes.io/managed-by"
#define OVER_CAPACITY "endpoints.kubernetes.io/over-capacity"
enum { ADDRESSES_MAX = 1000 };

static json_t *address_of(const json_t *service, const json_t *pod, const char *ip)
{
	json_t *a = json_pack("{s:s}", "ip", ip);
	const char *hostname = service_pod_hostname(service, pod), *node = json_str_at(pod, "spec.nodeName");
	if (hostname)
		json_set_str(a, "hostname", hostname);
	if (!str_empty(node))
		json_set_str(a, "nodeName", node);
	json_object_set_new(a, "targetRef", service_target_ref(pod));
	return a;
}

/* Sorted by text: numbers do not matter for order, only that it is one. */
static int by_text(const void *a, const void *b)
{
	AUTO_FREE char *x = json_text(*(json_t *const *)a);
	AUTO_FREE char *y = json_text(*(json_t *const *)b);
	return strcmp(x, y);
}

static void sort_array(json_t *array)
{
	size_t n = json_array_size(array), i;
	AUTO_FREE json_t **v = xcalloc(n + 1, sizeof(json_t *));
	for (i = 0; i < n; i++)
		v[i] = json_incref(json_array_get(array, i));
	qsort(v, n, sizeof(json_t *), by_text);
	json_array_clear(array);
	for (i = 0; i < n; i++)
		json_array_append_new(array, v[i]);
}

/* Puts the address into the subset of its ports, as ready or not. */
static void add_address(json_t *subsets, json_t *take_ports, json_t *take_address, bool ready)
{
	AUTO_JSON *ports = take_ports;
	size_t i;
	json_t *subset, *found = NULL;
	json_array_foreach(subsets, i, subset)
	{
		json_t *have = json_object_get(subset, "ports");
		if (json_equal(have, ports) || (!have && !json_array_size(ports)))
			found = subset;
	}
	if (!found) {
		found = json_object();
		if (json_array_size(ports))
			json_object_set(found, "ports", ports);
		json_array_append_new(subsets, found);
	}
	json_array_append_new(json_array_at(found, ready ? "addresses" : "notReadyAddresses"), take_address);
}

static json_t *subsets_of(const struct endpoints_observed *o, bool *ret_truncated)
{
	bool tolerate = json_bool_at(o->service, "spec.publishNotReadyAddresses", false);
	bool portless = service_is_headless(o->service) && !json_array_size(json_at(o->service, "spec.ports"));
	const char *families[2];
	size_t n_families, i, used = 0;
	service_families(o->service, families, &n_families);
	json_t *subsets = json_array(), *pod, *subset;
	json_array_foreach(o->pods, i, pod)
	{
		const char *ip = service_pod_ip(pod, families[0]);
		if (!ip || !service_pod_counts(pod) || (object_deleting(pod) && !tolerate))
			continue;
		json_t *ports = service_ports(o->service, pod, false);
		if ((!json_array_size(ports) && !portless) || used == ADDRESSES_MAX) {
			*ret_truncated |= used == ADDRESSES_MAX;
			json_decref(ports);
			continue;
		}
		used++;
		add_address(subsets, ports, address_of(o->service, pod, ip), tolerate || pod_is_ready(pod));
	}
	json_array_foreach(subsets, i, subset)
	{
		sort_array(json_object_get(subset, "addresses"));
		sort_array(json_object_get(subset, "notReadyAddresses"));
	}
	sort_array(subsets);
	return subsets;
}

static void set_meta(const struct endpoints_observed *o, bool truncated, json_t *to)
{
	json_t *labels = object_labels(o->service);
	json_t *mine = labels ? json_deep_copy(labels) : json_object();
	json_object_set_new(mine, MANAGED_BY, json_string("endpoint-controller"));
	if (service_is_headless(o->service))
		json_object_set_new(mine, HEADLESS, json_string(""));
	else
		json_object_del(mine, HEADLESS);
	json_object_set_new(json_object_get(to, "metadata"), "labels", mine);
	if (truncated)
		json_object_set_new(json_object_at(to, "metadata.annotations"), OVER_CAPACITY,
				    json_string("truncated"));
	else if (object_annotation(to, OVER_CAPACITY))
		json_object_del(json_at(to, "metadata.annotations"), OVER_CAPACITY);
}

void endpoints_plan(const struct endpoints_observed *o, struct plan *plan)
{
	AUTO_FREE char *path = object_path("", "v1", o->ns, "endpoints", o->name);
	if (!o->service) {
		if (o->endpoints && str_eq(json_member(object_labels(o->endpoints), MANAGED_BY), "endpoint-controller"))
			plan_delete(plan, path, object_uid(o->endpoints), -1, NULL);
		return;
	}
	if (!json_object_size(json_at(o->service, "spec.selector")) || object_deleting(o->service) ||
	    str_eq(json_str_at(o->service, "spec.type"), "ExternalName"))
		return;
	bool truncated = false;
	AUTO_JSON *subsets = subsets_of(o, &truncated);
	AUTO_JSON *to = o->endpoints ? json_deep_copy(o->endpoints)
				     : json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", "v1", "kind", "Endpoints",
						 "metadata", "name", o->name, "namespace", o->ns);
	set_meta(o, truncated, to);
	if (json_array_size(subsets))
		json_object_set(to, "subsets", subsets);
	else
		json_object_del(to, "subsets");
	AUTO_FREE char *all = object_path("", "v1", o->ns, "endpoints", NULL);
	struct action *a =
	    o->endpoints ? plan_change(plan, path, o->endpoints, to) : plan_create(plan, all, json_incref(to));
	if (a) {
		a->flags |= PLAN_REFUSED_OK | (o->endpoints ? PLAN_ABSENT_OK : PLAN_EXISTS_OK);
		plan_note_failed(a, o->service, o->endpoints ? "FailedToUpdateEndpoint" : "FailedToCreateEndpoint",
				 "Failed to %s endpoint %s/%s: %%e", o->endpoints ? "update" : "create", o->ns,
				 o->name);
	}
}
