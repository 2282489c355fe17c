/* Rules of what belongs to the whole cluster, of quotas and limit ranges, and what pods are warned of. */
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cp/kinds/kind_ops.h"
#include "tests/unit/check_main.h"

static char *errors_of(const char *group, const char *kind, const char *text)
{
	const struct kind k = {.group = group, .kind = kind};
	AUTO_JSON *o = json_loads(text, 0, NULL);
	AUTO_FIELD_ERRORS errors = {0};
	struct str out = STR_INIT;
	ck_assert_ptr_nonnull(o);
	kind_ops_find(&k)->validate(o, NULL, &errors);
	for (size_t i = 0; i < errors.n; i++)
		str_addf(&out, "%s%s: %s", i ? "\n" : "", errors.v[i].field, errors.v[i].message);
	return str_take(&out);
}

static void expect(const char *group, const char *kind, const char *text, const char *wanted)
{
	AUTO_FREE char *got = errors_of(group, kind, text);
	ck_assert_str_eq(got ? got : "", wanted);
}

START_TEST(quotas)
{
	expect("", "ResourceQuota", "{\"spec\":{\"hard\":{\"pods\":\"-1\",\"frobs\":\"1\",\"secrets\":\"500m\",\"count/x.y\":\"2\",\"a.b/c\":\"1\"}}}",
	       "spec.hard[pods]: Invalid value: \"-1\": must be greater than or equal to 0\n"
	       "spec.hard[frobs]: Invalid value: \"frobs\": must be a standard resource type or fully qualified\n"
	       "spec.hard[frobs]: Invalid value: \"frobs\": must be a standard resource for quota\n"
	       "spec.hard[secrets]: Invalid value: \"500m\": must be an integer");
	expect("", "ResourceQuota", "{\"spec\":{\"hard\":{\"cpu\":\"1\"},\"scopes\":[\"BestEffort\"]}}",
	       "spec.scopes: Invalid value: [\"BestEffort\"]: unsupported scope applied to resource");
	expect("", "ResourceQuota", "{\"spec\":{\"hard\":{\"pods\":\"1\"},\"scopes\":[\"Terminating\",\"NotTerminating\"]}}",
	       "spec.scopes: Invalid value: [\"Terminating\",\"NotTerminating\"]: conflicting scopes");
}
END_TEST

START_TEST(limit_ranges)
{
	expect("", "LimitRange",
	       "{\"spec\":{\"limits\":[{\"type\":\"Container\",\"min\":{\"cpu\":\"2\"},\"max\":{\"cpu\":\"1\"}},{\"type\":\"Pod\",\"default\":{\"cpu\":\"1\"}}]}}",
	       "spec.limits[0].min[cpu]: Invalid value: \"2\": min value 2 is greater than max value 1\n"
	       "spec.limits[1].default: Forbidden: may not be specified when `type` is 'Pod'");
	expect("", "LimitRange", "{\"spec\":{\"limits\":[{\"type\":\"PersistentVolumeClaim\"},{\"type\":\"Frob\"}]}}",
	       "spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided\n"
	       "spec.limits[1].type: Invalid value: \"Frob\": must be a standard limit type or fully qualified");
}
END_TEST

START_TEST(priority_classes)
{
	expect("scheduling.k8s.io", "PriorityClass", "{\"metadata\":{\"name\":\"a\"},\"value\":1000000001}",
	       "value: Forbidden: maximum allowed value of a user defined priority is 1000000000");
	expect("scheduling.k8s.io", "PriorityClass", "{\"metadata\":{\"name\":\"system-x\"},\"value\":1}",
	       "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-x is not a "
	       "known system priority class");
	expect("scheduling.k8s.io", "PriorityClass", "{\"metadata\":{\"name\":\"system-node-critical\"},\"value\":2000001000}", "");
}
END_TEST

START_TEST(flow_control)
{
	const char *const group = "flowcontrol.apiserver.k8s.io";
	expect(group, "PriorityLevelConfiguration", "{\"spec\":{\"type\":\"Limited\",\"limited\":{}}}",
	       "spec.limited.limitResponse.type: Unsupported value: \"\": supported values: \"Queue\", \"Reject\"");
	expect(group, "PriorityLevelConfiguration", "{\"spec\":{\"type\":\"Limited\"}}",
	       "spec.limited: Required value: must not be empty when type is Limited");
	expect(group, "FlowSchema",
	       "{\"metadata\":{\"name\":\"f\"},\"spec\":{\"matchingPrecedence\":1,\"priorityLevelConfiguration\":{\"name\":\"x\"},\"rules\":[{\"subjects\":[{\"kind\":\"User\"}]}]}}",
	       "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1\n"
	       "spec.rules[0].subjects[0].user: Required value: user is required when subject kind is 'User'\n"
	       "spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty");
}
END_TEST

START_TEST(warnings_of_pods)
{
	const struct kind k = {.group = "", .kind = "Pod"};
	AUTO_JSON *pod = json_loads("{\"metadata\":{\"annotations\":{\"seccomp.security.alpha.kubernetes.io/pod\":\"x\"}},\"spec\":{\"containers\":[{"
				    "\"env\":[{\"name\":\"A\"},{\"name\":\"A\"}],\"ports\":[{\"containerPort\":80},{\"containerPort\":80,\"protocol\":\"UDP\"},{"
				    "\"containerPort\":80}]}]}}",
				    0, NULL);
	AUTO_STRV char **warnings = NULL;
	kind_ops_find(&k)->warn(pod, NULL, &warnings);
	ck_assert_uint_eq(strv_len(warnings), 3);
	ck_assert_str_eq(warnings[0], "metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the \"seccompProfile\" "
				      "field instead");
	ck_assert_str_eq(warnings[1],
			 "spec.containers[0].env[1]: hides previous definition of \"A\", which may be dropped when using apply");
	ck_assert_str_eq(warnings[2], "spec.containers[0].ports[2]: duplicate port definition with spec.containers[0].ports[0]");
}
END_TEST

/* Of one source, of one source and those before it; a path is below another only at a slash. */
START_TEST(warnings_of_paths)
{
	const struct kind k = {.group = "", .kind = "Pod"};
	AUTO_JSON *pod = json_loads(
	    "{\"metadata\":{},\"spec\":{\"volumes\":["
	    "{\"name\":\"a\",\"configMap\":{\"name\":\"m\",\"items\":[{\"path\":\"x\"},{\"path\":\"x/\"},{\"path\":\"xy\"}]}},"
	    "{\"name\":\"b\",\"secret\":{\"secretName\":\"s\",\"items\":[{\"path\":\"d\"},{\"path\":\"e\"}]}},"
	    "{\"name\":\"c\",\"projected\":{\"sources\":[{\"serviceAccountToken\":{\"path\":\"t\"}},"
	    "{\"configMap\":{\"name\":\"m\",\"items\":[{\"path\":\"t/u\"},{\"path\":\"v\"},{\"path\":\"v\"}]}},"
	    "{\"downwardAPI\":{\"items\":[{\"path\":\"w\"}]}},{}]}}],\"containers\":[]}}",
	    0, NULL);
	static const char *const want[] = {
	    "volume \"a\" (ConfigMap \"m\"): overlapping paths: \"x\" with \"x\"",
	    "volume \"c\" (Projected ConfigMap \"m\"): overlapping paths: \"v\" with \"v\"",
	    "volume \"c\" (Projected ConfigMap \"m\"): overlapping paths: \"t/u\" with \"t\"",
	    "volume \"c\" (Projected) has no sources provided",
	};
	AUTO_STRV char **warnings = NULL;
	kind_ops_find(&k)->warn(pod, NULL, &warnings);
	ck_assert_uint_eq(strv_len(warnings), ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		ck_assert_str_eq(warnings[i], want[i]);
}
END_TEST

TESTS("cluster_rules", quotas, limit_ranges, priority_classes, flow_control, warnings_of_pods, warnings_of_paths)
