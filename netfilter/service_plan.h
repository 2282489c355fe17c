/* From services and endpoint slices to the elements of the proxy's maps: pure data in, pure data out. */
#ifndef KNARR_NETFILTER_SERVICE_PLAN_H
#define KNARR_NETFILTER_SERVICE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "io/net/ip.h"

struct service_port {
	char *name;   /* "" for the only one */
	int protocol; /* IPPROTO_TCP, _UDP, _SCTP */
	uint16_t port, node_port;
};

/* A Service, as far as the proxy looks at it. */
struct service {
	char *key; /* "namespace/name" */
	struct ip *cluster_ips, *external_ips, *balancer_ips;
	struct ip_net *sources; /* whose connections to balancer_ips are taken; none: everybody's */
	struct service_port *ports;
	uint16_t n_cluster_ips, n_external_ips, n_balancer_ips, n_sources, n_ports;
	uint16_t health_port;                /* where load balancers ask for local endpoints; 0: none */
	uint32_t affinity_s;                 /* session affinity ClientIP; 0: none */
	bool internal_local, external_local; /* traffic policies */
};

/* Hints name zones or nodes; mine: this node, or the zone it is in, is among them. */
struct service_endpoint {
	struct ip ip;
	bool ready : 1, serving : 1, terminating : 1, local : 1;
	bool zone_hints : 1, my_zone : 1, node_hints : 1, my_node : 1;
};

struct slice_port {
	char *name;
	int protocol;
	uint16_t port;
};

/* An EndpointSlice. */
struct service_slice {
	char *key;     /* "namespace/name" */
	char *service; /* "namespace/name" of its service */
	int64_t trigger_us; /* when what it tells has come about, on the wall clock; 0: not told, or counted already */
	struct service_endpoint *endpoints;
	struct slice_port *ports;
	size_t n_endpoints, n_ports;
	bool six; /* addressType IPv6 */
};

void service_free(struct service *s);
void service_slice_free(struct service_slice *s);

enum svc_kind {
	SVC_SERVICE,     /* map: address . protocol . port -> number of a struct svc_choice */
	SVC_ENDPOINT,    /* map: address . protocol . port . index -> address . port */
	SVC_REJECTED,    /* set: address . protocol . port, without endpoints */
	SVC_DROPPED,     /* set: address . protocol . port, for who is outside, without endpoints here */
	SVC_HAIRPIN,     /* set: address . address */
	SVC_STICKY,      /* map: address . protocol . port -> chain that remembers the endpoint for the client; data: for
			    how many seconds */
	SVC_ALLOWED,     /* set of ranges: address . protocol . port . source; data: the last source */
	SVC_MAPS,        /* the kernel knows nothing of what follows */
	SVC_LINGER = SVC_MAPS, /* UDP, address . protocol . port . address . port: an endpoint that serves, although new
				  flows get others */
	SVC_KINDS,
};

/* What becomes of a client's address, and who gets which endpoints. */
enum svc_mode {
	SVC_KEEP,        /* it is kept */
	SVC_MARK_OTHERS, /* that of a pod is kept, any other becomes the node's */
	SVC_MARK_ALL,    /* it becomes the node's */
	SVC_LOCAL,       /* it is kept and the endpoint is one of this node; pods and the node itself get any one */
};

#define SVC_KEY_MAX 44
#define SVC_CLUSTER_INDEX 0x10000u
#define SVC_ENDPOINTS_MAX 4095

/* How the endpoint of a front is chosen; fronts with the same choice share a chain. */
struct svc_choice {
	uint16_t count;   /* endpoints, from index 0 */
	uint16_t cluster; /* SVC_LOCAL: endpoints for who is inside, from SVC_CLUSTER_INDEX */
	enum svc_mode mode;
	bool sticky;     /* clients are remembered */
	bool restricted; /* only sources of SVC_ALLOWED */
};

/* From the highest: four bits of mode, four of flags, twelve of cluster, twelve of count. */
uint32_t svc_choice_number(const struct svc_choice *c);
void svc_choice_read(uint32_t number, struct svc_choice *ret);

/* One element of one of the proxy's maps. */
struct svc_elem {
	uint8_t kind, family; /* AF_INET, AF_INET6 */
	uint8_t key_len, data_len;
	uint8_t key[SVC_KEY_MAX], data[20]; /* as the kernel has them: each field padded to 4 bytes */
};

#define SVC_FRONT_LEN(elem) ((elem)->family == 2 ? 12 : 24) /* the bytes of address . protocol . port in a key */
/* The data of SVC_SERVICE and SVC_STICKY. */
uint32_t svc_elem_number(const struct svc_elem *e);
uint8_t svc_elem_protocol(const struct svc_elem *e);

struct service_context {
	const struct ip *node_ips; /* node ports answer there */
	size_t n_node_ips;
	bool know_pods[2]; /* whether pods' addresses can be told from others: IPv4, IPv6 */
	bool masquerade_all;
	/* An element as it stands now (same kind, family and key), or NULL: endpoints that stay keep their index. */
	const struct svc_elem *(*find)(void *arg, const struct svc_elem *like);
	void *arg;
};

/* The wanted elements of one service, sorted by svc_elem_cmp(), keys unique: *ret is an owned array. */
void service_plan(const struct service *s, struct service_slice *const *slices, size_t n_slices,
		  const struct service_context *ctx, struct svc_elem **ret, size_t *ret_n);
/* Order by kind, family and key. */
int svc_elem_cmp(const void *a, const void *b);
/* Both sorted: elements of old that must go and of wanted that must come; a changed one is in both. Either list is an
 * owned array of borrowed pointers. */
void svc_elem_diff(const struct svc_elem *old, size_t n_old, const struct svc_elem *wanted, size_t n_wanted,
		   const struct svc_elem ***ret_del, size_t *ret_n_del, const struct svc_elem ***ret_add,
		   size_t *ret_n_add);

/* The ready endpoints of this node, each address once. */
size_t service_count_local(struct service_slice *const *slices, size_t n_slices);
/* The chain of a choice: a letter for the mode (n, m, a, l), the number of endpoints, for l also "c" and that of the
 * cluster, "s" where clients are remembered, "r" where sources are restricted: "n2", "m2s", "l1c3", "a2r". ret has room
 * for 32. */
char *svc_choice_name(uint32_t number, char *ret);

#endif
