/* The services that containers are told of by environment variables. */
#ifndef KNARR_AGENT_SERVICE_LINKS_H
#define KNARR_AGENT_SERVICE_LINKS_H

#include <jansson.h>
#include <stdbool.h>

struct feed;
struct service_links;

/* on_synced: all services are known. */
struct service_links *service_links_start(struct feed *f, void (*on_synced)(void *arg), void *arg);
void service_links_stop(struct service_links *l); /* NULL is fine */
bool service_links_synced(const struct service_links *l);
/* Those that a pod of a namespace may be told of: of that namespace, and the API server's own. An array of objects with
 * metadata.name, metadata.namespace, spec.clusterIP and spec.ports. Returns owned. */
json_t *service_links_of(const struct service_links *l, const char *ns);

/* Pure: what is kept of a service: those members as JSON text; NULL: it has no address, or no port. Returns owned. */
char *service_link_text(const json_t *service);

#endif
