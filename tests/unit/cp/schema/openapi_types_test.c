/* Types as definitions: names, references, what stands beside them, required and defaults; every reference resolves. */
#include "cp/schema/openapi.h"
#include "tests/unit/cp/schema/support.h"

static const json_t *definition(const json_t *document, const char *name)
{
	const json_t *all = json_at(document, "definitions");
	const json_t *o = json_object_get(all ? all : json_at(document, "components.schemas"), name);

	ck_assert_msg(o != NULL, "%s", name);
	return o;
}

static const json_t *property(const json_t *document, const char *type, const char *field)
{
	const json_t *p = json_object_get(json_object_get(definition(document, type), "properties"), field);

	ck_assert_msg(p != NULL, "%s.%s", type, field);
	return p;
}

/* Where the schemas of a document stand, and what may be shared beside them. */
struct places {
	const char *schemas, *parameters; /* parameters NULL: none are shared */
};

static void check_reference(const json_t *document, const char *ref, const struct places *p)
{
	if (p->parameters && str_has_prefix(ref, p->parameters)) {
		const char *name = ref + strlen(p->parameters);

		ck_assert_msg(json_object_get(json_object_get(document, "parameters"), name) != NULL, "%s", ref);
		return;
	}
	ck_assert_msg(str_has_prefix(ref, p->schemas), "%s", ref);
	definition(document, ref + strlen(p->schemas));
}

static void check_references(const json_t *document, const json_t *value, const struct places *p)
{
	const char *key;
	json_t *member;
	size_t i;

	json_array_foreach(value, i, member) check_references(document, member, p);
	json_object_foreach((json_t *)value, key, member)
	{
		if (!strcmp(key, "$ref") && json_is_string(member)) /* a schema may have a property of that name */
			check_reference(document, json_string_value(member), p);
		check_references(document, member, p);
	}
}

START_TEST(names)
{
	static const char *const pairs[][2] = {
	    {"core.v1.Pod", "io.k8s.api.core.v1.Pod"},
	    {"meta.v1.ObjectMeta", "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"},
	    {"util.intstr.IntOrString", "io.k8s.apimachinery.pkg.util.intstr.IntOrString"},
	    {"apiextensions.v1.JSON", "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON"},
	};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		AUTO_FREE char *name = openapi_name(pairs[i][0]);

		ck_assert_str_eq(name, pairs[i][1]);
	}
}
END_TEST

START_TEST(resolve)
{
	AUTO_JSON *v2 = openapi_v2(builtin), *core = openapi_v3(builtin, "", "v1"),
		  *apps = openapi_v3(builtin, "apps", "v1");

	const struct places in_v2 = {"#/definitions/", "#/parameters/"}, in_v3 = {"#/components/schemas/", NULL};

	check_references(v2, v2, &in_v2);
	check_references(core, core, &in_v3);
	check_references(apps, apps, &in_v3);
	ck_assert_ptr_null(json_object_get(json_at(apps, "components.schemas"), "io.k8s.api.core.v1.Pod"));
}
END_TEST

START_TEST(in_version_2)
{
	AUTO_JSON *v2 = openapi_v2(builtin);

	assert_json(property(v2, "io.k8s.api.core.v1.PodSpec", "containers"),
		    "{'type':'array','items':{'$ref':'#/definitions/"
		    "io.k8s.api.core.v1.Container'},'x-kubernetes-list-type':'map',"
		    "'x-kubernetes-list-map-keys':['name'],'x-kubernetes-patch-strategy':'merge','x-kubernetes-patch-"
		    "merge-key':'name'}");
	assert_json(property(v2, "io.k8s.api.apps.v1.DeploymentSpec", "strategy"),
		    "{'$ref':'#/definitions/"
		    "io.k8s.api.apps.v1.DeploymentStrategy','x-kubernetes-patch-strategy':'retainKeys'}");
	assert_json(property(v2, "io.k8s.api.core.v1.ServiceSpec", "selector"),
		    "{'type':'object','additionalProperties':{'type':'string'},'x-kubernetes-map-type':'atomic'}");
	assert_json(property(v2, "io.k8s.api.core.v1.ContainerPort", "containerPort"),
		    "{'type':'integer','format':'int32'}");
	assert_json(property(v2, "io.k8s.api.core.v1.Secret", "data"),
		    "{'type':'object','additionalProperties':{'type':'string','format':'byte'}}");
	assert_json(definition(v2, "io.k8s.apimachinery.pkg.util.intstr.IntOrString"),
		    "{'type':'string','format':'int-or-string'}");
	assert_json(definition(v2, "io.k8s.apimachinery.pkg.apis.meta.v1.Time"),
		    "{'type':'string','format':'date-time'}");
}
END_TEST

START_TEST(in_version_3)
{
	AUTO_JSON *v3 = openapi_v3(builtin, "", "v1");

	assert_json(
	    property(v3, "io.k8s.api.core.v1.Pod", "metadata"),
	    "{'description':'Standard object\\u0027s metadata.','default':{},'allOf':[{'$ref':'#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'}]}");
	assert_json(property(v3, "io.k8s.api.core.v1.PodSpec", "affinity"),
		    "{'$ref':'#/components/schemas/io.k8s.api.core.v1.Affinity'}");
	assert_json(property(v3, "io.k8s.api.core.v1.ContainerPort", "containerPort"),
		    "{'type':'integer','format':'int32','default':0}");
	assert_json(property(v3, "io.k8s.api.core.v1.ContainerPort", "protocol"),
		    "{'type':'string','default':'TCP','enum':['SCTP','TCP','UDP']}");
	assert_json(json_object_get(property(v3, "io.k8s.api.core.v1.Container", "args"), "items"),
		    "{'type':'string','default':''}");
	assert_json(definition(v3, "io.k8s.apimachinery.pkg.api.resource.Quantity"),
		    "{'oneOf':[{'type':'string'},{'type':'number'}]}");
}
END_TEST

START_TEST(required)
{
	AUTO_JSON *v2 = openapi_v2(builtin);

	assert_json(json_object_get(definition(v2, "io.k8s.api.core.v1.ContainerPort"), "required"),
		    "['containerPort']");
	assert_json(json_object_get(definition(v2, "io.k8s.api.core.v1.Container"), "required"), "['name']");
	assert_json(json_object_get(definition(v2, "io.k8s.api.apps.v1.DeploymentSpec"), "required"),
		    "['selector','template']");
	ck_assert_ptr_null(json_object_get(definition(v2, "io.k8s.api.core.v1.Pod"), "required"));
}
END_TEST

START_TEST(kinds)
{
	AUTO_JSON *v2 = openapi_v2(builtin);
	const json_t *options = definition(v2, "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions");

	assert_json(json_object_get(definition(v2, "io.k8s.api.apps.v1.Deployment"), "x-kubernetes-group-version-kind"),
		    "[{'group':'apps','version':'v1','kind':'Deployment'}]");
	assert_json(json_object_get(definition(v2, "io.k8s.api.core.v1.PodList"), "x-kubernetes-group-version-kind"),
		    "[{'group':'','version':'v1','kind':'PodList'}]");
	assert_json(
	    json_object_get(definition(v2, "io.k8s.api.autoscaling.v1.Scale"), "x-kubernetes-group-version-kind"),
	    "[{'group':'autoscaling','version':'v1','kind':'Scale'}]");
	ck_assert_uint_gt(json_array_size(json_object_get(options, "x-kubernetes-group-version-kind")), 3);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("openapi_types");

	tcase_add_test(t, names);
	tcase_add_test(t, resolve);
	tcase_add_test(t, in_version_2);
	tcase_add_test(t, in_version_3);
	tcase_add_test(t, required);
	tcase_add_test(t, kinds);
	return run("cp/schema/openapi_types", t);
}
