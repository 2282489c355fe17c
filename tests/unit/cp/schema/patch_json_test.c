/* cp/schema/patch_json.c: JSON patches and merge patches. */
#include "tests/unit/cp/schema/support.h"

static const struct {
	const char *doc, *patch;
	int result;
	const char *out;
} json_cases[] = {
    {"{'data':{'k':'v'}}",
     "[{'op':'add','path':'/data/new','value':'n'},{'op':'replace','path':'/data/k','value':'w'}]", 0,
     "{'data':{'k':'w','new':'n'}}"},
    {"{'a':1,'b':2}", "[{'op':'remove','path':'/a'}]", 0, "{'b':2}"},
    {"{'a':{'k':'w'}}", "[{'op':'copy','from':'/a/k','path':'/a/c'},{'op':'move','from':'/a/k','path':'/a/m'}]", 0,
     "{'a':{'c':'w','m':'w'}}"},
    {"{'a':1}", "[{'op':'test','path':'/a','value':1},{'op':'add','path':'/b','value':null}]", 0, "{'a':1,'b':null}"},
    {"{'a':1}", "[{'op':'test','path':'/a','value':2}]", -ENOENT, NULL},
    {"{'a':1}", "[{'op':'test','path':'/b','value':null}]", 0, "{'a':1}"},
    {"{'a':1}", "[{'op':'test','path':'/b','value':1}]", -ENOENT, NULL},
    {"{'l':[1,2]}",
     "[{'op':'add','path':'/l/-','value':3},{'op':'add','path':'/l/0','value':0},{'op':'add','path':'/l/4','value':4}]",
     0, "{'l':[0,1,2,3,4]}"},
    {"{'l':[1,2]}", "[{'op':'add','path':'/l/9','value':3}]", -ENOENT, NULL},
    {"{'l':[1,2]}", "[{'op':'add','path':'/l/-1','value':3},{'op':'remove','path':'/l/-3'}]", 0, "{'l':[2,3]}"},
    {"{'l':[1,2]}", "[{'op':'replace','path':'/l/-1','value':3}]", 0, "{'l':[1,3]}"},
    {"{'l':[1,2]}", "[{'op':'replace','path':'/l/-3','value':3}]", -ENOENT, NULL},
    {"{'l':[1,2]}", "[{'op':'replace','path':'/l/2','value':3}]", -ENOENT, NULL},
    {"{'l':[1,2]}", "[{'op':'remove','path':'/l/2'}]", -ENOENT, NULL},
    {"{'l':[1,2]}", "[{'op':'remove','path':'/l/-'}]", -ENOENT, NULL},
    {"{'l':[1,2]}", "[{'op':'replace','path':'/l/1','value':9}]", 0, "{'l':[1,9]}"},
    {"{'l':[1,2]}", "[{'op':'move','from':'/l/0','path':'/l/1'}]", 0, "{'l':[2,1]}"},
    {"{'a/b':1,'x~y':2}", "[{'op':'replace','path':'/a~1b','value':9},{'op':'remove','path':'/x~0y'}]", 0, "{'a/b':9}"},
    {"{'a':1}", "[{'op':'replace','path':'','value':{'z':1}}]", -ENOENT, NULL},
    {"{'a':1}", "[{'op':'replace','path':'/b','value':1}]", -ENOENT, NULL},
    {"{'a':1}", "[{'op':'remove','path':'/b'}]", -ENOENT, NULL},
    {"{'a':1}", "[{'op':'add','path':'/b/c','value':1}]", -ENOENT, NULL},
    {"{'a':1}", "[{'op':'add','path':'/a/c','value':1}]", -ENOENT, NULL},
    {"{'a':{'b':1}}", "[{'op':'move','from':'/a','path':'/a/b/c'}]", -ENOENT, NULL},
    {"{'a':{'b':1}}", "[{'op':'move','from':'/a','path':'/a'}]", 0, "{'a':{'b':1}}"},
    {"{'a':{'b':1}}", "[{'op':'copy','from':'/a','path':'/a/c'}]", 0, "{'a':{'b':1,'c':{'b':1}}}"},
    {"{'a':1}", "[{'op':'copy','from':'/x','path':'/a'}]", -ENOENT, NULL},
    {"{'a':1}", "[]", 0, "{'a':1}"},
    {"{'a':1}", "{}", -EINVAL, NULL},
    {"{'a':1}", "[{'op':'frob','path':'/a'}]", -ENOENT, NULL},
    {"{'a':1}", "[{'path':'/a'}]", -ENOENT, NULL},
    {"{'a':1}", "[{'op':'add','path':'/a'}]", 0, "{'a':null}"},
    {"{'a':1}", "[{'op':'add','value':1}]", -ENOENT, NULL},
    {"{'a':1}", "[{'op':'copy','path':'/a'}]", -ENOENT, NULL},
    {"{'a':1}", "[{'op':'add','path':'a','value':1}]", -ENOENT, NULL},
    {"{'a':1}", "[{'op':'add','path':'x/a','value':2}]", 0, "{'a':2}"},
    {"{'a':1}", "[7]", -ENOENT, NULL},
};

START_TEST(json_patches)
{
	AUTO_JSON *doc = js(json_cases[_i].doc), *patch = js(json_cases[_i].patch), *out = NULL,
		  *before = json_deep_copy(doc);
	struct err e = ERR_INIT;

	ck_assert_int_eq(patch_json(doc, patch, &out, &e), json_cases[_i].result);
	ck_assert(json_equal(doc, before));
	if (json_cases[_i].out)
		assert_json(out, json_cases[_i].out);
	else
		ck_assert_str_ne(e.text, "");
}
END_TEST

/* Copies into themselves would double the document each time. */
START_TEST(bombs)
{
	AUTO_JSON *doc = js("{'a':['x']}"), *copies = json_array(), *many = json_array(), *out = NULL;

	for (int i = 0; i < 60; i++)
		json_array_append_new(copies, js("{'op':'copy','from':'/a','path':'/a/-'}"));
	ck_assert_int_eq(patch_json(doc, copies, &out, NULL), -E2BIG);
	for (int i = 0; i < 10001; i++)
		json_array_append_new(many, js("{'op':'test','path':'/b','value':null}"));
	ck_assert_int_eq(patch_json(doc, many, &out, NULL), -E2BIG);
	ck_assert_ptr_null(out);
}
END_TEST

static const struct {
	const char *doc, *patch, *out;
} merge_cases[] = {
    {"{'a':'b'}", "{'a':'c'}", "{'a':'c'}"},
    {"{'a':'b'}", "{'b':'c'}", "{'a':'b','b':'c'}"},
    {"{'a':'b'}", "{'a':null}", "{}"},
    {"{'a':'b','b':'c'}", "{'a':null}", "{'b':'c'}"},
    {"{'a':['b']}", "{'a':'c'}", "{'a':'c'}"},
    {"{'a':'c'}", "{'a':['b']}", "{'a':['b']}"},
    {"{'a':{'b':'c'}}", "{'a':{'b':'d','c':null}}", "{'a':{'b':'d'}}"},
    {"{'a':[{'b':'c'}]}", "{'a':[1]}", "{'a':[1]}"},
    {"{'e':null}", "{'a':1}", "{'e':null,'a':1}"},
    {"{}", "{'a':{'bb':{'ccc':null}}}", "{'a':{'bb':{}}}"},
};

START_TEST(merge_patches)
{
	AUTO_JSON *doc = js(merge_cases[_i].doc), *patch = js(merge_cases[_i].patch), *out = NULL,
		  *before = json_deep_copy(doc);

	ck_assert_int_eq(patch_merge(doc, patch, &out, NULL), 0);
	assert_json(out, merge_cases[_i].out);
	ck_assert(json_equal(doc, before));
}
END_TEST

START_TEST(merge_patch_must_be_an_object)
{
	AUTO_JSON *doc = json_object(), *patch = json_array(), *out = NULL;

	ck_assert_int_eq(patch_merge(doc, patch, &out, NULL), -EINVAL);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("patch_json");

	tcase_add_loop_test(t, json_patches, 0, (int)ARRAY_LEN(json_cases));
	tcase_add_test(t, bombs);
	tcase_add_loop_test(t, merge_patches, 0, (int)ARRAY_LEN(merge_cases));
	tcase_add_test(t, merge_patch_must_be_an_object);
	return run("cp/schema/patch_json", t);
}
