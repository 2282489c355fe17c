/* The HTTP/1.1 codec under foreign bytes: clang -fsanitize=fuzzer,address. The first byte chooses how input is cut. */
#include <stdint.h>
#include <string.h>

#include "io/h1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool streams(void *arg, const struct http_request *head)
{
	(void)arg;
	return head->path[0] && head->path[1] == 's';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	size_t step = (size_t)data[0] + 1, at = 1;
	struct h1 *h = h1_new(4096);
	h1_stream_when(h, streams, NULL);
	while (at < size) {
		size_t n = size - at < step ? size - at : step;
		at += h1_input(h, (const char *)data + at, n);
		if (h1_state(h) == H1_ERROR)
			break;
		h1_take_continue(h);
		if (h1_state(h) == H1_DONE) {
			struct http_request r;
			h1_next(h, &r);
			if (r.query) { /* not the end of a body that streamed */
				http_request_param(&r, "x", 0);
				http_request_has_token(&r, "connection", "upgrade");
			}
			http_request_done(&r);
		} else if (h1_streams(h)) {
			struct http_request piece;
			h1_take(h, &piece);
			http_request_done(&piece);
		}
	}
	h1_free(h);
	return 0;
}
