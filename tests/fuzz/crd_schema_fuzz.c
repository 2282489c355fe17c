/* Foreign schemas of CustomResourceDefinitions, and foreign objects under them: check, compile, decode, default, validate
 * and decode once more without a change. The input is {"schema":...,"object":...}. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/crd.h"
#include "cp/schema/managed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_object(const struct crd_schema *c, const json_t *document)
{
	struct custom_kind custom = {.rules = crd_schema_rules(c)};
	struct kind k = {.group = "example.com", .version = "v1", .kind = "T", .type = crd_schema_type(c), .custom = &custom};
	AUTO_JSON *object = json_deep_copy(document), *copy = NULL;
	AUTO_FIELD_ERRORS errors = {0};
	AUTO_STRV char **unknown = NULL;

	if (schema_decode(&k, object, &unknown, NULL) < 0)
		return;
	copy = json_deep_copy(object);
	if (schema_decode(&k, copy, NULL, NULL) < 0 || !json_equal(object, copy))
		abort();
	schema_default(&k, object);
	schema_validate(&k, object, NULL, &errors);
	json_decref(apply_fields(k.type, object));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct schema *s;
	AUTO_JSON *document = NULL;
	AUTO_FIELD_ERRORS errors = {0};

	if (!s && schema_load_builtin(&s, NULL) < 0)
		abort();
	if (json_parse((const char *)data, size, &document, NULL) < 0 || !json_is_object(document))
		return 0;
	const json_t *schema = json_object_get(document, "schema"), *object = json_object_get(document, "object");
	if (!json_is_object(schema))
		return 0;
	crd_check_schema(schema, "s", true, &errors);
	struct crd_schema *c = crd_schema_new(s, schema, false, "com.example.v1.T");
	if (json_is_object(object))
		try_object(c, object);
	crd_schema_free(c);
	return 0;
}
