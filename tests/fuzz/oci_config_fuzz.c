/* config.json under foreign bytes: read, parsed, its resources planned. */
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/str.h"
#include "runtime/config.h"
#include "runtime/config_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_STR text = STR_INIT;
	AUTO_JSON *json = NULL;
	AUTO_CONFIG c = { 0 };
	str_addn(&text, data, size);
	if (text.p && config_read_text(text.p, text.len, &json, NULL) == 0)
		config_parse(json, "/bundle", &c, NULL);
	return 0;
}
