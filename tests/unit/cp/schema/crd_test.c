/* cp/schema/crd.c: structural schemas as types: pruning, defaults, nulls, lists and maps for apply. */
#include "cp/schema/crd.h"

#include "cp/schema/managed.h"
#include "tests/unit/cp/schema/support.h"

#define ROOT(properties) "{'type':'object','properties':{" properties "}}"

/* Decodes and defaults. Returns owned. */
static json_t *through(const char *schema, const char *object, char ***unknown)
{
	AUTO_JSON *document = js(schema);
	json_t *value = js(object);
	struct crd_schema *c = crd_schema_new(builtin, document, false, "com.example.v1.T");
	struct kind k = {.group = "example.com", .version = "v1", .kind = "T", .type = crd_schema_type(c)};
	struct err e = ERR_INIT;

	ck_assert_msg(schema_decode(&k, value, unknown, &e) == 0, "%s", e.text);
	schema_default(&k, value);
	crd_schema_free(c);
	return value;
}

static const struct {
	const char *schema, *in, *out, *unknown; /* unknown: joined by spaces */
} cases[] = {
    /* unknown fields go at every depth, wrong types stay for validation */
    {ROOT("'spec':{'type':'object','properties':{'a':{'type':'string'}}}"),
     "{'apiVersion':'v','kind':'T','metadata':{'name':'x','nope':1},'spec':{'a':1,'b':2},'c':3}",
     "{'apiVersion':'v','kind':'T','metadata':{'name':'x'},'spec':{'a':1}}",
     "unknown field \"metadata.nope\" unknown field \"spec.b\" unknown field \"c\""},
    {ROOT("'l':{'type':'array','items':{'type':'object','properties':{'k':{'type':'string'}}}}"),
     "{'l':[{'k':'a','x':1},{'y':2}]}", "{'l':[{'k':'a'},{}]}",
     "unknown field \"l[0].x\" unknown field \"l[1].y\""},
    {ROOT("'m':{'type':'object','additionalProperties':{'type':'object','properties':{'k':{'type':'integer'}}}}"),
     "{'m':{'a':{'k':1,'x':1}}}", "{'m':{'a':{'k':1}}}", "unknown field \"m.a.x\""},
    /* objects where scalars are declared are emptied */
    {ROOT("'s':{'type':'string'}"), "{'s':{'a':[{'b':1}]}}", "{'s':{}}", "unknown field \"s.a\""},
    /* what is preserved is preserved, but known parts of it are pruned */
    {ROOT("'f':{'type':'object','x-kubernetes-preserve-unknown-fields':true,'properties':{'in':{'type':'object'}}}"),
     "{'f':{'any':{'deep':[1]},'in':{'x':1}}}", "{'f':{'any':{'deep':[1]},'in':{}}}", "unknown field \"f.in.x\""},
    {ROOT("'f':{'x-kubernetes-preserve-unknown-fields':true}"), "{'f':[1,{'a':{'b':2}}]}", "{'f':[1,{'a':{'b':2}}]}", ""},
    {ROOT("'f':{'type':'object','additionalProperties':true}"), "{'f':{'a':1,'b':{'c':1}}}", "{'f':{'a':1,'b':{}}}",
     "unknown field \"f.b.c\""},
    {ROOT("'p':{'x-kubernetes-int-or-string':true}"), "{'p':'10%'}", "{'p':'10%'}", ""},
    {ROOT("'e':{'type':'object','x-kubernetes-embedded-resource':true,'properties':{'spec':{'type':'object'}}}"),
     "{'e':{'apiVersion':'v1','kind':'Pod','metadata':{'name':'n','labels':{'a':'b'}},'spec':{'x':1},'more':1}}",
     "{'e':{'apiVersion':'v1','kind':'Pod','metadata':{'name':'n','labels':{'a':'b'}},'spec':{}}}",
     "unknown field \"e.spec.x\" unknown field \"e.more\""},
    /* defaults from the outside in, also through lists and maps */
    {ROOT("'s':{'type':'object','default':{},'properties':{'n':{'type':'integer','default':3},'t':{'type':'string'}}}"),
     "{}", "{'s':{'n':3}}", ""},
    {ROOT("'l':{'type':'array','items':{'type':'object','properties':{'p':{'type':'string','default':'TCP'}}}}"),
     "{'l':[{},{'p':'UDP'}]}", "{'l':[{'p':'TCP'},{'p':'UDP'}]}", ""},
    {ROOT("'m':{'type':'object','additionalProperties':{'type':'object','properties':{'p':{'type':'boolean',"
	  "'default':false}}}}"),
     "{'m':{'a':{}}}", "{'m':{'a':{'p':false}}}", ""},
    /* null: kept where it is allowed, else the default, else nothing */
    {ROOT("'a':{'type':'string','nullable':true,'default':'d'},'b':{'type':'string','default':'d'},'c':{'type':'string'}"),
     "{'a':null,'b':null,'c':null}", "{'a':null,'b':'d'}", ""},
    {ROOT("'m':{'type':'object','additionalProperties':{'type':'string'}},'n':{'type':'object','additionalProperties':{"
	  "'type':'string','nullable':true}}"),
     "{'m':{'a':null},'n':{'a':null}}", "{'m':{},'n':{'a':null}}", ""},
    /* embedded metadata is that of all objects, whatever is declared of it, and gets the defaults that are */
    {ROOT("'t':{'type':'object','x-kubernetes-embedded-resource':true,'properties':{'metadata':{'type':'object','properties':{"
	  "'name':{'type':'string','default':'n'}}},'x':{'type':'integer'}}}"),
     "{'t':{'metadata':{'labels':{'a':'b'},'w':1},'x':1,'y':2}}", "{'t':{'metadata':{'name':'n','labels':{'a':'b'}},'x':1}}",
     "unknown field \"t.metadata.w\" unknown field \"t.y\""},
    /* empty values are values */
    {ROOT("'s':{'type':'string'},'l':{'type':'array','items':{'type':'string'}},'n':{'type':'integer'}"),
     "{'s':'','l':[],'n':0}", "{'s':'','l':[],'n':0}", ""},
};

START_TEST(pruned_and_defaulted)
{
	AUTO_STRV char **unknown = NULL;
	AUTO_JSON *got = through(cases[_i].schema, cases[_i].in, &unknown);
	AUTO_FREE char *all = unknown ? str_join(unknown, " ") : xstrdup("");

	assert_json(got, cases[_i].out);
	ck_assert_str_eq(all, cases[_i].unknown);
}
END_TEST

#define EMBEDDED                                                                                                       \
	ROOT("'t':{'type':'object','x-kubernetes-embedded-resource':true,'properties':{'metadata':{'type':'object',"   \
	     "'properties':{'name':{'type':'string','default':'n'}}},'x':{'type':'integer'}}}")

/* What belongs to every object, at the root and embedded. */
static const struct {
	const char *value, *error;
} misfits[] = {
    {"{'metadata':{'labels':['a']}}", "json: cannot unmarshal array into Go struct field ObjectMeta.labels of type map[string]string"},
    {"{'metadata':3}", "json: cannot unmarshal number into Go value of type v1.ObjectMeta"},
    {"{'t':{'metadata':{'labels':{'a':3}}}}", "t.metadata: Invalid value: {\"labels\":{\"a\":3}}: json: cannot unmarshal "
						"number into Go struct field ObjectMeta.labels of type string"},
    {"{'t':{'metadata':'m'}}", "t.metadata: Invalid value: \"m\": json: cannot unmarshal string into Go value of type v1.ObjectMeta"},
    {"{'t':{'kind':3}}", "t.kind: Invalid value: 3: must be a string"},
};

START_TEST(own_fields_have_their_types)
{
	AUTO_JSON *document = js(EMBEDDED), *value = js(misfits[_i].value);
	struct crd_schema *c = crd_schema_new(builtin, document, false, "com.example.v1.T");
	struct err e = ERR_INIT;

	ck_assert_int_eq(schema_decode_type(crd_schema_type(c), value, NULL, &e), -EINVAL);
	ck_assert_str_eq(e.text, misfits[_i].error);
	crd_schema_free(c);
}
END_TEST

static const struct {
	const char *schema, *value, *fields;
} owned[] = {
    {ROOT("'m':{'type':'array','x-kubernetes-list-type':'map','x-kubernetes-list-map-keys':['k'],'items':{'type':'object',"
	  "'properties':{'k':{'type':'string'},'v':{'type':'integer'}}}}"),
     "{'m':[{'k':'a','v':1}]}",
     "{'f:m':{'k:{\\'k\\':\\'a\\'}':{'.':{},'f:k':{},'f:v':{}}}}"},
    {ROOT("'s':{'type':'array','x-kubernetes-list-type':'set','items':{'type':'string'}}"), "{'s':['a']}",
     "{'f:s':{'v:\\'a\\'':{}}}"},
    {ROOT("'l':{'type':'array','items':{'type':'string'}}"), "{'l':['a']}", "{'f:l':{}}"},
    {ROOT("'o':{'type':'object','x-kubernetes-map-type':'atomic','properties':{'a':{'type':'string'}}}"),
     "{'o':{'a':'x'}}", "{'f:o':{}}"},
    {ROOT("'f':{'type':'object','x-kubernetes-preserve-unknown-fields':true}"), "{'f':{'a':{'b':1}}}",
     "{'f:f':{'f:a':{'.':{},'f:b':{}}}}"},
    {ROOT("'l':{'type':'object','additionalProperties':{'type':'array','x-kubernetes-list-type':'set','items':{'type':"
	  "'string'}}}"),
     "{'l':{'x':['a']}}", "{'f:l':{'f:x':{'v:\\'a\\'':{}}}}"},
};

START_TEST(lists_and_maps_for_apply)
{
	AUTO_JSON *document = js(owned[_i].schema), *value = js(owned[_i].value);
	struct crd_schema *c = crd_schema_new(builtin, document, false, "com.example.v1.T");
	AUTO_JSON *fields = apply_fields(crd_schema_type(c), value), *sorted = fieldset_sorted(fields);
	AUTO_FREE char *got = json_dumps(sorted, JSON_COMPACT);

	for (char *p = got; *p; p++)
		if (*p == '"')
			*p = '\'';
	ck_assert_str_eq(got, owned[_i].fields);
	crd_schema_free(c);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("crd");

	tcase_add_loop_test(t, pruned_and_defaulted, 0, ARRAY_LEN(cases));
	tcase_add_loop_test(t, own_fields_have_their_types, 0, ARRAY_LEN(misfits));
	tcase_add_loop_test(t, lists_and_maps_for_apply, 0, ARRAY_LEN(owned));
	return run("crd", t);
}
