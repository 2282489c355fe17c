/* Limits, quotas and security levels: plans on plain data. */
#include "tests/unit/cp/admission/admission_fixture.h"

#include "cp/admission/limit_plan.h"
#include "cp/kinds/quota_usage.h"
#include "cp/admission/pod_security_policy.h"
#include "cp/admission/quota_plan.h"
#include "cp/kinds/pod_resources.h"

#define RANGE                                                                                                          \
	"{\"spec\":{\"limits\":[{\"type\":\"Container\",\"default\":{\"cpu\":\"500m\",\"memory\":\"256Mi\"},"              \
	"\"defaultRequest\":{\"cpu\":\"100m\"},\"min\":{\"cpu\":\"50m\"},\"max\":{\"cpu\":\"1\"},"                         \
	"\"maxLimitRequestRatio\":{\"memory\":\"4\"}},{\"type\":\"Pod\",\"max\":{\"memory\":\"512Mi\"}},"                  \
	"{\"type\":\"PersistentVolumeClaim\",\"min\":{\"storage\":\"1Gi\"},\"max\":{\"storage\":\"2Gi\"}}]}}"

START_TEST(limit_defaults)
{
	AUTO_JSON *range = parsed(RANGE);
	AUTO_JSON *pod = pod_of("{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\",\"resources\":{\"limits\":{\"cpu\":\"1\"},"
				"\"requests\":{\"cpu\":\"1\"}}}],\"initContainers\":[{\"name\":\"i\"}]}");
	limit_plan_defaults(pod, range);
	const json_t *c = json_array_get(json_at(pod, "spec.containers"), 0);
	ck_assert_str_eq(json_str_at(c, "resources.requests.cpu"), "100m");
	ck_assert_str_eq(json_str_at(c, "resources.limits.memory"), "256Mi");
	ck_assert_str_eq(json_member(json_at(pod, "metadata.annotations"), "kubernetes.io/limit-ranger"),
			 "LimitRanger plugin set: cpu request for container a; cpu, memory limit for container a; memory limit "
			 "for container b; cpu request for init container i; cpu, memory limit for init container i");
}
END_TEST

START_TEST(limit_bounds)
{
	static const struct {
		const char *resources, *why;
	} cases[] = {
		{ "{\"requests\":{\"cpu\":\"100m\",\"memory\":\"50Mi\"},\"limits\":{\"cpu\":\"1\",\"memory\":\"200Mi\"}}", "" },
		{ "{\"requests\":{\"cpu\":\"10m\",\"memory\":\"1Mi\"},\"limits\":{\"cpu\":\"1\",\"memory\":\"1Mi\"}}",
		  "minimum cpu usage per Container is 50m, but request is 10m" },
		{ "{\"requests\":{\"cpu\":\"1\",\"memory\":\"1Mi\"},\"limits\":{\"cpu\":\"2\",\"memory\":\"1Mi\"}}",
		  "maximum cpu usage per Container is 1, but limit is 2" },
		{ "{\"requests\":{\"cpu\":\"1\",\"memory\":\"10Mi\"},\"limits\":{\"cpu\":\"1\",\"memory\":\"200Mi\"}}",
		  "memory max limit to request ratio per Container is 4, but provided ratio is 20.000000" },
		{ "{\"requests\":{\"cpu\":\"1\",\"memory\":\"600Mi\"},\"limits\":{\"cpu\":\"1\",\"memory\":\"600Mi\"}}",
		  "maximum memory usage per Pod is 512Mi, but limit is 600Mi" },
		{ "{\"requests\":{\"memory\":\"1Mi\"},\"limits\":{\"memory\":\"1Mi\"}}",
		  "minimum cpu usage per Container is 50m.  No request is specified; maximum cpu usage per Container is 1.  No "
		  "limit is specified" },
	};
	AUTO_JSON *range = parsed(RANGE);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_STRV char **why = NULL;
		AUTO_FREE char *spec = xasprintf("{\"containers\":[{\"name\":\"a\",\"resources\":%s}]}", cases[i].resources);
		AUTO_JSON *pod = pod_of(spec);
		limit_plan_check_pod(pod, range, &why);
		AUTO_FREE char *all = why ? str_join(why, "; ") : xstrdup("");
		ck_assert_str_eq(all, cases[i].why);
	}
	AUTO_STRV char **small = NULL;
	AUTO_JSON *claim = parsed("{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"3Gi\"}}}}");
	limit_plan_check_claim(claim, range, &small);
	ck_assert_uint_eq(strv_len(small), 1);
	ck_assert_str_eq(small[0], "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi");
}
END_TEST

START_TEST(whole_pods)
{
	AUTO_JSON *pod = pod_of("{\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"1\"}}},{\"resources\":{\"requests\":{"
				"\"cpu\":\"500m\"}}}],\"initContainers\":[{\"restartPolicy\":\"Always\",\"resources\":{\"requests\":{"
				"\"cpu\":\"100m\"}}},{\"resources\":{\"requests\":{\"cpu\":\"2\",\"memory\":\"1Gi\"}}}],\"overhead\":{"
				"\"cpu\":\"10m\"}}");
	AUTO_JSON *r = pod_resources(json_at(pod, "spec"), "requests", true);
	ck_assert_str_eq(json_member(r, "cpu"), "2110m");
	ck_assert_str_eq(json_member(r, "memory"), "1Gi");
	AUTO_JSON *none = pod_resources(json_at(pod, "spec"), "limits", true);
	ck_assert_uint_eq(json_object_size(none), 0);
}
END_TEST

static char *charged_as(json_t *quotas, const char *group, const char *kind, const char *object, const char *old)
{
	AUTO_JSON *o = parsed(object), *before = old ? parsed(old) : NULL, *charged = NULL;
	return quota_plan_charge(quotas, schema_find_kind(schema, group, "v1", kind), o, before, &charged);
}

static void expect_charge(json_t *quotas, const char *kind, const char *object, const char *want)
{
	AUTO_FREE char *why = charged_as(quotas, "", kind, object, NULL);
	ck_assert_str_eq(why ? why : "", want);
}

START_TEST(quotas)
{
	admission_setup();
	AUTO_JSON *q = parsed("[{\"metadata\":{\"name\":\"q\"},\"status\":{\"hard\":{\"pods\":\"1\",\"requests.cpu\":\"500m\","
			      "\"services.nodeports\":\"2\"},\"used\":{\"pods\":\"0\",\"requests.cpu\":\"0\","
			      "\"services.nodeports\":\"0\"}}}]");
	expect_charge(q, "Pod", "{\"spec\":{\"containers\":[{\"name\":\"b\"},{\"name\":\"a\"}]}}",
		      "failed quota: q: must specify requests.cpu for: a,b");
	expect_charge(q, "Pod", "{\"spec\":{\"containers\":[{\"name\":\"a\",\"resources\":{\"requests\":{\"cpu\":\"600m\"}}}]}}",
		      "exceeded quota: q, requested: requests.cpu=600m, used: requests.cpu=0, limited: requests.cpu=500m");
	expect_charge(q, "Pod", "{\"spec\":{\"containers\":[{\"name\":\"a\",\"resources\":{\"requests\":{\"cpu\":\"400m\"}}}]}}", "");
	ck_assert_str_eq(json_member(json_at(json_array_get(q, 0), "status.used"), "requests.cpu"), "400m");
	expect_charge(q, "Pod", "{\"spec\":{\"containers\":[{\"name\":\"a\",\"resources\":{\"requests\":{\"cpu\":\"50m\"}}}]}}",
		      "exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1");
	expect_charge(q, "Pod", "{\"spec\":{\"containers\":[{\"name\":\"a\",\"resources\":{\"requests\":{\"cpu\":\"200m\"}}}]}}",
		      "exceeded quota: q, requested: pods=1,requests.cpu=200m, used: pods=1,requests.cpu=400m, limited: "
		      "pods=1,requests.cpu=500m");
	expect_charge(q, "ConfigMap", "{}", "");
	expect_charge(q, "Service", "{\"spec\":{\"type\":\"NodePort\",\"ports\":[{},{},{}]}}",
		      "exceeded quota: q, requested: services.nodeports=3, used: services.nodeports=0, limited: "
		      "services.nodeports=2");
	AUTO_FREE char *grown = charged_as(q, "", "Service", "{\"spec\":{\"type\":\"NodePort\",\"ports\":[{}]}}",
					   "{\"spec\":{\"type\":\"ClusterIP\",\"ports\":[{}]}}");
	ck_assert_ptr_null(grown);
	ck_assert_str_eq(json_member(json_at(json_array_get(q, 0), "status.used"), "services.nodeports"), "1");
	/* What shrinks gives nothing back here; what another quota's scope comes to hold counts whole. */
	AUTO_FREE char *shrunk = charged_as(q, "", "Service", "{\"spec\":{\"type\":\"ClusterIP\",\"ports\":[{}]}}",
					    "{\"spec\":{\"type\":\"NodePort\",\"ports\":[{}]}}");
	ck_assert_ptr_null(shrunk);
	ck_assert_str_eq(json_member(json_at(json_array_get(q, 0), "status.used"), "services.nodeports"), "1");
	AUTO_JSON *back = parsed("{\"q\":{\"pods\":\"1\",\"requests.cpu\":\"1\"}}");
	quota_plan_refund(q, back);
	ck_assert_str_eq(json_member(json_at(json_array_get(q, 0), "status.used"), "pods"), "0");
	ck_assert_str_eq(json_member(json_at(json_array_get(q, 0), "status.used"), "requests.cpu"), "0");
	AUTO_JSON *classes = parsed("[{\"metadata\":{\"name\":\"gold\"},\"spec\":{\"scopeSelector\":{\"matchExpressions\":[{"
				    "\"scopeName\":\"VolumeAttributesClass\",\"operator\":\"In\",\"values\":[\"gold\"]}]}},"
				    "\"status\":{\"hard\":{\"requests.storage\":\"1Gi\"},\"used\":{\"requests.storage\":\"0\"}}}]");
	AUTO_FREE char *moved = charged_as(
		classes, "", "PersistentVolumeClaim",
		"{\"spec\":{\"volumeAttributesClassName\":\"gold\",\"resources\":{\"requests\":{\"storage\":\"2Gi\"}}}}",
		"{\"spec\":{\"volumeAttributesClassName\":\"tin\",\"resources\":{\"requests\":{\"storage\":\"2Gi\"}}}}");
	ck_assert_str_eq(moved, "exceeded quota: gold, requested: requests.storage=2Gi, used: requests.storage=0, limited: "
				"requests.storage=1Gi");
	AUTO_JSON *unknown = parsed("[{\"metadata\":{\"name\":\"u\"},\"status\":{\"hard\":{\"configmaps\":\"1\"}}}]");
	expect_charge(unknown, "ConfigMap", "{}", "status unknown for quota: u, resources: configmaps");
	admission_teardown();
}
END_TEST

START_TEST(quota_scopes)
{
	static const struct {
		const char *scopes, *spec;
		bool counted;
	} cases[] = {
		{ "\"scopes\":[\"BestEffort\"]", "{\"containers\":[{}]}", true },
		{ "\"scopes\":[\"NotBestEffort\"]", "{\"containers\":[{}]}", false },
		{ "\"scopes\":[\"Terminating\"]", "{\"containers\":[{}],\"activeDeadlineSeconds\":5}", true },
		{ "\"scopes\":[\"NotTerminating\"]", "{\"containers\":[{}],\"activeDeadlineSeconds\":5}", false },
		{ "\"scopeSelector\":{\"matchExpressions\":[{\"scopeName\":\"PriorityClass\",\"operator\":\"In\",\"values\":["
		  "\"high\"]}]}",
		  "{\"containers\":[{}],\"priorityClassName\":\"high\"}", true },
		{ "\"scopeSelector\":{\"matchExpressions\":[{\"scopeName\":\"PriorityClass\",\"operator\":\"In\",\"values\":["
		  "\"high\"]}]}",
		  "{\"containers\":[{}]}", false },
		{ "\"scopeSelector\":{\"matchExpressions\":[{\"scopeName\":\"PriorityClass\",\"operator\":\"DoesNotExist\"}]}",
		  "{\"containers\":[{}]}", true },
	};
	admission_setup();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *text =
			xasprintf("[{\"metadata\":{\"name\":\"q\"},\"spec\":{%s},\"status\":{\"hard\":{\"pods\":\"0\"},\"used\":{"
				  "\"pods\":\"0\"}}}]",
				  cases[i].scopes);
		AUTO_FREE char *pod = xasprintf("{\"spec\":%s}", cases[i].spec);
		AUTO_JSON *q = parsed(text);
		AUTO_FREE char *why = charged_as(q, "", "Pod", pod, NULL);
		ck_assert_msg((why != NULL) == cases[i].counted, "%zu: %s", i, why ? why : "none");
	}
	admission_teardown();
}
END_TEST

static void expect_usage(const char *group, const char *kind, const char *object, const char *name, const char *want)
{
	AUTO_JSON *o = parsed(object), *usage = quota_usage(schema_find_kind(schema, group, "v1", kind), o);
	ck_assert_msg(str_eq(json_member(usage, name), want), "%s: %s", object, json_member(usage, name) ? json_member(usage, name) : "none");
}

START_TEST(sizes)
{
#define CLAIM(status, size) "{\"spec\":{\"storageClassName\":\"gold\",\"resources\":{\"requests\":{\"storage\":\"" size "\"}}},\"status\":{" status "}}"
	static const char devices[] = "gpu.deviceclass.resource.k8s.io/devices";
	admission_setup();
	expect_usage("", "PersistentVolumeClaim", CLAIM("", "2Gi"), "requests.storage", "2Gi");
	expect_usage("", "PersistentVolumeClaim", CLAIM("", "1500m"), "gold.storageclass.storage.k8s.io/requests.storage", "2");
	expect_usage("", "PersistentVolumeClaim", CLAIM("\"allocatedResources\":{\"storage\":\"3Gi\"}", "2Gi"), "requests.storage", "3Gi");
	expect_usage("", "PersistentVolumeClaim", CLAIM("\"allocatedResources\":{\"storage\":\"1Gi\"}", "2Gi"), "requests.storage", "2Gi");
	expect_usage("resource.k8s.io", "ResourceClaim",
		     "{\"spec\":{\"devices\":{\"requests\":[{\"exactly\":{\"deviceClassName\":\"gpu\",\"allocationMode\":\"ExactCount\",\"count\":2}},"
		     "{\"firstAvailable\":[{\"deviceClassName\":\"gpu\",\"allocationMode\":\"ExactCount\",\"count\":3},{\"deviceClassName\":\"gpu\","
		     "\"allocationMode\":\"ExactCount\",\"count\":1}]}]}}}",
		     devices, "5");
	expect_usage("resource.k8s.io", "ResourceClaim",
		     "{\"spec\":{\"devices\":{\"requests\":[{\"exactly\":{\"deviceClassName\":\"gpu\",\"allocationMode\":\"All\"}}]}}}", devices, "32");
	expect_usage("resource.k8s.io", "ResourceClaim", "{\"spec\":{}}", "count/resourceclaims.resource.k8s.io", "1");
	admission_teardown();
}
END_TEST

START_TEST(security_levels)
{
	static const struct {
		enum pod_security_level level;
		int minor;
		const char *spec, *want;
	} cases[] = {
		{ POD_SECURITY_PRIVILEGED, POD_SECURITY_LATEST, "{\"hostNetwork\":true}", "" },
		{ POD_SECURITY_BASELINE, POD_SECURITY_LATEST, "{\"containers\":[{\"name\":\"a\"}]}", "" },
		{ POD_SECURITY_BASELINE, POD_SECURITY_LATEST,
		  "{\"hostNetwork\":true,\"hostPID\":true,\"containers\":[{\"name\":\"a\",\"ports\":[{\"hostPort\":80}],"
		  "\"securityContext\":{\"capabilities\":{\"add\":[\"SYS_TIME\",\"NET_ADMIN\",\"CHOWN\"]}}},{\"name\":\"b\","
		  "\"securityContext\":{\"privileged\":true,\"procMount\":\"Unmasked\"}}],\"volumes\":[{\"name\":\"h\","
		  "\"hostPath\":{}}]}",
		  "non-default capabilities (container \"a\" must not include \"NET_ADMIN\", \"SYS_TIME\" in "
		  "securityContext.capabilities.add), host namespaces (hostNetwork=true, hostPID=true), hostPath volumes (volume "
		  "\"h\"), hostPort (container \"a\" uses hostPort 80), privileged (container \"b\" must not set "
		  "securityContext.privileged=true), procMount (container \"b\" must not set securityContext.procMount to "
		  "\"Unmasked\")" },
		{ POD_SECURITY_BASELINE, POD_SECURITY_LATEST,
		  "{\"securityContext\":{\"seLinuxOptions\":{\"type\":\"x\",\"user\":\"u\"},\"sysctls\":[{\"name\":\"a.b\"},{"
		  "\"name\":\"net.ipv4.tcp_rmem\"}],\"seccompProfile\":{\"type\":\"Unconfined\"}},\"containers\":[{\"name\":\"a\","
		  "\"livenessProbe\":{\"httpGet\":{\"host\":\"1.2.3.4\"}}}]}",
		  "probe or lifecycle host (container \"a\" uses probe or lifecycle host \"1.2.3.4\"), seLinuxOptions (pod set "
		  "forbidden securityContext.seLinuxOptions: type \"x\"; user may not be set), seccompProfile (pod must not set "
		  "securityContext.seccompProfile.type to \"Unconfined\"), forbidden sysctls (a.b)" },
		{ POD_SECURITY_BASELINE, 28,
		  "{\"securityContext\":{\"sysctls\":[{\"name\":\"net.ipv4.tcp_rmem\"}]},\"containers\":[{\"name\":\"a\","
		  "\"livenessProbe\":{\"httpGet\":{\"host\":\"1.2.3.4\"}}}]}",
		  "forbidden sysctls (net.ipv4.tcp_rmem)" },
		{ POD_SECURITY_RESTRICTED, 20,
		  "{\"containers\":[{\"name\":\"a\",\"securityContext\":{\"allowPrivilegeEscalation\":false,\"runAsNonRoot\":true,"
		  "\"runAsUser\":0,\"seccompProfile\":{\"type\":\"Localhost\"}}}]}",
		  "" },
		{ POD_SECURITY_RESTRICTED, 20,
		  "{\"containers\":[{\"name\":\"a\",\"securityContext\":{\"allowPrivilegeEscalation\":false,\"runAsNonRoot\":true,"
		  "\"capabilities\":{\"add\":[\"SYS_TIME\"]},\"seccompProfile\":{\"type\":\"Localhost\"}}}]}",
		  "non-default capabilities (container \"a\" must not include \"SYS_TIME\" in securityContext.capabilities.add)" },
		{ POD_SECURITY_BASELINE, POD_SECURITY_LATEST,
		  "{\"hostUsers\":false,\"containers\":[{\"name\":\"a\",\"securityContext\":{\"procMount\":\"Unmasked\"}}]}", "" },
		{ POD_SECURITY_RESTRICTED, POD_SECURITY_LATEST,
		  "{\"hostUsers\":false,\"securityContext\":{\"seccompProfile\":{\"type\":\"RuntimeDefault\"}},\"containers\":[{"
		  "\"name\":\"a\",\"securityContext\":{\"procMount\":\"Unmasked\",\"allowPrivilegeEscalation\":false,"
		  "\"capabilities\":{\"drop\":[\"ALL\"]}}}]}",
		  "procMount (container \"a\" must not set securityContext.procMount to \"Unmasked\")" },
		{ POD_SECURITY_RESTRICTED, POD_SECURITY_LATEST,
		  "{\"os\":{\"name\":\"windows\"},\"securityContext\":{\"runAsNonRoot\":true},\"containers\":[{\"name\":\"a\"}]}", "" },
		{ POD_SECURITY_RESTRICTED, POD_SECURITY_LATEST,
		  "{\"securityContext\":{\"runAsNonRoot\":true,\"seccompProfile\":{\"type\":\"RuntimeDefault\"}},\"volumes\":[{"
		  "\"name\":\"n\",\"nfs\":{}},{\"name\":\"c\",\"configMap\":{}}],\"initContainers\":[{\"name\":\"i\"}],\"containers\":"
		  "[{\"name\":\"a\",\"securityContext\":{\"allowPrivilegeEscalation\":false,\"capabilities\":{\"drop\":[\"ALL\"],"
		  "\"add\":[\"NET_BIND_SERVICE\"]}}}]}",
		  "allowPrivilegeEscalation != false (container \"i\" must set securityContext.allowPrivilegeEscalation=false), "
		  "unrestricted capabilities (container \"i\" must set securityContext.capabilities.drop=[\"ALL\"]), restricted "
		  "volume types (volume \"n\" uses restricted volume type \"nfs\")" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_JSON *spec = parsed(cases[i].spec);
		AUTO_FREE char *found = pod_security_violations(cases[i].level, cases[i].minor, NULL, spec, true);
		ck_assert_str_eq(found ? found : "", cases[i].want);
	}
}
END_TEST

START_TEST(security_labels)
{
	AUTO(pod_security_policy_done) struct pod_security_policy p = { 0 }, bad = { 0 };
	AUTO_FIELD_ERRORS errors = { 0 };
	AUTO_JSON *labels = parsed("{\"pod-security.kubernetes.io/enforce\":\"baseline\",\"pod-security.kubernetes.io/"
				   "enforce-version\":\"v1.20\",\"pod-security.kubernetes.io/warn\":\"restricted\"}");
	pod_security_policy_read(labels, &p, &errors);
	AUTO_FREE char *enforce = pod_security_rule_text(&p.enforce), *warn = pod_security_rule_text(&p.warn),
		       *audit = pod_security_rule_text(&p.audit);
	ck_assert_str_eq(enforce, "baseline:v1.20");
	ck_assert_str_eq(warn, "restricted:latest");
	ck_assert_str_eq(audit, "privileged:latest");
	ck_assert_uint_eq(errors.n, 0);
	AUTO_JSON *wrong = parsed("{\"pod-security.kubernetes.io/enforce\":\"x\",\"pod-security.kubernetes.io/warn-version\":\"1\"}");
	pod_security_policy_read(wrong, &bad, &errors);
	ck_assert_uint_eq(errors.n, 2);
	ck_assert_str_eq(errors.v[1].message, "Invalid value: \"1\": must be \"latest\" or \"v1.x\"");
	ck_assert_int_eq(bad.enforce.level, POD_SECURITY_RESTRICTED);
	ck_assert_int_eq(bad.warn.level, POD_SECURITY_PRIVILEGED);
	ck_assert_msg(str_has_prefix(bad.error, "Failed to parse policy: [metadata.labels[pod-security.kubernetes.io/enforce]: "), "%s", bad.error);
	AUTO(pod_security_policy_done) struct pod_security_policy alone = { 0 };
	AUTO_JSON *only = parsed("{\"pod-security.kubernetes.io/enforce\":\"baseline\",\"pod-security.kubernetes.io/warn-version\":\"v1.23\"}");
	pod_security_policy_read(only, &alone, NULL);
	AUTO_FREE char *followed = pod_security_rule_text(&alone.warn);
	ck_assert_str_eq(followed, "baseline:v1.23");
}
END_TEST

TESTS("limits", limit_defaults, limit_bounds, whole_pods, quotas, quota_scopes, sizes, security_levels, security_labels)
