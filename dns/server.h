/* The sockets: UDP and TCP (RFC 7766) on one address and port. */
#ifndef KNARR_DNS_SERVER_H
#define KNARR_DNS_SERVER_H

#include <stdint.h>

#include "base/err.h"
#include "dns/resolver.h"
#include "io/loop.h"
#include "io/net/ip.h"

struct dns_server;

enum { DNS_CONNECTIONS_MAX = 256, DNS_IDLE_MS = 10000 };

/* port 0: one is picked. -EADDRINUSE, -EADDRNOTAVAIL, ... */
int dns_server_start(struct loop *l, struct resolver *r, const struct ip *ip, uint16_t port, struct dns_server **ret,
		     struct err *e);
/* Requests wait in the sockets until this is called. */
void dns_server_read(struct dns_server *s);
/* NULL is fine. What is under way is answered no more. */
void dns_server_stop(struct dns_server *s);

#endif
