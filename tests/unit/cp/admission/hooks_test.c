/* Webhooks: rules, selectors, reviews; policies and classes in the chain. */
#include "tests/unit/cp/admission/admission_fixture.h"

#include <errno.h>

#include "cp/admission/hook_match.h"
#include "cp/admission/hook_review.h"
#include "cp/admission/plugin.h"

START_TEST(rules)
{
	static const struct {
		const char *rule;
		bool fits;
	} cases[] = {
		{ "\"operations\":[\"CREATE\"],\"apiGroups\":[\"apps\"],\"apiVersions\":[\"v1\"],\"resources\":[\"deployments\"]", true },
		{ "\"operations\":[\"*\"],\"apiGroups\":[\"*\"],\"apiVersions\":[\"*\"],\"resources\":[\"*\"]", true },
		{ "\"operations\":[\"UPDATE\"],\"apiGroups\":[\"apps\"],\"apiVersions\":[\"v1\"],\"resources\":[\"deployments\"]", false },
		{ "\"operations\":[\"*\"],\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"resources\":[\"deployments\"]", false },
		{ "\"operations\":[\"*\"],\"apiGroups\":[\"apps\"],\"apiVersions\":[\"v1beta1\"],\"resources\":[\"deployments\"]", false },
		{ "\"operations\":[\"*\"],\"apiGroups\":[\"apps\"],\"apiVersions\":[\"v1\"],\"resources\":[\"deployments/scale\"]", false },
		{ "\"operations\":[\"*\"],\"apiGroups\":[\"apps\"],\"apiVersions\":[\"v1\"],\"resources\":[\"deployments\"],\"scope\":"
		  "\"Cluster\"", false },
		{ "\"operations\":[\"*\"],\"apiGroups\":[\"apps\"],\"apiVersions\":[\"v1\"],\"resources\":[\"deployments\"],"
		  "\"resourceNames\":[\"other\"]", false },
	};
	struct hook_target t = { ADMIT_CREATE, "apps", "v1", "deployments", "", "d", true };
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *text = xasprintf("{%s}", cases[i].rule);
		AUTO_JSON *rule = parsed(text);
		ck_assert_msg(hook_rule_fits(rule, &t) == cases[i].fits, "%zu", i);
	}
	AUTO_JSON *older = parsed("{\"operations\":[\"*\"],\"apiGroups\":[\"apps\"],\"apiVersions\":[\"v1beta1\"],\"resources\":["
				  "\"*/scale\"]}");
	t.subresource = "scale";
	ck_assert(!hook_rule_fits(older, &t));
	t.version = "v1beta1";
	ck_assert(hook_rule_fits(older, &t));
}
END_TEST

START_TEST(requests)
{
	admission_setup();
	AUTO_JSON *pod = pod_of("{\"containers\":[]}");
	struct auth_user user = { 0 };
	char *const groups[] = { (char *)"dev", NULL };
	auth_user_set(&user, "alice", groups);
	struct admit a = { .n = chain, .op = ADMIT_UPDATE, .kind = schema_find_kind(schema, "", "v1", "Pod"), .subresource = "status",
			   .ns = "n", .name = "p", .object = pod, .old = pod, .user = &user, .dry_run = true };
	struct hook_form form = { a.kind, a.object, a.old };
	AUTO_JSON *review = hook_review_request(&a, &form, "v1", "some-uid");
	ck_assert_str_eq(json_str_at(review, "apiVersion"), "admission.k8s.io/v1");
	ck_assert_str_eq(json_str_at(review, "request.uid"), "some-uid");
	ck_assert_str_eq(json_str_at(review, "request.kind.kind"), "Pod");
	ck_assert_str_eq(json_str_at(review, "request.resource.resource"), "pods");
	ck_assert_str_eq(json_str_at(review, "request.subResource"), "status");
	ck_assert_str_eq(json_str_at(review, "request.operation"), "UPDATE");
	ck_assert_str_eq(json_str_at(review, "request.userInfo.username"), "alice");
	ck_assert(json_bool_at(review, "request.dryRun", false));
	ck_assert_str_eq(json_str_at(review, "request.options.kind"), "UpdateOptions");
	ck_assert_str_eq(json_str_at(review, "request.oldObject.metadata.name"), "p");
	auth_user_done(&user);
	admission_teardown();
}
END_TEST

#define REVIEW(response) "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"response\":" response "}"

START_TEST(responses)
{
	static const struct {
		const char *body, *error;
	} cases[] = {
		{ "nonsense", "the response is not an AdmissionReview" },
		{ "{}", "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got , Kind=" },
		{ REVIEW("null"), "webhook response was absent" },
		{ REVIEW("{\"uid\":\"v\"}"), "expected response.uid=\"u\", got \"v\"" },
		{ REVIEW("{\"uid\":\"u\",\"allowed\":true,\"patch\":\"W10=\"}"),
		  "webhook returned response.patch but not response.patchType" },
		{ REVIEW("{\"uid\":\"u\",\"allowed\":true,\"patch\":\"W10=\",\"patchType\":\"Other\"}"),
		  "webhook returned invalid response.patchType of \"Other\"" },
		{ REVIEW("{\"uid\":\"u\",\"allowed\":true,\"patch\":\"e30=\",\"patchType\":\"JSONPatch\"}"),
		  "response.patch is not a JSON patch" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(hook_answer_done) struct hook_answer r = { 0 };
		struct err e = ERR_INIT;
		ck_assert_int_eq(hook_review_response(cases[i].body, strlen(cases[i].body), "v1", "u", &r, &e), -EPROTO);
		ck_assert_str_eq(err_text(&e), cases[i].error);
	}
	AUTO(hook_answer_done) struct hook_answer fine = { 0 };
	static const char good[] = REVIEW("{\"uid\":\"u\",\"allowed\":false,\"status\":{\"code\":200,\"reason\":\"Odd\"},"
					  "\"warnings\":[\"w\"],\"patch\":\"W10=\",\"patchType\":\"JSONPatch\"}");
	ck_assert_int_eq(hook_review_response(good, strlen(good), "v1", "u", &fine, NULL), 0);
	ck_assert(!fine.allowed);
	ck_assert(json_is_array(fine.patch));
	AUTO_JSON *denied = hook_review_denial("x", &fine);
	ck_assert_str_eq(json_str_at(denied, "message"), "admission webhook \"x\" denied the request: Odd");
	ck_assert_int_eq(status_code(denied), 400);
}
END_TEST

START_TEST(policies)
{
	admission_setup();
	given("{\"kind\":\"ValidatingAdmissionPolicy\",\"apiVersion\":\"admissionregistration.k8s.io/v1\",\"metadata\":{\"name\":\"p\"},"
	      "\"spec\":{\"matchConstraints\":{\"resourceRules\":[{\"operations\":[\"CREATE\"],\"apiGroups\":[\"\"],\"apiVersions\":["
	      "\"v1\"],\"resources\":[\"configmaps\"]}],\"objectSelector\":{\"matchLabels\":{\"a\":\"b\"}}},\"validations\":[{"
	      "\"expression\":\"x\"}]}}");
	given("{\"kind\":\"ValidatingAdmissionPolicyBinding\",\"apiVersion\":\"admissionregistration.k8s.io/v1\",\"metadata\":{\"name\":"
	      "\"b\"},\"spec\":{\"policyName\":\"p\",\"validationActions\":[\"Deny\"]}}");
	ck_assert_str_eq(create("{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"c\",\"namespace\":\"n\"}}"), "");
	ck_assert_str_eq(create("{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"c\",\"namespace\":\"n\",\"labels\":{"
				"\"a\":\"b\"}}}"),
			 "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: expression 'x' "
			 "resulted in error: CEL expressions are not supported by this server yet");
	admission_teardown();
}
END_TEST

START_TEST(runtime_classes)
{
	admission_setup();
	given("{\"kind\":\"ServiceAccount\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"default\",\"namespace\":\"n\"}}");
	given("{\"kind\":\"RuntimeClass\",\"apiVersion\":\"node.k8s.io/v1\",\"metadata\":{\"name\":\"r\"},\"handler\":\"h\",\"overhead\":{"
	      "\"podFixed\":{\"cpu\":\"10m\"}},\"scheduling\":{\"nodeSelector\":{\"x\":\"y\"},\"tolerations\":[{\"key\":\"t\"}]}}");
	AUTO_JSON *pod = pod_of("{\"runtimeClassName\":\"r\",\"containers\":[]}");
	ck_assert_str_eq(create_pod(&pod), "");
	ck_assert_str_eq(json_str_at(pod, "spec.overhead.cpu"), "10m");
	ck_assert_str_eq(json_str_at(pod, "spec.nodeSelector.x"), "y");
	ck_assert_uint_eq(json_array_size(json_at(pod, "spec.tolerations")), 3);
	/* What another toleration holds is not repeated: the class' own of any effect is wider. */
	AUTO_JSON *narrow = pod_of("{\"runtimeClassName\":\"r\",\"tolerations\":[{\"key\":\"t\",\"effect\":\"NoSchedule\"},{\"key\":\"s\"}],"
				   "\"containers\":[]}");
	ck_assert_str_eq(create_pod(&narrow), "");
	ck_assert_uint_eq(json_array_size(json_at(narrow, "spec.tolerations")), 4);
	ck_assert_str_eq(json_str_at(json_array_get(json_at(narrow, "spec.tolerations"), 0), "key"), "s");
	AUTO_JSON *absent = pod_of("{\"runtimeClassName\":\"none\",\"containers\":[]}");
	ck_assert_str_eq(create_pod(&absent), "pods \"p\" is forbidden: pod rejected: RuntimeClass \"none\" not found");
	AUTO_JSON *other = pod_of("{\"runtimeClassName\":\"r\",\"overhead\":{\"cpu\":\"1\"},\"containers\":[]}");
	ck_assert_ptr_nonnull(strstr(create_pod(&other), "Pod's Overhead doesn't match RuntimeClass's defined Overhead"));
	AUTO_JSON *clash = pod_of("{\"runtimeClassName\":\"r\",\"nodeSelector\":{\"x\":\"z\"},\"containers\":[]}");
	ck_assert_ptr_nonnull(strstr(create_pod(&clash), "conflict: runtimeClass.scheduling.nodeSelector[x] = y; pod.spec.nodeSelector[x] "
							 "= z"));
	admission_teardown();
}
END_TEST

START_TEST(topology)
{
	static const char binding[] = "{\"kind\":\"Binding\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\",\"labels\":{"
				      "\"topology.kubernetes.io/zone\":\"mine\"}},\"target\":{\"kind\":\"%s\",\"name\":\"%s\"}}";
	static const struct {
		const char *kind, *node, *zone, *region;
	} cases[] = { { "Node", "n1", "z", "r" }, { "Node", "none", "mine", "" }, { "", "n1", "mine", "" } };
	admission_setup();
	given("{\"kind\":\"ServiceAccount\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"default\",\"namespace\":\"n\"}}");
	given("{\"kind\":\"Node\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n1\",\"labels\":{\"topology.kubernetes.io/zone\":"
	      "\"z\",\"topology.kubernetes.io/region\":\"r\",\"other\":\"o\"}}}");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *text = xasprintf(binding, cases[i].kind, cases[i].node);
		struct admit a = { .n = chain, .op = ADMIT_CREATE, .kind = schema_find_kind(schema, "", "v1", "Pod"),
				   .subresource = "binding", .ns = "n", .name = "p", .object = parsed(text) };
		topology_labels_plugin.mutate(&a);
		const json_t *labels = json_at(a.object, "metadata.labels");
		ck_assert_str_eq(json_string_value(json_object_get(labels, "topology.kubernetes.io/zone")), cases[i].zone);
		const json_t *region = json_object_get(labels, "topology.kubernetes.io/region");
		ck_assert_str_eq(region ? json_string_value(region) : "", cases[i].region);
		ck_assert_ptr_null(json_object_get(labels, "other"));
		json_decref(a.object);
	}
	AUTO_JSON *pod = pod_of("{\"nodeName\":\"n1\",\"containers\":[]}");
	ck_assert_str_eq(create_pod(&pod), "");
	ck_assert_str_eq(json_string_value(json_object_get(json_at(pod, "metadata.labels"), "topology.kubernetes.io/region")), "r");
	admission_teardown();
}
END_TEST

START_TEST(default_classes)
{
	admission_setup();
	static const char class[] = "{\"kind\":\"StorageClass\",\"apiVersion\":\"storage.k8s.io/v1\",\"metadata\":{\"name\":\"%s\","
				    "\"creationTimestamp\":\"%s\",\"annotations\":{\"storageclass.kubernetes.io/is-default-class\":\"%s\"}}}";
	static const char *const classes[][3] = { { "old", "2020-01-01T00:00:00Z", "true" },
						  { "new", "2021-01-01T00:00:00Z", "true" },
						  { "not", "2022-01-01T00:00:00Z", "false" } };
	AUTO_JSON *claim = parsed("{\"kind\":\"PersistentVolumeClaim\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"c\",\"namespace\":"
				  "\"n\"},\"spec\":{}}");
	ck_assert_str_eq(admit_as("a", "g", ADMIT_CREATE, "", &claim, NULL), "");
	ck_assert_ptr_null(json_at(claim, "spec.storageClassName"));
	ck_assert_str_eq(json_string_value(json_array_get(json_at(claim, "metadata.finalizers"), 0)), "kubernetes.io/pvc-protection");
	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		AUTO_FREE char *text = xasprintf(class, classes[i][0], classes[i][1], classes[i][2]);
		given(text);
	}
	ck_assert_str_eq(admit_as("a", "g", ADMIT_CREATE, "", &claim, NULL), "");
	ck_assert_str_eq(json_str_at(claim, "spec.storageClassName"), "new");
	admission_teardown();
}
END_TEST

START_TEST(growing_claims)
{
	admission_setup();
	static const char claim[] = "{\"kind\":\"PersistentVolumeClaim\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"c\",\"namespace\":"
				    "\"n\"},\"spec\":{\"storageClassName\":\"s\",\"resources\":{\"requests\":{\"storage\":\"%s\"}}},\"status\":{"
				    "\"phase\":\"%s\"}}";
	AUTO_FREE char *small = xasprintf(claim, "1Gi", "Bound"), *big = xasprintf(claim, "2Gi", "Bound"),
		       *pending = xasprintf(claim, "1Gi", "Pending");
	AUTO_JSON *object = parsed(big);
	ck_assert_ptr_nonnull(strstr(admit_as("a", "g", ADMIT_UPDATE, "", &object, small), "only dynamically provisioned pvc can be resized"));
	ck_assert_ptr_nonnull(strstr(admit_as("a", "g", ADMIT_UPDATE, "", &object, pending), "Only bound persistent volume claims"));
	given("{\"kind\":\"StorageClass\",\"apiVersion\":\"storage.k8s.io/v1\",\"metadata\":{\"name\":\"s\"},\"allowVolumeExpansion\":true}");
	ck_assert_str_eq(admit_as("a", "g", ADMIT_UPDATE, "", &object, small), "");
	admission_teardown();
}
END_TEST

START_TEST(signers)
{
	admission_setup();
	static const char csr[] = "{\"kind\":\"CertificateSigningRequest\",\"apiVersion\":\"certificates.k8s.io/v1\",\"metadata\":{\"name\":"
				  "\"c\"},\"spec\":{\"signerName\":\"%s\"},\"status\":{%s}}";
	AUTO_FREE char *mine = xasprintf(csr, "allowed.example/signer", ""), *other = xasprintf(csr, "other.example/signer", ""),
		       *signed_ = xasprintf(csr, "other.example/signer", "\"certificate\":\"x\"");
	AUTO_JSON *a = parsed(mine), *b = parsed(other), *c = parsed(signed_);
	ck_assert_str_eq(admit_as("u", "g", ADMIT_UPDATE, "approval", &a, mine), "");
	ck_assert_ptr_nonnull(strstr(admit_as("u", "g", ADMIT_UPDATE, "approval", &b, other),
				     "user not permitted to approve requests with signerName \"other.example/signer\""));
	ck_assert_ptr_nonnull(strstr(admit_as("u", "g", ADMIT_UPDATE, "status", &c, other), "user not permitted to sign requests"));
	ck_assert_str_eq(admit_as("u", "g", ADMIT_UPDATE, "status", &b, other), "");
	admission_teardown();
}
END_TEST

TESTS("hooks", rules, requests, responses, policies, runtime_classes, topology, default_classes, growing_claims, signers)
