/* The plan of EndpointSlices, carried out in memory. */
#include "cp/controllers/endpointslice_plan.h"

#include "tests/unit/cp/controllers/plans.h"

struct world {
	json_t *service, *pods, *slices;
	int made;
};

static void world_init(struct world *w, const char *more)
{
	w->service = J(
	    "{'apiVersion':'v1','kind':'Service','metadata':{'name':'s','namespace':'ns','uid':'su','labels':{'l':'v'}}"
	    ","
	    "'spec':{'selector':{'a':'b'},'ports':[{'name':'http','port':80,'targetPort':'web','protocol':'TCP'}]%s}}",
	    more);
	w->pods = json_array();
	w->slices = json_array();
	w->made = 0;
}

static void world_done(struct world *w)
{
	json_decref(w->service);
	json_decref(w->pods);
	json_decref(w->slices);
}

static void add_pod(struct world *w, int i, int port)
{
	json_array_append_new(
	    w->pods, J("{'metadata':{'name':'p%d','namespace':'ns','uid':'u%d'},'spec':{'nodeName':'n','containers':"
		       "[{'ports':[{'name':'web','containerPort':%d}]}]},'status':{'phase':'Running','podIPs':"
		       "[{'ip':'10.1.%d.%d'}],'conditions':[{'type':'Ready','status':'True'}]}}",
		       i, i, port, i / 200, i % 200));
}

/* Plans and carries out; how many writes. */
static size_t step(struct world *w)
{
	AUTO_PLAN plan = {0};
	AUTO_JSON *zones = J("{'n':'z1'}");
	endpointslice_plan(
	    &(struct endpointslice_observed){
		.service = w->service, .pods = w->pods, .zones = zones, .slices = w->slices},
	    &plan);
	for (size_t i = 0; i < plan.n; i++) {
		const struct action *a = &plan.v[i];
		if (str_eq(a->method, "POST")) {
			json_t *slice = json_deep_copy(a->body);
			AUTO_FREE char *name = xasprintf("s-%d", w->made++);
			json_set_str(slice, "metadata.name", name);
			json_array_append_new(w->slices, slice);
			continue;
		}
		for (size_t k = json_array_size(w->slices); k-- > 0;) {
			json_t *slice = json_array_get(w->slices, k);
			AUTO_FREE char *end = xasprintf("/%s", object_name(slice));
			if (!str_has_suffix(a->path, end))
				continue;
			if (str_eq(a->method, "DELETE"))
				json_array_remove(w->slices, k);
			else
				merge_into(slice, a->body);
		}
	}
	return plan.n;
}

static size_t total(const struct world *w)
{
	size_t n = 0, i;
	json_t *slice;
	json_array_foreach(w->slices, i, slice)
	{
		ck_assert_uint_le(json_array_size(json_object_get(slice, "endpoints")), 100);
		n += json_array_size(json_object_get(slice, "endpoints"));
	}
	return n;
}

START_TEST(one_slice)
{
	struct world w;
	world_init(&w, ",'clusterIP':'None'");
	add_pod(&w, 1, 8080);
	ck_assert_uint_eq(step(&w), 1);
	const json_t *s = json_array_get(w.slices, 0), *ep = json_array_get(json_object_get(s, "endpoints"), 0);
	ck_assert_str_eq(json_member(s, "addressType"), "IPv4");
	ck_assert_str_eq(json_member(object_labels(s), "kubernetes.io/service-name"), "s");
	ck_assert_str_eq(json_member(object_labels(s), "endpointslice.kubernetes.io/managed-by"),
			 "endpointslice-controller.k8s.io");
	ck_assert_str_eq(json_member(object_labels(s), "service.kubernetes.io/headless"), "");
	ck_assert_str_eq(json_member(object_labels(s), "l"), "v");
	ck_assert(object_controlled_by(s, "su"));
	ck_assert_str_eq(json_member(ep, "nodeName"), "n");
	ck_assert_str_eq(json_member(ep, "zone"), "z1");
	ck_assert_str_eq(json_str_at(ep, "targetRef.name"), "p1");
	ck_assert(json_bool_at(ep, "conditions.ready", false));
	ck_assert_int_eq(json_int_at(json_array_get(json_object_get(s, "ports"), 0), "port", 0), 8080);
	ck_assert_uint_eq(step(&w), 0);
	world_done(&w);
}
END_TEST

START_TEST(conditions)
{
	static const struct {
		bool ready, deleting, publish, want_ready, want_serving, want_terminating;
	} cases[] = {
	    {true, false, false, true, true, false},  {false, false, false, false, false, false},
	    {true, true, false, false, true, true},   {false, true, false, false, false, true},
	    {false, false, true, true, false, false}, {true, true, true, true, true, true},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world w;
		world_init(&w, cases[i].publish ? ",'publishNotReadyAddresses':true" : "");
		add_pod(&w, 1, 1);
		json_t *pod = json_array_get(w.pods, 0);
		json_set_str(json_array_get(json_at(pod, "status.conditions"), 0), "status",
			     cases[i].ready ? "True" : "False");
		if (cases[i].deleting)
			json_set_str(pod, "metadata.deletionTimestamp", "2020-01-01T00:00:00Z");
		step(&w);
		const json_t *ep = json_array_get(json_object_get(json_array_get(w.slices, 0), "endpoints"), 0);
		ck_assert_int_eq(json_bool_at(ep, "conditions.ready", !cases[i].want_ready), cases[i].want_ready);
		ck_assert_int_eq(json_bool_at(ep, "conditions.serving", !cases[i].want_serving), cases[i].want_serving);
		ck_assert_int_eq(json_bool_at(ep, "conditions.terminating", !cases[i].want_terminating),
				 cases[i].want_terminating);
		world_done(&w);
	}
}
END_TEST

START_TEST(a_hundred_a_slice)
{
	struct world w;
	world_init(&w, "");
	for (int i = 0; i < 250; i++)
		add_pod(&w, i, 1);
	ck_assert_uint_eq(step(&w), 3);
	ck_assert_uint_eq(total(&w), 250);
	/* One pod goes: one slice is written, the others stay. */
	json_array_remove(w.pods, 120);
	ck_assert_uint_eq(step(&w), 1);
	ck_assert_uint_eq(total(&w), 249);
	/* One comes: the slices with room take it. */
	add_pod(&w, 900, 1);
	ck_assert_uint_eq(step(&w), 1);
	ck_assert_uint_eq(json_array_size(w.slices), 3);
	ck_assert_uint_eq(total(&w), 250);
	json_array_clear(w.pods);
	step(&w);
	step(&w);
	ck_assert_uint_eq(total(&w), 0);
	ck_assert_uint_eq(json_array_size(w.slices), 1);
	ck_assert_uint_eq(step(&w), 0);
	world_done(&w);
}
END_TEST

START_TEST(ports_apart)
{
	struct world w;
	world_init(&w, "");
	add_pod(&w, 1, 8080);
	add_pod(&w, 2, 9090);
	step(&w);
	ck_assert_uint_eq(json_array_size(w.slices), 2);
	json_array_remove(w.pods, 1);
	step(&w);
	ck_assert_uint_eq(json_array_size(w.slices), 1);
	world_done(&w);
}
END_TEST

START_TEST(two_families)
{
	struct world w;
	world_init(&w, ",'ipFamilies':['IPv4','IPv6']");
	add_pod(&w, 1, 1);
	json_array_append_new(json_at(json_array_get(w.pods, 0), "status.podIPs"), json_pack("{s:s}", "ip", "fd00::2"));
	step(&w);
	ck_assert_uint_eq(json_array_size(w.slices), 2);
	ck_assert_uint_eq(total(&w), 2);
	ck_assert_uint_eq(step(&w), 0);
	world_done(&w);
}
END_TEST

START_TEST(left_alone)
{
	struct world w;
	world_init(&w, "");
	add_pod(&w, 1, 1);
	json_object_del(json_object_get(w.service, "spec"), "selector");
	ck_assert_uint_eq(step(&w), 0);
	world_done(&w);
}
END_TEST

TESTS("endpointslice_plan", one_slice, conditions, a_hundred_a_slice, ports_apart, two_families, left_alone)
