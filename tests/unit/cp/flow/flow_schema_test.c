/* Which schema a request is of. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/flow/flow_schema.h"
#include "tests/unit/check_main.h"

static struct flow_schema *schema(const char *name, int precedence, const char *by, const char *rules)
{
	AUTO_JSON *o = json_pack("{s:{s:s,s:s},s:{s:{s:s},s:i,s:{s:s},s:o}}", "metadata", "name", name, "uid", "u1", "spec",
				 "priorityLevelConfiguration", "name", "level", "matchingPrecedence", precedence,
				 "distinguisherMethod", "type", by, "rules", json_loads(rules, 0, NULL));
	return flow_schema_new(o);
}

#define USER(n) "{\"kind\":\"User\",\"user\":{\"name\":\"" n "\"}}"
#define GROUP(n) "{\"kind\":\"Group\",\"group\":{\"name\":\"" n "\"}}"
#define ACCOUNT(ns, n) "{\"kind\":\"ServiceAccount\",\"serviceAccount\":{\"namespace\":\"" ns "\",\"name\":\"" n "\"}}"
#define ALL                                                                                                            \
	"\"resourceRules\":[{\"verbs\":[\"*\"],\"apiGroups\":[\"*\"],\"resources\":[\"*\"],\"clusterScope\":true,"     \
	"\"namespaces\":[\"*\"]}],\"nonResourceRules\":[{\"verbs\":[\"*\"],\"nonResourceURLs\":[\"*\"]}]"
#define LINE(verbs, groups, resources, more)                                                                           \
	"\"resourceRules\":[{\"verbs\":" verbs ",\"apiGroups\":" groups ",\"resources\":" resources more "}]"
#define PATHS(p) "\"nonResourceRules\":[{\"verbs\":[\"get\"],\"nonResourceURLs\":" p "}]"
#define RULE(subjects, lines) "[{\"subjects\":[" subjects "]," lines "}]"

static const struct {
	const char *rules, *user, *group, *verb, *api, *resource, *sub, *ns, *path;
	bool fits;
} requests[] = {
    {RULE(USER("ann"), ALL), "ann", "dev", "get", "", "pods", "", "a", NULL, true},
    {RULE(USER("ann"), ALL), "bob", "dev", "get", "", "pods", "", "a", NULL, false},
    {RULE(USER("*"), ALL), "bob", "dev", "get", "", "pods", "", "a", NULL, true},
    {RULE(GROUP("dev"), ALL), "bob", "dev", "get", "", "pods", "", "a", NULL, true},
    {RULE(GROUP("ops"), ALL), "bob", "dev", "get", "", "pods", "", "a", NULL, false},
    {RULE(USER("x") "," GROUP("dev"), ALL), "bob", "dev", "get", "", "nodes", "", "", NULL, true},
    {RULE(ACCOUNT("a", "*"), ALL), "system:serviceaccount:a:b", "dev", "get", "", "pods", "", "a", NULL, true},
    {RULE(ACCOUNT("a", "b"), ALL), "system:serviceaccount:a:b", "dev", "get", "", "pods", "", "a", NULL, true},
    {RULE(ACCOUNT("a", "c"), ALL), "system:serviceaccount:a:b", "dev", "get", "", "pods", "", "a", NULL, false},
    {RULE(ACCOUNT("a", "*"), ALL), "system:serviceaccount:ab:b", "dev", "get", "", "pods", "", "a", NULL, false},
    {RULE(USER("*"), LINE("[\"get\"]", "[\"\"]", "[\"pods\"]", ",\"namespaces\":[\"a\"]")), "u", "g", "get", "", "pods", "", "a",
     NULL, true},
    {RULE(USER("*"), LINE("[\"get\"]", "[\"\"]", "[\"pods\"]", ",\"namespaces\":[\"a\"]")), "u", "g", "list", "", "pods", "", "a",
     NULL, false},
    {RULE(USER("*"), LINE("[\"get\"]", "[\"\"]", "[\"pods\"]", ",\"namespaces\":[\"a\"]")), "u", "g", "get", "apps", "pods", "",
     "a", NULL, false},
    {RULE(USER("*"), LINE("[\"get\"]", "[\"\"]", "[\"pods\"]", ",\"namespaces\":[\"a\"]")), "u", "g", "get", "", "pods", "log",
     "a", NULL, false},
    {RULE(USER("*"), LINE("[\"get\"]", "[\"\"]", "[\"pods/log\"]", ",\"namespaces\":[\"a\"]")), "u", "g", "get", "", "pods", "log",
     "a", NULL, true},
    {RULE(USER("*"), LINE("[\"get\"]", "[\"\"]", "[\"*\"]", ",\"namespaces\":[\"*\"]")), "u", "g", "get", "", "pods", "log", "a",
     NULL, true},
    {RULE(USER("*"), LINE("[\"get\"]", "[\"\"]", "[\"pods\"]", ",\"namespaces\":[\"a\"]")), "u", "g", "get", "", "pods", "", "b",
     NULL, false},
    {RULE(USER("*"), LINE("[\"get\"]", "[\"\"]", "[\"nodes\"]", ",\"namespaces\":[\"*\"]")), "u", "g", "get", "", "nodes", "", "",
     NULL, false},
    {RULE(USER("*"), LINE("[\"get\"]", "[\"\"]", "[\"nodes\"]", ",\"clusterScope\":true")), "u", "g", "get", "", "nodes", "", "",
     NULL, true},
    {RULE(USER("*"), PATHS("[\"/healthz\"]")), "u", "g", "get", "", "", "", "", "/healthz", true},
    {RULE(USER("*"), PATHS("[\"/healthz\"]")), "u", "g", "get", "", "", "", "", "/healthz/ping", true},
    {RULE(USER("*"), PATHS("[\"/healthz\"]")), "u", "g", "get", "", "", "", "", "/healthzy", false},
    {RULE(USER("*"), PATHS("[\"/api/*\"]")), "u", "g", "get", "", "", "", "", "/api/v1", true},
    {RULE(USER("*"), PATHS("[\"/api/*\"]")), "u", "g", "post", "", "", "", "", "/api/v1", false},
    {RULE(USER("*"), PATHS("[\"/api/*\"]")), "u", "g", "get", "", "pods", "", "a", NULL, false},
};

START_TEST(matches)
{
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		struct flow_schema *s = schema("s", 5, "ByUser", requests[i].rules);
		struct auth_user u = {0};
		char *const groups[] = {(char *)requests[i].group, NULL};
		auth_user_set(&u, requests[i].user, groups);
		struct auth_attributes what = {requests[i].verb, requests[i].api, requests[i].resource, requests[i].sub,
					       requests[i].ns,   "",           requests[i].path, NULL};
		ck_assert_msg(flow_schema_matches(s, &u, &what) == requests[i].fits, "case %zu", i);
		auth_user_done(&u);
		flow_schema_unref(s);
	}
}
END_TEST

START_TEST(precedence)
{
	struct flow_schema *v[] = {schema("late", 900, "ByUser", RULE(USER("*"), ALL)),
				   schema("b", 100, "ByNamespace", RULE(USER("*"), ALL)),
				   schema("a", 100, "", RULE(USER("ann"), ALL))};
	struct auth_user u = {0};
	char *const none[] = {NULL};
	struct auth_attributes what = {"get", "", "pods", "", "ns1", "", NULL, NULL};
	qsort(v, 3, sizeof(*v), flow_schema_compare);
	ck_assert_str_eq(v[0]->name, "a");
	ck_assert_str_eq(v[2]->name, "late");
	auth_user_set(&u, "ann", none);
	ck_assert_ptr_eq(flow_schema_find(v, 3, &u, &what), v[0]);
	ck_assert_str_eq(flow_distinguisher(v[0], &u, &what), "");
	ck_assert_str_eq(flow_distinguisher(v[1], &u, &what), "ns1");
	ck_assert_str_eq(flow_distinguisher(v[2], &u, &what), "ann");
	auth_user_done(&u);
	auth_user_set(&u, "bob", none);
	ck_assert_ptr_eq(flow_schema_find(v, 3, &u, &what), v[1]);
	ck_assert_ptr_null(flow_schema_find(v, 1, &u, &what));
	auth_user_done(&u);
	for (size_t i = 0; i < 3; i++)
		flow_schema_unref(v[i]);
}
END_TEST

TESTS("flow schemas", matches, precedence)
