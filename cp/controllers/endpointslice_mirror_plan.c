/* The plan of mirrored Endpoints.
 *
 * Happy path: each subset gives one wanted slice a family; a slice of the same family and ports is changed to it, the others are
 * made anew, and what is left over goes. Nothing can fail. Always holds: a slice whose content stays the same is not written. */
#include "cp/controllers/endpointslice_mirror_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cp/controllers/endpointslice_plan.h"
#include "cp/controllers/object.h"

#define SKIP "endpointslice.kubernetes.io/skip-mirror"
#define LEADER "control-plane.alpha.kubernetes.io/leader"
enum { ADDRESSES_MAX = 1000 };

static bool is_mirrored(const struct mirror_observed *o)
{
	const char *skip = o->endpoints ? json_member(object_labels(o->endpoints), SKIP) : NULL;
	return o->endpoints && !object_deleting(o->endpoints) && !str_eq(skip, "true") && !object_annotation(o->endpoints, LEADER) &&
	       o->service && !json_object_size(json_at(o->service, "spec.selector"));
}

static const char *family_of(const char *address)
{
	return strchr(address, ':') ? "IPv6" : "IPv4";
}

static json_t *endpoint_of(const json_t *address, bool ready)
{
	static const char *const copied[] = {"hostname", "nodeName", "targetRef"};
	json_t *ep = json_pack("{s:[s], s:{s:b}}", "addresses", json_str_or(address, "ip", ""), "conditions", "ready", (int)ready);
	for (size_t i = 0; i < ARRAY_LEN(copied); i++) {
		json_t *v = json_object_get(address, copied[i]);
		if (v)
			json_object_set(ep, copied[i], v);
	}
	return ep;
}

static json_t *ports_of(const json_t *subset)
{
	json_t *ports = json_array(), *p;
	size_t i;
	json_array_foreach(json_object_get(subset, "ports"), i, p)
	{
		json_t *port = json_deep_copy(p);
		if (!json_object_get(port, "name"))
			json_set_str(port, "name", "");
		if (!json_object_get(port, "protocol"))
			json_set_str(port, "protocol", "TCP");
		json_array_append_new(ports, port);
	}
	return ports;
}

static void set_meta(const json_t *endpoints, json_t *slice)
{
	json_t *labels = object_labels(endpoints) ? json_deep_copy(object_labels(endpoints)) : json_object();
	json_t *notes = json_deep_copy(json_at(endpoints, "metadata.annotations"));
	json_object_set_new(labels, ENDPOINTSLICE_SERVICE, json_string(object_name(endpoints)));
	json_object_set_new(labels, ENDPOINTSLICE_MANAGED_BY, json_string(ENDPOINTSLICE_MIRROR_MANAGER));
	json_set_at(slice, "metadata.labels", labels);
	json_object_del(notes, "kubectl.kubernetes.io/last-applied-configuration");
	if (json_object_size(notes))
		json_set_at(slice, "metadata.annotations", json_incref(notes));
	json_decref(notes);
}

/* The slice with this family and these ports; made when there is none. Borrowed. */
static json_t *slice_for(const json_t *endpoints, const char *family, const json_t *ports, json_t *wanted)
{
	size_t i;
	json_t *s;
	json_array_foreach(wanted, i, s)
	{
		if (str_eq(json_member(s, "addressType"), family) && json_equal(json_object_get(s, "ports"), ports))
			return s;
	}
	AUTO_FREE char *prefix = xasprintf("%s-", object_name(endpoints));
	s = json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:[o]}, s:[], s:O}", "apiVersion", "discovery.k8s.io/v1", "kind", "EndpointSlice",
		      "addressType", family, "metadata", "generateName", prefix, "namespace", object_ns(endpoints), "ownerReferences",
		      object_owner_ref(endpoints, "v1", "Endpoints"), "endpoints", "ports", (json_t *)ports);
	set_meta(endpoints, s);
	json_array_append_new(wanted, s);
	return s;
}

static void add_addresses(const json_t *endpoints, const json_t *subset, const char *list, bool ready, json_t *wanted)
{
	AUTO_JSON *ports = ports_of(subset);
	size_t i;
	json_t *address;
	json_array_foreach(json_object_get(subset, list), i, address)
	{
		json_t *s = slice_for(endpoints, family_of(json_str_or(address, "ip", "")), ports, wanted);
		json_t *to = json_object_get(s, "endpoints");
		if (json_array_size(to) < ADDRESSES_MAX)
			json_array_append_new(to, endpoint_of(address, ready));
	}
}

static json_t *wanted_slices(const json_t *endpoints)
{
	json_t *wanted = json_array(), *subset;
	size_t i;
	json_array_foreach(json_object_get(endpoints, "subsets"), i, subset)
	{
		add_addresses(endpoints, subset, "addresses", true, wanted);
		add_addresses(endpoints, subset, "notReadyAddresses", false, wanted);
	}
	return wanted;
}

static bool matches(const json_t *slice, const json_t *wanted)
{
	AUTO_JSON *ports = ports_of(slice);
	return str_eq(json_member(slice, "addressType"), json_member(wanted, "addressType")) && !object_deleting(slice) &&
	       json_equal(ports, json_object_get(wanted, "ports"));
}

/* A copy of slice with what is wanted of it. */
static json_t *changed_slice(const json_t *slice, const json_t *wanted)
{
	json_t *to = json_deep_copy(slice), *notes = json_at(wanted, "metadata.annotations");
	json_object_set(to, "endpoints", json_object_get(wanted, "endpoints"));
	json_object_set(json_object_get(to, "metadata"), "labels", json_at(wanted, "metadata.labels"));
	if (notes)
		json_object_set(json_object_get(to, "metadata"), "annotations", notes);
	else
		json_del_at(to, "metadata.annotations");
	return to;
}

void endpointslice_mirror_plan(const struct mirror_observed *o, struct plan *plan)
{
	AUTO_JSON *wanted = is_mirrored(o) ? wanted_slices(o->endpoints) : json_array();
	size_t i, k;
	json_t *slice, *w;
	json_array_foreach(o->slices, i, slice)
	{
		AUTO_FREE char *path = object_path("discovery.k8s.io", "v1", object_ns(slice), "endpointslices", object_name(slice));
		struct action *a = NULL;
		bool kept = object_deleting(slice);
		json_array_foreach(wanted, k, w)
		{
			if (kept || !matches(slice, w))
				continue;
			AUTO_JSON *to = changed_slice(slice, w);
			a = plan_change(plan, path, slice, to);
			json_array_remove(wanted, k);
			kept = true;
			break;
		}
		if (!kept)
			a = plan_delete(plan, path, object_uid(slice), -1, NULL);
		if (a)
			a->flags |= PLAN_ABSENT_OK;
	}
	AUTO_FREE char *all = o->endpoints ? object_path("discovery.k8s.io", "v1", object_ns(o->endpoints), "endpointslices", NULL) : NULL;
	json_array_foreach(wanted, k, w) plan_create(plan, all, json_incref(w))->flags |= PLAN_REFUSED_OK;
}
