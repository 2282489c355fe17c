/* cp/schema/rules*.c: every keyword of a schema, in the original's words. */
#include "cp/schema/rules.h"

#include "tests/unit/cp/schema/support.h"

static const struct {
	const char *schema, *value, *errors;
} cases[] = {
    {"{'type':'string'}", "'x'", ""},
    {"{'type':'string'}", "5", "f: Invalid value: \"integer\":  in body must be of type string: \"integer\""},
    {"{'type':'integer'}", "1.0", ""},
    {"{'type':'integer'}", "1.5", "f: Invalid value: \"number\":  in body must be of type integer: \"number\""},
    {"{'type':'number'}", "1", ""},
    {"{'type':'boolean'}", "'yes'", "f: Invalid value: \"string\":  in body must be of type boolean: \"string\""},
    {"{'type':'string'}", "null", "f: Invalid value: \"null\":  in body must be of type string: \"null\""},
    {"{'type':'string','nullable':true}", "null", ""},
    {"{'x-kubernetes-int-or-string':true}", "'a'", ""},
    {"{'x-kubernetes-int-or-string':true}", "7", ""},
    {"{'x-kubernetes-int-or-string':true}", "true",
     "f: Invalid value: \"boolean\":  in body must be of type integer,string: \"boolean\""},
    {"{'maximum':9}", "9", ""},
    {"{'maximum':9}", "10", "f: Invalid value: 10:  in body should be less than or equal to 9"},
    {"{'maximum':9,'exclusiveMaximum':true}", "9", "f: Invalid value: 9:  in body should be less than 9"},
    {"{'minimum':0.5}", "0.5", ""},
    {"{'minimum':0.5}", "0", "f: Invalid value: 0:  in body should be greater than or equal to 0.5"},
    {"{'minimum':1,'exclusiveMinimum':true}", "1", "f: Invalid value: 1:  in body should be greater than 1"},
    {"{'multipleOf':2}", "11", "f: Invalid value: 11:  in body should be a multiple of 2"},
    {"{'multipleOf':0.1}", "0.3", ""},
    {"{'multipleOf':0.1}", "0.35", "f: Invalid value: 0.35:  in body should be a multiple of 0.1"},
    {"{'multipleOf':2}", "12", ""},
    {"{'maxLength':4}", "'\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f'", ""},
    {"{'maxLength':4}", "'12345'", "f: Too long: may not be more than 4 bytes"},
    {"{'minLength':2}", "'a'", "f: Invalid value: \"a\":  in body should be at least 2 chars long"},
    {"{'pattern':'^a+$'}", "'aa'", ""},
    {"{'pattern':'^a+$'}", "'ab'", "f: Invalid value: \"ab\":  in body should match '^a+$'"},
    {"{'enum':['A','B']}", "'A'", ""},
    {"{'enum':['A','B']}", "'C'", "f: Unsupported value: \"C\": supported values: \"A\", \"B\""},
    {"{'enum':[1,{'a':1}]}", "{'a':1}", ""},
    {"{'enum':[1,true]}", "2", "f: Unsupported value: 2: supported values: \"1\", \"true\""},
    {"{'minItems':1}", "[]", "f: Invalid value: 0:  in body should have at least 1 items"},
    {"{'maxItems':1}", "[1,2]", "f: Too many: 2: must have at most 1 items"},
    {"{'items':{'type':'string'}}", "['a',1]",
     "f[1]: Invalid value: \"integer\": [1] in body must be of type string: \"integer\""},
    {"{'minProperties':1}", "{}", "f: Invalid value: 1:  in body should have at least 1 properties"},
    {"{'maxProperties':1}", "{'a':1,'b':2}", "f: Too many: 2: must have at most 1 items"},
    {"{'required':['a','b']}", "{'b':1}", "f.a: Required value"},
    {"{'properties':{'a':{'properties':{'b':{'type':'string'}}}}}", "{'a':{'b':1}}",
     "f.a.b: Invalid value: \"integer\": a.b in body must be of type string: \"integer\""},
    {"{'additionalProperties':{'type':'string'}}", "{'x':'y','z':1}",
     "f.z: Invalid value: \"integer\": z in body must be of type string: \"integer\""},
    {"{'anyOf':[{'minimum':5},{'maximum':1}]}", "7", ""},
    {"{'anyOf':[{'minimum':5},{'maximum':1}]}", "3",
     "f: Invalid value: \"\": \"\" must validate at least one schema (anyOf)\n"
     "f: Invalid value: 3:  in body should be greater than or equal to 5"},
    {"{'oneOf':[{'required':['a']},{'required':['b']}]}", "{'a':1}", ""},
    {"{'oneOf':[{'required':['a']},{'required':['b']}]}", "{}",
     "f: Invalid value: \"\": \"\" must validate one and only one schema (oneOf). Found none valid\n"
     "f.a: Required value"},
    {"{'oneOf':[{'required':['a']},{'required':['b']}]}", "{'a':1,'b':1}",
     "f: Invalid value: \"\": \"\" must validate one and only one schema (oneOf). Found 2 valid alternatives"},
    {"{'allOf':[{'minimum':5},{'maximum':9}]}", "4",
     "f: Invalid value: 4:  in body should be greater than or equal to 5\n"
     "f: Invalid value: \"\": \"\" must validate all the schemas (allOf)"},
    {"{'minLength':1,'pattern':'a'}", "''", "f: Invalid value: \"\":  in body should be at least 1 chars long"},
    {"{'minProperties':2,'required':['a']}", "{'b':1}", "f: Invalid value: 2:  in body should have at least 2 properties"},
    {"{'type':'string','nullable':true,'not':{'nullable':true}}", "null", ""},
    {"{'type':'string','format':'date'}", "3", "f: Invalid value: \"int64\":  in body must be of type date: \"int64\""},
    {"{'type':'string','format':'date'}", "true", "f: Invalid value: \"\":  in body must be of type date: \"\""},
    {"{'type':'string','format':'date'}", "null", "f: Invalid value: \"null\":  in body must be of type string: \"null\""},
    {"{'allOf':[{'minimum':5}]}", "4",
     "f: Invalid value: 4:  in body should be greater than or equal to 5\n"
     "f: Invalid value: \"\": \"\" must validate all the schemas (allOf). None validated"},
    {"{'not':{'enum':['a']}}", "'b'", ""},
    {"{'not':{'enum':['a']}}", "'a'", "f: Invalid value: \"\": \"\" must not validate the schema (not)"},
    {"{'x-kubernetes-list-type':'set'}", "['x','y','x']", "f[2]: Duplicate value: \"x\""},
    {"{'x-kubernetes-list-type':'map','x-kubernetes-list-map-keys':['k']}", "[{'k':'1','v':1},{'k':'1','v':2}]",
     "f[1]: Duplicate value: {\"k\":\"1\"}"},
    {"{'x-kubernetes-list-type':'set'}", "['x','x','x','x']", "f[1]: Duplicate value: \"x\""},
    {"{'additionalProperties':{'x-kubernetes-list-type':'set'}}", "{'a':[[1],[1]]}", "f[a][1]: Duplicate value: [1]"},
    {"{'x-kubernetes-list-type':'map','x-kubernetes-list-map-keys':['k']}", "[{},3]",
     "f[1]: Invalid value: 3: must be an object for an array of list-type map"},
    {"{'x-kubernetes-embedded-resource':true}", "{'kind':'Pod'}", "f.apiVersion: Required value"},
    {"{'x-kubernetes-embedded-resource':true}", "{'apiVersion':3,'kind':''}",
     "f.apiVersion: Invalid value: 3: must be a string\nf.kind: Required value"},
    {"{'additionalProperties':{'x-kubernetes-embedded-resource':true}}",
     "{'a':{'apiVersion':'v1','kind':'Pod','metadata':{'name':'..'}}}", "f[a].metadata.name: Invalid value: \"..\": may not be '..'"},
    {"{'x-kubernetes-embedded-resource':true}", "{'apiVersion':'v1','kind':'Pod','metadata':{'labels':{'a':3},'name':'..'}}", ""},
};

START_TEST(keyword)
{
	AUTO_JSON *schema = js(cases[_i].schema), *value = js(cases[_i].value);
	AUTO_FIELD_ERRORS errors = {0};
	struct arena arena = {0};
	const struct rules *r = rules_new(&arena, schema);

	rules_check(r, value, NULL, "f", &errors);
	AUTO_FREE char *got = error_lines(&errors);
	ck_assert_str_eq(got, cases[_i].errors);
	rules_done(r);
	arena_done(&arena);
}
END_TEST

/* What was wrong before and is as it was is not told. */
static const struct {
	const char *schema, *old, *value, *errors;
} updates[] = {
    {"{'properties':{'a':{'maxLength':1},'b':{}}}", "{'a':'xx','b':1}", "{'a':'xx','b':2}", ""},
    {"{'properties':{'a':{'maxLength':1},'b':{}}}", "{'a':'xx'}", "{'a':'xxx'}", "f.a: Too long: may not be more than 1 bytes"},
    {"{'properties':{'a':{'maxLength':1},'b':{}}}", "{'b':'xx'}", "{'a':'xx'}", "f.a: Too long: may not be more than 1 bytes"},
    {"{'additionalProperties':{'maxLength':1}}", "{'a':'xx','b':'yy'}", "{'a':'xx','b':'zz'}",
     "f.b: Too long: may not be more than 1 bytes"},
    {"{'required':['a']}", "{'b':1}", "{'b':2}", "f.a: Required value"},
    {"{'required':['a']}", "{'b':1}", "{'b':1}", ""},
    {"{'properties':{'n':{'anyOf':[{'minimum':5}]}}}", "{'n':1}", "{'n':1,'m':1}", ""},
    {"{'items':{'maxLength':1}}", "['xx']", "['xx','yy']",
     "f[0]: Too long: may not be more than 1 bytes\nf[1]: Too long: may not be more than 1 bytes"},
    {"{'x-kubernetes-list-type':'map','x-kubernetes-list-map-keys':['k'],'items':{'properties':{'v':{'maximum':0}}}}",
     "[{'k':'a','v':1},{'k':'b','v':2}]", "[{'k':'b','v':2},{'k':'a','v':3}]",
     "f[1].v: Invalid value: 3: [1].v in body should be less than or equal to 0"},
    {"{'x-kubernetes-list-type':'set'}", "['a','a']", "['b','b']", ""},
    {"{'x-kubernetes-list-type':'set'}", "['a','b']", "['b','b']", "f[1]: Duplicate value: \"b\""},
};

START_TEST(update)
{
	AUTO_JSON *schema = js(updates[_i].schema), *old = js(updates[_i].old), *value = js(updates[_i].value);
	AUTO_FIELD_ERRORS errors = {0};
	struct arena arena = {0};
	const struct rules *r = rules_new(&arena, schema);

	rules_check(r, value, old, "f", &errors);
	AUTO_FREE char *got = error_lines(&errors);
	ck_assert_str_eq(got, updates[_i].errors);
	rules_done(r);
	arena_done(&arena);
}
END_TEST

START_TEST(composite_at_the_root)
{
	AUTO_JSON *schema = js("{'properties':{'spec':{'oneOf':[{'required':['a']}]}}}"), *value = js("{'spec':{}}");
	AUTO_FIELD_ERRORS errors = {0};
	struct arena arena = {0};
	const struct rules *r = rules_new(&arena, schema);

	rules_check(r, value, NULL, "", &errors);
	AUTO_FREE char *got = error_lines(&errors);
	ck_assert_str_eq(got, "<nil>: Invalid value: \"\": \"spec\" must validate one and only one schema (oneOf). Found none "
			      "valid\nspec.a: Required value");
	rules_done(r);
	arena_done(&arena);
}
END_TEST

START_TEST(expressions_are_found)
{
	AUTO_JSON *with = js("{'properties':{'a':{'items':{'x-kubernetes-validations':[{'rule':'true'}]}}}}"),
		  *without = js("{'properties':{'a':{'items':{}}}}");
	struct arena arena = {0};

	ck_assert(rules_have_expressions(rules_new(&arena, with)));
	ck_assert(!rules_have_expressions(rules_new(&arena, without)));
	arena_done(&arena);
}
END_TEST

static const struct {
	const char *format, *good, *bad;
} formats[] = {
    {"date-time", "2026-01-02T03:04:05Z", "notadate"},
    {"date", "2026-01-02", "2026-13-02"},
    {"date", "2024-02-29", "2026-02-29"},
    {"duration", "1h30m", "soon"},
    {"ipv4", "10.0.0.1", "10.0.0.256"},
    {"ipv6", "2001:db8::1", "10.0.0.1"},
    {"cidr", "10.0.0.0/8", "10.0.0.0/33"},
    {"byte", "aGVsbG8=", "a"},
    {"uri", "https://example.com/x", "no uri"},
    {"email", "a@example.com", "a.example.com"},
    {"hostname", "example.com", "-example"},
    {"hostname", "a-1", "a_b.com"},
    {"hostname", "1.2.33", "a.b"},
    {"mac", "01:23:45:67:89:ab", "01:23:45"},
    {"uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567"},
    {"uuid4", "123e4567-e89b-42d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"},
    {"hexcolor", "#ff00aa", "#ff00a"},
    {"rgbcolor", "rgb(1,2,3)", "rgb(1,2)"},
    {"bsonobjectid", "507f1f77bcf86cd799439011", "507f"},
    {"ssn", "111-22-3333", "111"},
    {"creditcard", "4111111111111111", "4111111111111112"},
    {"isbn", "0-306-40615-2", "0-306-40615-3"},
    {"isbn13", "978-0-306-40615-7", "978-0-306-40615-8"},
    {"k8s-short-name", "abc", "a.b"},
    {"k8s-long-name", "a.b", "A"},
};

START_TEST(format)
{
	ck_assert(rules_format_known(formats[_i].format));
	ck_assert_msg(rules_format_holds(formats[_i].format, formats[_i].good), "%s", formats[_i].format);
	ck_assert_msg(!rules_format_holds(formats[_i].format, formats[_i].bad), "%s", formats[_i].format);
	ck_assert(rules_format_holds("unheard-of", "x"));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("rules");

	tcase_add_loop_test(t, keyword, 0, ARRAY_LEN(cases));
	tcase_add_loop_test(t, update, 0, ARRAY_LEN(updates));
	tcase_add_test(t, composite_at_the_root);
	tcase_add_test(t, expressions_are_found);
	tcase_add_loop_test(t, format, 0, ARRAY_LEN(formats));
	return run("rules", t);
}
