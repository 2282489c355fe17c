/* Schema tables from foreign text. */
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "cp/schema/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = xstrndup((const char *)data, size);
	AUTO_SCHEMA *s = NULL;

	schema_load_text(text, &s, NULL);
	return 0;
}
