/* What may stand for a name before /proxy: "name", "name:port", "https:name:port". */
#ifndef KNARR_CP_API_PROXY_NAME_H
#define KNARR_CP_API_PROXY_NAME_H

#include <stdbool.h>

struct proxy_name {
	char *text; /* owned; the others point into it */
	const char *scheme, *name, *port; /* "" where it has none; scheme: "", "http" or "https" */
};
/* False, and nothing to free, where it is none of these. */
bool proxy_name_parse(const char *text, struct proxy_name *ret);
void proxy_name_done(struct proxy_name *n);
/* Whether users may be led to the numeric address: no loopback, link-local, multicast, broadcast or unspecified one. */
bool proxy_may_dial(const char *address);

#endif
