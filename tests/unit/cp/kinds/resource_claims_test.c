/* Dynamic resource allocation, leases, runtime classes, warnings: a row a rule. */
#include "tests/unit/cp/kinds/rules_fixture.h"

#define CHECK(group, kind, text, rows, update) fixture_rules(fixture_kind(group, "v1", kind), text, rows, ARRAY_LEN(rows), update)
#define CLAIM "{\"metadata\":{\"name\":\"n\",\"namespace\":\"d\"},\"spec\":{\"devices\":{\"requests\":[{\"name\":\"r\",\"exactly\":{\"deviceClassName\":\"c\"}}]}}}"
#define REQUEST "spec.devices.requests[0]"

START_TEST(claims)
{
	static const struct rule_row rows[] = {
	    {REQUEST, "{\"name\":\"r\"}", REQUEST ": Required value: exactly one of `exactly` or `firstAvailable` is required\n"},
	    {REQUEST ".exactly", "{\"deviceClassName\":\"c\",\"allocationMode\":\"All\",\"count\":2}",
	     REQUEST ".exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'\n"},
	    {REQUEST ".exactly", "{\"deviceClassName\":\"c\",\"allocationMode\":\"Some\"}",
	     REQUEST ".exactly.allocationMode: Unsupported value: \"Some\": supported values: \"All\", \"ExactCount\"\n"},
	    {REQUEST ".exactly", "{\"deviceClassName\":\"c\",\"selectors\":[{}]}", REQUEST ".exactly.selectors[0].cel: Required value\n"},
	    {"spec.devices.constraints", "[{\"requests\":[\"x\"],\"matchAttribute\":\"a/b\"}]",
	     "spec.devices.constraints[0].requests[0]: Invalid value: \"x\": must be the name of a request in the claim or the name of a request and a "
	     "subrequest separated by '/'\n"},
	    {"spec.devices.config", "[{}]", "spec.devices.config[0].opaque: Required value\n"},
	};
	CHECK("resource.k8s.io", "ResourceClaim", CLAIM, rows, false);
}
END_TEST

START_TEST(slices)
{
	static const struct rule_row rows[] = {
	    {"spec.nodeName", NULL, "spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required\n"},
	    {"spec.allNodes", "true",
	     "spec: Invalid value: \"{`nodeName`, `allNodes`}\": exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is "
	     "required, but multiple fields are set\n"},
	    {"spec.devices", "[{\"name\":\"a\"},{\"name\":\"a\"}]", "spec.devices[1]: Duplicate value: \"a\"\n"},
	    {"spec.pool.resourceSliceCount", "0", "spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero\n"},
	};
	static const struct rule_row class[] = {
	    {"spec.extendedResourceName", "\"cpu\"", "spec.extendedResourceName: Invalid value: \"cpu\": must be a valid extended resource name\n"},
	};
	CHECK("resource.k8s.io", "ResourceSlice",
	      "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"driver\":\"d\",\"nodeName\":\"x\",\"pool\":{\"name\":\"p\",\"generation\":1,\"resourceSliceCount\":1}}}", rows, false);
	CHECK("resource.k8s.io", "DeviceClass", "{\"metadata\":{\"name\":\"n\"},\"spec\":{}}", class, false);
}
END_TEST

START_TEST(runtime_classes)
{
	static const struct rule_row rows[] = {
	    {"overhead", "{\"podFixed\":{\"foo\":\"1\"}}",
	     "overhead.podFixed.limits[foo]: Invalid value: \"foo\": must be a standard resource type or fully qualified\n"
	     "overhead.podFixed.limits[foo]: Invalid value: \"foo\": must be a standard resource for containers\n"},
	    {"scheduling", "{\"tolerations\":[{\"key\":\"a\",\"effect\":\"NoSchedule\",\"tolerationSeconds\":1}]}",
	     "scheduling.tolerations[0].effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when `tolerationSeconds` is set\n"},
	};
	CHECK("node.k8s.io", "RuntimeClass", "{\"metadata\":{\"name\":\"n\"},\"handler\":\"h\"}", rows, false);
}
END_TEST

static char *warnings_of(const char *group, const char *kind, const char *text)
{
	const struct kind *k = fixture_kind(group, "v1", kind);
	AUTO_JSON *j = fixture_load(k, text, NULL, NULL);
	AUTO_STRV char **warnings = NULL;

	kind_ops_find(k)->warn(j, NULL, &warnings);
	return warnings ? str_join(warnings, "\n") : xstrdup("");
}

START_TEST(warnings)
{
	static const struct {
		const char *group, *kind, *text, *want;
	} rows[] = {
	    {"", "Pod",
	     "{\"metadata\":{\"name\":\"a.b\"},\"spec\":{\"nodeSelector\":{\"beta.kubernetes.io/os\":\"linux\"},\"imagePullSecrets\":[{}],"
	     "\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"resources\":{\"requests\":{\"memory\":\"100m\"}}}]}}",
	     "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [a lowercase RFC "
	     "1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. "
	     "'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')]\n"
	     "spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use \"kubernetes.io/os\" instead\n"
	     "spec.imagePullSecrets[0].name: invalid empty name \"\"\n"
	     "spec.containers[0].resources.requests[memory]: fractional byte value \"100m\" is invalid, must be an integer"},
	    {"", "PersistentVolume", "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"persistentVolumeReclaimPolicy\":\"Recycle\"}}",
	     "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic "
	     "provisioning."},
	    {"", "Service", "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"clusterIP\":\"None\",\"sessionAffinity\":\"ClientIP\"}}",
	     "spec.SessionAffinity is ignored for headless services"},
	    {"networking.k8s.io", "Ingress", "{\"metadata\":{\"name\":\"i\",\"annotations\":{\"kubernetes.io/ingress.class\":\"x\"}},\"spec\":{}}",
	     "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FREE char *got = warnings_of(rows[i].group, rows[i].kind, rows[i].text);
		ck_assert_str_eq(got, rows[i].want);
	}
}
END_TEST

TESTS("resource_claims", claims, slices, runtime_classes, warnings)
