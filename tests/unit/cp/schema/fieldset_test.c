/* cp/schema/fieldset.c: set algebra, order, paths, names of elements. */
#include "cp/schema/fieldset.h"
#include "tests/unit/cp/schema/support.h"

static const struct {
	json_t *(*op)(const json_t *a, const json_t *b);
	const char *a, *b, *out;
} algebra[] = {
	{ fieldset_union, "{'f:a':{}}", "{'f:b':{}}", "{'f:a':{},'f:b':{}}" },
	{ fieldset_union, "{'f:a':{'f:x':{}}}", "{'f:a':{}}", "{'f:a':{'.':{},'f:x':{}}}" },
	{ fieldset_union, "{}", "{'f:a':{'.':{},'f:x':{}}}", "{'f:a':{'.':{},'f:x':{}}}" },
	{ fieldset_difference, "{'f:a':{'.':{},'f:x':{}}}", "{'f:a':{}}", "{'f:a':{'f:x':{}}}" },
	{ fieldset_difference, "{'f:a':{'.':{},'f:x':{}}}", "{'f:a':{'f:x':{}}}", "{'f:a':{}}" },
	{ fieldset_difference, "{'f:a':{'f:x':{}}}", "{'f:a':{'f:x':{}}}", NULL },
	{ fieldset_difference, "{'f:a':{},'f:b':{}}", "{'f:b':{},'f:c':{}}", "{'f:a':{}}" },
	{ fieldset_intersection, "{'f:a':{'.':{},'f:x':{}}}", "{'f:a':{'f:x':{},'f:y':{}}}", "{'f:a':{'f:x':{}}}" },
	{ fieldset_intersection, "{'f:a':{}}", "{'f:a':{'f:x':{}}}", NULL },
	{ fieldset_intersection, "{'f:a':{'f:x':{}}}", "{'f:b':{}}", NULL },
	{ fieldset_without, "{'f:a':{'f:x':{}},'f:b':{}}", "{'f:a':{}}", "{'f:b':{}}" },
	{ fieldset_without, "{'f:a':{'f:x':{},'f:y':{}}}", "{'f:a':{'f:x':{}}}", "{'f:a':{'f:y':{}}}" },
};

START_TEST(combines)
{
	AUTO_JSON *a = js(algebra[_i].a), *b = js(algebra[_i].b), *got = algebra[_i].op(a, b);

	if (!algebra[_i].out) {
		ck_assert(fieldset_is_empty(got));
		return;
	}
	AUTO_JSON *sorted = fieldset_sorted(got);
	assert_json(sorted, algebra[_i].out);
}
END_TEST

START_TEST(empty_sets)
{
	AUTO_JSON *a = js("{'f:a':{}}"), *u = fieldset_union(NULL, a), *d = fieldset_difference(a, NULL),
		  *n = fieldset_union(NULL, NULL);

	ck_assert(json_equal(u, a) && json_equal(d, a));
	ck_assert(fieldset_is_empty(n) && fieldset_is_empty(NULL));
	ck_assert(!fieldset_is_member(NULL));
}
END_TEST

START_TEST(sorts_by_kind_then_content)
{
	AUTO_JSON *set = json_pack("{s:{},s:{},s:{},s:{},s:{},s:{},s:{}}", "v:\"b\"", "i:10", "i:9",
				   "k:{\"port\":443}", "k:{\"port\":80}", "f:b", "f:a");
	AUTO_JSON *sorted = fieldset_sorted(set);
	AUTO_FREE char *text = json_text(sorted);

	ck_assert_str_eq(text, "{\"f:a\":{},\"f:b\":{},\"k:{\\\"port\\\":80}\":{},\"k:{\\\"port\\\":443}\":{},"
			       "\"v:\\\"b\\\"\":{},\"i:9\":{},\"i:10\":{}}");
}
END_TEST

static void add_line(void *arg, const char *path)
{
	str_addf(arg, "%s\n", path);
}

START_TEST(tells_paths)
{
	AUTO_JSON *set = json_pack("{s:{s:{s:{},s:{}},s:{s:{}}}}", "f:spec", "f:ports",
				   "k:{\"port\":80,\"protocol\":\"TCP\"}", ".", "f:names", "v:\"x\"");
	AUTO_STR lines = STR_INIT;

	fieldset_each(set, add_line, &lines);
	ck_assert_str_eq(str_text(&lines), ".spec.ports\n.spec.names[=\"x\"]\n.spec.ports[port=80,protocol=\"TCP\"]\n");
}
END_TEST

/* Somebody owned parts of what is replaced as a whole now. */
START_TEST(changed_types_have_no_parts)
{
	AUTO_JSON *set = js("{'f:metadata':{'f:labels':{'.':{},'f:a':{}}},'f:spec':{'f:nodeSelector':{'f:a':{}},"
			    "'f:tolerations':{'.':{},'i:0':{'f:key':{}}},'f:unknown':{'f:a':{}},"
			    "'f:containers':{'k:{\\\"name\\\":\\\"a\\\"}':{'.':{},'f:args':{'v:\\\"x\\\"':{}},'f:image':{}}}}}");
	AUTO_JSON *out = fieldset_by_type(set, kind_named("", "pods")->type);

	assert_json(out, "{'f:metadata':{'f:labels':{'f:a':{},'.':{}}},'f:spec':{'f:nodeSelector':{},'f:tolerations':{},"
			 "'f:unknown':{'f:a':{}},"
			 "'f:containers':{'k:{\\\"name\\\":\\\"a\\\"}':{'f:args':{},'f:image':{},'.':{}}}}}");
}
END_TEST

START_TEST(parents_are_declared_fields)
{
	AUTO_JSON *set = js("{'f:metadata':{'f:labels':{'f:a':{}}},'f:spec':{'f:nodeName':{}}}");
	AUTO_JSON *got = fieldset_with_parents(set, kind_named("", "pods")->type), *sorted = fieldset_sorted(got);

	assert_json(sorted, "{'f:metadata':{'.':{},'f:labels':{'.':{},'f:a':{}}},'f:spec':{'.':{},'f:nodeName':{}}}");
}
END_TEST

START_TEST(names_of_elements)
{
	const struct type *spec = type_field(kind_named("", "pods")->type, "spec")->type;
	const struct field *containers = type_field(spec, "containers"), *ports;
	const char *missing = NULL;

	ports = type_field(containers->type->elem, "ports");
	AUTO_JSON *port = js("{'containerPort':80}"), *bare = js("{}"), *value = js("'x'");
	AUTO_FREE char *a = slot_element_name((struct slot){ ports->type, ports }, port, &missing);
	AUTO_FREE char *b = slot_element_name((struct slot){ containers->type, containers }, bare, &missing);
	const struct field *finalizers =
	    type_field(type_field(kind_named("", "pods")->type, "metadata")->type, "finalizers");
	AUTO_FREE char *c = slot_element_name((struct slot){ finalizers->type, finalizers }, value, &missing);

	ck_assert_str_eq(a, "k:{\"containerPort\":80,\"protocol\":\"TCP\"}");
	ck_assert_str_eq(b, "k:{\"name\":\"\"}");
	ck_assert_str_eq(c, "v:\"x\"");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("fieldset");

	tcase_add_loop_test(t, combines, 0, ARRAY_LEN(algebra));
	tcase_add_test(t, empty_sets);
	tcase_add_test(t, sorts_by_kind_then_content);
	tcase_add_test(t, tells_paths);
	tcase_add_test(t, changed_types_have_no_parts);
	tcase_add_test(t, parents_are_declared_fields);
	tcase_add_test(t, names_of_elements);
	return run("fieldset", t);
}
