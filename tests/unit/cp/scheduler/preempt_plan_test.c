/* Preemption: who has to go, and where. */
#include "cp/scheduler/preempt_plan.h"

#include "tests/unit/cp/controllers/plans.h"

static struct sched_pod *pod(const char *name, int priority, int cpu)
{
	AUTO_JSON *p = J("{'metadata':{'name':'%s','namespace':'ns','uid':'%s'},'spec':{'priority':%d,'containers':[{'resources':"
			 "{'requests':{'cpu':'%d'}}}]}}",
			 name, name, priority, cpu);
	return sched_pod_new(p);
}

static bool is_guarded(void *arg, const struct sched_pod *p)
{
	return str_eq(arg, p->name);
}

/* "node: victim victim", the victims in the order of their names; "" when nothing helps. Owned. */
static char *who_goes(struct cluster *c, int priority, int cpu, const char *guarded)
{
	AUTO_SCHED_POD *p = pod("new", priority, cpu);
	AUTO_PREEMPT_RESULT r = {0};
	AUTO_STR out = STR_INIT;
	preempt_plan(c, p, is_guarded, (void *)guarded, &r);
	if (r.node)
		str_addf(&out, "%s:", r.node);
	for (char name = 'a'; name <= 'z'; name++)
		for (size_t i = 0; i < r.n_victims; i++)
			if (r.victims[i]->name[0] == name)
				str_addf(&out, " %s", r.victims[i]->name);
	return str_take(&out);
}

START_TEST(the_least_that_helps)
{
	struct cluster c;
	cluster_init(&c);
	for (int i = 1; i <= 2; i++) {
		AUTO_JSON *n = J("{'metadata':{'name':'n%d'},'status':{'allocatable':{'cpu':'10','pods':'10'}}}", i);
		cluster_set_node(&c, n);
	}
	cluster_set_pod(&c, pod("a", 1, 4), "n1");
	cluster_set_pod(&c, pod("b", 5, 4), "n1");
	cluster_set_pod(&c, pod("c", 3, 6), "n2");
	cluster_set_pod(&c, pod("d", 9, 4), "n2");
	static const struct {
		int priority, cpu;
		const char *guarded, *want;
	} cases[] = {{7, 6, "", "n1: a"}, {7, 6, "a", "n2: c"}, {7, 10, "", "n1: a b"}, {1, 6, "", ""}, {7, 11, "", ""}, {20, 4, "b", "n1: a"}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *have = who_goes(&c, cases[i].priority, cases[i].cpu, cases[i].guarded);
		ck_assert_msg(str_eq(have, cases[i].want), "case %zu: %s", i, have);
	}
	ck_assert_int_eq(c.nodes[0]->requested.cpu_milli, 8000); /* as it was */
	ck_assert_int_eq((int)c.nodes[0]->n_pods, 2);
	cluster_done(&c);
}
END_TEST

START_TEST(promised_room_is_kept)
{
	struct cluster c;
	cluster_init(&c);
	AUTO_JSON *n = J("{'metadata':{'name':'n1'},'status':{'allocatable':{'cpu':'10','pods':'10'}}}");
	cluster_set_node(&c, n);
	cluster_nominate(&c, pod("important", 10, 8), "n1");
	cluster_set_pod(&c, pod("a", 1, 4), "n1");
	AUTO_SCHED_POD *waiting = pod("w", 10, 8);
	waiting->nominated = xstrdup("n1");
	ck_assert(!preempt_waits(&c, waiting));
	((struct sched_pod *)map_get(c.pods, "a"))->deleting = true;
	ck_assert(preempt_waits(&c, waiting));
	cluster_done(&c);
}
END_TEST

TESTS("preempt_plan", the_least_that_helps, promised_room_is_kept)
