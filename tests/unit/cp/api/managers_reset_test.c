/* cp/api/managers_reset.c: what writes cannot manage. */
#include <check.h>
#include <stdlib.h>

#include "base/json.h"
#include "cp/api/managers_reset.h"
#include "tests/unit/check_main.h"

static const struct {
	const char *group, *plural, *subresource, *paths; /* NULL: none */
} cases[] = {
	{ "", "pods", "", "{\"f:status\":{}}" },
	{ "", "pods", "status", "{\"f:spec\":{},\"f:metadata\":{\"f:deletionTimestamp\":{},\"f:ownerReferences\":{}}}" },
	{ "", "pods", "resize", NULL },
	{ "", "configmaps", "", NULL },
	{ "apps", "deployments", "status", "{\"f:spec\":{},\"f:metadata\":{\"f:labels\":{}}}" },
	{ "apps", "replicasets", "status", "{\"f:spec\":{}}" },
	{ "storage.k8s.io", "volumeattachments", "status", "{\"f:spec\":{},\"f:metadata\":{}}" },
	{ "resource.k8s.io", "resourceclaims", "status", "{\"f:spec\":{}}" },
};

START_TEST(each_part_resets_the_rest)
{
	AUTO_SCHEMA *schema = NULL;
	ck_assert_int_eq(schema_load_builtin(&schema, NULL), 0);
	const struct kind *k = schema_find(schema, cases[_i].group, "v1", cases[_i].plural);
	const json_t *set = managers_reset(k, cases[_i].subresource);
	AUTO_JSON *expected = cases[_i].paths ? json_loads(cases[_i].paths, 0, NULL) : NULL;

	ck_assert_msg(expected ? json_equal(set, expected) : !set, "%s/%s", cases[_i].plural, cases[_i].subresource);
}
END_TEST

START_TEST(sets_are_read_once)
{
	AUTO_SCHEMA *schema = NULL;
	ck_assert_int_eq(schema_load_builtin(&schema, NULL), 0);
	const struct kind *k = schema_find(schema, "", "v1", "pods");

	ck_assert_ptr_eq(managers_reset(k, ""), managers_reset(k, ""));
}
END_TEST

TESTS_TABLE("managers_reset", each_part_resets_the_rest, ARRAY_LEN(cases), sets_are_read_once)
