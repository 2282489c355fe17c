/* The service proxy: keeps two maps of nf_tables equal to what Services and EndpointSlices want. */
#ifndef KNARR_NETFILTER_PROXY_H
#define KNARR_NETFILTER_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/net/ip.h"
#include "netfilter/service_plan.h"

struct api_client;
struct feed;
struct loop;
struct metrics;
struct proxy;

struct proxy_config {
	struct loop *loop;                /* NULL with api: the caller syncs by itself */
	struct api_client *api;           /* services and slices are watched; NULL: they come through proxy_set_*() */
	struct feed *feed;                /* with api: where they come from, outlives the proxy; NULL: one of its own */
	const char *node_name;            /* endpoints of this node are local */
	/* Lists end with NULL and may be NULL; a text may hold several, separated by commas. */
	const char *const *node_ips;       /* numeric: node ports answer there; none: those of the Node object */
	const char *const *nodeport_nets;  /* with api: node ports answer on the machine's addresses in these networks;
					      "primary": on node_ips too */
	const char *const *cluster_cidrs;  /* pods' networks, one a family */
	const char *const *service_cidrs;  /* never masqueraded as traffic that leaves the cluster */
	const char *const *node_services;  /* "namespace/name": the node answers at their addresses itself, they are left
					      alone */
	const char *table;                /* NULL: "knarr-proxy" */
	bool ipv6;                        /* keep a table for IPv6 too */
	bool masquerade_all;              /* every connection to a service leaves with the node's address */
	bool masquerade_pods;             /* pods' traffic to outside the cluster leaves with the node's address */
	struct metrics *metrics;          /* where figures are kept; NULL: none are */
	/* After each transaction (e NULL) or failed try; may be NULL. */
	void (*on_sync)(void *arg, const struct err *e, size_t changed);
	void *arg;
};

/* Works in the network namespace of the calling thread, for life. What an earlier run left in the kernel is adopted:
 * the first sync changes only what differs, connections go on. With api the first sync waits for the lists of both.
 * Errors: -EINVAL (an address that is none), -EADDRINUSE (another process keeps this table), those of nf_tables. */
int proxy_start(const struct proxy_config *c, struct proxy **ret, struct err *e);
/* remove: also the tables. NULL is fine. */
void proxy_stop(struct proxy *p, bool remove);

/* What is wanted. Each takes its object; nothing reaches the kernel before the next sync. */
void proxy_set_service(struct proxy *p, struct service *s);
void proxy_delete_service(struct proxy *p, const char *key);
void proxy_set_slice(struct proxy *p, struct service_slice *s);
void proxy_delete_slice(struct proxy *p, const char *key);
/* One transaction with all that changed; nothing to do is fine. After a failure the next sync compares with the kernel
 * anew. *ret_changed (may be NULL): elements added and deleted. */
int proxy_sync(struct proxy *p, size_t *ret_changed, struct err *e);

/* Where node ports answer, and the node's zone ("" or NULL: none): what differs leads to a sync. */
void proxy_set_node_ips(struct proxy *p, const struct ip *ips, size_t n);
void proxy_set_zone(struct proxy *p, const char *zone);

struct proxy_health {
	bool healthy;            /* nothing waits for the kernel for more than a minute */
	bool node_eligible;      /* the node is there to stay */
	int64_t updated_wall_ms; /* when the kernel was last in step; 0: never */
};
void proxy_health(const struct proxy *p, struct proxy_health *ret);

/* Whether another kind of service proxy has left its rules here: 1 with the name of what was found (static), or 0. */
int netfilter_rival(const char **ret_what, struct err *e);
/* Removes the proxy's tables where they are. */
int netfilter_cleanup(const char *table, struct err *e);
/* net.bridge.bridge-nf-call-iptables (and ip6tables) = 1 where the kernel has bridge netfilter, ip_forward = 1 (and
 * IPv6 forwarding), in the thread's network namespace. */
int netfilter_sysctls(bool ipv6, struct err *e);
/* nf_conntrack_tcp_be_liberal = 1, once tables with translation stand: segments outside of a connection's window stay part of
 * it. As invalid ones they would not be translated, and reach the client from an address that it has no connection to; its
 * answer to that would end the connection. (A rule that drops them would cost each packet.) A failure is told and ignored. */
void netfilter_liberal(void);

#endif
