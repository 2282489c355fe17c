/* cp/api/custom_review.c: what conversion webhooks may answer. */
#include "cp/api/custom_review.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "tests/unit/check_main.h"

static json_t *js(const char *text)
{
	json_error_t e;
	AUTO_FREE char *copy = xstrdup(text);
	for (char *p = copy; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	json_t *j = json_loads(copy, 0, &e);
	ck_assert_msg(j != NULL, "%s: %s", copy, e.text);
	return j;
}

#define OBJECT(meta) "{'apiVersion':'e.com/v2','kind':'R','metadata':" meta "}"
#define SAME "'name':'a','namespace':'n','uid':'u'"
#define ANSWER(objects) "{'apiVersion':'apiextensions.k8s.io/v1','kind':'ConversionReview','response':{'uid':'1','result':{'status':'Success'},'convertedObjects':" objects "}}"
#define RESPONSE(text) "{'apiVersion':'apiextensions.k8s.io/v1','kind':'ConversionReview','response':" text "}"

/* The object that was sent: a in n, u, with a label. NULL: the answer is right. */
static const struct {
	const char *versions, *answer, *why;
} cases[] = {
    {"['v1']", ANSWER("[" OBJECT("{" SAME "}") "]"), NULL},
    {"['v9','v1']", ANSWER("[" OBJECT("{" SAME ",'labels':{'c':'d'},'annotations':null}") "]"), NULL},
    {"['v1beta1','v1']", "{'response':{'uid':'x','result':{'status':'Success'},'convertedObjects':[" OBJECT("{" SAME "}") "]}}", NULL},
    {"['v1']", "{'apiVersion':'apiextensions.k8s.io/v1beta1','kind':'ConversionReview'}",
     "failed: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got apiextensions.k8s.io/v1beta1, Kind=ConversionReview"},
    {"['v1']", "{'apiVersion':'apiextensions.k8s.io/v1','kind':'ConversionReview'}", "failed: no response provided"},
    {"['v1']", RESPONSE("{'uid':'2'}"), "failed: expected response.uid=\"1\", got \"2\""},
    {"['v1']", RESPONSE("{'uid':'1','result':{'status':'Failure','message':'no'}}"), "failed: no"},
    {"['v1']", RESPONSE("{'uid':'1','result':{}}"), "failed: response.result.status was '', not 'Success'"},
    {"['v1']", ANSWER("[]"), "returned 0 objects, expected 1"},
    {"['v1']", ANSWER("[{'apiVersion':'e.com/v1','kind':'R'}]"), "returned invalid object at index 0: invalid groupVersion (expected e.com/v2, received e.com/v1)"},
    {"['v1']", ANSWER("[{'apiVersion':'e.com/v2','kind':'S'}]"), "returned invalid object at index 0: invalid kind (expected R, received S)"},
    {"['v1']", ANSWER("[3]"), "returned invalid object at index 0: it is no object"},
    {"['v1']", ANSWER("[" OBJECT("{'name':'b','namespace':'n','uid':'u'}") "]"), "returned invalid object: must have the same name: a != b"},
    {"['v1']", ANSWER("[" OBJECT("{'name':'a','namespace':'n'}") "]"), "returned invalid object: must have the same UID: u != "},
    {"['v1']", ANSWER("[" OBJECT("{" SAME ",'labels':[]}") "]"), "returned invalid metadata: invalid metadata.labels of type []interface {} in converted object"},
    {"['v1']", ANSWER("[" OBJECT("{" SAME ",'annotations':{'x':3}}") "]"), "returned invalid metadata: metadata.annotations[x] must be a string, but is int64 in converted object"},
};

START_TEST(answer)
{
	AUTO_JSON *versions = js(cases[_i].versions), *review = js(cases[_i].answer);
	AUTO_JSON *sent = js("[{'apiVersion':'e.com/v1','kind':'R','metadata':{" SAME ",'generation':3,'labels':{'a':'b'}}}]");
	AUTO_FREE char *why = custom_review_check(review, versions, "1", "e.com/v2", sent);

	ck_assert_str_eq(why ? why : "", cases[_i].why ? cases[_i].why : "");
	if (!cases[_i].why)
		ck_assert_int_eq(json_int_at(json_array_get(json_at(review, "response.convertedObjects"), 0), "metadata.generation", 0), 3);
}
END_TEST

START_TEST(label_that_is_none)
{
	AUTO_JSON *versions = js("['v1']"), *sent = js("[{'apiVersion':'e.com/v1','kind':'R','metadata':{" SAME "}}]");
	AUTO_JSON *review = js(ANSWER("[" OBJECT("{" SAME ",'labels':{'a':'b c'}}") "]"));
	AUTO_FREE char *why = custom_review_check(review, versions, "1", "e.com/v2", sent);

	ck_assert_msg(why && strstr(why, "returned invalid metadata: metadata.labels: Invalid value: \"b c\"") == why, "%s", why ? why : "nothing");
}
END_TEST

START_TEST(question)
{
	AUTO_JSON *versions = js("['v9','v1beta1','v1']"), *objects = js("[{}]");
	AUTO_JSON *got = custom_review(versions, "1", "e.com/v2", objects);
	AUTO_JSON *want = js("{'kind':'ConversionReview','apiVersion':'apiextensions.k8s.io/v1beta1','request':{'uid':'1','desiredAPIVersion':'e.com/v2','objects':[{}]}}");

	ck_assert(json_equal(got, want));
}
END_TEST

TESTS_TABLE("custom_review", answer, ARRAY_LEN(cases), label_that_is_none, question)
