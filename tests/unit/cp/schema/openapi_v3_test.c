/* Documents of version 3: a group and version each, bodies and answers by media type, and the index. */
#include "cp/schema/openapi.h"
#include "tests/unit/cp/schema/support.h"

static const json_t *operation(const json_t *document, const char *path, const char *method)
{
	const json_t *o = json_object_get(json_object_get(json_object_get(document, "paths"), path), method);

	ck_assert_msg(o != NULL, "%s %s", method, path);
	return o;
}

START_TEST(groups)
{
	AUTO_JSON *apps = openapi_v3(builtin, "apps", "v1");

	ck_assert_str_eq(json_str_at(apps, "openapi"), "3.0.0");
	ck_assert_ptr_null(openapi_v3(builtin, "nope", "v1"));
	ck_assert_ptr_null(openapi_v3(builtin, "apps", "v9"));
	operation(apps, "/apis/apps/v1/deployments", "get");
	operation(apps, "/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale", "put");
	ck_assert_ptr_null(json_object_get(json_object_get(apps, "paths"), "/api/v1/pods"));
}
END_TEST

/* Clients find out here whether a kind's patches take these. */
START_TEST(patch_parameters)
{
	AUTO_JSON *d = openapi_v3(builtin, "", "v1");
	const json_t *patch = operation(d, "/api/v1/namespaces/{namespace}/pods/{name}", "patch");
	json_t *parameter;
	size_t i, found = 0;

	assert_json(json_object_get(patch, "x-kubernetes-group-version-kind"),
		    "{'group':'','version':'v1','kind':'Pod'}");
	json_array_foreach(json_object_get(patch, "parameters"), i, parameter)
	{
		const char *name = json_member(parameter, "name");

		ck_assert_str_eq(json_member(parameter, "in"), "query");
		found += !strcmp(name, "dryRun") || !strcmp(name, "fieldValidation") || !strcmp(name, "fieldManager");
	}
	ck_assert_uint_eq(found, 3);
}
END_TEST

START_TEST(bodies_and_answers)
{
	AUTO_JSON *d = openapi_v3(builtin, "", "v1");
	const json_t *post = operation(d, "/api/v1/namespaces/{namespace}/pods", "post");
	const json_t *exec = operation(d, "/api/v1/namespaces/{namespace}/pods/{name}/exec", "get");
	const json_t *patch = operation(d, "/api/v1/nodes/{name}", "patch");

	assert_json(
	    json_object_get(post, "requestBody"),
	    "{'content':{'*/*':{'schema':{'$ref':'#/components/schemas/io.k8s.api.core.v1.Pod'}}},'required':true}");
	assert_json(json_object_get(json_object_get(post, "responses"), "401"), "{'description':'Unauthorized'}");
	assert_json(json_object_get(json_object_get(json_object_get(post, "responses"), "201"), "content"),
		    "{'application/json':{'schema':{'$ref':'#/components/schemas/io.k8s.api.core.v1.Pod'}},"
		    "'application/yaml':{'schema':{'$ref':'#/components/schemas/io.k8s.api.core.v1.Pod'}}}");
	ck_assert_str_eq(json_member(exec, "operationId"), "connectCoreV1GetNamespacedPodExec");
	ck_assert_ptr_nonnull(
	    json_at(json_object_get(patch, "requestBody"), "content.application/strategic-merge-patch+json"));
}
END_TEST

START_TEST(index_of_documents)
{
	AUTO_JSON *index = json_object();

	openapi_v3_index_add(index, "api/v1", "AB");
	openapi_v3_index_add(index, "apis/apps/v1", "CD");
	assert_json(index, "{'paths':{'api/v1':{'serverRelativeURL':'/openapi/v3/api/v1?hash=AB'},"
			   "'apis/apps/v1':{'serverRelativeURL':'/openapi/v3/apis/apps/v1?hash=CD'}}}");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("openapi_v3");

	tcase_add_test(t, groups);
	tcase_add_test(t, patch_parameters);
	tcase_add_test(t, bodies_and_answers);
	tcase_add_test(t, index_of_documents);
	return run("cp/schema/openapi_v3", t);
}
