/* Rules whose place, order or repetition the reference has in ways of its own: a row a rule. */
#include "tests/unit/cp/kinds/rules_fixture.h"

#define META "\"metadata\":{\"name\":\"w\",\"namespace\":\"d\"}"
#define TEMPLATE "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"
#define SELECTOR "\"selector\":{\"matchLabels\":{\"a\":\"b\"}}"
#define WORKLOAD(kind, more) "{\"kind\":\"" kind "\"," META ",\"spec\":{" SELECTOR "," TEMPLATE more "}}"
#define MISMATCH "spec.template.metadata.labels: Invalid value: {\"a\":\"b\"}: `selector` does not match template `labels`\n"
#define FIXED "spec.selector: Invalid value: {\"matchLabels\":{\"a\":\"c\"}}: field is immutable\n"
#define POD(more) "{\"metadata\":{\"name\":\"p\",\"namespace\":\"d\"},\"spec\":{\"serviceAccountName\":\"s\",\"containers\":[{\"name\":\"c\",\"image\":\"i:1\"" more "}]}}"
#define C "spec.containers[0]"
#define CHECK(group, version, kind, text, rows, update) fixture_rules(fixture_kind(group, version, kind), text, rows, ARRAY_LEN(rows), update)

START_TEST(volumes)
{
	static const struct rule_row rows[] = {
	    /* A volume that is not right cannot be mounted. */
	    {"", "{\"spec\":{\"volumes\":[{\"name\":\"v\",\"nfs\":{\"server\":\"s\",\"path\":\"x\"}}],\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/v\"}]}]}}",
	     "spec.volumes[0].nfs.path: Invalid value: \"x\": must be an absolute path\n" C ".volumeMounts[0].name: Not found: \"v\"\n"},
	    {"spec.volumes", "[{\"name\":\"v\",\"gcePersistentDisk\":{}}]", "spec.volumes[0].persistentDisk.pdName: Required value\n"},
	    {"spec.volumes", "[{\"name\":\"v\",\"downwardAPI\":{\"items\":[{\"fieldRef\":{\"fieldPath\":\"metadata.name\"},\"mode\":512}]}}]",
	     "spec.volumes[0].downwardAPI.path: Required value\n"
	     "spec.volumes[0].downwardAPI.mode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive\n"},
	    {"spec.volumes", "[{\"name\":\"v\",\"projected\":{\"sources\":[{\"serviceAccountToken\":{}}]}}]", "spec.volumes[0].projected.path: Required value\n"},
	    {"spec.volumes", "[{\"name\":\"v\",\"configMap\":{\"name\":\"m\",\"items\":[{\"key\":\"k\",\"path\":\"..\"}]}}]",
	     "spec.volumes[0].configMap.items[0].path: Invalid value: \"..\": must not contain '..'\n"
	     "spec.volumes[0].configMap.items[0].path: Invalid value: \"..\": must not start with '..'\n"},
	    {"spec.volumes", "[{\"name\":\"v\",\"iscsi\":{\"targetPortal\":\"t\",\"iqn\":\"iqn.2001-04.com.example\"}}]",
	     "spec.volumes[0].iscsi.iqn: Invalid value: \"iqn.2001-04.com.example\": must be valid format\n"},
	    {"spec.volumes", "[{\"name\":\"v\",\"iscsi\":{\"targetPortal\":\"t\",\"iqn\":\"iqn.2001-04.com.example:d\"}}]", ""},
	    {"spec.volumes", "[{\"name\":\"A\",\"secret\":{}}]",
	     "spec.volumes[0].secret.secretName: Required value\n"
	     "spec.volumes[0].name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must "
	     "start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')\n"},
	};
	CHECK("", "v1", "Pod", POD(""), rows, false);
}
END_TEST

START_TEST(pods)
{
	static const struct rule_row rows[] = {
	    {C ".name", "\"a.b\"", C ".name: Invalid value: \"a.b\": must not contain dots\n"},
	    {C ".resizePolicy", "[{\"resourceName\":\"gpu\"}]",
	     C ".resizePolicy: Unsupported value: \"gpu\": supported values: \"cpu\", \"memory\"\n" C ".resizePolicy: Required value\n"},
	    {C ".env", "[{\"name\":\"A\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"spec.nodeName['a']\"}}}]",
	     C ".env[0].valueFrom.fieldRef.fieldPath: Invalid value: \"spec.nodeName['a']\": error converting fieldPath: field label does not support subscript: "
	       "spec.nodeName['a']\n"},
	    {"spec.hostAliases", "[{\"ip\":\"\"}]",
	     "spec.hostAliases[0].ip: Invalid value: \"\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)\n"},
	    {C ".imagePullPolicy", "\"Once\"", C ".imagePullPolicy: Unsupported value: \"Once\": supported values: \"Always\", \"IfNotPresent\", \"Never\"\n"},
	    {C ".volumeMounts", "[{\"name\":\"x\"},{\"mountPath\":\"/a\"}]",
	     C ".volumeMounts[0].name: Not found: \"x\"\n" C ".volumeMounts[0].mountPath: Required value\n" C ".volumeMounts[1].name: Required value\n" C
	       ".volumeMounts[1].name: Not found: \"\"\n"},
	    {"spec.tolerations", "[{\"operator\":\"Equal\"},{\"key\":\"a\",\"effect\":\"Q\"}]",
	     "spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when `key` is empty, which means \"match all values and all keys\"\n"
	     "spec.tolerations[1].effect: Unsupported value: \"Q\": supported values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"\n"},
	    {"spec.topologySpreadConstraints",
	     "[{\"maxSkew\":1,\"topologyKey\":\"k\",\"whenUnsatisfiable\":\"ScheduleAnyway\",\"minDomains\":1},{\"maxSkew\":0,\"topologyKey\":\"l\",\"whenUnsatisfiable\":\"DoNotSchedule\"}]",
	     "spec.topologySpreadConstraints[0].minDomains: Invalid value: 1: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway\n"
	     "spec.topologySpreadConstraints[1].maxSkew: Invalid value: 0: must be greater than zero\n"},
	    {"spec.dnsPolicy", "\"None\"", "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None\n"},
	    {"spec.topologySpreadConstraints", "[{\"maxSkew\":1,\"topologyKey\":\"k\"}]",
	     "spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: \"\": supported values: \"DoNotSchedule\", \"ScheduleAnyway\"\n"},
	    {"metadata.annotations", "{\"kubernetes.io/config.mirror\":\"x\"}",
	     "metadata.annotations[kubernetes.io/config.mirror]: Invalid value: \"x\": must set spec.nodeName if mirror pod annotation is set\n"},
	    {"metadata.annotations", "{\"controller.kubernetes.io/pod-deletion-cost\":\"01\"}",
	     "metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: \"01\": must be a 32bit integer\n"},
	    {"metadata.annotations", "{\"controller.kubernetes.io/pod-deletion-cost\":\"-7\"}", ""},
	};
	static const struct rule_row updates[] = {
	    {"metadata.annotations", "{\"container.apparmor.security.beta.kubernetes.io/c\":\"unconfined\"}",
	     "metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: Forbidden: may not add AppArmor annotations\n"},
	};
	CHECK("", "v1", "Pod", POD(""), rows, false);
	CHECK("", "v1", "Pod", POD(""), updates, true);
}
END_TEST

START_TEST(workloads)
{
	static const struct rule_row deployment[] = {
	    {"spec.selector", NULL, "spec.selector: Required value\n" MISMATCH},
	    {"spec.strategy", "{\"type\":\"Else\"}",
	     "spec.strategy: Unsupported value: {\"Type\":\"Else\",\"RollingUpdate\":null}: supported values: \"Recreate\", \"RollingUpdate\"\n"},
	    {"spec.template.spec.activeDeadlineSeconds", "5",
	     "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported\n"},
	};
	static const struct rule_row selectors[] = {{"spec.selector", "{\"matchLabels\":{\"a\":\"c\"}}", MISMATCH FIXED}};
	static const struct rule_row twice[] = {{"spec.selector", "{\"matchLabels\":{\"a\":\"c\"}}", MISMATCH MISMATCH FIXED}};
	static const struct rule_row daemon[] = {
	    {"spec.selector", NULL, MISMATCH},
	    {"spec.updateStrategy", "{\"type\":\"Else\"}",
	     "spec.updateStrategy: Unsupported value: {\"Type\":\"Else\",\"RollingUpdate\":null}: supported values: \"RollingUpdate\", \"OnDelete\"\n"},
	};
	static const struct rule_row stateful[] = {
	    {"spec.podManagementPolicy", "\"Else\"", "spec.podManagementPolicy: Invalid value: \"Else\": must be 'OrderedReady' or 'Parallel'\n"},
	    {"spec.serviceName", "\"a.b\"", "spec.serviceName: Invalid value: \"a.b\": must not contain dots\n"},
	    {"spec.template.spec.containers", "[{\"name\":\"c\",\"image\":\"i\",\"volumeMounts\":[{\"name\":\"data\",\"mountPath\":\"/d\"}]}]", ""},
	    {"spec.volumeClaimTemplates", "[{\"metadata\":{\"name\":\"data\"},\"spec\":{\"accessModes\":[\"ReadWriteOnce\"]}}]",
	     "spec.volumeClaimTemplates[0].spec.resources[storage]: Required value\n"},
	};
	CHECK("apps", "v1", "Deployment", WORKLOAD("Deployment", ""), deployment, false);
	CHECK("apps", "v1", "Deployment", WORKLOAD("Deployment", ""), selectors, true);
	CHECK("apps", "v1", "ReplicaSet", WORKLOAD("ReplicaSet", ""), twice, true);
	CHECK("apps", "v1", "DaemonSet", WORKLOAD("DaemonSet", ""), twice, true);
	CHECK("apps", "v1", "DaemonSet", WORKLOAD("DaemonSet", ""), daemon, false);
	CHECK("apps", "v1", "StatefulSet",
	      WORKLOAD("StatefulSet", ",\"volumeClaimTemplates\":[{\"metadata\":{\"name\":\"data\"},\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],\"resources\":{"
				      "\"requests\":{\"storage\":\"1Gi\"}}}}]"),
	      stateful, false);
}
END_TEST

#define JOB                                                                                                                     \
	"{" META ",\"spec\":{\"completions\":3,\"parallelism\":3,\"completionMode\":\"Indexed\","                                \
	"\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}"
#define JOB_STORED                                                                                                              \
	"{" META ",\"spec\":{\"manualSelector\":true,\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"completions\":3,\"parallelism\":3,"   \
	"\"completionMode\":\"Indexed\",\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},"                                       \
	"\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}"
START_TEST(jobs)
{
	static const struct rule_row rows[] = {{"spec.manualSelector", "true",
						"spec.selector: Required value\nspec.template.metadata.labels: Invalid value: null: `selector` does not match "
						"template `labels`\n"}};
	static const struct rule_row updates[] = {
	    {"spec.completions", "4", "spec.completions: Invalid value: 4: can only be modified in tandem with spec.parallelism\n"},
	    {"spec.parallelism", "4", ""},
	};
	CHECK("batch", "v1", "Job", JOB, rows, false);
	CHECK("batch", "v1", "Job", JOB_STORED, updates, true);
}
END_TEST

START_TEST(others)
{
	static const struct rule_row node[] = {
	    {"spec.taints", "[{\"key\":\"a\",\"value\":\"b c\"}]",
	     "metadata.taints[0].value: Invalid value: \"b c\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and "
	     "must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
	     "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')\nmetadata.taints[0].effect: Required value\n"},
	};
	static const struct rule_row class[] = {
	    {"volumeBindingMode", "\"WaitForFirstConsumer\"", "volumeBindingMode: Invalid value: \"WaitForFirstConsumer\": field is immutable\n"},
	    {"reclaimPolicy", "\"Retain\"", "reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.\n"},
	};
	static const struct rule_row endpoints[] = {
	    {"subsets", "[{\"addresses\":[{\"ip\":\"x\"}]}]",
	     "subsets[0].addresses[0].ip: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)\n"
	     "subsets[0].addresses[0].ip: Invalid value: \"x\": must be a valid IP address\n"},
	};
	static const struct rule_row range[] = {
	    {"spec.limits", "[{\"type\":\"Container\",\"max\":{\"cpu\":\"1\"},\"default\":{\"cpu\":\"2\"},\"defaultRequest\":{\"cpu\":\"1\"}}]",
	     "spec.limits[0].default[cpu]: Invalid value: \"1\": default value 2 is greater than max value 1\n"},
	    {"spec.limits", "[{\"type\":\"Else\"}]", "spec.limits[0].type: Invalid value: \"Else\": must be a standard limit type or fully qualified\n"},
	};
	CHECK("", "v1", "Node", "{\"metadata\":{\"name\":\"n\"},\"spec\":{}}", node, false);
	CHECK("storage.k8s.io", "v1", "StorageClass", "{\"metadata\":{\"name\":\"s\"},\"provisioner\":\"p\"}", class, true);
	CHECK("", "v1", "Endpoints", "{" META "}", endpoints, false);
	CHECK("", "v1", "LimitRange", "{" META ",\"spec\":{\"limits\":[]}}", range, false);
}
END_TEST

/* A container's limits in a range follow from each other. */
START_TEST(range_defaults)
{
	const struct kind *k = fixture_kind("", "v1", "LimitRange");
	AUTO_JSON *j = fixture_load(k, "{" META ",\"spec\":{\"limits\":[{\"type\":\"Container\",\"max\":{\"cpu\":\"2\"},\"min\":{\"memory\":\"1Mi\"}},"
				       "{\"type\":\"Pod\",\"max\":{\"cpu\":\"2\"}}]}}",
				    NULL, NULL);
	const json_t *limit = json_array_get(json_at(j, "spec.limits"), 0), *pod = json_array_get(json_at(j, "spec.limits"), 1);

	ck_assert_str_eq(json_str_or(limit, "default.cpu", ""), "2");
	ck_assert_str_eq(json_str_or(limit, "defaultRequest.cpu", ""), "2");
	ck_assert_str_eq(json_str_or(limit, "defaultRequest.memory", ""), "1Mi");
	ck_assert_ptr_null(json_object_get(pod, "default"));
}
END_TEST

START_TEST(lists)
{
	static const struct rule_row metrics[] = {
	    {"spec.metrics", "[{\"type\":\"Foo\"},{\"type\":\"Resource\",\"resource\":{\"target\":{\"type\":\"Value\",\"averageValue\":\"1\"}}}]",
	     "spec.metrics[0].type: Unsupported value: \"Foo\": supported values: \"ContainerResource\", \"External\", \"Object\", \"Pods\", \"Resource\"\n"
	     "spec.metrics[0].type: Unsupported value: \"Foo\": supported values: \"ContainerResource\", \"External\", \"Object\", \"Pods\", \"Resource\"\n"
	     "spec.metrics[1].resource.name: Required value: must specify a resource name\n"},
	};
	static const struct rule_row subsets[] = {
	    {"subsets", "[{\"addresses\":[{\"ip\":\"127.0.0.1\"}],\"ports\":[{\"port\":0},{\"name\":\"b\",\"port\":1}]}]",
	     "subsets[0].addresses[0].ip: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)\n"
	     "subsets[0].ports[0].name: Required value\nsubsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive\n"},
	};
	CHECK("autoscaling", "v2", "HorizontalPodAutoscaler",
	      "{" META ",\"spec\":{\"maxReplicas\":2,\"scaleTargetRef\":{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"name\":\"x\"}}}", metrics, false);
	CHECK("", "v1", "Endpoints", "{" META "}", subsets, false);
}
END_TEST

START_TEST(statuses)
{
	static const struct {
		const char *group, *kind, *status, *errors;
	} rows[] = {
	    {"apps", "Deployment", "{\"replicas\":-1}",
	     "status.replicas: Invalid value: -1: must be greater than or equal to 0\n"
	     "status.updatedReplicas: Invalid value: 0: cannot be greater than status.replicas\n"
	     "status.readyReplicas: Invalid value: 0: cannot be greater than status.replicas\n"
	     "status.availableReplicas: Invalid value: 0: cannot be greater than status.replicas\n"},
	    {"apps", "ReplicaSet", "{\"replicas\":3,\"availableReplicas\":2,\"readyReplicas\":1}",
	     "status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas\n"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct kind *k = fixture_kind(rows[i].group, "v1", rows[i].kind);
		AUTO_JSON *old = fixture_load(k, WORKLOAD("X", ""), NULL, NULL), *obj = json_deep_copy(old);
		AUTO_FIELD_ERRORS f = {.schema = fixture_schema};
		AUTO_STR got = STR_INIT;
		json_object_set_new(obj, "status", json_loads(rows[i].status, 0, NULL));
		kind_ops_find(k)->validate_status(obj, old, &f);
		for (size_t n = 0; n < f.n; n++)
			str_addf(&got, "%s: %s\n", f.v[n].field, f.v[n].message);
		ck_assert_str_eq(str_text(&got), rows[i].errors);
	}
}
END_TEST

TESTS("kind_order", lists, statuses, volumes, pods, workloads, jobs, others, range_defaults)
