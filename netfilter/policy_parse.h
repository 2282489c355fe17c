/* NetworkPolicies, and pods as far as policies look at them, from their JSON. networking.k8s.io/v1 NetworkPolicy. */
#ifndef KNARR_NETFILTER_POLICY_PARSE_H
#define KNARR_NETFILTER_POLICY_PARSE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/net/ip.h"

struct selector;

enum policy_direction { POLICY_INGRESS, POLICY_EGRESS, POLICY_DIRECTIONS };

/* A port that a rule allows, or that a pod's container names. */
struct policy_port {
	int protocol;      /* IPPROTO_TCP, _UDP, _SCTP */
	char *name;        /* of a rule: the destination's container port of this name; NULL: by number */
	uint16_t from, to; /* inclusive; 0 to 65535: every port of the protocol */
};

/* Whom a rule allows: pods or a block of addresses. */
struct policy_peer {
	char *scope;                 /* what selects the pods: same text, same pods; NULL: a block */
	char *ns;                    /* the policy's own namespace, where namespaces is NULL */
	struct selector *namespaces; /* NULL: only ns */
	struct selector *pods;       /* NULL: all */
	struct ip_net block;
	struct ip_net *except;
	size_t n_except;
};

struct policy_rule {
	struct policy_peer *peers; /* none: everybody */
	struct policy_port *ports; /* none: everything, ICMP too */
	size_t n_peers, n_ports;
};

struct policy {
	unsigned refs;
	char *key, *ns; /* "namespace/name" */
	struct selector *pods;
	bool isolates[POLICY_DIRECTIONS];
	struct policy_rule *rules[POLICY_DIRECTIONS];
	size_t n_rules[POLICY_DIRECTIONS];
};

struct policy_pod {
	char *key, *ns; /* its uid ("namespace/name" where it has none); its namespace */
	json_t *labels; /* a reference; may be NULL */
	struct ip *ips; /* none: no network of its own, or not yet, or not any more */
	size_t n_ips;
	struct policy_port *ports; /* the named ones of its containers */
	size_t n_ports;
	bool local; /* runs on this node */
	bool deleting;
};

/* Returns owned. -EINVAL names the field that cannot be understood (the API server lets none through). */
int policy_parse(const json_t *object, struct policy **ret, struct err *e);
void policy_free(struct policy *p); /* gives one reference back */
struct policy *policy_ref(const struct policy *p);
/* A Pod. Its addresses are those of status.podIPs, unless it has ended or is on the node's network. NULL where it has no
 * name. Returns owned. */
struct policy_pod *policy_pod_parse(const json_t *object, const char *node_name);
/* Puts these numeric addresses (NULL-terminated, may be NULL) in place of the ones it has. */
void policy_pod_set_ips(struct policy_pod *p, char *const *ips);
bool policy_pod_same(const struct policy_pod *a, const struct policy_pod *b);
void policy_pod_free(struct policy_pod *p);

#endif
