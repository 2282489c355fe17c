/* Foreign JSON as objects of built-in kinds: decode, default, validate, and decode once more without a change. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_kind(const struct kind *k, const json_t *document)
{
	AUTO_JSON *object = json_deep_copy(document), *copy = NULL;
	AUTO_FIELD_ERRORS errors = {0};
	AUTO_STRV char **unknown = NULL;

	if (schema_decode(k, object, &unknown, NULL) < 0)
		return;
	copy = json_deep_copy(object);
	if (schema_decode(k, copy, NULL, NULL) < 0 || !json_equal(object, copy))
		abort();
	schema_default(k, object);
	schema_validate(k, object, NULL, &errors);
	schema_validate_meta(k, object, NULL, &errors);
	schema_validate_update(k, object, copy, &errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct schema *s;
	AUTO_STRV char **dups = NULL;
	AUTO_JSON *document = NULL;

	if (!s && schema_load_builtin(&s, NULL) < 0)
		abort();
	if (size < 1)
		return 0;
	if (json_parse((const char *)data + 1, size - 1, &document, NULL) < 0)
		return 0;
	if (schema_find_duplicates((const char *)data + 1, size - 1, NULL, &dups) == -EINVAL)
		abort();
	for (size_t n = data[0] % 16; schema_kind_nth(s, n); n += 16)
		try_kind(schema_kind_nth(s, n), document);
	return 0;
}
