/* cp/schema/schema.c: the built-in tables load, quickly, and their kinds and types are found. */
#include "cp/schema/schema.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"

START_TEST(builtin)
{
	AUTO_SCHEMA *s = NULL;
	struct err e = ERR_INIT;
	const struct kind *k;
	const struct field *f;
	int64_t start = clock_wall_us();
	size_t n = 0;

	ck_assert_msg(!schema_load_builtin(&s, &e), "%s", e.text);
	printf("loading took %ld us\n", (long)(clock_wall_us() - start));
	k = schema_find(s, "", "v1", "pods");
	ck_assert_ptr_nonnull(k);
	ck_assert_str_eq(k->kind, "Pod");
	ck_assert_str_eq(k->list_kind, "PodList");
	ck_assert_str_eq(k->short_names[0], "po");
	ck_assert_str_eq(k->storage_prefix, "/registry/pods/");
	ck_assert_str_eq(k->storage_version_hash, "xPOwRZ+Yhw8=");
	ck_assert(k->namespaced);
	ck_assert_ptr_eq(k, schema_find_kind(s, "", "v1", "Pod"));
	ck_assert_ptr_nonnull(schema_find_kind(s, "apps", "v1", "Deployment"));
	ck_assert_ptr_null(schema_find(s, "apps", "v1", "pods"));
	ck_assert_ptr_null(schema_find(s, "apps", "v9", "deployments"));
	f = type_field(type_at(k->type, "spec.containers"), "image");
	ck_assert_ptr_null(f);
	f = type_field(type_at(k->type, "spec.containers")->elem, "ports");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(f->list_type, LIST_MAP);
	ck_assert_str_eq(f->list_keys[1], "protocol");
	ck_assert_str_eq(f->patch_key, "containerPort");
	ck_assert_int_eq(type_at(k->type, "spec.containers.resources.limits")->elem->class, TYPE_QUANTITY);
	ck_assert_ptr_eq(type_at(k->type, ""), k->type);
	ck_assert_ptr_null(type_at(k->type, "spec.nothing.here"));
	ck_assert_ptr_nonnull(schema_type(s, "autoscaling.v1.Scale"));
	while (schema_kind_nth(s, n))
		n++;
	ck_assert_uint_ge(n, 16);
}
END_TEST

static const struct {
	const char *text, *message;
} bad_tables[] = {
    {"package x\ntype A\n\tb B\n", "type x.B is used but not declared"},
    {"package x\ntype A\n\tb nothing\n", "text:3: unknown type: nothing"},
    {"package x\ntype A\n\tb string defualt=1\n", "text:3: not a field's attribute: defualt=1"},
    {"package x\ntype A\n\tb string default=zz\n", "text:3: not a field's attribute: default=zz"},
    {"package x\ntype A\n\tb string format=zz\n", "text:3: not a field's attribute: format=zz"},
    {"package x\ntype A\n\tb []A list=map(c)\n", "x.A.b: no element field c"},
    {"package x\ntype A\n\tb []A patch=merge(c)\n", "x.A.b: no element field c to patch by"},
    {"package x\ntype A\n\tb string list=set\n", "x.A.b: list attributes on something else"},
    {"package x\ntype A\ntype A\n", "text:3: declared twice: x.A"},
    {"package x\nkind K\n\tversion v1\n", "text:4: a kind needs version, plural, verbs and type: K"},
    {"package x\nkind K\n\tscope world\n", "text:3: scope is namespaced or cluster: world"},
    {"table t.tbl\n\tx\n", "t.tbl:1: indented, but nothing is open: x"},
    {"nonsense here\n", "text:1: neither kind, type nor package: nonsense"},
    {"package\n", "text:1: a name is missing: package"},
    {"package x\ntype A\n\tb\n", "text:3: a field needs a name and a type: b"},
};

START_TEST(bad_table)
{
	struct schema *s = NULL;
	struct err e = ERR_INIT;

	ck_assert_int_eq(schema_load_text(bad_tables[_i].text, &s, &e), -EINVAL);
	ck_assert_str_eq(e.text, bad_tables[_i].message);
	ck_assert_ptr_null(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cp/schema/schema");
	TCase *t = tcase_create("schema");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, builtin);
	tcase_add_loop_test(t, bad_table, 0, (int)(sizeof(bad_tables) / sizeof(*bad_tables)));
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
