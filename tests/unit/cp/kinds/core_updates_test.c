/* Statuses and subresources of the core kinds, and what their writers are warned of: a row a rule. */
#include "tests/unit/cp/kinds/rules_fixture.h"

#define QUALIFIED "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define ENDED(code) "\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"terminated\":{\"exitCode\":" code "}}}]"
#define RUNS "\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"running\":{}}}]"
#define AGAIN "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state\n"
#define RULES(action) "{\"name\":\"c\",\"restartPolicy\":\"Never\",\"restartPolicyRules\":[{\"action\":\"" action "\",\"exitCodes\":{\"operator\":\"In\",\"values\":[3]}}]}"

static char *texts_of(const struct field_errors *f)
{
	struct str s = STR_INIT;

	for (size_t i = 0; i < f->n; i++)
		str_addf(&s, "%s: %s\n", f->v[i].field, f->v[i].message);
	return str_take(&s);
}

START_TEST(pod_statuses)
{
	static const struct {
		const char *spec, *old, *status, *errors;
	} rows[] = {
	    {"{}", "{}", "{\"conditions\":[{\"type\":\"a b\"},{\"type\":\"Ready\",\"observedGeneration\":-1}]}",
	     "status.conditions[0].Type: Invalid value: \"a b\": " QUALIFIED
	     "\nstatus.conditions[1].observedGeneration: Invalid value: -1: must be a non-negative integer\n"},
	    {"{}", "{}", "{\"nominatedNodeName\":\"n\"}", ""},
	    {"{\"nodeName\":\"m\"}", "{}", "{\"nominatedNodeName\":\"n\"}",
	     "status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node\n"},
	    {"{\"nodeName\":\"m\"}", "{\"nominatedNodeName\":\"n\"}", "{\"nominatedNodeName\":\"n\"}", ""},
	    {"{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\"}]}", "{" ENDED("1") "}", "{" RUNS "}", AGAIN},
	    {"{\"restartPolicy\":\"OnFailure\",\"containers\":[{\"name\":\"c\"}]}", "{" ENDED("1") "}", "{" RUNS "}", ""},
	    {"{\"restartPolicy\":\"OnFailure\",\"containers\":[{\"name\":\"c\"}]}", "{" ENDED("0") "}", "{" RUNS "}", AGAIN},
	    {"{\"restartPolicy\":\"Always\",\"containers\":[{\"name\":\"c\",\"restartPolicy\":\"Never\"}]}", "{" ENDED("0") "}", "{" RUNS "}", AGAIN},
	    {"{\"restartPolicy\":\"Always\",\"containers\":[" RULES("Restart") "]}", "{" ENDED("3") "}", "{" RUNS "}", ""},
	    {"{\"restartPolicy\":\"Always\",\"containers\":[" RULES("Restart") "]}", "{" ENDED("4") "}", "{" RUNS "}", AGAIN},
	    {"{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\"}],\"initContainers\":[" RULES("RestartAllContainers") "]}", "{" ENDED("4") "}",
	     "{" RUNS "}", ""},
	    {"{\"containers\":[{\"name\":\"c\",\"resources\":{\"requests\":{\"a.b/c\":\"1\"},\"claims\":[{\"name\":\"x\",\"request\":\"r\"}]}}]}", "{}",
	     "{\"containerStatuses\":[{\"name\":\"c\",\"allocatedResourcesStatus\":[{\"name\":\"a.b/c\"},{\"name\":\"claim:x/r\"},{\"name\":\"d\"}]}]}",
	     "status.containerStatuses[0].allocatedResourcesStatus[2].name: Invalid value: \"d\": must match one of the container's resource requests\n"},
	    {"{\"containers\":[{\"name\":\"c\",\"resources\":{\"requests\":{\"a.b/c\":\"1\"}}}]}", "{}",
	     "{\"containerStatuses\":[{\"name\":\"c\",\"allocatedResourcesStatus\":[{\"name\":\"a.b/c\",\"resources\":[{\"resourceID\":\"i\",\"health\":\"Ill\"},"
	     "{\"resourceID\":\"i\",\"health\":\"Healthy\"}]}]}]}",
	     "status.containerStatuses[0].allocatedResourcesStatus[0].resources[0].health: Unsupported value: \"Ill\": supported values: \"Healthy\", "
	     "\"Unhealthy\", \"Unknown\"\nstatus.containerStatuses[0].allocatedResourcesStatus[0].resources[1].resourceID: Duplicate value: \"i\"\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON *spec = json_loads(rows[i].spec, 0, NULL), *before = json_loads(rows[i].old, 0, NULL), *status = json_loads(rows[i].status, 0, NULL);
		ck_assert_msg(spec && before && status, "row %zu", i);
		AUTO_JSON *old = json_pack("{s:O, s:O}", "spec", spec, "status", before), *pod = json_pack("{s:O, s:O}", "spec", spec, "status", status);
		AUTO_FIELD_ERRORS f = {0};
		kind_ops_find(fixture_kind("", "v1", "Pod"))->validate_status(pod, old, &f);
		AUTO_FREE char *got = texts_of(&f);
		ck_assert_msg(!strcmp(got, rows[i].errors), "row %zu\ngot:\n%swant:\n%s", i, got, rows[i].errors);
	}
}
END_TEST

#define CONTAINER(name, more) "{\"name\":\"" name "\",\"image\":\"i\"" more "}"
#define CPU(n) ",\"resources\":{\"requests\":{\"cpu\":\"" n "\"}}"
#define SPEC(containers, more) "{\"containers\":[" containers "]" more "}"
#define INIT(more) ",\"initContainers\":[" CONTAINER("i", more) "]"

START_TEST(resizes)
{
	static const struct {
		const char *old, *now, *errors;
	} rows[] = {
	    {SPEC(CONTAINER("c", CPU("1")), ""), SPEC(CONTAINER("c", CPU("2")), ",\"nodeName\":\"n\""), ""},
	    {SPEC(CONTAINER("c", CPU("1")), ""), SPEC(CONTAINER("c", CPU("1")) "," CONTAINER("d", ""), ""),
	     "spec.containers: Forbidden: containers may not be added or removed on resize\n"},
	    {SPEC(CONTAINER("c", CPU("1")), ""), SPEC(CONTAINER("d", CPU("1")), ""),
	     "spec.containers[0].name: Forbidden: containers may not be renamed or reordered on resize\n"},
	    {SPEC(CONTAINER("c", CPU("1")), ""), SPEC(CONTAINER("c", ",\"resources\":{\"requests\":{\"cpu\":\"1\",\"ephemeral-storage\":\"1\"}}"), ""),
	     "spec: Forbidden: only cpu and memory resources are mutable\n"},
	    {SPEC(CONTAINER("c", CPU("1")), INIT(CPU("1"))), SPEC(CONTAINER("c", CPU("1")), INIT(CPU("2"))), ""},
	    {SPEC(CONTAINER("c", CPU("1")), INIT(CPU("1"))),
	     SPEC(CONTAINER("c", CPU("1")), INIT(",\"resources\":{\"requests\":{\"cpu\":\"1\",\"ephemeral-storage\":\"1\"}}")),
	     "spec.initContainers[0]: Forbidden: only cpu and memory resources for init or sidecar containers are mutable\n"},
	    {SPEC(CONTAINER("c", ""), CPU("1")), SPEC(CONTAINER("c", ""), CPU("2")), ""},
	    {SPEC(CONTAINER("c", CPU("1")), CPU("1")), SPEC(CONTAINER("c", CPU("1")), ""), "spec.resources: Forbidden: pod-level resources cannot be removed\n"},
	    {SPEC(CONTAINER("c", ""), ",\"resources\":{\"requests\":{\"cpu\":\"1\",\"memory\":\"1\"}}"), SPEC(CONTAINER("c", ""), CPU("1")),
	     "spec.resources.requests: Forbidden: pod-level resource requests cannot be removed\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct kind_part *part = kind_part_find(kind_ops_find(fixture_kind("", "v1", "Pod")), "resize");
		AUTO_JSON *spec = json_loads(rows[i].now, 0, NULL), *before = json_loads(rows[i].old, 0, NULL);
		ck_assert_msg(spec && before, "row %zu", i);
		AUTO_JSON *pod = json_pack("{s:O}", "spec", spec), *old = json_pack("{s:O}", "spec", before);
		AUTO_FIELD_ERRORS f = {0};
		part->prepare(pod, old);
		part->validate(pod, old, &f);
		AUTO_FREE char *got = texts_of(&f);
		ck_assert_msg(!strcmp(got, rows[i].errors), "row %zu\ngot:\n%swant:\n%s", i, got, rows[i].errors);
	}
}
END_TEST

START_TEST(quality)
{
	static const struct {
		const char *spec, *class;
	} rows[] = {
	    {SPEC(CONTAINER("c", CPU("1")), ",\"resources\":{\"requests\":{\"cpu\":\"1\",\"memory\":\"1\"},\"limits\":{\"cpu\":\"1\",\"memory\":\"1\"}}"), "Guaranteed"},
	    {SPEC(CONTAINER("c", ""), ",\"resources\":{\"requests\":{\"cpu\":\"1\"},\"limits\":{\"cpu\":\"1\"}}"), "Burstable"},
	    {SPEC(CONTAINER("c", ""), ""), "BestEffort"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON *spec = json_loads(rows[i].spec, 0, NULL), *pod = json_pack("{s:O}", "spec", spec);
		kind_ops_find(fixture_kind("", "v1", "Pod"))->prepare_create(pod);
		ck_assert_str_eq(json_str_at(pod, "status.qosClass"), rows[i].class);
	}
}
END_TEST

START_TEST(features_of_nodes)
{
#define FEATURE "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes\n"
	static const struct {
		const char *list, *errors;
	} rows[] = {
	    {"[\"A\",\"B/c1\",\"B/d\"]", ""},
	    {"[\"B\",\"A\",\"A\"]", "status.declaredFeatures[1]: Invalid value: \"A\": list must be sorted alphabetically\n"
				    "status.declaredFeatures[2]: Duplicate value: \"A\"\n"},
	    {"[\"A/\"]", "status.declaredFeatures[0]: Invalid value: \"A/\": invalid feature name \"A/\": " FEATURE},
	    {"[\"a\"]", "status.declaredFeatures[0]: Invalid value: \"a\": invalid feature name \"a\": " FEATURE},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON *list = json_loads(rows[i].list, 0, NULL), *node = json_pack("{s:{s:O}}", "status", "declaredFeatures", list);
		AUTO_FIELD_ERRORS f = {0};
		kind_ops_find(fixture_kind("", "v1", "Node"))->validate_status(node, node, &f);
		AUTO_FREE char *got = texts_of(&f);
		ck_assert_str_eq(got, rows[i].errors);
	}
}
END_TEST

START_TEST(warnings)
{
#define MOUNTABLE "{\"metadata\":{\"annotations\":{\"kubernetes.io/enforce-mountable-secrets\":\"true\"}}}"
	static const struct {
		const char *kind, *text, *old, *wanted;
	} rows[] = {
	    {"Node", "{\"spec\":{\"externalID\":\"x\",\"podCIDRs\":[\"10.0.0.1/8\"]}}", NULL,
	     "spec.externalID: this field is deprecated, and is unused by Kubernetes\n"
	     "spec.podCIDRs[0]: CIDR value \"10.0.0.1/8\" is ambiguous in this context (should be \"10.0.0.0/8\" or \"10.0.0.1/32\"?)"},
	    {"ServiceAccount", MOUNTABLE, NULL,
	     "metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted "
	     "secrets"},
	    {"ServiceAccount", MOUNTABLE, MOUNTABLE, ""},
	    {"Secret", "{\"type\":\"kubernetes.io/tls\",\"data\":{\"tls.crt\":\"eA==\",\"tls.key\":\"eA==\"}}", NULL,
	     "tls: failed to find any PEM data in certificate input"},
	    {"Secret", "{\"type\":\"Opaque\",\"data\":{\"tls.crt\":\"eA==\"}}", NULL, ""},
	    {"PodTemplate", "{\"template\":{\"spec\":{\"nodeSelector\":{\"beta.kubernetes.io/os\":\"linux\"}}}}", NULL,
	     "template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use \"kubernetes.io/os\" instead"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_STRV char **got = NULL;
		AUTO_JSON *o = json_loads(rows[i].text, 0, NULL), *old = rows[i].old ? json_loads(rows[i].old, 0, NULL) : NULL;
		kind_ops_find(fixture_kind("", "v1", rows[i].kind))->warn(o, old, &got);
		AUTO_FREE char *all = got ? str_join(got, "\n") : xstrdup("");
		ck_assert_str_eq(all, rows[i].wanted);
	}
}
END_TEST

/* What a template leaves open is filled in when its pod is made. */
START_TEST(ports_of_the_host)
{
	static const char text[] = "{\"metadata\":{\"name\":\"n\"},\"template\":{\"spec\":{\"hostNetwork\":true,\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"ports\":"
				   "[{\"containerPort\":80}]}]}}}";
	AUTO_JSON *o = fixture_load(fixture_kind("", "v1", "PodTemplate"), text, NULL, NULL);

	ck_assert_ptr_null(json_object_get(json_array_get(json_object_get(json_array_get(json_at(o, "template.spec.containers"), 0), "ports"), 0), "hostPort"));
}
END_TEST

/* A service that has addresses from outside says how traffic comes from there; one that loses them does not. */
START_TEST(external_traffic)
{
#define SERVICE(more) "{\"metadata\":{\"name\":\"s\",\"namespace\":\"d\"},\"spec\":{\"ports\":[{\"port\":1}]" more "}}"
	const struct kind *k = fixture_kind("", "v1", "Service");
	AUTO_JSON *with = fixture_load(k, SERVICE(",\"externalIPs\":[\"1.2.3.4\"]"), NULL, NULL), *without = fixture_load(k, SERVICE(""), NULL, NULL);
	AUTO_JSON *lost = fixture_load(k, SERVICE(",\"externalTrafficPolicy\":\"Cluster\""), NULL, with);

	ck_assert_str_eq(json_str_at(with, "spec.externalTrafficPolicy"), "Cluster");
	ck_assert_ptr_null(json_str_at(without, "spec.externalTrafficPolicy"));
	kind_ops_find(k)->prepare_update(lost, with);
	ck_assert_ptr_null(json_str_at(lost, "spec.externalTrafficPolicy"));
}
END_TEST

TESTS("core_updates", pod_statuses, resizes, quality, features_of_nodes, warnings, ports_of_the_host, external_traffic)
