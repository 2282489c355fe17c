/* What a cluster's names mean: Services, EndpointSlices and namespaces, and the records they give (Kubernetes DNS-based
 * service discovery, schema version 1.1.0). Pure data in, records out. */
#ifndef KNARR_DNS_ZONE_H
#define KNARR_DNS_ZONE_H

#include <jansson.h>
#include <ldns/ldns.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/map.h"
#include "io/net/ip.h"

enum { ZONE_TTL_S = 5 };

struct zone_port {
	char *name;           /* small letters, "" where it has none */
	const char *protocol; /* "tcp", "udp", "sctp" */
	uint16_t port;
};

struct zone_service {
	char *key; /* "namespace/name" */
	struct ip *ips;
	size_t n_ips, n_ports;
	char *external_name; /* NULL: none */
	bool headless;
	struct zone_port *ports;
};

struct zone_endpoint {
	struct ip ip;
	char *hostname; /* what it is called in its service: its own name, or its address with dashes */
};

struct zone_slice {
	char *key, *service; /* "namespace/name" */
	struct zone_endpoint *endpoints; /* those that are ready */
	size_t n_endpoints, n_ports;
	struct zone_port *ports;
};

/* From JSON. Owned; NULL: nothing that has a name. */
struct zone_service *zone_service_parse(const json_t *object);
struct zone_slice *zone_slice_parse(const json_t *object);
void zone_service_free(struct zone_service *s);
void zone_slice_free(struct zone_slice *s);

struct zone_config {
	const char *domain;           /* "cluster.local" */
	const struct ip *servers;     /* the addresses that answer */
	size_t n_servers;
	const struct ip_net *reverse; /* networks whose addresses' names are all known here */
	size_t n_reverse;
};

struct zone;
struct zone *zone_new(const struct zone_config *c); /* copies what it needs */
void zone_free(struct zone *z);                     /* NULL is fine */
/* The set ones take their object. */
void zone_set_service(struct zone *z, struct zone_service *s);
void zone_delete_service(struct zone *z, const char *key);
void zone_set_slice(struct zone *z, struct zone_slice *s);
void zone_delete_slice(struct zone *z, const char *key);
void zone_set_namespace(struct zone *z, const char *name, bool there);
/* Grows with every change. */
uint64_t zone_generation(const struct zone *z);
const char *zone_domain(const struct zone *z);

enum zone_result {
	ZONE_FOREIGN,  /* not one of ours to answer */
	ZONE_FOUND,    /* the name is there: the answer may be empty (no such type) */
	ZONE_NXDOMAIN, /* no such name */
	ZONE_ALIAS,    /* the answer is a CNAME; its target has to be asked for */
};

/* name: in small letters, as question.text. Adds to answer and extra, both the caller's. */
enum zone_result zone_lookup(const struct zone *z, const char *name, ldns_rr_type type, ldns_rr_list *answer,
			     ldns_rr_list *extra);
/* What an answer without records carries. Owned. */
ldns_rr *zone_soa(const struct zone *z);

#endif
