/* cp/schema/crd_check.c: what a schema of a definition may not be. */
#include "cp/schema/crd.h"

#include "tests/unit/cp/schema/support.h"

#define ROOT(properties) "{'type':'object','properties':{" properties "}}"

static const struct {
	const char *schema, *errors;
} cases[] = {
    {ROOT("'a':{'type':'string'}"), ""},
    {"{'properties':{'spec':{'properties':{'a':{'type':'string'}}}}}",
     "s.properties[spec].type: Required value: must not be empty for specified object fields\n"
     "s.type: Required value: must not be empty at the root"},
    {"{'type':'array','items':{'type':'string'}}", "s.type: Invalid value: \"array\": must be object at the root"},
    {ROOT("'a':{'type':'array'}"), "s.properties[a].items: Required value: must be specified"},
    {ROOT("'a':{'type':'array','items':{}}"),
     "s.properties[a].items.type: Required value: must not be empty for specified array items"},
    {ROOT("'a':{'type':'text'}"),
     "s.properties[a].type: Unsupported value: \"text\": supported values: \"array\", \"boolean\", \"integer\", \"number\", "
     "\"object\", \"string\""},
    {ROOT("'a':{'type':'object','properties':{'b':{'type':'string'}},'additionalProperties':{'type':'string'}}"),
     "s.properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive"},
    {"{'type':'object','additionalProperties':{'type':'string'}}",
     "s.additionalProperties: Forbidden: must not be used at the root"},
    {ROOT("'a':{'type':'array','uniqueItems':true,'items':{'type':'string'}}"),
     "s.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic"},
    {ROOT("'a':{'$ref':'#/x','type':'string'}"), "s.properties[a].$ref: Forbidden: $ref is not supported"},
    /* junctors only restrict values */
    {ROOT("'a':{'type':'string','anyOf':[{'type':'string'}]}"),
     "s.properties[a].anyOf[0].type: Forbidden: must be empty to be structural"},
    {ROOT("'a':{'x-kubernetes-int-or-string':true,'anyOf':[{'type':'integer'},{'type':'string'}]}"), ""},
    {ROOT("'a':{'x-kubernetes-int-or-string':true,'allOf':[{'anyOf':[{'type':'integer'},{'type':'string'}]}]}"), ""},
    {ROOT("'a':{'type':'object','oneOf':[{'properties':{'b':{'minimum':1}}}]}"),
     "s.properties[a].properties[b]: Required value: because it is defined in s.properties[a].oneOf[0].properties[b]"},
    {ROOT("'a':{'type':'object','oneOf':[{'required':['b']}]}"), ""},
    /* lists as maps */
    {ROOT("'a':{'type':'array','x-kubernetes-list-type':'map','x-kubernetes-list-map-keys':['k'],'items':{'type':'object',"
	  "'required':['k'],'properties':{'k':{'type':'string'}}}}"),
     ""},
    {ROOT("'a':{'type':'array','x-kubernetes-list-type':'map','x-kubernetes-list-map-keys':['k'],'items':{'type':'object',"
	  "'properties':{'k':{'type':'string'}}}}"),
     "s.properties[a].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must "
     "have a default or be a required property"},
    {ROOT("'a':{'type':'string','x-kubernetes-list-type':'set'}"),
     "s.properties[a].type: Invalid value: \"string\": must be array if x-kubernetes-list-type is specified"},
    {ROOT("'a':{'type':'string','x-kubernetes-map-type':'atomic'}"),
     "s.properties[a].type: Invalid value: \"string\": must be object if x-kubernetes-map-type is specified"},
    /* metadata and embedded objects */
    {ROOT("'metadata':{'type':'object','properties':{'name':{'type':'string','pattern':'^a'}}}"), ""},
    {ROOT("'metadata':{'type':'object','properties':{'labels':{'type':'object'}}}"),
     "s.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is "
     "implicitly specified"},
    {ROOT("'e':{'type':'object','x-kubernetes-embedded-resource':true}"),
     "s.properties[e].properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without "
     "x-kubernetes-preserve-unknown-fields"},
    {ROOT("'e':{'type':'object','x-kubernetes-embedded-resource':true,'x-kubernetes-preserve-unknown-fields':true}"), ""},
    /* defaults have to fit */
    {ROOT("'a':{'type':'integer','default':'str'}"),
     "s.properties[a].default: Invalid value: \"string\":  in body must be of type integer: \"string\""},
    {ROOT("'a':{'type':'object','default':{'b':0},'properties':{'b':{'type':'integer','minimum':1}}}"),
     "s.properties[a].default.b: Invalid value: 0: b in body should be greater than or equal to 1"},
    {ROOT("'a':{'type':'string','nullable':true,'default':null}"), ""},
    {ROOT("'a':{'type':'object','default':{'c':1},'properties':{'b':{'type':'integer'}}}"),
     "s.properties[a].default: Invalid value: {\"c\":1}: must not have unknown fields"},
    {ROOT("'metadata':{'type':'object','properties':{'name':{'type':'string','default':'x'}}}"),
     "s.properties[metadata].properties[name].default: Forbidden: must not be set in top-level metadata"},
    /* the root */
    {"{'type':'object','nullable':true}", "s.nullable: Forbidden: nullable cannot be true at the root"},
    {ROOT("'a':{'type':'null'}"),
     "s.properties[a].type: Unsupported value: \"null\": supported values: \"array\", \"boolean\", \"integer\", \"number\", "
     "\"object\", \"string\"\n"
     "s.properties[a].type: Forbidden: type cannot be set to null, use nullable as an alternative"},
    {ROOT("'a':{'type':'array','items':[{'type':'string'}]}"),
     "s.properties[a].items: Forbidden: items must be a schema object and not an array"},
    {ROOT("'a':{'type':'object','x-kubernetes-preserve-unknown-fields':false}"),
     "s.properties[a].x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined"},
    /* sets and keys */
    {ROOT("'a':{'type':'array','x-kubernetes-list-type':'set','items':{'type':'object'}}"),
     "s.properties[a].items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with "
     "x-kubernetes-list-type=set"},
    {ROOT("'a':{'type':'array','x-kubernetes-list-type':'set','items':{'type':'string','nullable':true}}"),
     "s.properties[a].items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is set"},
    {ROOT("'a':{'type':'array','x-kubernetes-list-type':'bag','items':{'type':'string'}}"),
     "s.properties[a].x-kubernetes-list-type: Unsupported value: \"bag\": supported values: \"atomic\", \"set\", \"map\""},
    {ROOT("'a':{'type':'array','x-kubernetes-list-map-keys':['k'],'items':{'type':'string'}}"),
     "s.properties[a].x-kubernetes-list-type: Required value: must be map if x-kubernetes-list-map-keys is non-empty"},
    {ROOT("'a':{'type':'array','x-kubernetes-list-type':'map','items':{'type':'string'}}"),
     "s.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map\n"
     "s.properties[a].items.type: Invalid value: \"string\": must be object if parent array's x-kubernetes-list-type is map"},
    {ROOT("'a':{'type':'array','x-kubernetes-list-type':'map','x-kubernetes-list-map-keys':['k','k','z'],'items':{'type':'object',"
	  "'required':['k'],'properties':{'k':{'type':'object','nullable':true}}}}"),
     "s.properties[a].items.properties[k].type: Invalid value: \"object\": must be a scalar type if parent array's "
     "x-kubernetes-list-type is map\n"
     "s.properties[a].x-kubernetes-list-map-keys: Invalid value: [\"k\",\"k\",\"z\"]: must not contain duplicate entries\n"
     "s.properties[a].x-kubernetes-list-map-keys: Invalid value: [\"k\",\"k\",\"z\"]: entries must all be names of item properties\n"
     "s.properties[a].items.properties[k].nullable: Forbidden: this property is in x-kubernetes-list-map-keys, so it cannot be nullable"},
    /* expressions */
    {ROOT("'a':{'type':'string','x-kubernetes-validations':[{'rule':' '},{'rule':'true','message':' '},{'rule':'true\\n','message':'a\\nb'},"
	  "{'rule':'a\\nb'}]}"),
     "s.properties[a].x-kubernetes-validations[0].rule: Required value: rule is not specified\n"
     "s.properties[a].x-kubernetes-validations[1].message: Invalid value: \" \": message must be non-empty if specified\n"
     "s.properties[a].x-kubernetes-validations[2].message: Invalid value: \"a\\nb\": message must not contain line breaks\n"
     "s.properties[a].x-kubernetes-validations[3].message: Required value: message must be specified if rule contains line breaks"},
};

/* The root of one with a status of its own. */
static const struct {
	const char *schema, *errors;
} with_status[] = {
    {ROOT("'a':{'type':'string'}"), ""},
    {"{'type':'object','required':['a'],'x-kubernetes-preserve-unknown-fields':true}", ""},
    {"{'type':'object','minProperties':1}",
     "s: Invalid value: {\"type\":\"object\",\"minProperties\":1}: only [Description Type Format Title Maximum ExclusiveMaximum Minimum "
     "ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs "
     "Example XPreserveUnknownFields XValidations] fields are allowed at the root of the schema if the status subresource is enabled"},
};

START_TEST(schema)
{
	AUTO_JSON *document = js(cases[_i].schema);
	AUTO_FIELD_ERRORS errors = {0};

	crd_check_schema(document, "s", false, &errors);
	AUTO_FREE char *got = error_lines(&errors);
	ck_assert_str_eq(got, cases[_i].errors);
}
END_TEST

START_TEST(schema_with_status)
{
	AUTO_JSON *document = js(with_status[_i].schema);
	AUTO_FIELD_ERRORS errors = {0};

	crd_check_schema(document, "s", true, &errors);
	AUTO_FREE char *got = error_lines(&errors);
	ck_assert_str_eq(got, with_status[_i].errors);
}
END_TEST

START_TEST(pattern_that_is_none)
{
	AUTO_JSON *document = js(ROOT("'a':{'type':'string','pattern':'('}"));
	AUTO_FIELD_ERRORS errors = {0};

	crd_check_schema(document, "s", false, &errors);
	ck_assert_int_eq((int)errors.n, 1);
	ck_assert_str_eq(errors.v[0].field, "s.properties[a].pattern");
	ck_assert_msg(strstr(errors.v[0].message, "must be a valid regular expression") != NULL, "%s", errors.v[0].message);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("crd_check");

	tcase_add_loop_test(t, schema, 0, ARRAY_LEN(cases));
	tcase_add_loop_test(t, schema_with_status, 0, ARRAY_LEN(with_status));
	tcase_add_test(t, pattern_that_is_none);
	return run("crd_check", t);
}
