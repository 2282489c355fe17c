/* Schemas of custom resources as both versions of OpenAPI publish them. */
#include "cp/schema/crd.h"
#include "cp/schema/openapi.h"
#include "tests/unit/cp/schema/support.h"

static const char *const nothing[] = {NULL}, *const verbs[] = {"get", NULL};

/* The definition that a schema becomes in a document of version 2 or 3. Returns owned. */
static json_t *published(const char *schema, int version)
{
	AUTO_JSON *document = js(schema);
	struct crd_schema *c = crd_schema_new(builtin, document, false, "com.example.v1.T");
	const struct custom_kind details = {.rules = crd_schema_rules(c)};
	struct kind k = {.group = "example.com", .version = "v1", .kind = "T", .list_kind = "TList", .plural = "ts", .singular = "t", .short_names = nothing,
			 .categories = nothing, .verbs = verbs, .subresources = nothing, .type = crd_schema_type(c), .custom = &details};

	schema_add_kind(builtin, &k);
	AUTO_JSON *all = version == 2 ? openapi_v2(builtin) : openapi_v3(builtin, "example.com", "v1");
	json_t *o = json_clone(json_object_get(json_at(all, version == 2 ? "definitions" : "components.schemas"), "com.example.v1.T"));
	schema_remove_kind(builtin, &k);
	crd_schema_free(c);
	return o;
}

#define ROOT(property) "{'type':'object','properties':{'p':" property "}}"
#define OPEN "'x-kubernetes-preserve-unknown-fields':true"
#define EITHER "'x-kubernetes-int-or-string':true"
#define TEXT "{'type':'string'}"
#define ANY "'anyOf':[{'type':'integer'},{'type':'string'}]"

/* A property, and what becomes of it in version 2 and in version 3; NULL: it stays as it is. */
static const struct {
	const char *property, *v2, *v3;
} cases[] = {
    {"{'type':'string','default':'x','maxLength':3}", NULL, NULL},
    {"{'type':'string','anyOf':[{'minLength':1}],'allOf':[{'minLength':1}],'oneOf':[{'minLength':1}],'not':{'minLength':9}}", TEXT, NULL},
    {"{'type':'object','nullable':true,'properties':{'a':" TEXT "},'description':'d'}", "{'description':'d'}", NULL},
    {"{'type':'array','nullable':true,'items':" TEXT "}", "{}", NULL},
    {"{'type':'object'," OPEN ",'properties':{'a':" TEXT "}}", "{" OPEN "}", NULL},
    {"{'type':'array'," OPEN ",'items':" TEXT "}", "{" OPEN "}", NULL},
    {"{'type':'object','required':['a','b'],'properties':{'a':{'type':'string','nullable':true},'b':" TEXT "}}",
     "{'type':'object','required':['b'],'properties':{'a':{},'b':" TEXT "}}", NULL},
    {"{'type':'object','required':['a'],'additionalProperties':{'type':'string','nullable':true}}", "{'type':'object','additionalProperties':{}}", NULL},
    {"{" EITHER "}", "{" EITHER "}", "{" EITHER "," ANY "}"},
    {"{" EITHER "," ANY "}", "{" EITHER "}", "{" EITHER "," ANY "}"},
    {"{" EITHER ",'anyOf':[{'minimum':3}]}", "{" EITHER "}", "{" EITHER ",'anyOf':[{'minimum':3}],'allOf':[{" ANY "}]}"},
    {"{'type':'string','example':'x'}", TEXT, TEXT},
};

START_TEST(property)
{
	for (int version = 2; version <= 3; version++) {
		AUTO_FREE char *schema = xasprintf(ROOT("%s"), cases[_i].property);
		AUTO_JSON *got = published(schema, version);
		const char *want = version == 2 ? cases[_i].v2 : cases[_i].v3;

		assert_json(json_object_get(json_object_get(got, "properties"), "p"), want ? want : cases[_i].property);
	}
}
END_TEST

START_TEST(embedded)
{
	static const char schema[] = ROOT("{'type':'object','x-kubernetes-embedded-resource':true,'properties':{'metadata':{'type':'object'}}}");

	for (int version = 2; version <= 3; version++) {
		AUTO_JSON *got = published(schema, version), *want = js("['kind','apiVersion']");
		const json_t *p = json_object_get(json_object_get(got, "properties"), "p"), *own = json_object_get(p, "properties");

		ck_assert(json_equal(json_object_get(p, "required"), want));
		ck_assert_str_eq(json_str_at(own, "apiVersion.type"), "string");
		ck_assert(json_equal(json_object_get(own, "metadata"), json_at(got, "properties.metadata")));
	}
}
END_TEST

START_TEST(open_root)
{
	static const char schema[] = "{'type':'object'," OPEN ",'description':'d'}";
	AUTO_JSON *v2 = published(schema, 2), *v3 = published(schema, 3);

	assert_json(v2, "{'type':'object','x-kubernetes-group-version-kind':[{'group':'example.com','version':'v1','kind':'T'}]}");
	ck_assert_ptr_nonnull(json_at(v3, "properties.metadata"));
	ck_assert_str_eq(json_str_at(v3, "description"), "d");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("custom");

	tcase_add_loop_test(t, property, 0, ARRAY_LEN(cases));
	tcase_add_test(t, embedded);
	tcase_add_test(t, open_root);
	return run("cp/schema/openapi_custom", t);
}
