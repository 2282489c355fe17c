/* Mount options: a list of words, one a line. */
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/mount_options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = xstrndup((const char *)data, size);
	AUTO_STRV char **words = str_split(text, '\n');
	AUTO_JSON *list = json_array();
	struct mount_options o = { 0 };
	for (size_t i = 0; i < strv_len(words); i++)
		json_array_append_new(list, json_string(words[i]));
	if (mount_options_parse(list, &o, NULL) == 0)
		mount_options_done(&o);
	return 0;
}
