/* The proxy's figures.
 *
 * Purpose: what dashboards of kube-proxy show. Happy path: each event sets or counts a few rows. Nothing fails; without
 * a registry nothing is kept. Kubernetes 1.36, metrics reference, component kube-proxy. */
#include "netfilter/proxy_metrics.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"

#define DEF(id, name, help, type, labels) METRIC_DEF(id, "kubeproxy_" name, help, type, labels)
#define HISTOGRAM(id, name, help, bounds) METRIC_BUCKETS(id, "kubeproxy_" name, help, "ip_family", bounds)

static const double sync_bounds[] = {0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032,
				     0.064,  0.128,  0.256,  0.512, 1.024, 2.048, 4.096, 8.192, 16.384};
static const double programming_bounds[] = {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,	 2,
					    3,	   4,	  5,	10,    20,   30,  45,	60,  120, 300};

HISTOGRAM(sync_s, "sync_proxy_rules_duration_seconds", "SyncProxyRules latency in seconds", sync_bounds);
HISTOGRAM(sync_full_s, "sync_full_proxy_rules_duration_seconds", "SyncProxyRules latency in seconds for full resyncs",
	  sync_bounds);
HISTOGRAM(sync_partial_s, "sync_partial_proxy_rules_duration_seconds",
	  "SyncProxyRules latency in seconds for partial resyncs", sync_bounds);
HISTOGRAM(programming_s, "network_programming_duration_seconds", "In Cluster Network Programming Latency in seconds",
	  programming_bounds);
HISTOGRAM(conntrack_s, "conntrack_reconciler_sync_duration_seconds", "ReconcileConntrackFlowsLatency latency in seconds",
	  sync_bounds);
DEF(conntrack_deleted, "conntrack_reconciler_deleted_entries_total",
    "Cumulative conntrack flows deleted by conntrack reconciler", METRIC_COUNTER, "ip_family");
DEF(last_sync, "sync_proxy_rules_last_timestamp_seconds", "The last time proxy rules were successfully synced",
    METRIC_GAUGE, "ip_family");
DEF(last_queued, "sync_proxy_rules_last_queued_timestamp_seconds", "The last time a sync of proxy rules was queued",
    METRIC_GAUGE, "ip_family");
DEF(service_pending, "sync_proxy_rules_service_changes_pending", "Pending proxy rules Service changes", METRIC_GAUGE,
    "");
DEF(service_total, "sync_proxy_rules_service_changes_total", "Cumulative proxy rules Service changes", METRIC_COUNTER,
    "");
DEF(endpoint_pending, "sync_proxy_rules_endpoint_changes_pending", "Pending proxy rules Endpoint changes", METRIC_GAUGE,
    "");
DEF(endpoint_total, "sync_proxy_rules_endpoint_changes_total", "Cumulative proxy rules Endpoint changes",
    METRIC_COUNTER, "");
DEF(failures, "sync_proxy_rules_nftables_sync_failures_total", "Cumulative proxy nftables sync failures",
    METRIC_COUNTER, "ip_family");
DEF(no_local, "sync_proxy_rules_no_local_endpoints_total",
    "Number of services with a Local traffic policy and no endpoints", METRIC_GAUGE, "ip_family,traffic_policy");
DEF(healthz, "proxy_healthz_total", "Cumulative proxy healthz HTTP status", METRIC_COUNTER, "code");
DEF(livez, "proxy_livez_total", "Cumulative proxy livez HTTP status", METRIC_COUNTER, "code");

static const char *const families[] = {"IPv4", "IPv6"};

static double now_s(void)
{
	return (double)clock_wall_us() / 1e6;
}

/* The rows of the families that are kept, one by one: for (six = 0; six <= ipv6; six++). */
static struct metric *row(struct metrics *m, const struct metric_def *d, int six)
{
	return metrics_row(m, d, METRIC_VALUES(families[six]));
}

void proxy_metrics_changed(struct metrics *m, enum proxy_change what)
{
	if (!m)
		return;
	metric_add(metrics_row(m, what == PROXY_SERVICE_CHANGE ? &service_total : &endpoint_total, NULL), 1);
	metric_add(metrics_row(m, what == PROXY_SERVICE_CHANGE ? &service_pending : &endpoint_pending, NULL), 1);
}

void proxy_metrics_queued(struct metrics *m, bool ipv6)
{
	for (int six = 0; m && six <= ipv6; six++)
		metric_set(row(m, &last_queued, six), now_s());
}

void proxy_metrics_synced(struct metrics *m, bool ipv6, bool full, int64_t duration_us)
{
	if (!m)
		return;
	metric_set(metrics_row(m, &service_pending, NULL), 0);
	metric_set(metrics_row(m, &endpoint_pending, NULL), 0);
	for (int six = 0; six <= ipv6; six++) {
		metric_set(row(m, &last_sync, six), now_s());
		metric_observe(row(m, &sync_s, six), (double)duration_us / 1e6);
		metric_observe(row(m, full ? &sync_full_s : &sync_partial_s, six), (double)duration_us / 1e6);
	}
}

void proxy_metrics_failed(struct metrics *m, bool ipv6)
{
	for (int six = 0; m && six <= ipv6; six++)
		metric_add(row(m, &failures, six), 1);
}

void proxy_metrics_programmed(struct metrics *m, bool ipv6, int64_t duration_us)
{
	for (int six = 0; m && six <= ipv6; six++)
		metric_observe(row(m, &programming_s, six), (double)MAX(duration_us, 0) / 1e6);
}

void proxy_metrics_no_local(struct metrics *m, bool ipv6, int64_t internal, int64_t external)
{
	if (!m)
		return;
	metric_set(metrics_row(m, &no_local, METRIC_VALUES(families[ipv6], "internal")), (double)internal);
	metric_set(metrics_row(m, &no_local, METRIC_VALUES(families[ipv6], "external")), (double)external);
}

void proxy_metrics_conntrack(struct metrics *m, bool ipv6, int64_t duration_us, int64_t deleted)
{
	if (!m)
		return;
	metric_observe(row(m, &conntrack_s, ipv6), (double)duration_us / 1e6);
	metric_add(row(m, &conntrack_deleted, ipv6), (double)deleted);
}

void proxy_metrics_health(struct metrics *m, bool live, int status)
{
	char code[16];
	snprintf(code, sizeof(code), "%d", status);
	if (m)
		metric_add(metrics_row(m, live ? &livez : &healthz, METRIC_VALUES(code)), 1);
}
