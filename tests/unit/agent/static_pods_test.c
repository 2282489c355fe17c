#include "tests/unit/agent/pods.h"

#include <errno.h>

#include "agent/pod_source.h"
#include "agent/server.h"
#include "api/yaml.h"
#include "base/mem.h"

static const char manifest[] =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: {v: \"1\"}}\nspec:\n  hostNetwork: yes\n"
    "  containers:\n  - {name: c, image: \"busybox:1\", ports: [{containerPort: 0x50}]}\n";

START_TEST(from_manifest)
{
	AUTO_JSON *m = NULL, *one = NULL, *two = NULL, *other = NULL;
	ck_assert_int_eq(yaml_parse(manifest, strlen(manifest), &m, NULL), 0);
	ck_assert_int_eq(static_pod_from(m, "n1", &one, NULL), 0);
	ck_assert_int_eq(static_pod_from(m, "n1", &two, NULL), 0);
	ck_assert_str_eq(json_str_at(one, "metadata.name"), "web-n1");
	ck_assert_str_eq(json_str_at(one, "metadata.namespace"), "default");
	ck_assert_str_eq(json_str_at(one, "spec.nodeName"), "n1");
	ck_assert_str_eq(json_str_at(one, "metadata.labels.v"), "1");
	ck_assert(json_bool_at(one, "spec.hostNetwork", false));
	ck_assert_str_eq(json_str_at(one, "metadata.uid"), json_str_at(two, "metadata.uid"));
	json_set_str(m, "metadata.labels.v", "2");
	ck_assert_int_eq(static_pod_from(m, "n1", &other, NULL), 0);
	ck_assert_str_ne(json_str_at(one, "metadata.uid"), json_str_at(other, "metadata.uid"));
	AUTO_JSON *bad = json_pack("{s:s}", "kind", "Service");
	ck_assert_int_eq(static_pod_from(bad, "n1", &other, NULL), -EINVAL);
}
END_TEST

START_TEST(who_may_ask)
{
	char *masters[] = {(char *)"x", (char *)"system:masters", NULL}, *nodes[] = {(char *)"system:nodes", NULL};
	ck_assert(server_allows("admin", masters));
	ck_assert(server_allows("kube-apiserver-kubelet-client", nodes));
	ck_assert(!server_allows("system:node:n1", nodes));
	ck_assert(!server_allows("", masters));
	ck_assert(!server_allows(NULL, NULL));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {from_manifest, who_may_ask};
	return run_suite("static_pods", tests, ARRAY_LEN(tests));
}
