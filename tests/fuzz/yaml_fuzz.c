/* Foreign YAML: read both ways; what is written of it reads as the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "api/yaml.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	AUTO_JSON *value = NULL, *texts = NULL, *again = NULL;
	AUTO_STR out = STR_INIT, same = STR_INIT;

	yaml_parse_texts(text, size, &texts, NULL);
	if (yaml_parse(text, size, &value, NULL) < 0)
		return 0;
	if (!value)
		abort();
	yaml_write(&out, value);
	if (yaml_parse(out.p, out.len, &again, NULL) < 0)
		abort();
	yaml_write(&same, again); /* 1.0 is written as 1: texts are compared, not values */
	if (!str_eq(out.p, same.p))
		abort();
	return 0;
}
