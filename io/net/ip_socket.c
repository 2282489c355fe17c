/* Between plain addresses and those of sockets. Nothing can fail. */
#include "io/net/ip_socket.h"

#include <netinet/in.h>
#include <string.h>

socklen_t ip_sockaddr(const struct ip *ip, uint16_t port, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (ip->family == AF_INET) {
		struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
		*v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
		memcpy(&v4->sin_addr, ip->b, sizeof(v4->sin_addr));
		return sizeof(*v4);
	}
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	*v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
	memcpy(&v6->sin6_addr, ip->b, sizeof(v6->sin6_addr));
	return sizeof(*v6);
}

struct ip ip_of_sockaddr(const struct sockaddr_storage *a, uint16_t *ret_port)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;
	struct ip ip = {.family = a->ss_family};
	memcpy(ip.b, ip.family == AF_INET ? (const void *)&v4->sin_addr : &v6->sin6_addr, ip_len(&ip));
	if (ret_port)
		*ret_port = ntohs(ip.family == AF_INET ? v4->sin_port : v6->sin6_port);
	return ip;
}
