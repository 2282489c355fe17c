/* What a node takes. */
#include "agent/pod_admit.h"

#include "base/json.h"
#include "tests/unit/check_main.h"
#include "tests/unit/quoted_json.h"

static const struct {
	const char *spec, *want;
} cases[] = {
    {"{'containers':[{'resources':{'requests':{'cpu':'500m','memory':'1Gi'}}}]}", NULL},
    {"{'containers':[{'resources':{'requests':{'cpu':'600m'}}}]}", "OutOfcpu"},
    {"{'containers':[{}],'initContainers':[{'resources':{'limits':{'memory':'2Gi'}}}]}", "OutOfmemory"},
    {"{'containers':[{'ports':[{'containerPort':1,'hostPort':80}]}]}", "NodePorts"},
    {"{'containers':[{'ports':[{'containerPort':1,'hostPort':80,'protocol':'UDP'}]}]}", NULL},
    {"{'containers':[{'ports':[{'containerPort':1,'hostPort':81,'hostIP':'127.0.0.2'}]}]}", NULL},
    {"{'containers':[{'ports':[{'containerPort':80}]}]}", NULL},
};

START_TEST(what_fits)
{
	AUTO_JSON *other = quoted_json("{'spec':{'containers':[{'resources':{'requests':{'cpu':'1500m','memory':'1Gi'}},'ports':["
				       "{'containerPort':9,'hostPort':80},{'containerPort':9,'hostPort':81,'hostIP':'127.0.0.1'}]}]}}");
	const json_t *others[] = {other};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_JSON *spec = quoted_json(cases[i].spec);
		AUTO_JSON *pod = json_pack("{s:O}", "spec", spec);
		AUTO_FREE char *message = NULL;
		struct pod_admit_in in = {pod, others, 1, 2000, 2LL << 30, 10};
		const char *reason = pod_admit(&in, &message);
		ck_assert_msg(str_eq(reason, cases[i].want), "case %zu: %s", i, reason ? reason : "fits");
		ck_assert(!message == !reason);
		in.max_pods = 1;
		free_ptr(&message);
		message = NULL;
		ck_assert_str_eq(pod_admit(&in, &message), "OutOfpods");
	}
}
END_TEST

TESTS("pod_admit", what_fits)
