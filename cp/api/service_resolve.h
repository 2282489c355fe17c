/* Where a Service answers, for calls of the API server itself (extension servers, webhooks, the proxy subresource). */
#ifndef KNARR_CP_API_SERVICE_RESOLVE_H
#define KNARR_CP_API_SERVICE_RESOLVE_H

#include "cp/api/api_internal.h"

/* "host:port" of a ready endpoint behind a port of the Service, or its cluster address where nobody keeps endpoints for
 * it (no selector, no slices). Returns owned in ret. -ENOENT: no Service; -EADDRNOTAVAIL: it does not listen on that
 * port; -ENODATA: it has no slices; -EHOSTUNREACH: none has an endpoint that is ready. */
int service_resolve(struct api *a, const char *ns, const char *name, int port, char **ret, struct err *e);

/* A ready endpoint behind a port of the Service by its name that is a pod of the same namespace, picked at random: what
 * users may be led to. Returns the address owned in ret_ip; -EHOSTUNREACH: there is none. */
int service_pick_pod(struct api *a, const char *ns, const char *name, const char *port_name, char **ret_ip,
		     uint16_t *ret_port);

#endif
