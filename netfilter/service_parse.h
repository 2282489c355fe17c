/* Services and EndpointSlices from their JSON. Kubernetes API: core/v1 Service, discovery.k8s.io/v1 EndpointSlice. */
#ifndef KNARR_NETFILTER_SERVICE_PARSE_H
#define KNARR_NETFILTER_SERVICE_PARSE_H

#include <jansson.h>

#include "netfilter/service_plan.h"

/* The number of a port's protocol, TCP where it names none; 0: another one. */
int service_protocol(const json_t *port);
/* Owned; NULL where the proxy has nothing to do with it (ExternalName, headless, another proxy's by label). */
struct service *service_parse(const json_t *object);
/* Owned; NULL where it belongs to no service or has names for addresses. zone: the node's; "" or NULL: not known. */
struct service_slice *service_slice_parse(const json_t *object, const char *node_name, const char *zone);

#endif
