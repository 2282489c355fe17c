/* cp/schema/managed_scale.c: managers of a workload's replicas, to the scale and back. */
#include "cp/schema/managed_scale.h"
#include "tests/unit/cp/schema/support.h"

static const char *path(const void *arg, const char *api_version)
{
	return !strcmp(api_version, "apps/v1") ? "spec.replicas" : !strcmp(api_version, "apps/v2") ? "" : arg;
}

static const struct managed_scale scale = { .api_version = "apps/v1", .path = path };

/* "manager+operation+version+subresource+fields" of an entry; operation A or U. Returns owned. */
static json_t *entries(const char *texts)
{
	AUTO_STRV char **lines = str_split(texts, '\n');
	json_t *list = json_array();

	for (size_t i = 0; lines[i] && *lines[i]; i++) {
		AUTO_STRV char **f = str_split(lines[i], '+');
		json_t *entry = json_pack("{s:s,s:s,s:s,s:s,s:o}", "manager", f[0], "operation", *f[1] == 'A' ? "Apply" : "Update",
					  "apiVersion", f[2], "fieldsType", "FieldsV1", "fieldsV1", js(f[4]));

		if (*f[3])
			json_object_set_new(entry, "subresource", json_string(f[3]));
		json_array_append_new(list, entry);
	}
	return list;
}

static void assert_entries(json_t *got, const char *expected)
{
	AUTO_JSON *want = *expected ? entries(expected) : NULL;
	AUTO_FREE char *a = got ? json_dumps(got, JSON_SORT_KEYS) : NULL, *b = want ? json_dumps(want, JSON_SORT_KEYS) : NULL;

	ck_assert_pstr_eq(a, b);
	json_decref(got);
}

#define R "{'f:spec':{'f:replicas':{}}}"
#define S "{'f:spec':{'f:selector':{}}}"
#define RS "{'f:spec':{'f:replicas':{},'f:selector':{}}}"

static const struct {
	const char *managers, *shown;
} shows[] = {
	{ "", "" },
	{ "a+A+apps/v1++" S, "" },
	{ "a+A+apps/v1++" RS "\nb+U+apps/v1++" R, "a+A+autoscaling/v1++" R "\nb+U+autoscaling/v1++" R },
	{ "a+A+apps/v1+scale+" R, "a+A+autoscaling/v1+scale+" R },
	{ "a+A+apps/v2++" R "\nb+A+apps/v9++" R, "" },
};

START_TEST(shows_who_manages_replicas)
{
	AUTO_JSON *managers = entries(shows[_i].managers);

	assert_entries(managed_scale_show(&scale, managers), shows[_i].shown);
}
END_TEST

static const struct {
	const char *managers, *shown, *stored;
} stores[] = {
	/* another manager takes the replicas */
	{ "t+A+apps/v1++" RS, "s+U+autoscaling/v1+scale+" R, "t+A+apps/v1++" S "\ns+U+apps/v1+scale+" R },
	{ "t+A+apps/v1++" R, "s+A+autoscaling/v1+scale+" R, "s+A+apps/v1+scale+" R },
	/* shared: an applier keeps its entry, an updater gets another */
	{ "t+A+apps/v1++" RS, "t+A+autoscaling/v1++" R "\nu+A+autoscaling/v1+scale+" R, "t+A+apps/v1++" RS "\nu+A+apps/v1+scale+" R },
	{ "u+U+apps/v1++" RS, "u+U+autoscaling/v1++" R, "u+U+apps/v1++" S "\nu+U+apps/v1++" R },
	/* what else the scale has is not the workload's; nobody is left */
	{ "t+A+apps/v1++" S, "s+U+autoscaling/v1+scale+{'f:status':{'f:replicas':{}}}", "t+A+apps/v1++" S },
	{ "t+A+apps/v1++" R, "", "" },
	/* versions without a scale stay, others go */
	{ "t+A+apps/v2++" R "\nv+A+apps/v9++" S, "", "t+A+apps/v2++" R },
};

START_TEST(stores_what_is_left)
{
	AUTO_JSON *managers = entries(stores[_i].managers), *shown = entries(stores[_i].shown);

	assert_entries(managed_scale_store(&scale, managers, shown), stores[_i].stored);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("managed_scale");

	tcase_add_loop_test(t, shows_who_manages_replicas, 0, ARRAY_LEN(shows));
	tcase_add_loop_test(t, stores_what_is_left, 0, ARRAY_LEN(stores));
	return run("managed_scale", t);
}
