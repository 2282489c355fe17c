/* Subresources that write a part of an object: approval, ephemeral containers, resize. */
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cp/kinds/kind_ops.h"
#include "tests/unit/check_main.h"

static const struct kind pod_kind = {.group = "", .kind = "Pod"};
static const struct kind csr_kind = {.group = "certificates.k8s.io", .kind = "CertificateSigningRequest"};

static json_t *parse(const char *text)
{
	json_t *o = json_loads(text, 0, NULL);
	ck_assert_ptr_nonnull(o);
	return o;
}

/* What the part makes of wanted, and what is wrong with that. */
static char *errors_of(const struct kind *k, const char *part, json_t *wanted, const json_t *old)
{
	const struct kind_part *p = kind_part_find(kind_ops_find(k), part);
	AUTO_FIELD_ERRORS errors = {0};
	struct str out = STR_INIT;
	ck_assert_ptr_nonnull(p);
	p->prepare(wanted, old);
	p->validate(wanted, old, &errors);
	for (size_t i = 0; i < errors.n; i++)
		str_addf(&out, "%s: %s\n", errors.v[i].field, errors.v[i].message);
	return str_take(&out);
}

#define POD(requests)                                                                                                  \
	"{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"resources\":{"                 \
	"\"requests\":" requests ",\"limits\":{\"cpu\":\"2\",\"memory\":\"1Gi\"}}}]}}"

START_TEST(resize_takes_resources_only)
{
	AUTO_JSON *old = parse(POD("{\"cpu\":\"1\",\"memory\":\"1Gi\"}")), *now = parse(POD("{\"cpu\":\"1500m\",\"memory\":\"1Gi\"}"));
	json_object_set_new(json_array_get(json_at(now, "spec.containers"), 0), "image", json_string("other"));
	json_set_str(now, "spec.nodeName", "n");
	AUTO_FREE char *text = errors_of(&pod_kind, "resize", now, old);
	ck_assert_str_eq(text, "");
	const json_t *c = json_array_get(json_at(now, "spec.containers"), 0);
	ck_assert_str_eq(json_str_at(c, "image"), "i");
	ck_assert_str_eq(json_str_at(c, "resources.requests.cpu"), "1500m");
	ck_assert_ptr_null(json_at(now, "spec.nodeName"));
}
END_TEST

START_TEST(resize_keeps_class_and_amounts)
{
	AUTO_JSON *old = parse(POD("{\"cpu\":\"1\",\"memory\":\"1Gi\"}"));
	AUTO_JSON *other = parse(POD("{\"cpu\":\"2\",\"memory\":\"1Gi\"}")), *less = parse(POD("{\"cpu\":\"1\"}"));
	AUTO_FREE char *class = errors_of(&pod_kind, "resize", other, old);
	AUTO_FREE char *removed = errors_of(&pod_kind, "resize", less, old);
	ck_assert_str_eq(class, "spec: Invalid value: \"Burstable\": Pod QOS Class may not change as a result of resizing\n");
	ck_assert_str_eq(removed,
			 "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed\n");
}
END_TEST

START_TEST(ephemeral_containers)
{
	AUTO_JSON *old = parse("{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}],\"ephemeralContainers\":[{\"name\":"
			       "\"d\",\"image\":\"i\"}]}}");
	AUTO_JSON *more = json_deep_copy(old), *less = json_deep_copy(old);
	json_array_append_new(json_at(more, "spec.ephemeralContainers"),
			      parse("{\"name\":\"c\",\"image\":\"i\",\"targetContainerName\":\"x\",\"ports\":[{\"containerPort\":1}]}"));
	json_set_at(less, "spec.ephemeralContainers", json_array());
	AUTO_FREE char *added = errors_of(&pod_kind, "ephemeralcontainers", more, old);
	AUTO_FREE char *removed = errors_of(&pod_kind, "ephemeralcontainers", less, old);
	ck_assert_str_eq(added, "spec.ephemeralContainers[1].name: Duplicate value: \"c\"\n"
				"spec.ephemeralContainers[1].targetContainerName: Not found: \"x\"\n"
				"spec.ephemeralContainers[1].ports: Forbidden: cannot be set for an Ephemeral Container\n");
	ck_assert_str_eq(removed,
			 "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"d\" may not be removed\n\n");
}
END_TEST

START_TEST(approval_is_final)
{
	AUTO_JSON *old = parse("{\"spec\":{\"signerName\":\"a.b/c\"},\"status\":{\"certificate\":\"QQ==\",\"conditions\":[{\"type\":"
			       "\"Approved\",\"status\":\"True\"}]}}");
	AUTO_JSON *both = parse("{\"spec\":{},\"status\":{\"conditions\":[{\"type\":\"Approved\",\"status\":\"True\"},{\"type\":"
				"\"Denied\",\"status\":\"False\"}]}}");
	AUTO_JSON *none = parse("{\"status\":{\"conditions\":[]}}");
	AUTO_FREE char *two = errors_of(&csr_kind, "approval", both, old);
	AUTO_FREE char *gone = errors_of(&csr_kind, "approval", none, old);
	ck_assert_str_eq(two, "status.conditions[1].status: Unsupported value: \"False\": supported values: \"True\"\n"
			      "status.conditions: Invalid value: \"Denied\": Approved and Denied conditions are mutually exclusive\n");
	ck_assert_str_eq(gone, "status.conditions: Forbidden: updates may not remove a condition of type \"Approved\"\n");
	ck_assert_str_eq(json_str_at(both, "spec.signerName"), "a.b/c");
	ck_assert_str_eq(json_str_at(both, "status.certificate"), "QQ==");
	ck_assert_ptr_nonnull(json_str_at(json_array_get(json_at(both, "status.conditions"), 0), "lastUpdateTime"));
}
END_TEST

TESTS("parts", resize_takes_resources_only, resize_keeps_class_and_amounts, ephemeral_containers, approval_is_final)
