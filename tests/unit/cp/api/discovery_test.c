/* The catalog of the built-in kinds, canonical encoding. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/catalog.h"
#include "cp/api/encode.h"
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

START_TEST(canonical)
{
	struct schema *s = load();
	const struct kind *k = schema_find(s, "", "v1", "configmaps");
	const char *x = "{\"data\":{\"b\":\"2\",\"a\":\"1\"},\"metadata\":{\"resourceVersion\":\"7\",\"name\":\"n\"},"
			"\"apiVersion\":\"v1\","
			"\"kind\":\"ConfigMap\"}";
	AUTO_JSON *o = NULL;
	ck_assert_int_eq(json_parse(x, strlen(x), &o, NULL), 0);
	AUTO_BUF *stored = encode_stored(k, o);
	ck_assert_str_eq(stored->data, "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n\"},"
				       "\"data\":{\"a\":\"1\",\"b\":\"2\"}}");
	AUTO_BUF *whole = encode_object(k, o);
	ck_assert_ptr_nonnull(strstr(whole->data, "\"resourceVersion\":\"7\""));
	schema_free(s);
}
END_TEST

TESTS("discovery", catalog, canonical)
