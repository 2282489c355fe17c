/* cp/schema/patch_strategic.c: every directive, list strategies, order. */
#include "tests/unit/cp/schema/support.h"

#define POD "pods"
#define DEPLOYMENT "deployments"

static const struct {
	const char *plural, *doc, *patch, *out; /* out NULL: -EPROTO, "400": -EINVAL, "422": -ENOENT */
} cases[] = {
    /* lists by key */
    {POD, "{'spec':{'containers':[{'name':'a','image':'1'},{'name':'b','image':'2'}]}}",
     "{'spec':{'containers':[{'name':'b','image':'3'},{'name':'c','image':'4'}]}}",
     "{'spec':{'containers':[{'name':'a','image':'1'},{'name':'b','image':'3'},{'name':'c','image':'4'}]}}"},
    {POD, "{'spec':{'imagePullSecrets':[{'name':'s1'}]}}", "{'spec':{'imagePullSecrets':[{'name':'s2'}]}}",
     "{'spec':{'imagePullSecrets':[{'name':'s2'},{'name':'s1'}]}}"},
    {POD, "{'status':{'conditions':[{'type':'Ready','status':'True'}]}}",
     "{'status':{'conditions':[{'type':'Initialized','status':'False'}]}}",
     "{'status':{'conditions':[{'type':'Initialized','status':'False'},{'type':'Ready','status':'True'}]}}"},
    {POD, "{'spec':{'containers':[{'name':'a','env':[{'name':'A','value':'1'},{'name':'B','value':'2'}]}]}}",
     "{'spec':{'containers':[{'name':'a','env':[{'name':'B','value':'22'},{'name':'C','value':'3'}]}]}}",
     "{'spec':{'containers':[{'name':'a','env':[{'name':'A','value':'1'},{'name':'B','value':'22'},{'name':'C','value':"
     "'3'}]}]}}"},
    {POD, "{'spec':{'containers':[{'name':'a','ports':[{'containerPort':80},{'containerPort':81}]}]}}",
     "{'spec':{'containers':[{'name':'a','ports':[{'containerPort':81,'name':'x'}]}]}}",
     "{'spec':{'containers':[{'name':'a','ports':[{'containerPort':80},{'containerPort':81,'name':'x'}]}]}}"},
    {POD, "{'spec':{'containers':[{'name':'a'}]}}", "{'spec':{'containers':[{'image':'x'}]}}", NULL},
    {POD, "{'spec':{'containers':[{'name':'a'}]}}", "{'spec':{'containers':['x']}}", NULL},
    {POD, "{'spec':{}}", "{'spec':{'containers':[{'name':'a','image':'x','args':null}]}}",
     "{'spec':{'containers':[{'name':'a','image':'x'}]}}"},
    /* lists that are replaced */
    {POD, "{'spec':{'containers':[{'name':'a','args':['x','y']}]}}",
     "{'spec':{'containers':[{'name':'a','args':['z']}]}}", "{'spec':{'containers':[{'name':'a','args':['z']}]}}"},
    {POD, "{'spec':{'tolerations':[{'key':'a'}]}}", "{'spec':{'tolerations':[{'key':'b'}]}}",
     "{'spec':{'tolerations':[{'key':'b'}]}}"},
    /* scalars, nulls, new objects */
    {POD, "{'spec':{'nodeName':'a','hostname':'h'}}", "{'spec':{'nodeName':null,'priority':1}}",
     "{'spec':{'hostname':'h','priority':1}}"},
    {POD, "{}", "{'metadata':{'labels':{'a':'b','c':null}}}", "{'metadata':{'labels':{'a':'b'}}}"},
    {POD, "{'metadata':{'labels':{'a':'b','c':'d'}}}", "{'metadata':{'labels':{'c':null,'e':'f'}}}",
     "{'metadata':{'labels':{'a':'b','e':'f'}}}"},
    {POD, "{'spec':'x'}", "{'spec':{'nodeName':'n'}}", "{'spec':{'nodeName':'n'}}"},
    /* primitive lists with merge */
    {POD, "{'metadata':{'finalizers':['b']}}", "{'metadata':{'finalizers':['c','b']}}",
     "{'metadata':{'finalizers':['c','b']}}"},
    {POD, "{'metadata':{'finalizers':['b']}}", "{'metadata':{'finalizers':['c']}}",
     "{'metadata':{'finalizers':['c','b']}}"},
    /* $patch in elements */
    {POD, "{'spec':{'containers':[{'name':'a'},{'name':'b'}]}}",
     "{'spec':{'containers':[{'name':'a','$patch':'delete'}]}}", "{'spec':{'containers':[{'name':'b'}]}}"},
    {POD, "{'spec':{'containers':[{'name':'a'},{'name':'b'}]}}",
     "{'spec':{'containers':[{'$patch':'replace'},{'name':'z'}]}}", "{'spec':{'containers':[{'name':'z'}]}}"},
    {POD, "{'spec':{'containers':[{'name':'a'},{'name':'b'}]}}",
     "{'spec':{'containers':[{'name':'z'},{'name':'a'},{'name':'z'},{'$patch':'replace'}]}}",
     "{'spec':{'containers':[{'name':'z'},{'name':'a'},{'name':'z'}]}}"},
    {POD, "{'spec':{'containers':[{'name':'a','image':'x'}]}}",
     "{'spec':{'containers':[{'name':'a','$patch':'merge','image':'y'}]}}", NULL},
    {POD, "{'spec':{'containers':[{'name':'a'}]}}", "{'spec':{'containers':[{'name':'a','$patch':'frob'}]}}", NULL},
    {POD, "{'spec':{'containers':[{'name':'a'}]}}", "{'spec':{'containers':[{'$patch':'delete'}]}}", NULL},
    {POD, "{'spec':{}}", "{'spec':{'containers':[{'name':'a','$patch':'delete'},{'name':'b'}]}}",
     "{'spec':{'containers':[{'name':'b'}]}}"},
    /* $patch in objects */
    {POD, "{'spec':{'securityContext':{'runAsUser':1,'fsGroup':2}}}",
     "{'spec':{'securityContext':{'$patch':'replace','fsGroup':3}}}", "{'spec':{'securityContext':{'fsGroup':3}}}"},
    {POD, "{'spec':{'securityContext':{'runAsUser':1}}}", "{'spec':{'securityContext':{'$patch':'delete'}}}",
     "{'spec':{'securityContext':{}}}"},
    {POD, "{'spec':{'securityContext':{'runAsUser':1}}}", "{'spec':{'securityContext':{'$patch':'merge','fsGroup':3}}}",
     NULL},
    {POD, "{'spec':{'securityContext':{'runAsUser':1}}}", "{'spec':{'securityContext':{'$patch':'frob'}}}", NULL},
    /* $retainKeys */
    {DEPLOYMENT, "{'spec':{'strategy':{'type':'RollingUpdate','rollingUpdate':{'maxSurge':1}}}}",
     "{'spec':{'strategy':{'$retainKeys':['type'],'type':'Recreate'}}}", "{'spec':{'strategy':{'type':'Recreate'}}}"},
    {POD, "{'spec':{'volumes':[{'name':'v','emptyDir':{}}]}}",
     "{'spec':{'volumes':[{'name':'v','$retainKeys':['name','hostPath'],'hostPath':{'path':'/x'}}]}}",
     "{'spec':{'volumes':[{'name':'v','hostPath':{'path':'/x'}}]}}"},
    {DEPLOYMENT, "{'spec':{'strategy':{'type':'RollingUpdate'}}}",
     "{'spec':{'strategy':{'$retainKeys':['x'],'type':'Recreate'}}}", "400"},
    {DEPLOYMENT, "{'spec':{'strategy':{}}}", "{'spec':{'strategy':{'$retainKeys':'type'}}}", "400"},
    /* $deleteFromPrimitiveList */
    {POD, "{'metadata':{'finalizers':['a','b']}}", "{'metadata':{'$deleteFromPrimitiveList/finalizers':['a']}}",
     "{'metadata':{'finalizers':['b']}}"},
    {POD, "{'metadata':{}}", "{'metadata':{'$deleteFromPrimitiveList/finalizers':['a']}}", "{'metadata':{}}"},
    {POD, "{'metadata':{}}", "{'metadata':{'$deleteFromPrimitiveList/finalizers':'a'}}", "{'metadata':{}}"},
    {POD, "{'metadata':{'finalizers':['a']}}", "{'metadata':{'$deleteFromPrimitiveList/finalizers':'a'}}", "{'metadata':{'finalizers':'a'}}"},
    /* elements */
    {POD, "{'spec':{}}", "{'spec':{'containers':[{'image':'y'}]}}", "{'spec':{'containers':[{'image':'y'}]}}"},
    {POD, "{'spec':{'containers':[{'name':'a'}]}}", "{'spec':{'containers':[{'image':'y'}]}}", NULL},
    {POD, "{'spec':{'containers':[{'name':'a'}]}}", "{'spec':{'containers':['x']}}", NULL},
    {POD, "{'spec':{'containers':[{'name':'a'}]}}", "{'spec':{'containers':[null]}}", NULL},
    {POD, "{'spec':{'containers':[]}}", "{'spec':{'containers':[[1]]}}", "422"},
    /* $setElementOrder */
    {POD, "{'spec':{'containers':[{'name':'a'},{'name':'b'},{'name':'c'}]}}",
     "{'spec':{'$setElementOrder/"
     "containers':[{'name':'c'},{'name':'b'},{'name':'a'}],'containers':[{'name':'b','image':'x'}]}}",
     "{'spec':{'containers':[{'name':'c'},{'name':'b','image':'x'},{'name':'a'}]}}"},
    {POD, "{'spec':{'containers':[{'name':'a'},{'name':'b'}]}}",
     "{'spec':{'$setElementOrder/containers':[{'name':'b'},{'name':'a'}]}}",
     "{'spec':{'containers':[{'name':'b'},{'name':'a'}]}}"},
    {POD, "{'spec':{'containers':[{'name':'a'},{'name':'b'}]}}",
     "{'spec':{'$setElementOrder/containers':[{'name':'n'},{'name':'b'}],'containers':[{'name':'n'}]}}",
     "{'spec':{'containers':[{'name':'n'},{'name':'a'},{'name':'b'}]}}"},
    {POD, "{'metadata':{'finalizers':['a','b']}}",
     "{'metadata':{'$setElementOrder/finalizers':['c','b','a'],'finalizers':['c']}}",
     "{'metadata':{'finalizers':['c','b','a']}}"},
    {POD, "{'spec':{'containers':[{'name':'a'}]}}",
     "{'spec':{'$setElementOrder/containers':[{'name':'a'}],'containers':[{'name':'n'}]}}", NULL},
    {POD, "{'spec':{'containers':[{'name':'a'}]}}", "{'spec':{'$setElementOrder/containers':7}}", NULL},
    {POD, "{'spec':{'containers':[{'name':'a'},{'name':'b'}]}}",
     "{'spec':{'$setElementOrder/containers':[{'name':'b'}],'containers':[{'name':'a','$patch':'delete'}]}}",
     "{'spec':{'containers':[{'name':'b'}]}}"},
    {POD, "{'spec':{}}", "{'spec':{'$setElementOrder/containers':[{'name':'a'}]}}", "{'spec':{}}"},
    /* fields that the schema does not know */
    {POD, "{'spec':{'x':{'a':1}}}", "{'spec':{'x':{'b':[1]}}}", "{'spec':{'x':{'a':1,'b':[1]}}}"},
};

START_TEST(patches)
{
	AUTO_JSON *doc = js(cases[_i].doc), *patch = js(cases[_i].patch), *out = NULL, *before = json_deep_copy(doc);
	const struct kind *k = kind_named(str_eq(cases[_i].plural, POD) ? "" : "apps", cases[_i].plural);
	struct err e = ERR_INIT;

	int want = !cases[_i].out ? -EPROTO : str_eq(cases[_i].out, "400") ? -EINVAL : str_eq(cases[_i].out, "422") ? -ENOENT : 0;
	ck_assert_msg(patch_strategic(k->type, doc, patch, &out, &e) == want, "%s: %s", cases[_i].patch, e.text);
	ck_assert(json_equal(doc, before));
	if (!want)
		assert_json(out, cases[_i].out);
	else
		ck_assert_ptr_null(out);
}
END_TEST

START_TEST(must_be_an_object)
{
	AUTO_JSON *doc = json_object(), *patch = json_array(), *out = NULL;

	ck_assert_int_eq(patch_strategic(kind_named("", POD)->type, doc, patch, &out, NULL), -EINVAL);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("patch_strategic");

	tcase_add_loop_test(t, patches, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(t, must_be_an_object);
	return run("cp/schema/patch_strategic", t);
}
