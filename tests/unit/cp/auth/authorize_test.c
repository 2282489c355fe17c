/* The authoriser's table. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cp/auth/authorize.h"

static const char *pod_node(void *arg, const char *ns, const char *name)
{
	(void)arg;
	(void)ns;
	return strcmp(name, "mine") == 0 ? "n1" : strcmp(name, "other") == 0 ? "n2" : NULL;
}

static const struct {
	const char *user, *group;
	struct auth_attributes a;
	bool allowed;
} cases[] = {
    {"root", "system:masters", {"delete", "", "nodes", "", "", "n", NULL}, true},
    {"root", "system:masters", {"get", "", "", "", "", "", "/metrics"}, true},
    {"alice", "dev", {"list", "", "pods", "", "a", "", NULL}, false},
    {"alice", "dev", {"get", "", "", "", "", "", "/healthz"}, true},
    {"alice", "dev", {"get", "", "", "", "", "", "/metrics"}, false},
    {"system:kube-controller-manager", "system:cluster-internal", {"update", "apps", "deployments", "status", "a", "d", NULL}, true},
    {"system:kube-controller-manager", NULL, {"update", "apps", "deployments", "status", "a", "d", NULL}, false},
    {"system:kube-scheduler", NULL, {"delete", "", "secrets", "", "a", "p", NULL}, false},
    {"system:node:n1", "system:nodes", {"get", "", "secrets", "", "a", "s", NULL}, true},
    {"system:node:n1", "system:nodes", {"update", "", "secrets", "", "a", "s", NULL}, false},
    {"system:node:n1", "system:nodes", {"patch", "", "nodes", "status", "", "n1", NULL}, true},
    {"system:node:n1", "system:nodes", {"patch", "", "nodes", "status", "", "n2", NULL}, false},
    {"system:node:n1", "system:nodes", {"delete", "", "nodes", "", "", "n1", NULL}, false},
    {"system:node:n1", "system:nodes", {"patch", "", "pods", "status", "a", "mine", NULL}, true},
    {"system:node:n1", "system:nodes", {"patch", "", "pods", "status", "a", "other", NULL}, false},
    {"system:node:n1", "system:nodes", {"delete", "", "pods", "", "a", "mine", NULL}, true},
    {"system:node:n1", "system:nodes", {"delete", "", "pods", "", "a", "absent", NULL}, false},
    {"system:node:n1",
     "system:nodes",
     {"update", "coordination.k8s.io", "leases", "", "kube-node-lease", "n1", NULL},
     true},
    {"system:node:n1",
     "system:nodes",
     {"update", "coordination.k8s.io", "leases", "", "kube-node-lease", "n2", NULL},
     false},
    {"system:node:n1", "system:nodes", {"update", "coordination.k8s.io", "leases", "", "default", "n1", NULL}, false},
    {"system:node:n1", NULL, {"get", "", "secrets", "", "a", "s", NULL}, false},
    {"bob", "system:nodes", {"get", "", "secrets", "", "a", "s", NULL}, false},
};

START_TEST(rules)
{
	struct auth_user u = {0};
	char *groups[] = {(char *)cases[_i].group, NULL};
	auth_user_set(&u, cases[_i].user, groups);
	ck_assert_int_eq(auth_authorize(&(struct auth_env){NULL, pod_node, NULL}, &u, &cases[_i].a, NULL), cases[_i].allowed);
	auth_user_done(&u);
}
END_TEST

START_TEST(anonymous)
{
	struct auth_user u = {0};
	auth_user_set_anonymous(&u);
	ck_assert(auth_authorize(NULL, &u, &(struct auth_attributes){"get", "", "", "", "", "", "/healthz"}, NULL));
	ck_assert(!auth_authorize(NULL, &u, &(struct auth_attributes){"get", "", "", "", "", "", "/version"}, NULL));
	ck_assert(!auth_authorize(NULL, &u, &(struct auth_attributes){"get", "", "", "", "", "", "/api"}, NULL));
	ck_assert(!auth_authorize(NULL, &u, &(struct auth_attributes){"get", "", "pods", "", "", "", NULL}, NULL));
	ck_assert(auth_user_is_anonymous(&u));
	ck_assert_ptr_null(auth_node_name(&u));
	auth_user_done(&u);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("authorize");
	TCase *t = tcase_create("authorize");
	tcase_add_loop_test(t, rules, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(t, anonymous);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
