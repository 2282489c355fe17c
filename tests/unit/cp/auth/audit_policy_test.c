/* Audit policies: the first rule that fits decides; bad policies are refused. */
#include "cp/auth/audit_policy.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "tests/unit/check_main.h"

static int read_policy(const char *text, struct audit_policy **ret, struct err *e)
{
	AUTO_FREE char *quoted = xstrdup(text);
	for (char *p = quoted; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	AUTO_FREE char *whole = xasprintf("{\"kind\":\"Policy\",\"apiVersion\":\"audit.k8s.io/v1\",%s}", quoted);
	AUTO_JSON *policy = json_loads(whole, 0, NULL);
	ck_assert_msg(policy != NULL, "%s", whole);
	return audit_policy_new(policy, ret, e);
}

static struct audit_policy *policy_of(const char *text)
{
	struct audit_policy *p = NULL;
	struct err e = ERR_INIT;
	ck_assert_msg(read_policy(text, &p, &e) == 0, "%s", err_text(&e));
	return p;
}

static enum audit_level level(const struct audit_policy *p, const char *user, const char *verb, const char *group,
			      const char *resource, const char *sub, const char *ns, const char *name)
{
	struct auth_user u = {0};
	struct auth_attributes a = {.verb = verb, .group = group, .resource = resource, .subresource = sub, .ns = ns, .name = name};
	char *const groups[] = {(char *)"people", NULL};
	auth_user_set(&u, user, groups);
	enum audit_level l = audit_policy_decide(p, &u, &a).level;
	auth_user_done(&u);
	return l;
}

static enum audit_level level_of_path(const struct audit_policy *p, const char *path)
{
	struct auth_user u = {0};
	struct auth_attributes a = {"get", "", "", "", "", "", path, NULL};
	auth_user_set(&u, "x", NULL);
	enum audit_level l = audit_policy_decide(p, &u, &a).level;
	auth_user_done(&u);
	return l;
}

START_TEST(first_that_fits)
{
	struct audit_policy *p = policy_of("'rules':[{'level':'None','users':['quiet'],'verbs':['watch']},"
					   "{'level':'Metadata','resources':[{'resources':['secrets','pods/log','*/status']}]},"
					   "{'level':'Request','resources':[{'group':'apps','resources':['deployments'],"
					   "'resourceNames':['d']}],'namespaces':['n']},"
					   "{'level':'None','nonResourceURLs':['/healthz*','/version']},"
					   "{'level':'RequestResponse','userGroups':['people']}]");
	ck_assert_int_eq(level(p, "quiet", "watch", "", "secrets", "", "n", ""), AUDIT_NONE);
	ck_assert_int_eq(level(p, "quiet", "get", "", "secrets", "", "n", ""), AUDIT_METADATA);
	ck_assert_int_eq(level(p, "x", "get", "", "pods", "log", "n", "p"), AUDIT_METADATA);
	ck_assert_int_eq(level(p, "x", "get", "", "nodes", "status", "", "p"), AUDIT_METADATA);
	ck_assert_int_eq(level(p, "x", "get", "", "pods", "", "n", "p"), AUDIT_REQUEST_RESPONSE);
	ck_assert_int_eq(level(p, "x", "get", "", "secrets", "other", "n", "p"), AUDIT_REQUEST_RESPONSE);
	ck_assert_int_eq(level(p, "x", "get", "apps", "deployments", "", "n", "d"), AUDIT_REQUEST);
	ck_assert_int_eq(level(p, "x", "get", "apps", "deployments", "", "n", "e"), AUDIT_REQUEST_RESPONSE);
	ck_assert_int_eq(level(p, "x", "get", "apps", "deployments", "", "m", "d"), AUDIT_REQUEST_RESPONSE);
	ck_assert_int_eq(level_of_path(p, "/healthz/ping"), AUDIT_NONE);
	ck_assert_int_eq(level_of_path(p, "/version"), AUDIT_NONE);
	audit_policy_free(p);
}
END_TEST

START_TEST(nothing_fits)
{
	struct audit_policy *p = policy_of("'rules':[{'level':'Metadata','verbs':['create']}]");
	ck_assert_int_eq(level(p, "x", "get", "", "pods", "", "", ""), AUDIT_NONE);
	ck_assert_int_eq(level(p, "x", "create", "", "pods", "", "", ""), AUDIT_METADATA);
	audit_policy_free(p);
}
END_TEST

START_TEST(stages)
{
	struct audit_policy *p = policy_of("'omitStages':['RequestReceived'],'omitManagedFields':true,"
					   "'rules':[{'level':'Metadata','omitStages':['ResponseStarted'],'verbs':['get']},"
					   "{'level':'Metadata','omitManagedFields':false}]");
	struct auth_user u = {0};
	struct auth_attributes a = {.verb = "get", .group = "", .resource = "pods", .subresource = "", .ns = "", .name = ""};
	auth_user_set(&u, "x", NULL);
	struct audit_decision d = audit_policy_decide(p, &u, &a);
	ck_assert_uint_eq(d.omit, AUDIT_RECEIVED | AUDIT_STARTED);
	ck_assert(d.omit_managed_fields);
	a.verb = "list";
	d = audit_policy_decide(p, &u, &a);
	ck_assert_uint_eq(d.omit, AUDIT_RECEIVED);
	ck_assert(!d.omit_managed_fields);
	ck_assert_str_eq(audit_stage_name(AUDIT_COMPLETE), "ResponseComplete");
	ck_assert_str_eq(audit_level_name(AUDIT_REQUEST_RESPONSE), "RequestResponse");
	auth_user_done(&u);
	audit_policy_free(p);
}
END_TEST

START_TEST(refused)
{
	static const char *const bad[] = {"'rules':[]",
					  "'rules':[{'level':'Everything'}]",
					  "'rules':[{}]",
					  "'omitStages':['Never'],'rules':[{'level':'None'}]",
					  "'rules':[{'level':'None','omitStages':['x']}]",
					  "'rules':[{'level':'None','nonResourceURLs':['/x'],'namespaces':['n']}]",
					  "'rules':[{'level':'None','resources':[{'resourceNames':['n']}]}]"};
	struct audit_policy *p = NULL;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(read_policy(bad[i], &p, NULL) == -EINVAL, "%s", bad[i]);
	AUTO_JSON *other = json_pack("{s:s}", "kind", "Pod");
	ck_assert_int_eq(audit_policy_new(other, &p, NULL), -EINVAL);
	ck_assert_int_eq(audit_policy_load("/nonexistent", &p, NULL), -ENOENT);
}
END_TEST

TESTS("audit_policy", first_that_fits, nothing_fits, stages, refused)
