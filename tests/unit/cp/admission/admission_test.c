/* The chain itself and its small plugins: namespaces, tolerations, taints, priorities. */
#include "tests/unit/cp/admission/admission_fixture.h"

#include "cp/admission/node_labels.h"

START_TEST(namespaces)
{
	admission_setup();
	given("{\"kind\":\"Namespace\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"t\",\"uid\":\"u2\",\"deletionTimestamp\":"
	      "\"2026-01-01T00:00:00Z\"}}");
	ck_assert_str_eq(create("{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"c\",\"namespace\":\"x\"}}"),
			 "namespaces \"x\" not found");
	ck_assert_str_eq(create("{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"c\",\"namespace\":\"t\"}}"),
			 "configmaps \"c\" is forbidden: unable to create new content in namespace t because it is being "
			 "terminated");
	ck_assert_str_eq(create("{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"c\",\"namespace\":\"n\"}}"),
			 "");
	json_t *none = NULL;
	ck_assert_str_eq(admit_as("admin", "system:masters", ADMIT_DELETE, "", &none,
				  "{\"kind\":\"Namespace\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"kube-system\"}}"),
			 "namespaces \"kube-system\" is forbidden: this namespace may not be deleted");
	ck_assert_str_eq(admit_as("admin", "system:masters", ADMIT_DELETE, "", &none,
				  "{\"kind\":\"Namespace\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n\"}}"),
			 "");
	admission_teardown();
}
END_TEST

#define ACCOUNT(name, rest)                                                                                            \
	"{\"kind\":\"ServiceAccount\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"" name "\",\"namespace\":\"n\"}" rest "}"

START_TEST(accounts)
{
	admission_setup();
	AUTO_JSON *early = pod_of("{\"containers\":[{}]}");
	ck_assert_str_eq(create_pod(&early), "pods \"p\" is forbidden: error looking up service account n/default: "
					     "serviceaccount \"default\" not found");
	given(ACCOUNT("default", ",\"imagePullSecrets\":[{\"name\":\"pull\"}]"));
	given(ACCOUNT("quiet", ",\"automountServiceAccountToken\":false"));
	AUTO_JSON *a = pod_of("{\"containers\":[{},{\"volumeMounts\":[{\"name\":\"own\",\"mountPath\":"
			      "\"/var/run/secrets/kubernetes.io/serviceaccount\"}]}],\"initContainers\":[{}]}");
	ck_assert_str_eq(create_pod(&a), "");
	ck_assert_str_eq(json_str_at(a, "spec.serviceAccount"), "default");
	const json_t *volume = json_array_get(json_at(a, "spec.volumes"), 0), *sources = json_at(volume, "projected.sources");
	ck_assert(str_has_prefix(json_str_at(volume, "name"), "kube-api-access-"));
	ck_assert_int_eq(json_int_at(json_array_get(sources, 0), "serviceAccountToken.expirationSeconds", 0), 3607);
	ck_assert_str_eq(json_str_at(json_array_get(sources, 1), "configMap.name"), "kube-root-ca.crt");
	ck_assert_uint_eq(json_array_size(json_at(json_array_get(json_at(a, "spec.containers"), 0), "volumeMounts")), 1);
	ck_assert_uint_eq(json_array_size(json_at(json_array_get(json_at(a, "spec.containers"), 1), "volumeMounts")), 1);
	ck_assert_uint_eq(json_array_size(json_at(json_array_get(json_at(a, "spec.initContainers"), 0), "volumeMounts")), 1);
	ck_assert_str_eq(json_str_at(json_array_get(json_at(a, "spec.imagePullSecrets"), 0), "name"), "pull");
	AUTO_JSON *b = pod_of("{\"serviceAccountName\":\"quiet\",\"containers\":[{}]}");
	ck_assert_str_eq(create_pod(&b), "");
	ck_assert_ptr_null(json_at(b, "spec.volumes"));
	AUTO_JSON *c = pod_of("{\"serviceAccountName\":\"quiet\",\"automountServiceAccountToken\":true,\"containers\":[{}]}");
	ck_assert_str_eq(create_pod(&c), "");
	ck_assert_uint_eq(json_array_size(json_at(c, "spec.volumes")), 1);
	admission_teardown();
}
END_TEST

START_TEST(mirrors)
{
	admission_setup();
	static const char *const specs[][2] = {{"{\"containers\":[{}]}", ""},
					       {"{\"serviceAccountName\":\"x\"}", "a mirror pod may not reference service accounts"},
					       {"{\"volumes\":[{\"secret\":{\"secretName\":\"s\"}}]}", "a mirror pod may not reference secrets"}};
	for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
		AUTO_JSON *p = pod_of(specs[i][0]);
		json_object_set_new(json_object_at(p, "metadata.annotations"), "kubernetes.io/config.mirror", json_string("h"));
		const char *why = create_pod(&p);
		ck_assert_msg(strstr(why, specs[i][1]) != NULL, "%s", why);
		ck_assert_int_eq(*why != '\0', *specs[i][1] != '\0');
		ck_assert_ptr_null(json_at(p, "spec.serviceAccount"));
	}
	admission_teardown();
}
END_TEST

START_TEST(tolerations)
{
	admission_setup();
	given(ACCOUNT("default", ""));
	AUTO_JSON *a = pod_of("{\"containers\":[]}");
	ck_assert_str_eq(create_pod(&a), "");
	ck_assert_uint_eq(json_array_size(json_at(a, "spec.tolerations")), 2);
	AUTO_JSON *b = pod_of("{\"tolerations\":[{\"operator\":\"Exists\"}]}");
	ck_assert_str_eq(create_pod(&b), "");
	ck_assert_uint_eq(json_array_size(json_at(b, "spec.tolerations")), 1);
	AUTO_JSON *c = pod_of("{\"tolerations\":[{\"key\":\"node.kubernetes.io/not-ready\",\"operator\":\"Exists\",\"effect\":"
			      "\"NoSchedule\"}]}");
	ck_assert_str_eq(create_pod(&c), "");
	ck_assert_uint_eq(json_array_size(json_at(c, "spec.tolerations")), 3);
	admission_teardown();
}
END_TEST

#define CLASS(name, value, rest)                                                                                       \
	"{\"kind\":\"PriorityClass\",\"apiVersion\":\"scheduling.k8s.io/v1\",\"metadata\":{\"name\":\"" name               \
	"\"},\"value\":" value ",\"preemptionPolicy\":\"PreemptLowerPriority\"" rest "}"

START_TEST(priorities)
{
	admission_setup();
	given(ACCOUNT("default", ""));
	AUTO_JSON *none = pod_of("{}");
	ck_assert_str_eq(create_pod(&none), "");
	ck_assert_int_eq(json_int_at(none, "spec.priority", -1), 0);
	ck_assert_str_eq(json_str_at(none, "spec.preemptionPolicy"), "PreemptLowerPriority");
	AUTO_JSON *absent = pod_of("{\"priorityClassName\":\"nope\"}");
	ck_assert_str_eq(create_pod(&absent), "pods \"p\" is forbidden: no PriorityClass with name nope was found");
	given(CLASS("high", "1000", ""));
	given(CLASS("usual", "10", ",\"globalDefault\":true"));
	AUTO_JSON *high = pod_of("{\"priorityClassName\":\"high\"}");
	ck_assert_str_eq(create_pod(&high), "");
	ck_assert_int_eq(json_int_at(high, "spec.priority", 0), 1000);
	AUTO_JSON *usual = pod_of("{}");
	ck_assert_str_eq(create_pod(&usual), "");
	ck_assert_str_eq(json_str_at(usual, "spec.priorityClassName"), "usual");
	ck_assert_int_eq(json_int_at(usual, "spec.priority", 0), 10);
	AUTO_JSON *wrong = pod_of("{\"priority\":5}");
	ck_assert_str_eq(create_pod(&wrong),
			 "pods \"p\" is forbidden: the integer value of priority (5) must not be provided in pod spec; priority "
			 "admission controller computed 10 from the given PriorityClass name");
	AUTO_JSON *never = pod_of("{\"preemptionPolicy\":\"Never\"}");
	ck_assert_ptr_nonnull(strstr(create_pod(&never), "the string value of PreemptionPolicy (Never) must not be provided"));
	ck_assert_str_eq(create(CLASS("other", "1", ",\"globalDefault\":true")),
			 "priorityclasses.scheduling.k8s.io \"other\" is forbidden: PriorityClass usual is already marked as "
			 "default. Only one default can exist");
	admission_teardown();
}
END_TEST

START_TEST(taints)
{
	admission_setup();
	given(ACCOUNT("default", ""));
	AUTO_JSON *node = parsed("{\"kind\":\"Node\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n1\"}}");
	ck_assert_str_eq(admit_as("admin", "system:masters", ADMIT_CREATE, "", &node, NULL), "");
	ck_assert_str_eq(json_str_at(json_array_get(json_at(node, "spec.taints"), 0), "key"), "node.kubernetes.io/not-ready");
	ck_assert_str_eq(admit_as("admin", "system:masters", ADMIT_CREATE, "", &node, NULL), "");
	ck_assert_uint_eq(json_array_size(json_at(node, "spec.taints")), 1);
	admission_teardown();
}
END_TEST

static const char *by_node(enum admit_op op, const char *sub, const char *text, const char *old)
{
	AUTO_JSON *o = text ? parsed(text) : NULL;
	return admit_as("system:node:n1", "system:nodes", op, sub, &o, old);
}

#define NODE(name, rest) "{\"kind\":\"Node\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"" name "\"" rest "}}"
#define POD_ON(node) "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\",\"namespace\":\"n\"},\"spec\":{\"nodeName\":\"" node "\"}}"

START_TEST(nodes)
{
	admission_setup();
	given(ACCOUNT("default", ""));
	ck_assert_str_eq(by_node(ADMIT_CREATE, "", NODE("n1", ""), NULL), "");
	ck_assert_str_eq(by_node(ADMIT_CREATE, "", NODE("n2", ",\"labels\":{\"node-role.kubernetes.io/a\":\"\"}"), NULL),
			 "nodes \"n2\" is forbidden: node \"n1\" is not allowed to modify node \"n2\"");
	ck_assert_str_eq(by_node(ADMIT_CREATE, "", NODE("n1", ",\"labels\":{\"node-role.kubernetes.io/a\":\"\"}"), NULL),
			 "nodes \"n1\" is forbidden: node \"n1\" is not allowed to set the following labels: "
			 "node-role.kubernetes.io/a");
	ck_assert_str_eq(by_node(ADMIT_UPDATE, "", NODE("n1", ",\"labels\":{\"x.k8s.io/a\":\"\"}"), NODE("n1", "")),
			 "nodes \"n1\" is forbidden: is not allowed to modify labels: x.k8s.io/a");
	ck_assert_str_eq(by_node(ADMIT_UPDATE, "status", POD_ON("n1"), POD_ON("n1")), "");
	ck_assert_str_eq(by_node(ADMIT_UPDATE, "status", POD_ON("n2"), POD_ON("n2")),
			 "pods \"p\" is forbidden: node \"n1\" can only update pod status for pods with spec.nodeName set to "
			 "itself");
	ck_assert_str_eq(by_node(ADMIT_DELETE, "", NULL, POD_ON("n2")),
			 "pods \"p\" is forbidden: node \"n1\" can only delete pods with spec.nodeName set to itself");
	ck_assert_ptr_nonnull(strstr(by_node(ADMIT_CREATE, "", POD_ON("n1"), NULL), "can only create mirror pods"));
	admission_teardown();
}
END_TEST

START_TEST(labels_of_nodes)
{
	static const struct {
		const char *before, *after, *forbidden;
	} cases[] = {
		{ "{}", "{\"a\":\"1\",\"example.com/b\":\"2\"}", NULL },
		{ "{}", "{\"kubernetes.io/hostname\":\"h\",\"topology.kubernetes.io/zone\":\"z\"}", NULL },
		{ "{}", "{\"x.node.kubernetes.io/y\":\"1\",\"kubelet.kubernetes.io/z\":\"\"}", NULL },
		{ "{}", "{\"z.kubernetes.io/a\":\"1\",\"k8s.io/b\":\"\"}", "k8s.io/b, z.kubernetes.io/a" },
		{ "{\"a.node-restriction.kubernetes.io/x\":\"1\"}", "{}", "a.node-restriction.kubernetes.io/x" },
		{ "{\"k8s.io/b\":\"1\"}", "{\"k8s.io/b\":\"1\"}", NULL },
		{ "{}", "{\"notkubernetes.io/b\":\"1\"}", NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_JSON *before = parsed(cases[i].before), *after = parsed(cases[i].after);
		AUTO_FREE char *found = node_labels_forbidden(after, before);
		ck_assert_msg(str_eq(found, cases[i].forbidden), "%zu: %s", i, found ? found : "none");
	}
	AUTO_FREE char *none = node_labels_forbidden(NULL, NULL);
	ck_assert_ptr_null(none);
}
END_TEST

TESTS("admission", namespaces, accounts, mirrors, tolerations, priorities, taints, nodes, labels_of_nodes)
