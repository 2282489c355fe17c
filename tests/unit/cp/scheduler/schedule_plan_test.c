/* Placing: each filter and score by tables, the message, the sums of the cluster. */
#include "cp/scheduler/schedule_plan.h"

#include "tests/unit/cp/controllers/plans.h"

static void add_node(struct cluster *c, const char *name, const char *meta, const char *spec, const char *allocatable)
{
	AUTO_JSON *n = J(
	    "{'metadata':{'name':'%s','labels':{'kubernetes.io/hostname':'%s'%s}},'spec':{%s},'status':{'allocatable':"
	    "{'cpu':'4','memory':'8Gi','pods':'10'%s}}}",
	    name, name, meta, spec, allocatable);
	cluster_set_node(c, n);
}

static struct sched_pod *pod(const char *name, const char *labels, const char *spec)
{
	AUTO_JSON *p =
	    J("{'metadata':{'name':'%s','namespace':'ns','uid':'u-%s','labels':{%s}},'spec':{'containers':[]%s%s}}",
	      name, name, labels, *spec ? "," : "", spec);
	return sched_pod_new(p);
}

static void put(struct cluster *c, const char *name, const char *labels, const char *spec, const char *node)
{
	cluster_set_pod(c, pod(name, labels, spec), node);
}

/* The node's name, or the message. Owned. */
static char *place_seed(struct cluster *c, const char *labels, const char *spec, uint32_t seed)
{
	AUTO_SCHED_POD *p = pod("new", labels, spec);
	AUTO_SCHEDULE_RESULT r = {0};
	schedule_plan(c, p, seed, &r);
	return xstrdup(r.node ? r.node->name : str_text(&r.message));
}

static void expect(struct cluster *c, const char *labels, const char *spec, const char *want)
{
	AUTO_FREE char *have = place_seed(c, labels, spec, 0);
	ck_assert_msg(str_eq(have, want), "%s: %s, not %s", spec, have, want);
}

#define REQUESTS(r) "'containers':[{'resources':{'requests':{" r "}}}]"
#define AFFINITY(terms)                                                                                                \
	"'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{'nodeSelectorTerms':[" terms    \
	"]}}}"
#define EXPRESSION(e) AFFINITY("{'matchExpressions':[" e "]}")
#define NO_AFFINITY "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."

static const struct {
	const char *meta, *node_spec, *pod_spec, *want; /* want NULL: it fits */
} one_node[] = {
    {"", "", "", NULL},
    {"", "'unschedulable':true", "", "0/1 nodes are available: 1 node(s) were unschedulable."},
    {"", "'unschedulable':true", "'tolerations':[{'key':'node.kubernetes.io/unschedulable','operator':'Exists'}]",
     NULL},
    {"", "", "'nodeName':'other'", "0/1 nodes are available: 1 node(s) didn't match the requested node name."},
    {"", "'taints':[{'key':'k','value':'v','effect':'NoSchedule'}]", "",
     "0/1 nodes are available: 1 node(s) had untolerated taint {k: v}."},
    {"", "'taints':[{'key':'k','effect':'NoExecute'}]", "",
     "0/1 nodes are available: 1 node(s) had untolerated taint {k: }."},
    {"", "'taints':[{'key':'k','value':'v','effect':'PreferNoSchedule'}]", "", NULL},
    {"", "'taints':[{'key':'k','value':'v','effect':'NoSchedule'}]",
     "'tolerations':[{'key':'k','value':'v','effect':'NoSchedule'}]", NULL},
    {"", "'taints':[{'key':'k','value':'v','effect':'NoSchedule'}]", "'tolerations':[{'operator':'Exists'}]", NULL},
    {",'a':'b'", "", "'nodeSelector':{'a':'b'}", NULL},
    {",'a':'b'", "", "'nodeSelector':{'a':'c'}", NO_AFFINITY},
    {",'a':'b'", "", EXPRESSION("{'key':'a','operator':'In','values':['x','b']}"), NULL},
    {",'a':'b'", "", EXPRESSION("{'key':'a','operator':'In','values':['x']}"), NO_AFFINITY},
    {",'a':'b'", "", EXPRESSION("{'key':'a','operator':'NotIn','values':['x']}"), NULL},
    {"", "", EXPRESSION("{'key':'a','operator':'NotIn','values':['x']}"), NULL},
    {",'a':'b'", "", EXPRESSION("{'key':'a','operator':'NotIn','values':['b']}"), NO_AFFINITY},
    {",'a':'b'", "", EXPRESSION("{'key':'a','operator':'Exists'}"), NULL},
    {"", "", EXPRESSION("{'key':'a','operator':'Exists'}"), NO_AFFINITY},
    {"", "", EXPRESSION("{'key':'a','operator':'DoesNotExist'}"), NULL},
    {",'a':'b'", "", EXPRESSION("{'key':'a','operator':'DoesNotExist'}"), NO_AFFINITY},
    {",'n':'5'", "", EXPRESSION("{'key':'n','operator':'Gt','values':['4']}"), NULL},
    {",'n':'5'", "", EXPRESSION("{'key':'n','operator':'Gt','values':['5']}"), NO_AFFINITY},
    {",'n':'5'", "", EXPRESSION("{'key':'n','operator':'Lt','values':['6']}"), NULL},
    {",'n':'x'", "", EXPRESSION("{'key':'n','operator':'Lt','values':['6']}"), NO_AFFINITY},
    {"", "", AFFINITY("{'matchFields':[{'key':'metadata.name','operator':'In','values':['n1']}]}"), NULL},
    {"", "", AFFINITY("{'matchFields':[{'key':'metadata.name','operator':'In','values':['n2']}]}"), NO_AFFINITY},
    {"", "", AFFINITY("{}"), NO_AFFINITY},
    {",'a':'b'", "",
     AFFINITY("{'matchExpressions':[{'key':'z','operator':'Exists'}]},{'matchExpressions':[{'key':'a','operator':'"
	      "Exists'}]}"),
     NULL},
    {"", "", REQUESTS("'cpu':'3','memory':'7Gi'"), NULL},
    {"", "", REQUESTS("'cpu':'3001m'"), "0/1 nodes are available: 1 Insufficient cpu."},
    {"", "", REQUESTS("'cpu':'5','memory':'9Gi'"),
     "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory."},
    {"", "", REQUESTS("'ephemeral-storage':'1Gi'"), "0/1 nodes are available: 1 Insufficient ephemeral-storage."},
    {"", "", REQUESTS("'x.io/gpu':'2'"), NULL},
    {"", "", REQUESTS("'x.io/gpu':'3'"), "0/1 nodes are available: 1 Insufficient x.io/gpu."},
    {"", "", "'containers':[{'ports':[{'containerPort':80,'hostPort':80,'protocol':'TCP'}]}]",
     "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."},
    {"", "", "'containers':[{'ports':[{'containerPort':80,'hostPort':80,'protocol':'UDP'}]}]", NULL},
    {"", "", "'containers':[{'ports':[{'containerPort':81,'hostPort':81,'protocol':'TCP','hostIP':'10.0.0.1'}]}]",
     NULL},
    {"", "", "'containers':[{'ports':[{'containerPort':80,'hostPort':80,'protocol':'TCP','hostIP':'10.0.0.1'}]}]",
     "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."},
};

START_TEST(filters)
{
	struct cluster c;
	cluster_init(&c);
	add_node(&c, "n1", one_node[_i].meta, one_node[_i].node_spec, ",'x.io/gpu':'2'");
	put(&c, "old", "",
	    "'containers':[{'resources':{'requests':{'cpu':'1','memory':'1Gi'}},'ports':[{'hostPort':80}]}]", "n1");
	AUTO_FREE char *spec = xstrdup(one_node[_i].pod_spec);
	/* A second "containers" replaces the empty one. */
	expect(&c, "", spec, one_node[_i].want ? one_node[_i].want : "n1");
	cluster_done(&c);
}
END_TEST

START_TEST(message_counts)
{
	struct cluster c;
	cluster_init(&c);
	expect(&c, "", "", "no nodes available to schedule pods");
	add_node(&c, "n1", "", "'unschedulable':true", "");
	add_node(&c, "n2", "", "", "");
	add_node(&c, "n3", "", "", "");
	expect(&c, "", REQUESTS("'cpu':'5'"),
	       "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu.");
	cluster_done(&c);
}
END_TEST

START_TEST(too_many_pods)
{
	struct cluster c;
	cluster_init(&c);
	add_node(&c, "n1", "", "", "");
	for (int i = 0; i < 10; i++) {
		AUTO_FREE char *name = xasprintf("p%d", i);
		expect(&c, "", "", "n1");
		put(&c, name, "", "", "n1");
	}
	expect(&c, "", "", "0/1 nodes are available: 1 Too many pods.");
	cluster_remove_pod(&c, "u-p3");
	expect(&c, "", "", "n1");
	cluster_done(&c);
}
END_TEST

#define TERM(app) "{'labelSelector':{'matchLabels':{'app':'" app "'}},'topologyKey':'zone'}"
#define NEAR(app) "'affinity':{'podAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':[" TERM(app) "]}}"
#define AWAY(app) "'affinity':{'podAntiAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':[" TERM(app) "]}}"

START_TEST(pods_between_themselves)
{
	struct cluster c;
	cluster_init(&c);
	add_node(&c, "n1", ",'zone':'a'", "", "");
	add_node(&c, "n2", ",'zone':'b'", "", "");
	put(&c, "db", "'app':'db'", "", "n1");
	expect(&c, "'app':'web'", NEAR("db"), "n1");
	expect(&c, "'app':'web'", AWAY("db"), "n2");
	expect(&c, "'app':'web'", NEAR("none"), "0/2 nodes are available: 2 node(s) didn't match pod affinity rules.");
	AUTO_FREE char *first = place_seed(&c, "'app':'me'", NEAR("me"), 0); /* the first of its group */
	ck_assert_int_eq(first[0], 'n');
	put(&c, "shy", "'app':'shy'", AWAY("web"), "n2");
	expect(&c, "'app':'web'", AWAY("db"),
	       "0/2 nodes are available: 1 node(s) didn't match pod anti-affinity rules, "
	       "1 node(s) didn't satisfy existing pods anti-affinity rules.");
	cluster_remove_pod(&c, "u-shy");
	expect(&c, "'app':'web'", AWAY("db"), "n2");
	/* Only pods of the own namespace count unless others are named. */
	expect(&c, "'app':'web'",
	       "'affinity':{'podAntiAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':[{'labelSelector':"
	       "{'matchLabels':{'app':'db'}},'topologyKey':'zone','namespaces':['ns']}]}}",
	       "n2");
	AUTO_JSON *labels = J("{'team':'x'}");
	cluster_set_namespace(&c, "ns", labels);
	expect(&c, "'app':'web'",
	       "'affinity':{'podAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':[{'labelSelector':"
	       "{'matchLabels':{'app':'db'}},'topologyKey':'zone','namespaceSelector':{'matchLabels':{'team':'x'}}}]}}",
	       "n1");
	expect(&c, "'app':'web'",
	       "'affinity':{'podAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':[{'labelSelector':"
	       "{'matchLabels':{'app':'db'}},'topologyKey':'zone','namespaceSelector':{'matchLabels':{'team':'y'}}}]}}",
	       "0/2 nodes are available: 2 node(s) didn't match pod affinity rules.");
	cluster_done(&c);
}
END_TEST

#define SPREAD(more)                                                                                                   \
	"'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'zone','whenUnsatisfiable':'DoNotSchedule',"          \
	"'labelSelector':{'matchLabels':{'app':'a'}}" more "}]"

START_TEST(spreading)
{
	struct cluster c;
	cluster_init(&c);
	add_node(&c, "n1", ",'zone':'a'", "", "");
	add_node(&c, "n2", ",'zone':'b'", "", "");
	add_node(&c, "n3", "", "", "");
	put(&c, "p1", "'app':'a'", "", "n1");
	expect(&c, "'app':'a'", SPREAD(""), "n2");
	put(&c, "p2", "'app':'a'", "", "n2");
	put(&c, "p3", "'app':'a'", "", "n2");
	expect(&c, "'app':'a'", SPREAD(""), "n1");
	add_node(&c, "n1", ",'zone':'a'", "'unschedulable':true", "");
	expect(&c, "'app':'a'", SPREAD(""),
	       "0/3 nodes are available: 1 node(s) didn't match pod topology spread constraints, 1 node(s) didn't "
	       "match pod topology "
	       "spread constraints (missing required label), 1 node(s) were unschedulable.");
	cluster_remove_pod(&c, "u-p2");
	cluster_remove_pod(&c, "u-p3");
	expect(&c, "'app':'a'", SPREAD(",'minDomains':3"), "n2");
	put(&c, "p2", "'app':'a'", "", "n2");
	AUTO_FREE char *refused = place_seed(&c, "'app':'a'", SPREAD(",'minDomains':3"), 0);
	ck_assert_int_eq(refused[0], '0');
	cluster_done(&c);
}
END_TEST

START_TEST(scores)
{
	struct cluster c;
	cluster_init(&c);
	add_node(&c, "n1", "", "", "");
	add_node(&c, "n2", ",'disk':'ssd'", "", "");
	put(&c, "p1", "", REQUESTS("'cpu':'1','memory':'1Gi'"), "n1");
	expect(&c, "", "", "n2"); /* least allocated */
	put(&c, "p2", "", REQUESTS("'cpu':'1','memory':'1Gi'"), "n2");
	AUTO_FREE char *even = place_seed(&c, "", "", 0);
	AUTO_FREE char *odd = place_seed(&c, "", "", 1);
	ck_assert_str_ne(even, odd); /* a draw: the seed decides */
	for (uint32_t seed = 0; seed < 2; seed++) {
		AUTO_FREE char *liked = place_seed(
		    &c, "",
		    "'affinity':{'nodeAffinity':{'preferredDuringSchedulingIgnoredDuringExecution':[{'weight':1,"
		    "'preference':{'matchExpressions':[{'key':'disk','operator':'In','values':['ssd']}]}}]}}",
		    seed);
		ck_assert_str_eq(liked, "n2");
	}
	add_node(&c, "n2", "", "'taints':[{'key':'k','effect':'PreferNoSchedule'}]", "");
	for (uint32_t seed = 0; seed < 2; seed++) {
		AUTO_FREE char *avoided = place_seed(&c, "", "", seed);
		ck_assert_str_eq(avoided, "n1");
	}
	add_node(&c, "n2", "", "", "");
	put(&c, "r1", "'app':'r'", "", "n1");
	put(&c, "o1", "'app':'o'", "", "n2");
	for (uint32_t seed = 0; seed < 2; seed++) {
		AUTO_FREE char *apart = place_seed(&c, "'app':'r'", "", seed);
		ck_assert_str_eq(apart, "n2");
	}
	cluster_done(&c);
}
END_TEST

START_TEST(requests_of_pods)
{
	AUTO_JSON *spec =
	    J("{'containers':[{'resources':{'requests':{'cpu':'100m','memory':'64Mi'}}},{}],'initContainers':["
	      "{'restartPolicy':'Always','resources':{'requests':{'cpu':'50m'}}},{'resources':{'requests':{'cpu':'1','"
	      "memory':'10Mi'}}}],"
	      "'overhead':{'cpu':'10m'}}");
	struct resources r = {0};
	int64_t cpu, memory;
	resources_of_pod(spec, &r, &cpu, &memory);
	ck_assert_int_eq(r.cpu_milli, 1060); /* the init container beside the sidecar, and overhead */
	ck_assert_int_eq(r.memory_bytes, 64 << 20);
	ck_assert_int_eq(r.pods, 1);
	ck_assert_int_eq(memory, (64 + 200 + 200) << 20);
	resources_done(&r);
}
END_TEST

START_TEST(sums_follow)
{
	struct cluster c;
	cluster_init(&c);
	put(&c, "early", "", REQUESTS("'cpu':'1'"), "n1"); /* before its node is known */
	expect(&c, "", "", "no nodes available to schedule pods");
	add_node(&c, "n1", "", "", "");
	ck_assert_int_eq(c.nodes[0]->requested.cpu_milli, 1000);
	put(&c, "early", "", REQUESTS("'cpu':'2'"), "n1"); /* renewed, not counted twice */
	ck_assert_int_eq(c.nodes[0]->requested.cpu_milli, 2000);
	ck_assert_int_eq(c.nodes[0]->requested.pods, 1);
	AUTO_JSON *same =
	    J("{'metadata':{'name':'n1','labels':{'kubernetes.io/hostname':'n1'}},'spec':{},'status':{'allocatable':"
	      "{'cpu':'4','memory':'8Gi','pods':'10'},'conditions':[{'lastHeartbeatTime':'x'}]}}");
	ck_assert(!cluster_set_node(&c, same));
	json_set_str(same, "status.allocatable.cpu", "5");
	ck_assert(cluster_set_node(&c, same));
	cluster_remove_node(&c, "n1");
	ck_assert_uint_eq(c.n_nodes, 1);
	cluster_remove_pod(&c, "u-early");
	ck_assert_uint_eq(c.n_nodes, 0);
	cluster_done(&c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("schedule_plan");
	TCase *t = tcase_create("all");
	tcase_add_loop_test(t, filters, 0, (int)ARRAY_LEN(one_node));
	const TTest *const cases[] = {message_counts,   too_many_pods, pods_between_themselves, spreading, scores,
				      requests_of_pods, sums_follow};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		tcase_add_test(t, cases[i]);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
