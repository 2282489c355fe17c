/* cp/auth/rbac.c and rbac_rules.c: who is allowed what by roles and bindings, in the words of the reference; what covers what. */
#include "cp/auth/rbac.h"

#include <string.h>

#include "base/json.h"
#include "cp/auth/rbac_defaults.h"
#include "cp/auth/rbac_rules.h"
#include "tests/unit/quoted_json.h"
#include <check.h>
#include <stdlib.h>

static void put(struct rbac *r, enum rbac_kind kind, const char *ns, const char *name, const char *text)
{
	AUTO_JSON *o = text ? quoted_json(text) : NULL;
	rbac_set(r, kind, ns, name, o);
}

/* "allowed by ..." or "". */
static char *asked(const struct rbac *r, const char *user, const char *group, struct auth_attributes a)
{
	struct str reason = STR_INIT;
	struct auth_user u = {0};
	char *groups[] = {(char *)group, NULL};
	auth_user_set(&u, user, groups);
	bool allowed = rbac_allows(r, &u, &a, &reason);
	auth_user_done(&u);
	ck_assert_int_eq(allowed, str_has_prefix(str_text(&reason), "RBAC: allowed by"));
	return str_take(&reason);
}

#define CHECK(r, user, group, expected, ...)                                                                           \
	do {                                                                                                           \
		AUTO_FREE char *got = asked(r, user, group, (struct auth_attributes){__VA_ARGS__, NULL});                    \
		ck_assert_str_eq(got, expected);                                                                       \
	} while (0)

START_TEST(bindings_grant)
{
	struct rbac *r = rbac_new();
	put(r, RBAC_ROLE, "a", "r", "{'rules':[{'verbs':['get'],'apiGroups':[''],'resources':['pods','pods/log'],'resourceNames':[]}]}");
	put(r, RBAC_CLUSTER_ROLE, "", "c", "{'rules':[{'verbs':['*'],'apiGroups':['*'],'resources':['*/scale']},"
					   "{'verbs':['get'],'nonResourceURLs':['/healthz','/metrics/*']}]}");
	put(r, RBAC_ROLE_BINDING, "a", "b", "{'roleRef':{'kind':'Role','name':'r'},'subjects':[{'kind':'User','name':'alice'},"
					    "{'kind':'ServiceAccount','name':'sa','namespace':'x'}]}");
	put(r, RBAC_CLUSTER_ROLE_BINDING, "", "d", "{'roleRef':{'kind':'ClusterRole','name':'c'},'subjects':[{'kind':'Group','name':'ops'}]}");
	CHECK(r, "alice", "dev", "RBAC: allowed by RoleBinding \"b/a\" of Role \"r\" to User \"alice\"", "get", "", "pods", "", "a", "p", NULL);
	CHECK(r, "system:serviceaccount:x:sa", NULL, "RBAC: allowed by RoleBinding \"b/a\" of Role \"r\" to ServiceAccount \"sa/x\"",
	      "get", "", "pods", "log", "a", "p", NULL);
	CHECK(r, "alice", "dev", "", "get", "", "pods", "", "z", "p", NULL);
	CHECK(r, "alice", "dev", "", "get", "", "pods", "exec", "a", "p", NULL);
	CHECK(r, "alice", "dev", "", "list", "", "pods", "", "a", "", NULL);
	CHECK(r, "bob", "ops", "RBAC: allowed by ClusterRoleBinding \"d\" of ClusterRole \"c\" to Group \"ops\"", "update", "apps",
	      "deployments", "scale", "z", "d", NULL);
	CHECK(r, "bob", "ops", "", "update", "apps", "deployments", "", "z", "d", NULL);
	CHECK(r, "bob", "ops", "RBAC: allowed by ClusterRoleBinding \"d\" of ClusterRole \"c\" to Group \"ops\"", "get", "", "", "", "", "",
	      "/metrics/x");
	CHECK(r, "bob", "ops", "", "get", "", "", "", "", "", "/healthz/x");
	rbac_free(r);
}
END_TEST

START_TEST(what_goes_is_forgotten)
{
	struct rbac *r = rbac_new();
	put(r, RBAC_CLUSTER_ROLE, "", "c", "{'rules':[{'verbs':['get'],'apiGroups':[''],'resources':['pods'],'resourceNames':['p']}]}");
	put(r, RBAC_ROLE_BINDING, "a", "b", "{'roleRef':{'kind':'ClusterRole','name':'c'},'subjects':[{'kind':'User','name':'u'}]}");
	CHECK(r, "u", NULL, "RBAC: allowed by RoleBinding \"b/a\" of ClusterRole \"c\" to User \"u\"", "get", "", "pods", "", "a", "p", NULL);
	CHECK(r, "u", NULL, "", "get", "", "pods", "", "a", "q", NULL);
	put(r, RBAC_ROLE_BINDING, "a", "b", "{'roleRef':{'kind':'ClusterRole','name':'c'},'subjects':[{'kind':'User','name':'v'}]}");
	CHECK(r, "u", NULL, "", "get", "", "pods", "", "a", "p", NULL);
	put(r, RBAC_CLUSTER_ROLE, "", "c", NULL);
	CHECK(r, "v", NULL, "RBAC: clusterrole.rbac.authorization.k8s.io \"c\" not found", "get", "", "pods", "", "a", "p", NULL);
	put(r, RBAC_ROLE_BINDING, "a", "b", NULL);
	put(r, RBAC_CLUSTER_ROLE, "", "c", "{'rules':[{'verbs':['*'],'apiGroups':['*'],'resources':['*']}]}");
	CHECK(r, "v", NULL, "", "get", "", "pods", "", "a", "p", NULL);
	rbac_free(r);
}
END_TEST

START_TEST(roles_that_are_missing)
{
	struct rbac *r = rbac_new();
	struct auth_user u = {0};
	AUTO_STRV char **missing = NULL;
	char *groups[] = {(char *)"dev", NULL};
	put(r, RBAC_CLUSTER_ROLE, "", "c", "{'rules':[{'verbs':['list'],'apiGroups':[''],'resources':['nodes']}]}");
	put(r, RBAC_ROLE, "a", "r", "{'rules':[{'verbs':['get'],'apiGroups':[''],'resources':['pods']}]}");
	put(r, RBAC_ROLE_BINDING, "a", "z", "{'roleRef':{'kind':'Role','name':'gone'},'subjects':[{'kind':'User','name':'u'}]}");
	put(r, RBAC_ROLE_BINDING, "a", "y", "{'roleRef':{'kind':'Role','name':'gone'},'subjects':[{'kind':'Group','name':'dev'}]}");
	put(r, RBAC_ROLE_BINDING, "a", "x", "{'roleRef':{'kind':'Role','name':'r'},'subjects':[{'kind':'User','name':'u'},"
					    "{'kind':'Group','name':'dev'}]}");
	put(r, RBAC_ROLE_BINDING, "b", "x", "{'roleRef':{'kind':'Role','name':'other'},'subjects':[{'kind':'User','name':'u'}]}");
	put(r, RBAC_CLUSTER_ROLE_BINDING, "", "d", "{'roleRef':{'kind':'ClusterRole','name':'none'},'subjects':[{'kind':'User','name':'u'}]}");
	put(r, RBAC_CLUSTER_ROLE_BINDING, "", "e", "{'roleRef':{'kind':'ClusterRole','name':'c'},'subjects':[{'kind':'Group','name':'dev'}]}");
	auth_user_set(&u, "u", groups);
	AUTO_JSON *rules = rbac_rules_of(r, &u, "a", &missing);
	ck_assert_uint_eq(json_array_size(rules), 2); /* a binding counts once, those of the cluster come first */
	ck_assert_str_eq(json_string_value(json_array_get(json_at(json_array_get(rules, 0), "resources"), 0)), "nodes");
	AUTO_FREE char *one = rbac_missing_text(missing, false), *many = rbac_missing_text(missing, true);
	ck_assert_str_eq(one, "[clusterrole.rbac.authorization.k8s.io \"none\" not found, "
			      "role.rbac.authorization.k8s.io \"gone\" not found]");
	ck_assert_str_eq(many, "[clusterroles.rbac.authorization.k8s.io \"none\" not found, "
			       "roles.rbac.authorization.k8s.io \"gone\" not found]");
	CHECK(r, "u", NULL, "RBAC: clusterrole.rbac.authorization.k8s.io \"none\" not found", "get", "", "nodes", "", "", "n", NULL);
	CHECK(r, "u", NULL, "RBAC: clusterrole.rbac.authorization.k8s.io \"none\" not found", "get", "", "", "", "", "", "/x");
	/* Of a user who is named twice, the first subject is told. */
	put(r, RBAC_ROLE_BINDING, "a", "x", "{'roleRef':{'kind':'Role','name':'r'},'subjects':[{'kind':'Group','name':'dev'},"
					    "{'kind':'User','name':'u'}]}");
	CHECK(r, "u", "dev", "RBAC: allowed by RoleBinding \"x/a\" of Role \"r\" to Group \"dev\"", "get", "", "pods", "", "a", "p", NULL);
	auth_user_done(&u);
	rbac_free(r);
}
END_TEST

static const struct {
	const char *owned, *wanted, *missing; /* NULL: none */
} covers[] = {
    {"[{'verbs':['*'],'apiGroups':['*'],'resources':['*']}]", "[{'verbs':['get'],'apiGroups':[''],'resources':['pods/log']}]", NULL},
    {"[{'verbs':['get'],'apiGroups':[''],'resources':['pods']}]",
     "[{'verbs':['get','list'],'apiGroups':[''],'resources':['pods']}]", "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"list\"]}"},
    {"[{'verbs':['get'],'apiGroups':[''],'resources':['pods'],'resourceNames':['a']}]",
     "[{'verbs':['get'],'apiGroups':[''],'resources':['pods']}]", "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"get\"]}"},
    {"[{'verbs':['get'],'apiGroups':[''],'resources':['pods']}]",
     "[{'verbs':['get'],'apiGroups':[''],'resources':['pods'],'resourceNames':['a']}]", NULL},
    {"[]", "[{'verbs':['get'],'nonResourceURLs':['/x']}]", "{NonResourceURLs:[\"/x\"], Verbs:[\"get\"]}"},
    {"[{'verbs':['get'],'nonResourceURLs':['*']}]", "[{'verbs':['get'],'nonResourceURLs':['/x']}]", NULL},
    {"[]", "[]", NULL},
    {"[{'verbs':['get'],'apiGroups':['apps'],'resources':['deployments']}]",
     "[{'verbs':['get','list','watch'],'apiGroups':['apps','batch'],'resources':['deployments']},"
     "{'verbs':['list','delete'],'apiGroups':['apps'],'resources':['deployments']},"
     "{'verbs':['get'],'apiGroups':['apps'],'resources':['jobs'],'resourceNames':['a','b']},"
     "{'verbs':['get','post'],'nonResourceURLs':['/x']}]",
     "{APIGroups:[\"apps\"], Resources:[\"deployments\"], Verbs:[\"list\" \"watch\" \"delete\"]}\n"
     "{APIGroups:[\"apps\"], Resources:[\"jobs\"], ResourceNames:[\"a\"], Verbs:[\"get\"]}\n"
     "{APIGroups:[\"apps\"], Resources:[\"jobs\"], ResourceNames:[\"b\"], Verbs:[\"get\"]}\n"
     "{APIGroups:[\"batch\"], Resources:[\"deployments\"], Verbs:[\"get\" \"list\" \"watch\"]}\n"
     "{NonResourceURLs:[\"/x\"], Verbs:[\"get\"]}\n"
     "{NonResourceURLs:[\"/x\"], Verbs:[\"post\"]}"},
};

START_TEST(coverage_of_rules)
{
	AUTO_JSON *owned = quoted_json(covers[_i].owned), *wanted = quoted_json(covers[_i].wanted),
		  *missing = rbac_rules_missing(owned, wanted);
	if (!covers[_i].missing) {
		ck_assert_ptr_null(missing);
		return;
	}
	AUTO_FREE char *text = rbac_rules_text(missing);
	ck_assert_str_eq(text, covers[_i].missing);
}
END_TEST

START_TEST(defaults_load)
{
	AUTO_JSON *all = NULL;
	struct err e = ERR_INIT;
	struct auth_user anyone = {0}, nobody = {0};
	json_t *o;
	size_t i;
	struct rbac *r = rbac_new();
	ck_assert_msg(rbac_defaults(&all, &e) == 0, "%s", err_text(&e));
	json_array_foreach(all, i, o)
	{
		const char *kind = json_str_at(o, "kind"), *ns = json_str_or(o, "metadata.namespace", "");
		bool binding = str_has_suffix(kind, "Binding");
		rbac_set(r, *ns ? binding ? RBAC_ROLE_BINDING : RBAC_ROLE : binding ? RBAC_CLUSTER_ROLE_BINDING : RBAC_CLUSTER_ROLE, ns,
			 json_str_at(o, "metadata.name"), o);
	}
	auth_user_set(&anyone, "alice", NULL);
	auth_user_set_anonymous(&nobody);
	ck_assert(rbac_allows(r, &anyone, &(struct auth_attributes){"get", "", "", "", "", "", "/apis/apps", NULL}, NULL));
	ck_assert(rbac_allows(r, &nobody, &(struct auth_attributes){"get", "", "", "", "", "", "/version", NULL}, NULL));
	ck_assert(!rbac_allows(r, &nobody, &(struct auth_attributes){"get", "", "", "", "", "", "/apis", NULL}, NULL));
	ck_assert(!rbac_allows(r, &anyone, &(struct auth_attributes){"get", "", "secrets", "", "a", "s", NULL, NULL}, NULL));
	auth_user_done(&anyone);
	auth_user_done(&nobody);
	rbac_free(r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rbac");
	TCase *t = tcase_create("all");
	tcase_add_test(t, bindings_grant);
	tcase_add_test(t, what_goes_is_forgotten);
	tcase_add_test(t, roles_that_are_missing);
	tcase_add_loop_test(t, coverage_of_rules, 0, (int)ARRAY_LEN(covers));
	tcase_add_test(t, defaults_load);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
