/* Foreign JSON: read, written, read again; what it has twice, and where it is wrong; as Go would print it. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cp/schema/go_format.h"
#include "cp/schema/json_error.h"
#include "cp/schema/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	AUTO_JSON *value = NULL, *again = NULL;
	AUTO_STRV char **dups = NULL;

	if (json_parse(bytes, size, &value, NULL) < 0) {
		AUTO_FREE char *why = json_error_text(bytes, size);
		return 0;
	}
	if (schema_find_duplicates(bytes, size, NULL, &dups) == -EINVAL)
		abort();
	AUTO_FREE char *text = json_text(value), *printed = go_format(value);
	if (json_parse(text, strlen(text), &again, NULL) < 0 || !json_equal(value, again))
		abort();
	json_at(value, "metadata.name");
	return 0;
}
