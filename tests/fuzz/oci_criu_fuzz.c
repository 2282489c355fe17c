/* Messages of the criu worker. Whatever comes, the texts of the answer are ended inside their arrays, and a message cut short
 * anywhere is either refused or read without its end. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/criu_rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (size_t n = size > 64 ? size - 64 : 0; n <= size; n++) {
		/* Of exactly that size, so that a read beyond it is seen. */
		uint8_t *copy = malloc(n ? n : 1);
		struct criu_answer a = { 0 };
		if (!copy)
			abort();
		if (n)
			memcpy(copy, data, n);
		if (criu_answer_parse(copy, n, &a) == 0 &&
		    (!memchr(a.script, 0, sizeof(a.script)) || !memchr(a.message, 0, sizeof(a.message))))
			abort();
		free(copy);
	}
	return 0;
}
