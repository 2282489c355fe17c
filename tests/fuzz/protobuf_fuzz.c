/* Request bodies in Kubernetes' protobuf encoding. With an odd first byte the envelope's magic is put in front. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cp/api/protobuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_STR bytes = STR_INIT;
	AUTO_JSON *value = NULL;

	if (size < 1)
		return 0;
	if (data[0] & 1)
		str_addn(&bytes, "k8s\0", 4);
	str_addn(&bytes, data + 1, size - 1);
	if (protobuf_parse(str_text(&bytes), bytes.len, &value, NULL) < 0)
		return 0;
	if (!json_is_object(value))
		abort();
	AUTO_FREE char *text = json_text(value);
	return 0;
}
