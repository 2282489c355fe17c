/* The proxy's figures, under the names that kube-proxy's dashboards know. */
#ifndef KNARR_NETFILTER_PROXY_METRICS_H
#define KNARR_NETFILTER_PROXY_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/metrics.h"

/* All functions do nothing where m is NULL. */

enum proxy_change { PROXY_SERVICE_CHANGE, PROXY_ENDPOINT_CHANGE };

/* Something wanted has changed; a sync has been asked for, of IPv4 and, where told, IPv6. */
void proxy_metrics_changed(struct metrics *m, enum proxy_change what);
void proxy_metrics_queued(struct metrics *m, bool ipv6);
/* A sync that succeeded and took so long; full: it compared everything with the kernel. */
void proxy_metrics_synced(struct metrics *m, bool ipv6, bool full, int64_t duration_us);
void proxy_metrics_failed(struct metrics *m, bool ipv6);
/* The time from the change of an endpoint, as its slice tells it, to the kernel. */
void proxy_metrics_programmed(struct metrics *m, bool ipv6, int64_t duration_us);
/* Fronts with policy Local that have endpoints, but none on this node. */
void proxy_metrics_no_local(struct metrics *m, bool ipv6, int64_t internal, int64_t external);
void proxy_metrics_conntrack(struct metrics *m, bool ipv6, int64_t duration_us, int64_t deleted);
/* An answer of /healthz, or of /livez. */
void proxy_metrics_health(struct metrics *m, bool live, int status);

#endif
