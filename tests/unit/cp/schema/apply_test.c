/* cp/schema/apply*.c: field sets of values, differences, merge, removal, checks. */
#include "cp/schema/apply.h"
#include "tests/unit/cp/schema/support.h"

static const struct type *pod(void)
{
	return kind_named("", "pods")->type;
}

static void assert_set(const json_t *set, const char *expected)
{
	AUTO_JSON *sorted = fieldset_sorted(set), *want = js(expected), *want_sorted = fieldset_sorted(want);

	ck_assert_msg(json_equal(sorted, want_sorted), "%s", json_dumps(sorted, JSON_COMPACT));
}

static const struct {
	const char *value, *set;
} fields[] = {
	{ "{'metadata':{'labels':{'a':'b'}}}", "{'f:metadata':{'f:labels':{'f:a':{}}}}" },
	{ "{'metadata':{'labels':{}}}", "{'f:metadata':{'f:labels':{}}}" },
	{ "{'metadata':{'finalizers':['x','y']}}", "{'f:metadata':{'f:finalizers':{'v:\\\"x\\\"':{},'v:\\\"y\\\"':{}}}}" },
	{ "{'metadata':{'finalizers':[]}}", "{}" },
	{ "{'spec':{'containers':[{'name':'a','args':['x']}]}}",
	  "{'f:spec':{'f:containers':{'k:{\\\"name\\\":\\\"a\\\"}':{'.':{},'f:args':{},'f:name':{}}}}}" },
	{ "{'spec':{'containers':[{'name':'a','image':'x'},{'name':'a'}]}}",
	  "{'f:spec':{'f:containers':{'k:{\\\"name\\\":\\\"a\\\"}':{}}}}" },
	{ "{'spec':{'nodeSelector':{'a':'b'},'securityContext':{}}}",
	  "{'f:spec':{'f:nodeSelector':{},'f:securityContext':{}}}" },
};

START_TEST(fields_of_values)
{
	AUTO_JSON *value = js(fields[_i].value), *set = apply_fields(pod(), value);

	assert_set(set, fields[_i].set);
}
END_TEST

static const struct {
	const char *before, *after, *added, *modified, *removed;
} differences[] = {
	{ "{'spec':{}}", "{'spec':{'nodeName':'n'}}", "{'f:spec':{'f:nodeName':{}}}", "{}", "{}" },
	{ "{'spec':{'nodeName':'m'}}", "{'spec':{'nodeName':'n'}}", "{}", "{'f:spec':{'f:nodeName':{}}}", "{}" },
	{ "{'metadata':{'labels':{'a':'b'}}}", "{'metadata':{}}", "{}", "{}",
	  "{'f:metadata':{'f:labels':{'.':{},'f:a':{}}}}" },
	{ "{'spec':{'containers':null}}", "{'spec':{'containers':[{'name':'a'}]}}",
	  "{'f:spec':{'f:containers':{'k:{\\\"name\\\":\\\"a\\\"}':{'.':{},'f:name':{}}}}}", "{}", "{}" },
	{ "{'spec':{'containers':[{'name':'a'},{'name':'b'}]}}", "{'spec':{'containers':[{'name':'b'},{'name':'a'}]}}", "{}",
	  "{}", "{}" },
	{ "{'spec':{'containers':[{'name':'a'}]}}", "{'spec':{'containers':[{'name':'a'},{'name':'b'},{'name':'b'}]}}",
	  "{'f:spec':{'f:containers':{'k:{\\\"name\\\":\\\"b\\\"}':{}}}}", "{}", "{}" },
	{ "{'spec':{'containers':[{'name':'b'},{'name':'b'}]}}", "{'spec':{'containers':[{'name':'b'},{'name':'b','tty':true}]}}",
	  "{}", "{'f:spec':{'f:containers':{'k:{\\\"name\\\":\\\"b\\\"}':{}}}}", "{}" },
	{ "{'spec':{'containers':[{'name':'b'},{'name':'b'}]}}", "{'spec':{'containers':[{'name':'b'}]}}",
	  "{'f:spec':{'f:containers':{'k:{\\\"name\\\":\\\"b\\\"}':{'.':{},'f:name':{}}}}}", "{}",
	  "{'f:spec':{'f:containers':{'k:{\\\"name\\\":\\\"b\\\"}':{}}}}" },
	{ "{'spec':{'containers':[{'name':'b'}]}}", "{'spec':{'containers':[{'name':'b'},{'name':'b'}]}}",
	  "{'f:spec':{'f:containers':{'k:{\\\"name\\\":\\\"b\\\"}':{}}}}", "{}",
	  "{'f:spec':{'f:containers':{'k:{\\\"name\\\":\\\"b\\\"}':{'.':{},'f:name':{}}}}}" },
	{ "{'other':{'a':1}}", "{'other':'x'}", "{}", "{'f:other':{}}", "{'f:other':{'f:a':{}}}" },
	{ "{'other':'x'}", "{'other':{'a':1}}", "{'f:other':{'f:a':{}}}", "{'f:other':{}}", "{}" },
	{ "{'spec':{'containers':[{'name':'a','args':['x']}]}}", "{'spec':{'containers':[{'name':'a','args':['y']}]}}", "{}",
	  "{'f:spec':{'f:containers':{'k:{\\\"name\\\":\\\"a\\\"}':{'f:args':{}}}}}", "{}" },
};

START_TEST(finds_differences)
{
	AUTO_JSON *before = js(differences[_i].before), *after = js(differences[_i].after);
	AUTO_APPLY_DIFF d = { 0 };

	apply_compare(pod(), before, after, &d);
	assert_set(d.added, differences[_i].added);
	assert_set(d.modified, differences[_i].modified);
	assert_set(d.removed, differences[_i].removed);
}
END_TEST

static const struct {
	const char *live, *config, *out;
} merges[] = {
	{ "{'a':1}", "{'b':2}", "{'a':1,'b':2}" },
	{ "{'metadata':{'labels':{'a':'1','b':'2'}}}", "{'metadata':{'labels':{'b':'3'}}}",
	  "{'metadata':{'labels':{'a':'1','b':'3'}}}" },
	{ "{'spec':{'containers':[{'name':'a','image':'1'}]}}", "{'spec':{'containers':[{'name':'b'}]}}",
	  "{'spec':{'containers':[{'name':'a','image':'1'},{'name':'b'}]}}" },
	{ "{'spec':{'containers':[{'name':'a'},{'name':'x'},{'name':'b'}]}}",
	  "{'spec':{'containers':[{'name':'b'},{'name':'a'}]}}",
	  "{'spec':{'containers':[{'name':'x'},{'name':'b'},{'name':'a'}]}}" },
	{ "{'spec':{'containers':[{'name':'a'},{'name':'b'}]}}",
	  "{'spec':{'containers':[{'name':'n'},{'name':'a'},{'name':'m'},{'name':'b'}]}}",
	  "{'spec':{'containers':[{'name':'n'},{'name':'a'},{'name':'m'},{'name':'b'}]}}" },
	{ "{'spec':{'tolerations':[{'key':'a'}]}}", "{'spec':{'tolerations':[{'key':'b'}]}}",
	  "{'spec':{'tolerations':[{'key':'b'}]}}" },
	{ "{'spec':{'nodeSelector':{'a':'b'}}}", "{'spec':{'nodeSelector':{'c':'d'}}}", "{'spec':{'nodeSelector':{'c':'d'}}}" },
	{ "{'spec':{'containers':[{'name':'a','image':'1'},{'name':'a','image':'2'},{'name':'b'}]}}",
	  "{'spec':{'containers':[{'name':'b','image':'3'}]}}",
	  "{'spec':{'containers':[{'name':'a','image':'1'},{'name':'a','image':'2'},{'name':'b','image':'3'}]}}" },
	{ "{'spec':{'containers':[{'name':'a','image':'1'},{'name':'b'},{'name':'a','image':'2'}]}}",
	  "{'spec':{'containers':[{'name':'a','tty':true}]}}", "{'spec':{'containers':[{'name':'a','tty':true},{'name':'b'}]}}" },
	{ "{'metadata':{'labels':{'a':'1'}},'spec':{'nodeName':'n','containers':[{'name':'a'}]}}",
	  "{'metadata':{'labels':null},'spec':{'nodeName':null,'containers':null}}",
	  "{'metadata':{'labels':{'a':'1'}},'spec':{'nodeName':null,'containers':[{'name':'a'}]}}" },
	{ "{'metadata':{'labels':{}}}", "{'metadata':{'labels':null}}", "{'metadata':{'labels':null}}" },
	{ "{'other':{'a':1}}", "{'other':null}", "{'other':{'a':1}}" },
	{ "{'other':{'a':1}}", "{'other':'x'}", "{'other':'x'}" },
};

START_TEST(merges_configurations)
{
	AUTO_JSON *live = js(merges[_i].live), *config = js(merges[_i].config), *before = json_deep_copy(live);
	AUTO_JSON *out = apply_merge(pod(), live, config);

	assert_json(out, merges[_i].out);
	ck_assert(json_equal(live, before));
}
END_TEST

START_TEST(removes_fields)
{
	AUTO_JSON *value = js("{'spec':{'containers':[{'name':'a','image':'x'},{'name':'b'}],'nodeName':'n'}}");
	AUTO_JSON *set = js("{'f:spec':{'f:containers':{'k:{\\\"name\\\":\\\"a\\\"}':{'f:image':{}},"
			    "'k:{\\\"name\\\":\\\"b\\\"}':{}},'f:nodeName':{}}}");
	AUTO_JSON *out = apply_remove(pod(), value, set);

	assert_json(out, "{'spec':{'containers':[{'name':'a'}]}}");
}
END_TEST

START_TEST(what_becomes_empty_goes)
{
	AUTO_JSON *value = js("{'metadata':{'labels':{'a':'b'},'name':'x'}}");
	AUTO_JSON *set = js("{'f:metadata':{'f:labels':{'f:a':{}}}}");
	AUTO_JSON *out = apply_remove(pod(), value, set);

	assert_json(out, "{'metadata':{'name':'x'}}");
}
END_TEST

static const struct {
	const char *config, *error; /* NULL: fits */
} checks[] = {
	{ "{'spec':{'containers':[{'name':'a'}],'replicas':1}}", ".spec.replicas: field not declared in schema" },
	{ "{'spec':{'nodeName':1}}", ".spec.nodeName: expected string, got &value.valueUnstructured{Value:1}" },
	{ "{'spec':{'hostNetwork':'x'}}", ".spec.hostNetwork: expected boolean, got &{x}" },
	{ "{'spec':{'priority':'x'}}", ".spec.priority: expected numeric (int or float), got string" },
	{ "{'spec':{'containers':{}}}", ".spec.containers: expected list, got &{map[]}" },
	{ "{'metadata':{'labels':'x'}}", ".metadata.labels: expected map, got &{x}" },
	{ "{'spec':{'containers':[{'name':'a'},{'name':'a'}]}}",
	  ".spec.containers: duplicate entries for key [name=\"a\"]" },
	{ "{'spec':{'containers':[{'name':'a','image':5}],'priority':true}}",
	  "errors:\n  .spec.containers[name=\"a\"].image: expected string, got &value.valueUnstructured{Value:5}\n"
	  "  .spec.priority: expected numeric (int or float), got bool" },
	{ "{'spec':{'containers':[{'name':'a','resources':{'limits':{'cpu':1}}}],'nodeName':null}}", NULL },
	{ "{'spec':{'tolerations':[{'key':'a'},{'foo':1}]}}", ".spec.tolerations[1].foo: field not declared in schema" },
	{ "{'spec':{'nodeSelector':{'a':1}}}", ".spec.nodeSelector.a: expected string, got &value.valueUnstructured{Value:1}" },
	{ "{'spec':{'containers':[{'name':'a','resources':{'limits':{'cpu':[]}}}]}}",
	  ".spec.containers[name=\"a\"].resources.limits.cpu: expected any scalar, got &{[]}" },
	{ "{'spec':{'containers':[null]}}", ".spec.containers: element 0: associative list with keys may not have a null element" },
	{ "{'spec':{'containers':[1]}}", ".spec.containers: element 0: associative list with keys may not have non-map elements" },
	{ "{'metadata':{'finalizers':['a',null]}}",
	  ".metadata.finalizers: element 1: associative list without keys has an element that's an explicit null" },
	{ "{'metadata':{'finalizers':[{}]}}",
	  ".metadata.finalizers: element 0: associative list without keys has an element that's a map type" },
};

START_TEST(checks_configurations)
{
	AUTO_JSON *config = js(checks[_i].config);
	struct err e = ERR_INIT;
	int r = apply_check(pod(), config, &e);

	if (checks[_i].error)
		ck_assert_str_eq(err_text(&e), checks[_i].error);
	ck_assert_int_eq(r, checks[_i].error ? -EINVAL : 0);
}
END_TEST

START_TEST(nothing_set)
{
	AUTO_JSON *empty = apply_empty(kind_named("apps", "deployments")->type);

	ck_assert(json_is_object(json_at(empty, "spec.strategy")));
	ck_assert(json_is_null(json_at(empty, "spec.template.spec.containers")));
	ck_assert_ptr_null(json_at(empty, "spec.replicas"));
	ck_assert_ptr_null(json_at(empty, "metadata.labels"));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("apply");

	tcase_add_loop_test(t, fields_of_values, 0, ARRAY_LEN(fields));
	tcase_add_loop_test(t, finds_differences, 0, ARRAY_LEN(differences));
	tcase_add_loop_test(t, merges_configurations, 0, ARRAY_LEN(merges));
	tcase_add_test(t, removes_fields);
	tcase_add_test(t, what_becomes_empty_goes);
	tcase_add_loop_test(t, checks_configurations, 0, ARRAY_LEN(checks));
	tcase_add_test(t, nothing_set);
	return run("apply", t);
}
