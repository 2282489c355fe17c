/* Paths and methods of requests. The input is "METHOD PATH?QUERY". */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cp/api/route.h"
#include "io/http_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = xstrndup((const char *)data, size);
	char *space = strchr(text, ' '), *target = space ? space + 1 : text;
	struct http_request r = {0};
	struct route route;
	struct query q;

	if (space)
		*space = '\0';
	http_request_method(&r, text, strlen(text));
	http_request_target(&r, target, strlen(target));
	if (http_request_finish_head(&r) == 0) {
		query_parse(r.query, &q);
		route_parse(r.method, r.path, query_bool(&q, "watch"), &route);
		if (!route.resource || !route.ns || !route.name || !route.subresource || !route.rest || !route.verb ||
		    (route.is_resource && !*route.resource))
			abort();
		route_done(&route);
		query_done(&q);
		http_request_param(&r, "watch", 1);
	}
	http_request_done(&r);
	return 0;
}
