/* Server-side apply and managed fields on foreign objects: the input is a list [live, config, config of another manager],
 * for a kind that the first byte chooses. Arguments stay as they are; to apply the same twice changes nothing. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "cp/schema/managed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_path(void *arg, const char *path)
{
	*(size_t *)arg += path[0] != '\0';
}

static void try_sets(const struct type *t, const json_t *live, const json_t *config)
{
	AUTO_JSON *a = apply_fields(t, live), *b = apply_fields(t, config), *both = fieldset_union(a, b);
	AUTO_JSON *without = fieldset_without(a, b), *common = fieldset_intersection(a, b), *sorted = fieldset_sorted(both);
	AUTO_JSON *parents = fieldset_with_parents(both, t), *merged = apply_merge(t, live, config), *rest = apply_remove(t, merged, b);
	AUTO_JSON *difference = fieldset_difference(both, both);
	AUTO_APPLY_DIFF diff = {0};
	size_t n = 0;

	apply_compare(t, live, config, &diff);
	fieldset_each(both, on_path, &n);
	if (!fieldset_is_empty(difference))
		abort();
}

/* Applied once, the object has no conflict with the same configuration by the same manager. */
static json_t *try_apply(const struct kind *k, const char *manager, const json_t *live, const json_t *config, bool force)
{
	const struct managed_by by = {
		    .type = k->type, .api_version = k->version, .manager = manager, .subresource = "", .now = "2020-01-01T00:00:00Z"};
	AUTO_MANAGED_CONFLICTS conflicts = {0}, none = {0};
	AUTO_JSON *again = NULL;
	json_t *state = NULL;

	if (managed_apply(&by, live, config, force, &state, &conflicts, NULL) < 0)
		return NULL;
	if (managed_apply(&by, state, config, false, &again, &none, NULL) < 0)
		abort();
	return state;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const kinds[][3] = {{"", "v1", "Pod"}, {"", "v1", "Service"}, {"", "v1", "ConfigMap"},
					       {"apps", "v1", "Deployment"}, {"rbac.authorization.k8s.io", "v1", "ClusterRole"}};
	static struct schema *s;
	AUTO_JSON *input = NULL, *before = NULL;

	if (!s && schema_load_builtin(&s, NULL) < 0)
		abort();
	if (size < 1 || json_parse((const char *)data + 1, size - 1, &input, NULL) < 0)
		return 0;
	const char *const *name = kinds[data[0] % ARRAY_LEN(kinds)];
	const struct kind *k = schema_find_kind(s, name[0], name[1], name[2]);
	json_t *live = json_array_get(input, 0), *config = json_array_get(input, 1), *other = json_array_get(input, 2);
	/* As the request path does: only what decodes gets here. */
	if (!json_is_object(live) || !json_is_object(config) || !json_is_object(other) || schema_decode(k, live, NULL, NULL) < 0 ||
	    schema_decode(k, config, NULL, NULL) < 0 || schema_decode(k, other, NULL, NULL) < 0)
		return 0;
	before = json_deep_copy(input);
	try_sets(k->type, live, config);
	AUTO_JSON *first = try_apply(k, "one", live, config, true);
	AUTO_JSON *second = first ? try_apply(k, "two", first, other, data[0] & 64) : NULL;
	if (!json_equal(before, input))
		abort();
	if (second) {
		const struct managed_by by = {
		    .type = k->type, .api_version = k->version, .manager = "three", .subresource = "", .now = "2020-01-01T00:00:00Z"};
		managed_update(&by, second, live);
	}
	return 0;
}
