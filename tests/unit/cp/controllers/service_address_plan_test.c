/* Plans of services' addresses and their ranges. */
#include "cp/controllers/service_address_plan.h"

#include "tests/unit/cp/controllers/plans.h"

#define MANAGED "'labels':{'ipaddress.kubernetes.io/managed-by':'ipallocator.k8s.io'}"

static bool has(void *arg, const char *address)
{
	return str_eq(arg, address);
}

START_TEST(lost_objects)
{
	AUTO_JSON *service = J("{'metadata':{'name':'s','namespace':'a'},'spec':{'clusterIPs':['10.96.0.7','fd00::7']}}");
	AUTO_JSON *headless = J("{'metadata':{'name':'s','namespace':'a'},'spec':{'clusterIPs':['None']}}");
	AUTO_PLAN plan = { 0 }, none = { 0 };
	service_address_plan(service, has, "fd00::7", &plan);
	ck_assert_uint_eq(plan.n, 1);
	ck_assert_str_eq(plan.v[0].path, "/apis/networking.k8s.io/v1/ipaddresses");
	ck_assert_str_eq(json_str_at(plan.v[0].body, "metadata.name"), "10.96.0.7");
	ck_assert_str_eq(json_member(json_at(plan.v[0].body, "metadata.labels"), "ipaddress.kubernetes.io/ip-family"), "IPv4");
	ck_assert_str_eq(json_str_at(plan.v[0].body, "spec.parentRef.namespace"), "a");
	service_address_plan(headless, has, NULL, &none);
	service_address_plan(NULL, has, NULL, &none);
	ck_assert_uint_eq(none.n, 0);
}
END_TEST

START_TEST(orphans)
{
	AUTO_JSON *address = J("{'metadata':{'name':'10.96.0.7','uid':'u'," MANAGED "}}"), *foreign = J("{'metadata':{'name':'10.96.0.7'}}");
	AUTO_JSON *holder = J("{'spec':{'clusterIPs':['10.96.0.7']}}"), *other = J("{'spec':{'clusterIPs':['10.96.0.8']}}");
	AUTO_PLAN none = { 0 }, a = { 0 }, b = { 0 };
	address_owner_plan(address, holder, &none);
	address_owner_plan(foreign, NULL, &none);
	ck_assert_uint_eq(none.n, 0);
	address_owner_plan(address, other, &a);
	address_owner_plan(address, NULL, &b);
	ck_assert_int_eq(count_actions(&a, "DELETE", "/ipaddresses/10.96.0.7"), 1);
	ck_assert_int_eq(count_actions(&b, "DELETE", "/ipaddresses/10.96.0.7"), 1);
}
END_TEST

START_TEST(ranges)
{
	AUTO_JSON *fresh = J("{'metadata':{'name':'r'},'spec':{'cidrs':['10.1.0.0/20','fd00::/64']}}"), *nobody = json_array();
	AUTO_JSON *addresses = J("['10.1.15.255','10.2.0.1','fd00:0:0:1::1']"), *wider = J("[{'spec':{'cidrs':['10.0.0.0/8']}}]");
	AUTO_PLAN ready = { 0 }, again = { 0 }, waits = { 0 }, goes = { 0 }, empty = { 0 };
	service_range_plan(fresh, nobody, addresses, NOW, &ready);
	ck_assert_uint_eq(ready.n, 2);
	merge_into(fresh, ready.v[0].body);
	merge_into(fresh, ready.v[1].body);
	ck_assert(object_has_finalizer(fresh, "networking.k8s.io/service-cidr-finalizer"));
	ck_assert_str_eq(json_str_at(object_condition(json_object_get(fresh, "status"), "Ready"), "status"), "True");
	service_range_plan(fresh, nobody, addresses, NOW, &again);
	ck_assert_uint_eq(again.n, 0);
	json_set_str(fresh, "metadata.deletionTimestamp", "2020-09-13T12:26:40Z");
	service_range_plan(fresh, nobody, addresses, NOW, &waits);
	ck_assert_uint_eq(waits.n, 1);
	ck_assert_str_eq(json_str_at(json_array_get(json_at(waits.v[0].body, "status.conditions"), 0), "reason"), "Terminating");
	service_range_plan(fresh, wider, addresses, NOW, &goes);
	ck_assert_uint_eq(goes.n, 1);
	ck_assert_uint_eq(json_array_size(json_at(goes.v[0].body, "metadata.finalizers")), 0);
	json_array_clear(addresses);
	service_range_plan(fresh, nobody, addresses, NOW, &empty);
	ck_assert_uint_eq(empty.n, 1);
}
END_TEST

TESTS("service_address_plan", lost_objects, orphans, ranges)
