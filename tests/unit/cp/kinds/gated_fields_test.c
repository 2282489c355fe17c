/* Fields of features that are off: they go, unless they were there. */
#include "tests/unit/cp/kinds/rules_fixture.h"

#include "base/mem.h"

#define POD(container, more) "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"" container "}]" more "}}"
#define PROJECTED(source) ",\"volumes\":[{\"name\":\"v\",\"projected\":{\"sources\":[" source "]}}]"
#define SLICE(device) "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"driver\":\"d\",\"nodeName\":\"x\",\"pool\":{\"name\":\"p\",\"generation\":1,\"resourceSliceCount\":1},\"devices\":[{\"name\":\"a\"" device "}]}}"
#define CLAIM(more) "{\"metadata\":{\"name\":\"n\"},\"spec\":{" more "}}"

static const struct {
	const char *group, *kind, *text, *path; /* where the field is, or would be */
	bool kept;
} rows[] = {
    {"", "Pod", POD(",\"lifecycle\":{\"stopSignal\":\"SIGUSR1\"}", ""), "spec.containers.0.lifecycle", false},
    {"", "Pod", POD(",\"lifecycle\":{\"stopSignal\":\"SIGUSR1\",\"preStop\":{\"sleep\":{\"seconds\":1}}}", ""), "spec.containers.0.lifecycle.stopSignal", false},
    {"", "Pod", POD(",\"lifecycle\":{\"stopSignal\":\"SIGUSR1\",\"preStop\":{\"sleep\":{\"seconds\":1}}}", ""), "spec.containers.0.lifecycle.preStop", true},
    {"", "Pod", POD("", ",\"schedulingGroup\":{\"podGroupName\":\"g\"}"), "spec.schedulingGroup", false},
    {"", "Pod", POD("", PROJECTED("{\"clusterTrustBundle\":{\"path\":\"b\"}}")), "spec.volumes.0.projected.sources.0.clusterTrustBundle", false},
    {"", "Pod", POD("", PROJECTED("{\"podCertificate\":{\"keyType\":\"ED25519\"}}")), "spec.volumes.0.projected.sources.0.podCertificate", false},
    {"", "Pod", POD("", PROJECTED("{\"secret\":{\"name\":\"s\"}}")), "spec.volumes.0.projected.sources.0.secret", true},
    {"resource.k8s.io", "ResourceSlice", SLICE(",\"attributes\":{\"a\":{\"ints\":[1]}}"), "spec.devices.0.attributes.a.ints", false},
    {"resource.k8s.io", "ResourceSlice", SLICE(",\"attributes\":{\"a\":{\"int\":1}}"), "spec.devices.0.attributes.a.int", true},
    {"resource.k8s.io", "ResourceSlice", SLICE(",\"taints\":[{\"key\":\"a\"}]"), "spec.devices.0.taints.0.timeAdded", true}, /* filled in */
    {"resource.k8s.io", "ResourceSlice", SLICE(",\"nodeAllocatableResourceMappings\":{\"cpu\":{\"capacityKey\":\"c\"}}"), "spec.devices.0.nodeAllocatableResourceMappings", false},
    {"storage.k8s.io", "CSIDriver", "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"preventPodSchedulingIfMissing\":true}}", "spec.preventPodSchedulingIfMissing", false},
    {"", "PersistentVolumeClaim", CLAIM("\"dataSourceRef\":{\"kind\":\"PersistentVolumeClaim\",\"name\":\"s\",\"namespace\":\"o\"}"), "spec.dataSourceRef", false},
    {"", "PersistentVolumeClaim", CLAIM("\"dataSource\":{\"kind\":\"Secret\",\"name\":\"s\"}"), "spec.dataSource", false},
    {"", "PersistentVolumeClaim", CLAIM("\"dataSource\":{\"kind\":\"PersistentVolumeClaim\",\"name\":\"s\"}"), "spec.dataSourceRef", true},
};

static const json_t *member(const json_t *o, const char *path)
{
	AUTO_STRV char **parts = str_split(path, '.');
	for (size_t i = 0; parts[i]; i++)
		o = json_is_array(o) ? json_array_get(o, strtoul(parts[i], NULL, 10)) : json_object_get(o, parts[i]);
	return o;
}

START_TEST(dropped)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON *o = fixture_load(fixture_kind(rows[i].group, "v1", rows[i].kind), rows[i].text, NULL, NULL);
		ck_assert_msg((member(o, rows[i].path) != NULL) == rows[i].kept, "%s %s", rows[i].kind, rows[i].path);
	}
}
END_TEST

START_TEST(kept)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON *old = json_loads(rows[i].text, 0, NULL);
		AUTO_JSON *o = fixture_load(fixture_kind(rows[i].group, "v1", rows[i].kind), rows[i].text, NULL, old);
		ck_assert_msg(member(o, rows[i].path) != NULL, "%s %s", rows[i].kind, rows[i].path);
	}
}
END_TEST

TESTS("gated_fields", dropped, kept)
