/* Foreign paths over a value that has some of everything. The text ends at a line break; behind it may be another value. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/jsonpath.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char sample[] = "{\"a\":{\"b.c\":[1,2,{\"d\":\"x\"}],\"type\":\"Ready\"},\"list\":[{\"type\":\"Ready\",\"n\":1},{\"type\":\"No\",\"n\":2.5},"
			     "null,true],\"metadata\":{\"name\":\"n\",\"labels\":{\"a/b\":\"c\"}}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	AUTO_FREE char *text = xstrndup((const char *)data, end ? (size_t)(end - data) : size);
	AUTO_JSON *value = NULL;
	struct jsonpath *p = NULL;

	if (!end || json_parse((const char *)end + 1, size - (size_t)(end + 1 - data), &value, NULL) < 0)
		value = json_loads(sample, 0, NULL);
	if (jsonpath_new(text, &p, NULL) < 0)
		return 0;
	AUTO_JSON *found = jsonpath_find(p, value);
	if (!json_is_array(found))
		abort();
	jsonpath_is_simple(p);
	jsonpath_free(p);
	return 0;
}
