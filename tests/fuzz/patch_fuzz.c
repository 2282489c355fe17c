/* Foreign patches: the input is a list [document, patch], which every kind of patch gets. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct schema *s;
	AUTO_JSON *input = NULL, *before = NULL, *json = NULL, *merge = NULL, *strategic = NULL;
	const json_t *doc, *patch;

	if (!s && schema_load_builtin(&s, NULL) < 0)
		abort();
	if (json_parse((const char *)data, size, &input, NULL) < 0)
		return 0;
	doc = json_array_get(input, 0);
	patch = json_array_get(input, 1);
	if (!doc || !patch)
		return 0;
	before = json_deep_copy(doc);
	patch_json(doc, patch, &json, NULL);
	patch_merge(doc, patch, &merge, NULL);
	patch_strategic(schema_find_kind(s, "", "v1", "Pod")->type, doc, patch, &strategic, NULL);
	if (!json_equal(doc, before))
		abort();
	return 0;
}
