/* Addresses as sockets have them. */
#ifndef KNARR_IO_NET_IP_SOCKET_H
#define KNARR_IO_NET_IP_SOCKET_H

#include <stdint.h>
#include <sys/socket.h>

#include "io/net/ip.h"

/* Fills *ret and returns its length. */
socklen_t ip_sockaddr(const struct ip *ip, uint16_t port, struct sockaddr_storage *ret);
/* Of an AF_INET or AF_INET6 address. ret_port may be NULL. */
struct ip ip_of_sockaddr(const struct sockaddr_storage *a, uint16_t *ret_port);

#endif
