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
    {"root", "system:masters", {"delete", "", "nodes", "", "", "n", NULL, NULL}, true},
    {"root", "system:masters", {"get", "", "", "", "", "", "/metrics", NULL}, true},
    {"alice", "dev", {"list", "", "pods", "", "a", "", NULL, NULL}, false},
    {"alice", "dev", {"get", "", "", "", "", "", "/healthz", NULL}, true},
    {"alice", "dev", {"get", "", "", "", "", "", "/metrics", NULL}, false},
    {"system:kube-controller-manager", "system:cluster-internal", {"update", "apps", "deployments", "status", "a", "d", NULL, NULL}, true},
    {"system:kube-controller-manager", NULL, {"update", "apps", "deployments", "status", "a", "d", NULL, NULL}, false},
    {"system:kube-scheduler", NULL, {"delete", "", "secrets", "", "a", "p", NULL, NULL}, false},
    {"system:node:n1", NULL, {"get", "", "secrets", "", "a", "s", NULL, NULL}, false},
    {"bob", "system:nodes", {"get", "", "secrets", "", "a", "s", NULL, NULL}, false},
};

START_TEST(rules)
{
	struct auth_user u = {0};
	char *groups[] = {(char *)cases[_i].group, NULL};
	auth_user_set(&u, cases[_i].user, groups);
	ck_assert_int_eq(auth_authorize(&(struct auth_env){.pod_node = pod_node}, &u, &cases[_i].a, NULL), cases[_i].allowed);
	auth_user_done(&u);
}
END_TEST

START_TEST(anonymous)
{
	struct auth_user u = {0};
	auth_user_set_anonymous(&u);
	ck_assert(auth_authorize(NULL, &u, &(struct auth_attributes){"get", "", "", "", "", "", "/healthz", NULL}, NULL));
	ck_assert(!auth_authorize(NULL, &u, &(struct auth_attributes){"get", "", "", "", "", "", "/version", NULL}, NULL));
	ck_assert(!auth_authorize(NULL, &u, &(struct auth_attributes){"get", "", "", "", "", "", "/api", NULL}, NULL));
	ck_assert(!auth_authorize(NULL, &u, &(struct auth_attributes){"get", "", "pods", "", "", "", NULL, NULL}, NULL));
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
