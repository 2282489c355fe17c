/* Plans of services' addresses. Nothing fails: who is faster has made what is wanted. */
#include "cp/controllers/service_address_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cp/controllers/object.h"
#include "io/net/ip.h"

#define GROUP "networking.k8s.io"
#define MANAGED_BY "ipaddress.kubernetes.io/managed-by"
#define ALLOCATOR "ipallocator.k8s.io"
#define FAMILY "ipaddress.kubernetes.io/ip-family"
#define FINALIZER "networking.k8s.io/service-cidr-finalizer"

static bool holds(const json_t *service, const char *address)
{
	return json_has_text(json_at(service, "spec.clusterIPs"), address);
}

void service_address_plan(const json_t *service, bool (*has)(void *arg, const char *address), void *arg, struct plan *plan)
{
	json_t *v;
	size_t i;
	json_array_foreach(json_at(service, "spec.clusterIPs"), i, v) {
		const char *address = json_string_value(v);
		if (str_empty(address) || !strcmp(address, "None") || object_deleting(service) || has(arg, address))
			continue;
		AUTO_FREE char *path = object_path(GROUP, "v1", "", "ipaddresses", NULL);
		struct action *a = plan_create(
			plan, path,
			json_pack("{s:s, s:s, s:{s:s, s:{s:s, s:s}}, s:{s:{s:s, s:s, s:s, s:s}}}", "apiVersion", GROUP "/v1", "kind",
				  "IPAddress", "metadata", "name", address, "labels", FAMILY, strchr(address, ':') ? "IPv6" : "IPv4",
				  MANAGED_BY, ALLOCATOR, "spec", "parentRef", "group", "", "resource", "services", "namespace",
				  object_ns(service), "name", object_name(service)));
		a->flags |= PLAN_EXISTS_OK;
	}
}

void address_owner_plan(const json_t *address, const json_t *service, struct plan *plan)
{
	if (!str_eq(json_member(object_labels(address), MANAGED_BY), ALLOCATOR) || object_deleting(address) ||
	    holds(service, object_name(address)))
		return;
	AUTO_FREE char *path = object_path(GROUP, "v1", "", "ipaddresses", object_name(address));
	plan_delete(plan, path, object_uid(address), -1, NULL)->flags |= PLAN_ABSENT_OK;
}

/* --- ranges --------------------------------------------------------------------------------------------------------------- */

static bool cidr_holds(const char *cidr, const char *address)
{
	struct ip_net net;
	struct ip ip;
	return ip_net_parse(cidr, &net) == 0 && ip_parse(address, &ip) == 0 && ip_net_contains(&net, &ip);
}

static bool range_holds(const json_t *range, const char *address)
{
	json_t *v;
	size_t i;
	json_array_foreach(json_at(range, "spec.cidrs"), i, v)
		if (json_is_string(v) && cidr_holds(json_string_value(v), address))
			return true;
	return false;
}

/* An address that nothing but this range holds; NULL: none. */
static const char *needed_by(const json_t *range, const json_t *others, const json_t *addresses)
{
	json_t *v, *other;
	size_t i, k;
	json_array_foreach(addresses, i, v) {
		const char *address = json_string_value(v);
		bool elsewhere = !range_holds(range, address);
		json_array_foreach(others, k, other)
			elsewhere |= !object_deleting(other) && range_holds(other, address);
		if (!elsewhere)
			return address;
	}
	return NULL;
}

static void set_ready(const json_t *range, const char *status, const char *reason, const char *message, int64_t now_ms, struct plan *plan)
{
	AUTO_FREE char *path = object_path(GROUP, "v1", "", "servicecidrs", object_name(range));
	AUTO_JSON *none = json_object();
	const json_t *from = json_object_get(range, "status");
	AUTO_JSON *to = json_deep_copy(from ? from : none);
	if (object_set_condition(to, "Ready", status, reason, message, now_ms, false))
		plan_status(plan, path, from, to);
}

static void set_finalizer(const json_t *range, bool on, struct plan *plan)
{
	AUTO_FREE char *path = object_path(GROUP, "v1", "", "servicecidrs", object_name(range));
	AUTO_JSON *to = json_deep_copy(range);
	json_t *list = json_array_at(to, "metadata.finalizers");
	if (object_has_finalizer(range, FINALIZER) == on)
		return;
	if (on)
		json_array_append_new(list, json_string(FINALIZER));
	for (size_t i = json_array_size(list); !on && i-- > 0;)
		if (str_eq(json_string_value(json_array_get(list, i)), FINALIZER))
			json_array_remove(list, i);
	struct action *a = plan_change(plan, path, range, to);
	if (a)
		a->flags |= PLAN_ABSENT_OK;
}

void service_range_plan(const json_t *range, const json_t *others, const json_t *addresses, int64_t now_ms, struct plan *plan)
{
	if (!object_deleting(range)) {
		set_finalizer(range, true, plan);
		set_ready(range, "True", "", "Kubernetes Service CIDR is ready", now_ms, plan);
		return;
	}
	if (!needed_by(range, others, addresses)) {
		set_finalizer(range, false, plan);
		return;
	}
	set_ready(range, "False", "Terminating",
		  "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR", now_ms, plan);
}
