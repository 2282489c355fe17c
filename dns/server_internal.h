/* What the server*.c files share. */
#ifndef KNARR_DNS_SERVER_INTERNAL_H
#define KNARR_DNS_SERVER_INTERNAL_H

#include "base/list.h"
#include "dns/server.h"

struct dns_server {
	struct loop *loop;
	struct resolver *resolver;
	int refs; /* requests under way hold one */
	int udp_fd, tcp_fd;
	struct fd_watch *udp_watch, *tcp_watch;
	struct list connections;
	size_t n_connections;
};

void dns_server_unref(struct dns_server *s);
void dns_server_on_udp(void *server, int events);
void dns_server_on_accept(void *server, int events);
void dns_connections_close(struct dns_server *s);

#endif
