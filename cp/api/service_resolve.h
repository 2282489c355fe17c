/* Where a Service answers, for calls of the API server itself (extension servers, conversion webhooks). */
#ifndef KNARR_CP_API_SERVICE_RESOLVE_H
#define KNARR_CP_API_SERVICE_RESOLVE_H

#include "cp/api/api_internal.h"

/* "host:port" of a ready endpoint behind a port of the Service, or its cluster address where nobody keeps endpoints for
 * it (no selector, no slices). Returns owned in ret. -ENOENT: no Service; -EADDRNOTAVAIL: it does not listen on that
 * port; -EHOSTUNREACH: no endpoint is ready. */
int service_resolve(struct api *a, const char *ns, const char *name, int port, char **ret, struct err *e);

#endif
