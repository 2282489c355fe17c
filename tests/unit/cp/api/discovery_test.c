/* The catalog and OpenAPI of the built-in kinds, canonical encoding. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/catalog.h"
#include "cp/api/encode.h"
#include "cp/api/openapi.h"
#include "tests/unit/check_main.h"

static struct schema *load(void)
{
	struct schema *s = NULL;
	struct err e = ERR_INIT;
	ck_assert_msg(schema_load_builtin(&s, &e) == 0, "%s", err_text(&e));
	return s;
}

START_TEST(catalog)
{
	struct schema *s = load();
	AUTO_STRV char **groups = catalog_groups(s);
	ck_assert(strv_has(groups, "apps"));
	ck_assert(strv_has(groups, "authorization.k8s.io"));
	ck_assert(!strv_has(groups, ""));
	AUTO_STRV char **versions = catalog_versions(s, "");
	ck_assert_uint_eq(strv_len(versions), 1);
	const struct kind **kinds = catalog_kinds(s, "", "v1");
	for (size_t i = 0; kinds[i] && kinds[i + 1]; i++)
		ck_assert_int_lt(strcmp(kinds[i]->plural, kinds[i + 1]->plural), 0);
	free(kinds);
	const struct kind *pods = schema_find(s, "", "v1", "pods");
	ck_assert_str_eq(catalog_sub(pods, "eviction").group, "policy");
	ck_assert_str_eq(catalog_sub(pods, "status").kind, "Pod");
	ck_assert_str_eq(catalog_sub(pods, "exec").verbs, "create get");
	schema_free(s);
}
END_TEST

/* Every reference of a document leads somewhere. */
static void check_references(const json_t *document, const json_t *v)
{
	const char *key;
	json_t *member;
	size_t i;
	json_array_foreach(v, i, member)
		check_references(document, member);
	if (!json_is_object(v))
		return;
	json_object_foreach((json_t *)v, key, member) {
		if (strcmp(key, "$ref") == 0 && json_is_string(member)) {
			const char *name = strrchr(json_string_value(member), '/') + 1;
			const json_t *definitions = json_at(document, "definitions");
			if (!definitions)
				definitions = json_at(document, "components.schemas");
			ck_assert_msg(json_object_get(definitions, name) != NULL, "%s", json_string_value(member));
		}
		check_references(document, member);
	}
}

START_TEST(openapi)
{
	struct schema *s = load();
	AUTO_JSON *v2 = openapi_document(s, NULL, NULL, OPENAPI_V2);
	AUTO_JSON *v3 = openapi_document(s, "apps", "v1", OPENAPI_V3);
	ck_assert_ptr_null(openapi_document(s, "nope", "v1", OPENAPI_V3));
	check_references(v2, v2);
	check_references(v3, v3);
	json_t *pod = json_object_get(json_at(v2, "definitions"), "io.k8s.api.core.v1.Pod");
	json_t *gvk = json_array_get(json_object_get(pod, "x-kubernetes-group-version-kind"), 0);
	ck_assert_str_eq(json_str_at(gvk, "kind"), "Pod");
	json_t *spec = json_object_get(json_at(v2, "definitions"), "io.k8s.api.core.v1.PodSpec");
	ck_assert_str_eq(json_member(json_at(spec, "properties.containers"), "x-kubernetes-patch-merge-key"), "name");
	ck_assert_ptr_nonnull(json_object_get(json_at(v3, "paths"), "/apis/apps/v1/namespaces/{namespace}/deployments/{name}/status"));
	schema_free(s);
}
END_TEST

START_TEST(canonical)
{
	struct schema *s = load();
	const struct kind *k = schema_find(s, "", "v1", "configmaps");
	const char *x = "{\"data\":{\"b\":\"2\",\"a\":\"1\"},\"metadata\":{\"resourceVersion\":\"7\",\"name\":\"n\"},\"apiVersion\":\"v1\","
			"\"kind\":\"ConfigMap\"}";
	AUTO_JSON *o = NULL;
	ck_assert_int_eq(json_parse(x, strlen(x), &o, NULL), 0);
	AUTO_BUF *stored = encode_stored(k, o);
	ck_assert_str_eq(stored->data, "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n\"},\"data\":{\"a\":\"1\",\"b\":\"2\"}}");
	AUTO_BUF *whole = encode_object(k, o);
	ck_assert_ptr_nonnull(strstr(whole->data, "\"resourceVersion\":\"7\""));
	schema_free(s);
}
END_TEST

TESTS("discovery", catalog, openapi, canonical)
