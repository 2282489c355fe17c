/* Documents of extension servers in ours: their own paths only, names that say something else, references that lead
 * nowhere. */
#include "cp/schema/openapi.h"
#include "tests/unit/cp/schema/support.h"

START_TEST(merges)
{
	static const struct {
		const char *ours, *theirs, *want;
	} rows[] = {
	    {"{'paths':{},'definitions':{}}", "{}", "{'paths':{},'definitions':{}}"},
	    {"{'paths':{},'definitions':{}}",
	     "{'paths':{'/apis/g/v1/t':3,'/apis/g/v2/t':{},'/apis/h/v1/t':{},'/api/v1/t':{}}}",
	     "{'paths':{},'definitions':{}}"},
	    {"{'paths':{'/apis/g/v1/t':{}},'definitions':{}}", "{'paths':{'/apis/g/v1/t':{'get':{}}}}",
	     "{'paths':{'/apis/g/v1/t':{}},'definitions':{}}"},
	    {"{'paths':{},'definitions':{'A':{'x':1},'A_v2':{'x':2},'B':{'y':1}}}",
	     "{'paths':{'/apis/g/v1/t':{'get':[{'$ref':'#/definitions/A'},{'$ref':'#/definitions/B'}]}},"
	     "'definitions':{'A':{'x':3,'self':{'$ref':'#/definitions/A'}},'B':{'y':1},'C':{}}}",
	     "{'paths':{'/apis/g/v1/t':{'get':[{'$ref':'#/definitions/A_v3'},{'$ref':'#/definitions/B'}]}},"
	     "'definitions':{'A':{'x':1},'A_v2':{'x':2},'B':{'y':1},'A_v3':{'x':3,'self':{'$ref':'#/definitions/"
	     "A_v3'}}}}"},
	    {"{'paths':{},'definitions':{}}",
	     "{'paths':{'/apis/g/v1/t':{'a':{'$ref':'#/definitions/No'},'b':{'$ref':'/etc'},'c':1}}}",
	     "{'paths':{'/apis/g/v1/t':{'a':{},'b':{},'c':1}},'definitions':{}}"},
	    {"{'paths':{},'parameters':{}}",
	     "{'paths':{'/apis/g/v1/t':{'parameters':[{'$ref':'#/parameters/p'}]}},'parameters':{'p':{'name':'p'}}}",
	     "{'paths':{'/apis/g/v1/t':{'parameters':[{'$ref':'#/parameters/p'}]}},'parameters':{'p':{'name':'p'}}}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON *ours = js(rows[i].ours), *theirs = js(rows[i].theirs);

		openapi_v2_merge(ours, theirs, "g", "v1");
		assert_json(ours, rows[i].want);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("openapi_merge");

	tcase_add_test(t, merges);
	return run("cp/schema/openapi_merge", t);
}
