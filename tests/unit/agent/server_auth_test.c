/* What a request of the agent's server is about. */
#include <string.h>

#include "agent/server.h"
#include "agent/server_auth.h"
#include "base/mem.h"
#include "tests/unit/check_main.h"

START_TEST(subresources)
{
	static const struct {
		const char *path, *want;
	} cases[] = {
	    {"/stats/summary", "stats"}, {"/metrics", "metrics"},	{"/metrics/cadvisor", "metrics"}, {"/metricsx", "proxy"},
	    {"/logs/", "log"},		 {"/checkpoint/a/b/c", "checkpoint"}, {"/pods", "pods"},		  {"/pods/", "pods"},
	    {"/runningpods/", "pods"},	 {"/healthz", "healthz"},	{"/configz", "configz"},	  {"/exec/a/b/c", "proxy"},
	    {"/containerLogs/a/b/c", "proxy"}, {"/", "proxy"},		{"", "proxy"},			  {"//metrics", "proxy"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		ck_assert_str_eq(server_auth_subresource(cases[i].path), cases[i].want);
}
END_TEST

START_TEST(verbs)
{
	ck_assert_str_eq(server_auth_verb("GET"), "get");
	ck_assert_str_eq(server_auth_verb("HEAD"), "get");
	ck_assert_str_eq(server_auth_verb("POST"), "create");
	ck_assert_str_eq(server_auth_verb("DELETE"), "delete");
	ck_assert_str_eq(server_auth_verb("BREW"), "");
}
END_TEST

START_TEST(own_clients)
{
	char *masters[] = {"system:masters", NULL}, *nodes[] = {"system:nodes", NULL};
	ck_assert(server_allows("anybody", masters));
	ck_assert(server_allows("kube-apiserver-kubelet-client", NULL));
	ck_assert(!server_allows("", masters));
	ck_assert(!server_allows(NULL, NULL));
	ck_assert(!server_allows("system:node:n1", nodes));
}
END_TEST

TESTS("server_auth", subresources, verbs, own_clients)
