/* What both kinds of endpoints read from a Service and its pods. */
#ifndef KNARR_CP_CONTROLLERS_SERVICE_PODS_H
#define KNARR_CP_CONTROLLERS_SERVICE_PODS_H

#include "cp/controllers/runner.h"

/* Pure. Whether pod can stand behind a service at all: it has an address and has not ended. */
bool service_pod_counts(const json_t *pod);
/* The pod's address of family ("IPv4", "IPv6"); NULL when it has none. Borrowed. */
const char *service_pod_ip(const json_t *pod, const char *family);
/* The number of a service port's target in this pod: as it is, or that of the container port of that name and
 * protocol; 0 when the pod has no such port. */
int64_t service_target_port(const json_t *port, const json_t *pod);
/* What the service's ports lead to in this pod, as both kinds of endpoints list it: those that the pod has. A port
 * without a name says so (name: "") where always_named. Returns owned. */
json_t *service_ports(const json_t *service, const json_t *pod, bool always_named);
bool service_is_headless(const json_t *service);
/* The pod's hostname where it is a member of the headless service of its subdomain; NULL otherwise. */
const char *service_pod_hostname(const json_t *service, const json_t *pod);
/* {kind: Pod, namespace, name, uid}; owned. */
json_t *service_target_ref(const json_t *pod);
/* The address families of the service: "IPv4" and perhaps "IPv6"; count in *ret_n. */
void service_families(const json_t *service, const char *ret[2], size_t *ret_n);

/* Observing: the pods that the service selects (owned array), and the services that select a changed pod. */
json_t *service_list_pods(struct sync *s, const json_t *service);
void service_map_pod(struct runner *r, const struct cache_event *ev);

#endif
