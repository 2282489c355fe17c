/* The name server of a node: the cluster's names, and everybody else's by way of the node's own name servers. */
#ifndef KNARR_DNS_DNS_H
#define KNARR_DNS_DNS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "io/loop.h"
#include "io/net/ip.h"

struct dns;

enum { DNS_ADDRESSES_MAX = 4 };

struct dns_config {
	struct loop *loop;
	const char *domain; /* "cluster.local" */
	struct ip addresses[DNS_ADDRESSES_MAX];
	size_t n_addresses;
	uint16_t port, upstream_port; /* 0: 53; for tests */
	const char *resolv_conf;      /* the node's file, looked at again when it has changed; those of addresses in it are
				       * left out */
	const struct ip_net *reverse; /* pods' and services' networks: their addresses are asked of nobody else */
	size_t n_reverse;
	/* As of struct resolver_config; may be NULL. */
	const char *(*namespace_of)(void *arg, const struct ip *client);
	/* The node's name servers send our questions back to us (they are left alone then, and tried again later), or do so no
	 * more. May be NULL. */
	void (*on_loop)(void *arg, bool looped);
	void *arg;
};

/* Binds; requests wait in the sockets until dns_ready(). -EADDRINUSE, -EADDRNOTAVAIL ... */
int dns_start(const struct dns_config *c, struct dns **ret, struct err *e);
void dns_ready(struct dns *d);
void dns_stop(struct dns *d); /* NULL is fine */

/* What the names stand on; object NULL: deleted. key is "namespace/name". */
void dns_set_service(struct dns *d, const char *key, const json_t *object);
void dns_set_slice(struct dns *d, const char *key, const json_t *object);
void dns_set_namespace(struct dns *d, const char *name, bool there);

/* Adds metrics under CoreDNS' names, in Prometheus' text format. */
void dns_metrics(const struct dns *d, struct str *out);

#endif
