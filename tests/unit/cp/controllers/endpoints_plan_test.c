/* The plan of v1 Endpoints. */
#include "cp/controllers/endpoints_plan.h"

#include "tests/unit/cp/controllers/plans.h"

#define PORTS                                                                                                          \
	"'ports':[{'name':'http','port':80,'targetPort':'web','protocol':'TCP'},{'name':'x','port':9,'protocol':'TCP'" \
	"}]"

static json_t *service(const char *more)
{
	return J("{'metadata':{'name':'s','namespace':'ns','uid':'su','labels':{'l':'v'}},'spec':{'selector':{'a':'b'}%"
		 "s," PORTS "}}",
		 more);
}

static json_t *pod(const char *name, const char *ip, int web_port, bool ready, const char *meta)
{
	return J(
	    "{'metadata':{'name':'%s','namespace':'ns','uid':'u-%s'%s},'spec':{'nodeName':'n','containers':[{'ports':[{"
	    "'name':'web',"
	    "'containerPort':%d}]}]},'status':{'phase':'Running','podIP':'%s','podIPs':[{'ip':'%s'},{'ip':'fd00::1'}],"
	    "'conditions':[{'type':'Ready','status':'%s'}]}}",
	    name, name, meta, web_port, ip, ip, ready ? "True" : "False");
}

static void run(json_t *svc, json_t *pods, json_t *have, struct plan *plan)
{
	endpoints_plan(
	    &(struct endpoints_observed){.ns = "ns", .name = "s", .service = svc, .pods = pods, .endpoints = have},
	    plan);
}

START_TEST(subsets_by_ports)
{
	AUTO_JSON *svc = service("");
	AUTO_JSON *pods =
	    json_pack("[o,o,o,o]", pod("b", "10.0.0.2", 8080, true, ""), pod("a", "10.0.0.1", 8080, true, ""),
		      pod("c", "10.0.0.3", 8080, false, ""), pod("d", "10.0.0.4", 9090, true, ""));
	AUTO_PLAN plan = {0};
	run(svc, pods, NULL, &plan);
	ck_assert_uint_eq(plan.n, 1);
	json_t *ep = plan.v[0].body;
	ck_assert_str_eq(plan.v[0].method, "POST");
	ck_assert_str_eq(json_member(object_labels(ep), "l"), "v");
	ck_assert_ptr_null(json_member(object_labels(ep), "service.kubernetes.io/headless"));
	const json_t *subsets = json_object_get(ep, "subsets");
	ck_assert_uint_eq(json_array_size(subsets), 2);
	const json_t *first = json_array_get(subsets, 0);
	if (json_array_size(json_object_get(first, "addresses")) == 1)
		first = json_array_get(subsets, 1);
	ck_assert_str_eq(json_member(json_array_get(json_object_get(first, "addresses"), 0), "ip"), "10.0.0.1");
	ck_assert_str_eq(json_member(json_array_get(json_object_get(first, "notReadyAddresses"), 0), "ip"), "10.0.0.3");
	const json_t *port = json_array_get(json_object_get(first, "ports"), 0);
	ck_assert_int_eq(json_int_at(port, "port", 0), 8080);
	ck_assert_int_eq(json_int_at(json_array_get(json_object_get(first, "ports"), 1), "port", 0), 9);
	/* The same again, in another order of pods: nothing to do. */
	AUTO_JSON *same = json_copy(ep);
	AUTO_JSON *turned = json_pack("[O,O,O,O]", json_array_get(pods, 3), json_array_get(pods, 2),
				      json_array_get(pods, 1), json_array_get(pods, 0));
	AUTO_PLAN again = {0};
	run(svc, turned, same, &again);
	ck_assert_uint_eq(again.n, 0);
}
END_TEST

START_TEST(who_counts)
{
	AUTO_JSON *svc = service("");
	AUTO_JSON *publish = service(",'publishNotReadyAddresses':true,'clusterIP':'None'");
	AUTO_JSON *pods =
	    json_pack("[o,o]", pod("a", "10.0.0.1", 1, true, ",'deletionTimestamp':'2020-01-01T00:00:00Z'"),
		      pod("b", "10.0.0.2", 1, true, ""));
	json_set_str(json_array_get(pods, 1), "status.phase", "Failed");
	AUTO_PLAN plan = {0};
	run(svc, pods, NULL, &plan);
	ck_assert_ptr_null(json_object_get(plan.v[0].body, "subsets"));
	AUTO_PLAN open = {0};
	run(publish, pods, NULL, &open);
	ck_assert_uint_eq(json_array_size(json_object_get(open.v[0].body, "subsets")), 1);
	ck_assert_str_eq(json_member(object_labels(open.v[0].body), "service.kubernetes.io/headless"), "");
}
END_TEST

START_TEST(second_family)
{
	AUTO_JSON *svc = service(",'ipFamilies':['IPv6']");
	AUTO_JSON *pods = json_pack("[o]", pod("a", "10.0.0.1", 1, true, ""));
	AUTO_PLAN plan = {0};
	run(svc, pods, NULL, &plan);
	const json_t *subset = json_array_get(json_object_get(plan.v[0].body, "subsets"), 0);
	ck_assert_str_eq(json_member(json_array_get(json_object_get(subset, "addresses"), 0), "ip"), "fd00::1");
}
END_TEST

START_TEST(left_alone_or_removed)
{
	AUTO_JSON *svc = service("");
	AUTO_JSON *own = J("{'metadata':{'name':'s','namespace':'ns','uid':'eu'}}");
	AUTO_JSON *ours = J("{'metadata':{'name':'s','uid':'eu','labels':{'endpoints.kubernetes.io/"
			    "managed-by':'endpoint-controller'}}}");
	AUTO_JSON *none = json_array();
	AUTO_PLAN plan = {0};
	run(NULL, NULL, own, &plan);
	ck_assert_uint_eq(plan.n, 0);
	run(NULL, NULL, ours, &plan);
	ck_assert_uint_eq(plan.n, 1);
	ck_assert_str_eq(plan.v[0].method, "DELETE");
	json_object_del(json_object_get(svc, "spec"), "selector");
	AUTO_PLAN still = {0};
	run(svc, none, own, &still);
	ck_assert_uint_eq(still.n, 0);
}
END_TEST

START_TEST(capacity)
{
	AUTO_JSON *svc = service("");
	AUTO_JSON *pods = json_array();
	for (int i = 0; i < 1005; i++) {
		AUTO_FREE char *ip = xasprintf("10.0.%d.%d", i / 250, i % 250);
		json_array_append_new(pods, pod(ip, ip, 1, true, ""));
	}
	AUTO_PLAN plan = {0};
	run(svc, pods, NULL, &plan);
	const json_t *subset = json_array_get(json_object_get(plan.v[0].body, "subsets"), 0);
	ck_assert_uint_eq(json_array_size(json_object_get(subset, "addresses")), 1000);
	ck_assert_str_eq(object_annotation(plan.v[0].body, "endpoints.kubernetes.io/over-capacity"), "truncated");
}
END_TEST

TESTS("endpoints_plan", subsets_by_ports, who_counts, second_family, left_alone_or_removed, capacity)
