/* Accept and Content-Type. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "cp/api/negotiate.h"

static const struct {
	const char *accept;
	bool forms, discovery;
	int result;
	bool yaml;
	enum answer_form form;
	const char *version;
} cases[] = {
    {NULL, true, false, 0, false, FORM_OBJECT, ""},
    {"application/json", true, false, 0, false, FORM_OBJECT, ""},
    {"*/*", true, false, 0, false, FORM_OBJECT, ""},
    {"application/yaml", true, false, 0, true, FORM_OBJECT, ""},
    {"application/vnd.kubernetes.protobuf,application/json", true, false, 0, false, FORM_OBJECT, ""},
    {"application/vnd.kubernetes.protobuf", true, false, -EINVAL, false, FORM_OBJECT, ""},
    {"application/json;as=Table;v=v1;g=meta.k8s.io,application/json", true, false, 0, false, FORM_TABLE, "v1"},
    {"application/json;as=Table;v=v1beta1;g=meta.k8s.io", true, false, 0, false, FORM_TABLE, "v1beta1"},
    {"application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", true, false, 0, false, FORM_PARTIAL, "v1"},
    {"application/json;as=Bogus;v=v1;g=meta.k8s.io", true, false, -EINVAL, false, FORM_OBJECT, ""},
    {"application/json;as=Bogus;v=v1;g=meta.k8s.io, application/json", true, false, 0, false, FORM_OBJECT, ""},
    {"application/json;as=Table;v=v1;g=meta.k8s.io", false, false, -EINVAL, false, FORM_OBJECT, ""},
    {"application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", false, true, 0, false, FORM_DISCOVERY,
     "v2"},
    {"application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json", false, true, 0,
     false, FORM_OBJECT, ""},
    {"application/json;q=0.5, application/yaml;q=0.9", true, false, 0, true, FORM_OBJECT, ""},
    {"application/json;q=0", true, false, -EINVAL, false, FORM_OBJECT, ""},
    {"text/html", true, false, -EINVAL, false, FORM_OBJECT, ""},
};

START_TEST(accept)
{
	struct answer_type t = {0};
	ck_assert_int_eq(negotiate_accept(cases[_i].accept, cases[_i].forms, cases[_i].discovery, &t),
			 cases[_i].result);
	if (cases[_i].result)
		return;
	ck_assert_int_eq(t.yaml, cases[_i].yaml);
	ck_assert_int_eq(t.form, cases[_i].form);
	ck_assert_str_eq(t.version, cases[_i].version);
}
END_TEST

START_TEST(bodies)
{
	ck_assert_int_eq(negotiate_body(NULL), BODY_JSON);
	ck_assert_int_eq(negotiate_body("application/json; charset=utf-8"), BODY_JSON);
	ck_assert_int_eq(negotiate_body("application/yaml"), BODY_YAML);
	ck_assert_int_eq(negotiate_body("application/apply-patch+yaml"), BODY_APPLY);
	ck_assert_int_eq(negotiate_body("application/strategic-merge-patch+json"), BODY_STRATEGIC_PATCH);
	ck_assert_int_eq(negotiate_body("text/plain"), BODY_OTHER);
	ck_assert(negotiate_gzip("deflate, gzip;q=0.8"));
	ck_assert(!negotiate_gzip("gzip;q=0"));
	ck_assert(!negotiate_gzip(NULL));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("negotiate");
	TCase *t = tcase_create("negotiate");
	tcase_add_loop_test(t, accept, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(t, bodies);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
