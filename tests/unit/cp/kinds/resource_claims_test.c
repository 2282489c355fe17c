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

#define DEVICE "spec.devices[0]"
#define IDENTIFIER "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')"
START_TEST(devices)
{
	static const struct rule_row rows[] = {
	    {DEVICE ".attributes", "{\"a-b\":{\"bool\":true}}", DEVICE ".attributes[a-b]: Invalid value: \"a-b\": " IDENTIFIER "\n"},
	    {DEVICE ".attributes", "{\"x.y/\":{\"bool\":true}}", DEVICE ".attributes[x.y/]: Invalid value: \"\": the name must not be empty\n"},
	    {DEVICE ".attributes", "{\"a\":{}}", DEVICE ".attributes[a]: Invalid value: \"\": exactly one value must be specified\n"},
	    {DEVICE ".attributes", "{\"a\":{\"version\":\"1.2\"}}",
	     DEVICE ".attributes[a].version: Invalid value: \"1.2\": must be a string compatible with semver.org spec 2.0.0\n"},
	    {DEVICE ".attributes", "{\"a\":{\"version\":\"1.02.0\"}}",
	     DEVICE ".attributes[a].version: Invalid value: \"1.02.0\": must be a string compatible with semver.org spec 2.0.0\n"},
	    {DEVICE ".attributes", "{\"a\":{\"version\":\"1.2.3-rc.1+build.007\"},\"b\":{\"int\":0}}", ""},
	    {DEVICE ".capacity", "{\"m\":{\"value\":\"8\",\"requestPolicy\":{\"default\":\"1\"}}}", DEVICE ".capacity[m].requestPolicy: Forbidden: allowMultipleAllocations must be true\n"},
	    {DEVICE, "{\"name\":\"d\",\"allowMultipleAllocations\":true,\"capacity\":{\"m\":{\"value\":\"8\",\"requestPolicy\":{\"default\":\"3\",\"validValues\":[\"2\",\"1\",\"9\"]}}}}",
	     DEVICE ".capacity[m].requestPolicy.validValues[1]: Invalid value: \"1\": values must be sorted in ascending order\n" DEVICE
		    ".capacity[m].requestPolicy.validValues[2]: Invalid value: \"9\": option is larger than capacity value: 8\n" DEVICE
		    ".capacity[m].requestPolicy.validValues: Invalid value: \"3\": default value is not valid according to the requestPolicy\n"},
	    {DEVICE, "{\"name\":\"d\",\"allowMultipleAllocations\":true,\"capacity\":{\"m\":{\"value\":\"8\",\"requestPolicy\":{\"default\":\"3\",\"validRange\":{\"min\":\"2\",\"max\":\"6\",\"step\":\"2\"}}}}}",
	     DEVICE ".capacity[m].requestPolicy.validRange.step: Invalid value: \"3\": value is not a multiple of a given step (2) from (2)\n"},
	    {DEVICE ".taints", "[{\"key\":\"k\",\"effect\":\"Odd\"}]",
	     DEVICE ".taints[0].effect: Unsupported value: \"Odd\": supported values: \"NoExecute\", \"NoSchedule\", \"None\"\n"},
	    {DEVICE ".consumesCounters", "[{\"counterSet\":\"s\",\"counters\":{}}]", DEVICE ".consumesCounters[0].counters: Required value\n"},
	    {DEVICE ".nodeName", "\"n\"",
	     DEVICE ": Invalid value: null: `nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec\n"},
	    {DEVICE ".bindingConditions", "[\"a\"]", DEVICE ".bindingFailureConditions: Invalid value: null: bindingFailureConditions are required to use bindingConditions\n"},
	    {"spec.sharedCounters", "[{\"name\":\"s\",\"counters\":{\"c\":{\"value\":\"1\"}}}]", "spec: Invalid value: \"\": only one of `sharedCounters` or `devices` is allowed\n"},
	};
	CHECK("resource.k8s.io", "ResourceSlice",
	      "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"driver\":\"d\",\"nodeName\":\"x\",\"pool\":{\"name\":\"p\",\"generation\":1,\"resourceSliceCount\":1},"
	      "\"devices\":[{\"name\":\"a\"}]}}", rows, false);
}
END_TEST

START_TEST(allocations)
{
	static const struct {
		const char *status, *errors;
	} rows[] = {
	    {"{\"allocation\":{\"devices\":{\"results\":[{\"request\":\"r\",\"driver\":\"d\",\"pool\":\"p\",\"device\":\"v\"}]}},"
	     "\"devices\":[{\"driver\":\"d\",\"pool\":\"p\",\"device\":\"v\",\"networkData\":{\"ips\":[\"10.0.0.1/24\"]}}]}", ""},
	    {"{\"allocation\":{\"devices\":{\"results\":[{\"request\":\"other\",\"driver\":\"d\",\"pool\":\"p\",\"device\":\"v\"}]}}}",
	     "status.allocation.devices.results[0].request: Invalid value: \"other\": must be the name of a request in the claim or the name of a request "
	     "and a subrequest separated by '/'\n"},
	    {"{\"allocation\":{\"devices\":{\"config\":[{\"source\":\"FromSky\",\"opaque\":{\"driver\":\"d\",\"parameters\":{}}}]}}}",
	     "status.allocation.devices.config[0].source: Unsupported value: \"FromSky\": supported values: \"FromClaim\", \"FromClass\"\n"},
	    {"{\"devices\":[{\"driver\":\"d\",\"pool\":\"p\",\"device\":\"v\"}]}",
	     "status.devices[0]: Invalid value: \"d/p/v\": must be an allocated device in the claim\n"},
	};
	const struct kind *k = fixture_kind("resource.k8s.io", "v1", "ResourceClaim");
	AUTO_JSON *old = fixture_load(k, CLAIM, NULL, NULL);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON *claim = json_deep_copy(old);
		AUTO_FIELD_ERRORS f = {.schema = fixture_schema};
		AUTO_STR got = STR_INIT;
		json_object_set_new(claim, "status", json_loads(rows[i].status, 0, NULL));
		kind_ops_find(k)->validate_status(claim, old, &f);
		for (size_t n = 0; n < f.n; n++)
			str_addf(&got, "%s: %s\n", f.v[n].field, f.v[n].message);
		ck_assert_str_eq(str_text(&got), rows[i].errors);
	}
}
END_TEST

START_TEST(runtime_classes)
{
	static const struct rule_row rows[] = {
	    {"overhead", "{\"podFixed\":{\"foo\":\"1\"}}",
	     "overhead.limits[foo]: Invalid value: \"foo\": must be a standard resource type or fully qualified\n"
	     "overhead.limits[foo]: Invalid value: \"foo\": must be a standard resource for containers\n"},
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
	     "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]\n"
	     "spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use \"kubernetes.io/os\" instead\n"
	     "spec.imagePullSecrets[0].name: invalid empty name \"\"\n"
	     "spec.containers[0].resources.requests[memory]: fractional byte value \"100m\" is invalid, must be an integer"},
	    {"", "PersistentVolume", "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"persistentVolumeReclaimPolicy\":\"Recycle\"}}",
	     "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic "
	     "provisioning."},
	    {"", "Service", "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"clusterIP\":\"None\",\"sessionAffinity\":\"ClientIP\"}}",
	     "spec.SessionAffinity is ignored for headless services"},
	    {"", "Service",
	     "{\"metadata\":{\"name\":\"s\",\"annotations\":{\"service.kubernetes.io/topology-aware-hints\":\"auto\"}},\"spec\":{\"externalName\":\"x\","
	     "\"externalIPs\":[\"2001:db8:0::1\"],\"trafficDistribution\":\"PreferClose\"}}",
	     "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead\n"
	     "spec.externalIPs[0]: IPv6 address \"2001:db8:0::1\" should be in RFC 5952 canonical format (\"2001:db8::1\")\n"
	     "spec.externalName is ignored when spec.type is not \"ExternalName\"\n"
	     "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\""},
	    {"", "Endpoints", "{\"metadata\":{\"name\":\"e\"},\"subsets\":[{\"addresses\":[{\"ip\":\"::ffff:10.0.0.1\"}]}]}",
	     "subsets[0].addresses[0].ip: non-standard IP address \"::ffff:10.0.0.1\" will be considered invalid in a future Kubernetes release: use \"10.0.0.1\""},
	    {"networking.k8s.io", "Ingress", "{\"metadata\":{\"name\":\"i\",\"annotations\":{\"kubernetes.io/ingress.class\":\"x\"}},\"spec\":{}}",
	     "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FREE char *got = warnings_of(rows[i].group, rows[i].kind, rows[i].text);
		ck_assert_str_eq(got, rows[i].want);
	}
}
END_TEST

TESTS("resource_claims", claims, slices, devices, allocations, runtime_classes, warnings)
