/* Quantities from foreign text: the canonical form keeps its value when it is read again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "api/quantity.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = xstrndup((const char *)data, size);
	AUTO_FREE char *canonical = quantity_canonical(text);
	AUTO_FREE char *again = canonical ? quantity_canonical(canonical) : NULL;
	int64_t value;

	if (canonical && (!again || quantity_compare(canonical, again) || quantity_parse(text, &value) < 0 ||
			  quantity_parse_milli(text, &value) < 0))
		abort();
	return 0;
}
