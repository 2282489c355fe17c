/* cp/kinds: the rules beside the tables: defaults, strategies, validation. */
#include "tests/unit/check_main.h"

#include <string.h>

#include "base/json.h"
#include "cp/kinds/kind_ops.h"
#include "cp/schema/schema.h"

static struct schema *schema;
static const struct kind *kind;
static const struct kind_ops *ops;

static json_t *load(const char *group, const char *name, const char *text)
{
	struct err e = ERR_INIT;
	json_t *j = NULL;
	if (!schema)
		ck_assert_int_eq(schema_load_builtin(&schema, &e), 0);
	kind = schema_find_kind(schema, group, "v1", name);
	ck_assert_ptr_nonnull(kind);
	ops = kind_ops_find(kind);
	ck_assert_msg(json_parse(text, strlen(text), &j, &e) == 0, "%s", err_text(&e));
	schema_default(kind, j);
	if (ops->set_defaults)
		ops->set_defaults(j, NULL);
	return j;
}

/* "field: message" of every error, one a line. */
static char *errors_of(const json_t *obj, const json_t *old)
{
	AUTO_FIELD_ERRORS f = { 0 };
	struct str s = STR_INIT;
	schema_validate(kind, obj, NULL, &f);
	if (ops->validate)
		ops->validate(obj, old, &f);
	for (size_t i = 0; i < f.n; i++)
		str_addf(&s, "%s: %s\n", f.v[i].field, f.v[i].message);
	return str_take(&s);
}

#define POD(spec) "{\"metadata\":{\"name\":\"p\",\"namespace\":\"d\"},\"spec\":" spec "}"

START_TEST(pod_defaults)
{
	AUTO_JSON *p = load("", "Pod", POD("{\"hostNetwork\":true,\"containers\":[{\"name\":\"a\",\"image\":\"x\",\"ports\":[{\"containerPort\":80}]},"
					   "{\"name\":\"b\",\"image\":\"x:1\",\"resources\":{\"limits\":{\"cpu\":\"1\"}}},{\"name\":\"c\",\"image\":\"r:5/x@sha256:0\"}]}"));
	const json_t *c = json_at(p, "spec.containers");
	ck_assert_str_eq(json_str_at(json_array_get(c, 0), "imagePullPolicy"), "Always");
	ck_assert_str_eq(json_str_at(json_array_get(c, 1), "imagePullPolicy"), "IfNotPresent");
	ck_assert_str_eq(json_str_at(json_array_get(c, 2), "imagePullPolicy"), "IfNotPresent");
	ck_assert_int_eq(json_int_at(json_array_get(json_at(json_array_get(c, 0), "ports"), 0), "hostPort", 0), 80);
	ck_assert_str_eq(json_str_at(json_array_get(c, 1), "resources.requests.cpu"), "1");
	ck_assert(json_bool_at(p, "spec.enableServiceLinks", false));
	ops->prepare_create(p);
	ck_assert_str_eq(json_str_at(p, "status.phase"), "Pending");
	ck_assert_str_eq(json_str_at(p, "status.qosClass"), "Burstable");
}
END_TEST

START_TEST(pod_qos_classes)
{
	static const struct {
		const char *resources, *class;
	} rows[] = {
		{ "{}", "BestEffort" },
		{ "{\"limits\":{\"cpu\":\"1\",\"memory\":\"1Gi\"}}", "Guaranteed" },
		{ "{\"limits\":{\"cpu\":\"1\",\"memory\":\"1Gi\"},\"requests\":{\"cpu\":\"500m\",\"memory\":\"1Gi\"}}", "Burstable" },
		{ "{\"limits\":{\"cpu\":\"1000m\",\"memory\":\"1Gi\"},\"requests\":{\"cpu\":\"1\",\"memory\":\"1024Mi\"}}", "Guaranteed" },
		{ "{\"requests\":{\"memory\":\"1Mi\"}}", "Burstable" },
		{ "{\"limits\":{\"example.com/x\":\"1\"}}", "BestEffort" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FREE char *text = xasprintf(POD("{\"containers\":[{\"name\":\"a\",\"image\":\"x\",\"resources\":%s}]}"), rows[i].resources);
		AUTO_JSON *p = load("", "Pod", text);
		ops->prepare_create(p);
		ck_assert_str_eq(json_str_at(p, "status.qosClass"), rows[i].class);
	}
}
END_TEST

START_TEST(pod_errors)
{
	AUTO_JSON *p = load("", "Pod",
			    POD("{\"containers\":[{\"name\":\"a\",\"image\":\"x\",\"volumeMounts\":[{\"name\":\"none\",\"mountPath\":\"/m\",\"subPath\":\"a/../b\"}]},"
				"{\"name\":\"a\",\"image\":\"x\",\"livenessProbe\":{\"periodSeconds\":1},\"resources\":{\"requests\":{\"cpu\":\"2\"},\"limits\":{\"cpu\":\"1\"}}}],"
				"\"volumes\":[{\"name\":\"v\",\"emptyDir\":{},\"hostPath\":{\"path\":\"/x\"}}]}"));
	AUTO_FREE char *text = errors_of(p, NULL);
	static const char *const want[] = {
		"spec.containers[0].volumeMounts[0].name: Not found: \"none\"",
		"spec.containers[0].volumeMounts.subPath: Invalid value: \"a/../b\": must not contain '..'",
		"spec.containers[1].name: Duplicate value: \"a\"",
		"spec.containers[1].livenessProbe: Required value: must specify a handler type",
		"spec.containers[1].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1",
		"spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
	};
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		ck_assert_msg(strstr(text, want[i]) != NULL, "missing \"%s\" in\n%s", want[i], text);
}
END_TEST

START_TEST(pod_updates)
{
	const char *spec = POD("{\"containers\":[{\"name\":\"a\",\"image\":\"x:1\"}],\"activeDeadlineSeconds\":50}");
	AUTO_JSON *old = load("", "Pod", spec), *now = load("", "Pod", spec);
	json_set_str(json_array_get(json_at(now, "spec.containers"), 0), "image", "x:2");
	json_set_int(now, "spec.activeDeadlineSeconds", 40);
	AUTO_FREE char *none = errors_of(now, old);
	ck_assert_str_eq(none, "");
	json_set_int(now, "spec.activeDeadlineSeconds", 60);
	json_set_str(now, "spec.restartPolicy", "Never");
	AUTO_FREE char *text = errors_of(now, old);
	ck_assert_str_eq(text, "spec.activeDeadlineSeconds: Invalid value: 60: must be less than or equal to previous value\n");
	json_set_int(now, "spec.activeDeadlineSeconds", 50);
	AUTO_FREE char *other = errors_of(now, old);
	ck_assert_ptr_nonnull(strstr(other, "spec: Forbidden: pod updates may not change fields other than"));
}
END_TEST

START_TEST(pod_grace)
{
	AUTO_JSON *p = load("", "Pod", POD("{\"containers\":[{\"name\":\"a\",\"image\":\"x\"}]}"));
	ck_assert_int_eq(ops->grace_seconds(p, -1), 0); /* not on a node */
	json_set_str(p, "spec.nodeName", "n");
	ck_assert_int_eq(ops->grace_seconds(p, -1), 30);
	ck_assert_int_eq(ops->grace_seconds(p, 5), 5);
	json_set_str(p, "status.phase", "Failed");
	ck_assert_int_eq(ops->grace_seconds(p, 5), 0);
}
END_TEST

#define SVC(spec) "{\"metadata\":{\"name\":\"s\",\"namespace\":\"d\"},\"spec\":" spec "}"

START_TEST(service_defaults_by_type)
{
	AUTO_JSON *a = load("", "Service", SVC("{\"ports\":[{\"port\":80}]}"));
	ck_assert_int_eq(json_int_at(json_array_get(json_at(a, "spec.ports"), 0), "targetPort", 0), 80);
	ck_assert_str_eq(json_str_at(a, "spec.internalTrafficPolicy"), "Cluster");
	ck_assert_ptr_null(json_at(a, "spec.externalTrafficPolicy"));
	AUTO_JSON *b = load("", "Service", SVC("{\"type\":\"NodePort\",\"sessionAffinity\":\"ClientIP\",\"ports\":[{\"port\":80}]}"));
	ck_assert_str_eq(json_str_at(b, "spec.externalTrafficPolicy"), "Cluster");
	ck_assert_int_eq(json_int_at(b, "spec.sessionAffinityConfig.clientIP.timeoutSeconds", 0), 10800);
	AUTO_JSON *c = load("", "Service", SVC("{\"type\":\"ExternalName\"}"));
	AUTO_FREE char *text = errors_of(c, NULL);
	ck_assert_ptr_nonnull(strstr(text, "spec.externalName: Required value"));
}
END_TEST

START_TEST(service_updates_keep_what_was_allocated)
{
	AUTO_JSON *old = load("", "Service", SVC("{\"type\":\"NodePort\",\"clusterIP\":\"10.96.0.9\",\"clusterIPs\":[\"10.96.0.9\"],\"ports\":[{\"port\":80,\"protocol\":\"TCP\",\"nodePort\":30001}]}"));
	AUTO_JSON *now = load("", "Service", SVC("{\"type\":\"NodePort\",\"ports\":[{\"port\":80,\"protocol\":\"TCP\"}]}"));
	ops->set_defaults(now, old);
	ck_assert_str_eq(json_str_at(now, "spec.clusterIP"), "10.96.0.9");
	ck_assert_int_eq(json_int_at(json_array_get(json_at(now, "spec.ports"), 0), "nodePort", 0), 30001);
	json_set_str(now, "spec.type", "ClusterIP");
	ops->prepare_update(now, old);
	ck_assert_ptr_null(json_at(json_array_get(json_at(now, "spec.ports"), 0), "nodePort"));
	json_set_str(now, "spec.clusterIP", "10.96.0.10");
	AUTO_FREE char *text = errors_of(now, old);
	ck_assert_ptr_nonnull(strstr(text, "may not change once set"));
}
END_TEST

START_TEST(service_ports_are_kept_by_name)
{
	AUTO_JSON *old = load("", "Service", SVC("{\"type\":\"LoadBalancer\",\"externalTrafficPolicy\":\"Local\",\"healthCheckNodePort\":30009,"
						 "\"ports\":[{\"name\":\"a\",\"port\":80,\"nodePort\":30001},{\"name\":\"b\",\"port\":81,\"nodePort\":30002}]}"));
	AUTO_JSON *now = load("", "Service", SVC("{\"type\":\"LoadBalancer\",\"externalTrafficPolicy\":\"Local\","
						 "\"ports\":[{\"name\":\"b\",\"port\":80},{\"name\":\"c\",\"port\":81},{\"name\":\"a\",\"port\":82}]}"));
	ops->set_defaults(now, old);
	static const int kept[] = { 30002, 0, 30001 };
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		ck_assert_int_eq(json_int_at(json_array_get(json_at(now, "spec.ports"), i), "nodePort", 0), kept[i]);
	ck_assert_int_eq(json_int_at(now, "spec.healthCheckNodePort", 0), 30009);

	AUTO_JSON *moved = load("", "Service", SVC("{\"type\":\"LoadBalancer\",\"ports\":[{\"name\":\"a\",\"port\":80},{\"name\":\"c\",\"port\":81,\"nodePort\":30001}]}"));
	ops->set_defaults(moved, old);
	ck_assert_int_eq(json_int_at(json_array_get(json_at(moved, "spec.ports"), 0), "nodePort", 0), 0);

	AUTO_JSON *inside = load("", "Service", SVC("{\"type\":\"ClusterIP\",\"ports\":[{\"port\":80,\"nodePort\":30077}]}"));
	ops->prepare_update(inside, old);
	AUTO_FREE char *text = errors_of(inside, old);
	ck_assert_ptr_nonnull(strstr(text, "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"));
}
END_TEST

START_TEST(deployment_rules)
{
	static const char body[] = "{\"kind\":\"Deployment\",\"metadata\":{\"name\":\"d\",\"namespace\":\"d\"},\"spec\":{\"replicas\":1,\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
				   "\"template\":{\"metadata\":{\"labels\":{\"a\":\"c\"}},\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"x\",\"image\":\"y\"}]}},"
				   "\"strategy\":{\"rollingUpdate\":{\"maxSurge\":0,\"maxUnavailable\":\"0%\"}}}}";
	AUTO_JSON *d = load("apps", "Deployment", body);
	AUTO_FREE char *text = errors_of(d, NULL);
	ck_assert_ptr_nonnull(strstr(text, "spec.template.metadata.labels: Invalid value: {\"a\":\"c\"}: `selector` does not match template `labels`"));
	ck_assert_ptr_nonnull(strstr(text, "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\""));
	ck_assert_ptr_nonnull(strstr(text, "may not be 0 when `maxSurge` is 0"));
	AUTO_JSON *changed = load("apps", "Deployment", body);
	json_set_str(changed, "spec.selector.matchLabels.a", "c");
	AUTO_FREE char *frozen = errors_of(changed, d);
	ck_assert_ptr_nonnull(strstr(frozen, "spec.selector: Invalid value:"));
	ck_assert_ptr_nonnull(strstr(frozen, "field is immutable"));
}
END_TEST

START_TEST(small_kinds)
{
	AUTO_JSON *s = load("", "Secret", "{\"metadata\":{\"name\":\"s\"},\"type\":\"kubernetes.io/tls\",\"stringData\":{\"tls.crt\":\"x\"}}");
	ck_assert_str_eq(json_member(json_object_get(s, "data"), "tls.crt"), "eA==");
	AUTO_FREE char *text = errors_of(s, NULL);
	ck_assert_str_eq(text, "data[tls.key]: Required value\n");
	AUTO_JSON *old = load("", "ConfigMap", "{\"metadata\":{\"name\":\"c\"},\"immutable\":true,\"data\":{\"a\":\"1\"}}");
	AUTO_JSON *now = load("", "ConfigMap", "{\"metadata\":{\"name\":\"c\"},\"immutable\":true,\"data\":{\"a\":\"2\"}}");
	AUTO_FREE char *frozen = errors_of(now, old);
	ck_assert_str_eq(frozen, "data: Forbidden: field is immutable when `immutable` is set\n");
	AUTO_JSON *n = load("", "Node", "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"podCIDR\":\"10.0.0.0/24\"}}");
	ops->prepare_create(n);
	ck_assert_str_eq(json_string_value(json_array_get(json_at(n, "spec.podCIDRs"), 0)), "10.0.0.0/24");
	ck_assert_str_eq(json_member(json_array_get(json_at(n, "spec.taints"), 0), "key"), "node.kubernetes.io/not-ready");
}
END_TEST

TESTS("kind_ops", pod_defaults, pod_qos_classes, pod_errors, pod_updates, pod_grace, service_defaults_by_type,
      service_updates_keep_what_was_allocated, service_ports_are_kept_by_name, deployment_rules, small_kinds)
