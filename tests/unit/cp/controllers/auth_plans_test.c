/* Plans of aggregated cluster roles and of secrets that hold accounts' tokens. */
#include "cp/controllers/clusterrole_aggregation_plan.h"
#include "cp/controllers/token_plan.h"
#include "tests/unit/cp/controllers/plans.h"

START_TEST(aggregation)
{
	AUTO_JSON *role = J("{'metadata':{'name':'all','labels':{'to':'all'}},'aggregationRule':{'clusterRoleSelectors':"
			    "[{'matchLabels':{'to':'all'}},{'matchLabels':{'to':'more'}}]},'rules':[{'verbs':['stale']}]}");
	AUTO_JSON *all = J("[{'metadata':{'name':'a','labels':{'to':'all'}},'rules':[{'verbs':['get']},{'verbs':['list']}]},"
			   "{'metadata':{'name':'all','labels':{'to':'all'}},'rules':[{'verbs':['stale']}]},"
			   "{'metadata':{'name':'b','labels':{'to':'more'}},'rules':[{'verbs':['list']},{'verbs':['watch']}]},"
			   "{'metadata':{'name':'c'},'rules':[{'verbs':['never']}]}]");
	AUTO_JSON *wanted = J("[{'verbs':['get']},{'verbs':['list']},{'verbs':['watch']}]");
	AUTO_PLAN plan = {0}, again = {0}, none = {0};
	clusterrole_aggregation_plan(role, all, &plan);
	ck_assert_uint_eq(plan.n, 1);
	ck_assert_str_eq(plan.v[0].path, "/apis/rbac.authorization.k8s.io/v1/clusterroles/all");
	ck_assert(json_equal(json_object_get(plan.v[0].body, "rules"), wanted));
	merge_into(role, plan.v[0].body);
	clusterrole_aggregation_plan(role, all, &again);
	ck_assert_uint_eq(again.n, 0);
	AUTO_JSON *plain = J("{'metadata':{'name':'plain'},'rules':[{'verbs':['get']}]}");
	clusterrole_aggregation_plan(plain, all, &none);
	clusterrole_aggregation_plan(NULL, all, &none);
	ck_assert_uint_eq(none.n, 0);
}
END_TEST

#define SECRET(annotations, data)                                                                                      \
	"{'type':'kubernetes.io/service-account-token','metadata':{'name':'s','namespace':'n','uid':'su','annotations':"   \
	"{'kubernetes.io/service-account.name':'a'" annotations "}}" data "}"

START_TEST(token_secrets)
{
	AUTO_JSON *account = J("{'metadata':{'name':'a','uid':'au'}}"), *empty = J(SECRET("", ""));
	AUTO_JSON *other = J(SECRET(",'kubernetes.io/service-account.uid':'old'", ""));
	AUTO_JSON *opaque = J("{'type':'Opaque','metadata':{'name':'s','annotations':{'kubernetes.io/service-account.name':'a'}}}");
	AUTO_PLAN fill = {0}, again = {0}, gone = {0}, none = {0};
	ck_assert(token_secret_wants(empty, account));
	ck_assert(!token_secret_wants(empty, NULL));
	ck_assert(!token_secret_wants(other, account));
	ck_assert_ptr_null(token_secret_account(opaque));
	token_secret_plan(empty, account, "T", "CA", &fill);
	ck_assert_uint_eq(fill.n, 1);
	merge_into(empty, fill.v[0].body);
	ck_assert_str_eq(json_member(json_object_get(empty, "data"), "token"), "VA==");
	ck_assert_str_eq(json_member(json_object_get(empty, "data"), "ca.crt"), "Q0E=");
	ck_assert_str_eq(json_member(json_object_get(empty, "data"), "namespace"), "bg==");
	ck_assert(!token_secret_wants(empty, account));
	token_secret_plan(empty, account, NULL, "CA", &again);
	ck_assert_uint_eq(again.n, 0);
	token_secret_plan(empty, NULL, NULL, "CA", &gone);
	token_secret_plan(other, account, NULL, "CA", &gone);
	ck_assert_int_eq(count_actions(&gone, "DELETE", ""), 2);
	token_secret_plan(opaque, NULL, NULL, NULL, &none);
	token_secret_plan(NULL, NULL, NULL, NULL, &none);
	ck_assert_uint_eq(none.n, 0);
}
END_TEST

TESTS("auth_plans", aggregation, token_secrets)
