/* Workloads, jobs and autoscalers: a row a rule. */
#include "tests/unit/cp/kinds/rules_fixture.h"

#define TEMPLATE "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"
#define SELECTOR "\"selector\":{\"matchLabels\":{\"a\":\"b\"}}"
#define WORKLOAD(kind, more) "{\"kind\":\"" kind "\",\"metadata\":{\"name\":\"w\",\"namespace\":\"d\"},\"spec\":{" SELECTOR "," TEMPLATE more "}}"
#define MISMATCH "spec.template.metadata.labels: Invalid value: {\"a\":\"b\"}: `selector` does not match template `labels`\n"

START_TEST(deployments)
{
	static const struct rule_row rows[] = {
	    {"spec.replicas", "-1", "spec.replicas: Invalid value: -1: must be greater than or equal to 0\n"},
	    {"spec.selector", "{}", "spec.selector: Invalid value: {}: empty selector is invalid for deployment\n"},
	    {"spec.selector", "{\"matchLabels\":{\"a\":\"c\"}}", MISMATCH},
	    {"spec.strategy", "{\"type\":\"Recreate\",\"rollingUpdate\":{}}",
	     "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'\n"},
	    {"spec.strategy", "{\"rollingUpdate\":{\"maxUnavailable\":0,\"maxSurge\":0}}",
	     "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0\n"},
	    {"spec.strategy", "{\"rollingUpdate\":{\"maxUnavailable\":\"150%\"}}",
	     "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"150%\": must not be greater than 100%\n"},
	    {"spec.strategy", "{\"rollingUpdate\":{\"maxUnavailable\":\"x\",\"maxSurge\":0}}",
	     "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"x\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')\n"
	     "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"x\": may not be 0 when `maxSurge` is 0\n"},
	    {"spec.progressDeadlineSeconds", "0", "spec.progressDeadlineSeconds: Invalid value: 0: must be greater than minReadySeconds\n"},
	    {"spec.template.spec.restartPolicy", "\"Never\"",
	     "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"\n"},
	    {"spec.template.spec.ephemeralContainers", "[{\"name\":\"e\",\"image\":\"i\"}]",
	     "spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template\n"},
	    {"spec.template.spec.containers", "[]", "spec.template.spec.containers: Required value\n"},
	};
	fixture_rules(fixture_kind("apps", "v1", "Deployment"), WORKLOAD("Deployment", ""), rows, ARRAY_LEN(rows), false);
}
END_TEST

START_TEST(sets)
{
	static const struct rule_row stateful[] = {
	    {"spec.selector", "{}", "spec.selector: Invalid value: {}: empty selector is invalid for statefulset\n"},
	    {"spec.updateStrategy", "{\"type\":\"OnDelete\",\"rollingUpdate\":{\"partition\":1}}",
	     "spec.updateStrategy.rollingUpdate: Invalid value: {\"Partition\":1,\"MaxUnavailable\":null}: only allowed for updateStrategy 'RollingUpdate'\n"},
	    {"spec.updateStrategy", "{\"rollingUpdate\":{\"partition\":-1}}",
	     "spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0\n"},
	    {"spec.ordinals", "{\"start\":-1}", "spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0\n"},
	};
	static const struct rule_row daemon[] = {
	    {"spec.selector", "{}", "spec.selector: Invalid value: {}: empty selector is invalid for daemonset\n"},
	    {"spec.updateStrategy", "{\"rollingUpdate\":{\"maxUnavailable\":0}}",
	     "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0\n"},
	    {"spec.updateStrategy", "{\"rollingUpdate\":{\"maxUnavailable\":1,\"maxSurge\":1}}",
	     "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero\n"},
	};
	fixture_rules(fixture_kind("apps", "v1", "StatefulSet"), WORKLOAD("StatefulSet", ""), stateful, ARRAY_LEN(stateful), false);
	fixture_rules(fixture_kind("apps", "v1", "DaemonSet"), WORKLOAD("DaemonSet", ""), daemon, ARRAY_LEN(daemon), false);
}
END_TEST

#define JOB                                                                                                                     \
	"{\"metadata\":{\"name\":\"j\",\"namespace\":\"d\"},\"spec\":{\"completions\":3,\"completionMode\":\"Indexed\","        \
	"\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}"
START_TEST(jobs)
{
	static const struct rule_row rows[] = {
	    {"spec.parallelism", "-1", "spec.parallelism: Invalid value: -1: must be greater than or equal to 0\n"},
	    {"metadata.name", "\"a.b\"", "metadata.name: Invalid value: \"a.b\": will not able to create pod with invalid DNS label: a.b-2\n"},
	    {"spec.managedBy", "\"x\"", "spec.managedBy: Invalid value: \"x\": must be a domain-prefixed path (such as \"acme.io/foo\")\n"},
	    {"spec.managedBy", "\"a.io/x\"", ""},
	    {"spec.maxFailedIndexes", "1", "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified\n"},
	    {"spec.successPolicy", "{\"rules\":[{\"succeededIndexes\":\"0-1,1\"}]}",
	     "spec.successPolicy.rules[0].succeededIndexes: Invalid value: \"0-1,1\": error parsing succeededIndexes: non-increasing order, previous: 1, current: 1\n"},
	    {"spec.successPolicy", "{\"rules\":[{\"succeededIndexes\":\"0-1\",\"succeededCount\":3}]}",
	     "spec.successPolicy.rules[0].succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)\n"},
	    {"spec.successPolicy", "{\"rules\":[{\"succeededIndexes\":\"5\"}]}",
	     "spec.successPolicy.rules[0].succeededIndexes: Invalid value: \"5\": error parsing succeededIndexes: too large index: \"5\"\n"},
	    {"spec.successPolicy", "{\"rules\":[{\"succeededIndexes\":\"1-1\",\"succeededCount\":4}]}",
	     "spec.successPolicy.rules[0].succeededIndexes: Invalid value: \"1-1\": error parsing succeededIndexes: non-increasing order, previous: 1, current: 1\n"
	     "spec.successPolicy.rules[0].succeededCount: Invalid value: 4: must be less than or equal to 3 (the number of specified completions)\n"
	     "spec.successPolicy.rules[0].succeededCount: Invalid value: 4: must be less than or equal to 0 (the number of indexes in the specified succeededIndexes field)\n"},
	    {"spec.podFailurePolicy", "{\"rules\":[{\"action\":\"Ignore\",\"onExitCodes\":{\"operator\":\"NotIn\",\"values\":[3,5,3]}}]}",
	     "spec.podFailurePolicy.rules[0].onExitCodes.values[2]: Duplicate value: 3\n"
	     "spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [3,5,3]: must be ordered\n"},
	    {"spec", "{\"completions\":100001,\"parallelism\":10001,\"backoffLimitPerIndex\":1,\"completionMode\":\"Indexed\",\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}",
	     "spec.parallelism: Invalid value: 10001: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index\n"
	     "spec.maxFailedIndexes: Required value: must be specified when completions is above 100000\n"},
	    {"spec.template.spec.restartPolicy", "\"Always\"",
	     "spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"\n"},
	};
	fixture_rules(fixture_kind("batch", "v1", "Job"), JOB, rows, ARRAY_LEN(rows), false);
}
END_TEST

#define CRON "{\"metadata\":{\"name\":\"c\",\"namespace\":\"d\"},\"spec\":{\"schedule\":\"* * * * *\",\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}}}"
START_TEST(cron_jobs)
{
	static const struct rule_row rows[] = {
	    {"spec.schedule", "\"\"", "spec.schedule: Required value\n"},
	    {"spec.schedule", "\"TZ=UTC * * * * *\"",
	     "spec.schedule: Invalid value: \"TZ=UTC * * * * *\": cannot use TZ or CRON_TZ in schedule, use timeZone field instead\n"},
	    {"spec.timeZone", "\"Local\"", "spec.timeZone: Invalid value: \"Local\": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones\n"},
	    {"spec.timeZone", "\"../etc/passwd\"", "spec.timeZone: Invalid value: \"../etc/passwd\": time: invalid location name\n"},
	    {"spec.timeZone", "\"Mars/Olympus Mons\"", "spec.timeZone: Invalid value: \"Mars/Olympus Mons\": unknown time zone Mars/Olympus Mons\n"},
	    {"spec.timeZone", "\"UTC\"", ""},
	    {"spec.concurrencyPolicy", "\"Maybe\"", "spec.concurrencyPolicy: Unsupported value: \"Maybe\": supported values: \"Allow\", \"Forbid\", \"Replace\"\n"},
	    {"spec.jobTemplate.spec.manualSelector", "true", "spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: \"nil\", \"false\"\n"},
	};
	fixture_rules(fixture_kind("batch", "v1", "CronJob"), CRON, rows, ARRAY_LEN(rows), false);
}
END_TEST

#define HPA "{\"apiVersion\":\"autoscaling/v2\",\"metadata\":{\"name\":\"h\",\"namespace\":\"d\"},\"spec\":{\"maxReplicas\":3,\"scaleTargetRef\":{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"name\":\"w\"}}}"
#define HPA_OF_CORE "{\"apiVersion\":\"autoscaling/v2\",\"metadata\":{\"name\":\"h\",\"namespace\":\"d\"},\"spec\":{\"maxReplicas\":3,\"scaleTargetRef\":{\"apiVersion\":\"v1\",\"kind\":\"ReplicationController\",\"name\":\"w\"}}}"
START_TEST(autoscalers)
{
	static const struct rule_row rows[] = {
	    {"spec.maxReplicas", "0", "spec.maxReplicas: Required value: must be set and greater than 0\nspec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`\n"},
	    {"spec.maxReplicas", "-1", "spec.maxReplicas: Invalid value: -1: must be greater than or equal to 1\nspec.maxReplicas: Invalid value: -1: must be greater than or equal to `minReplicas`\n"},
	    {"spec.minReplicas", "0", "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1\n"
	     "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas\n"},
	    {"spec.scaleTargetRef.apiVersion", "\"v1\"", "spec.scaleTargetRef.apiVersion: Invalid value: \"v1\": apiVersion must specify API group\n"},
	    {"spec.scaleTargetRef.apiVersion", "\"a/b/c\"", "spec.scaleTargetRef.apiVersion: Invalid value: \"a/b/c\": unexpected GroupVersion string: a/b/c\n"},
	    {"spec.scaleTargetRef", "{\"apiVersion\":\"v1\",\"kind\":\"ReplicationController\",\"name\":\"r\"}", ""},
	    {"spec.behavior", "{\"scaleDown\":{\"tolerance\":\"-1\"}}", "spec.behavior.scaleDown.tolerance: Invalid value: \"-1\": must be greater than or equal to 0\n"},
	    {"spec.metrics", "[{\"type\":\"ContainerResource\",\"containerResource\":{\"name\":\"BogusResource\",\"container\":\"c\",\"target\":{\"type\":\"Utilization\",\"averageUtilization\":5}}}]",
	     "spec.metrics[0].containerResource.name: Invalid value: \"BogusResource\": must be a standard resource type or fully qualified\n"
	     "spec.metrics[0].containerResource.name: Invalid value: \"BogusResource\": must be a standard resource for containers\n"},
	    {"spec.metrics", "[{\"type\":\"Pods\"}]", "spec.metrics[0].pods: Required value: must populate information for the given metric source\n"},
	    {"spec.metrics", "[{\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"target\":{\"type\":\"Utilization\",\"averageUtilization\":0}}}]",
	     "spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0\n"},
	    {"spec.metrics", "[{\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"target\":{\"type\":\"Often\",\"averageUtilization\":5,\"averageValue\":\"1\"}}}]",
	     "spec.metrics[0].resource.target.type: Invalid value: \"Often\": must be either Utilization, Value, or AverageValue\n"
	     "spec.metrics[0].resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization\n"},
	    {"spec.metrics", "[{\"type\":\"Else\",\"resource\":{\"name\":\"cpu\",\"target\":{\"type\":\"Utilization\",\"averageUtilization\":5}}}]",
	     "spec.metrics[0].type: Unsupported value: \"Else\": supported values: \"ContainerResource\", \"External\", \"Object\", \"Pods\", \"Resource\"\n"
	     "spec.metrics[0].type: Unsupported value: \"Else\": supported values: \"ContainerResource\", \"External\", \"Object\", \"Pods\", \"Resource\"\n"},
	    {"spec.behavior", "{\"scaleUp\":{\"policies\":[{\"type\":\"Pods\",\"value\":0,\"periodSeconds\":1801}],\"stabilizationWindowSeconds\":3601}}",
	     "spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600\n"
	     "spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero\n"
	     "spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800\n"},
	};
	static const struct rule_row updates[] = {
	    {"spec.scaleTargetRef.name", "\"x\"", ""},
	    {"spec.scaleTargetRef.kind", "\"x\"", "spec.scaleTargetRef.apiVersion: Invalid value: \"v1\": apiVersion must specify API group\n"},
	};
	fixture_rules(fixture_kind("autoscaling", "v2", "HorizontalPodAutoscaler"), HPA, rows, ARRAY_LEN(rows), false);
	fixture_rules(fixture_kind("autoscaling", "v2", "HorizontalPodAutoscaler"), HPA_OF_CORE, updates, ARRAY_LEN(updates), true);
}
END_TEST

TESTS("workload_rules", deployments, sets, jobs, cron_jobs, autoscalers)
