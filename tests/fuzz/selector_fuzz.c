/* Label and field selectors from foreign text. */
#include <stddef.h>
#include <stdint.h>

#include "api/selector.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = xstrndup((const char *)data, size);
	AUTO_SELECTOR *labels = NULL, *fields = NULL;

	if (!selector_parse_labels(text, &labels, NULL))
		selector_match_labels(labels, NULL);
	if (!selector_parse_fields(text, &fields, NULL))
		selector_match_labels(fields, NULL);
	return 0;
}
