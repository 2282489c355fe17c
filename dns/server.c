/* Opening and closing the sockets. Happy path: both are bound to one address and port before either is watched. What can
 * fail: the port is taken, the address is not this machine's. What always holds: whoever still has a request under way keeps
 * the structure, and finds the descriptors closed. */
#include "dns/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns/server_internal.h"
#include "io/net/ip_socket.h"

enum { UDP_RCVBUF = 1 << 20, BACKLOG = 64 };

static int open_socket(const struct ip *ip, int type, uint16_t port, int *ret, struct err *e)
{
	struct sockaddr_storage a;
	socklen_t len = ip_sockaddr(ip, port, &a);
	char text[IP_TEXT_MAX];
	int one = 1;
	AUTO_FD int fd = socket(ip->family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (ip->family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, len) < 0)
		return err_sys(e, "bind %s port %u", ip_text(ip, text), port);
	if (type == SOCK_STREAM && listen(fd, BACKLOG) < 0)
		return err_sys(e, "listen %s port %u", ip_text(ip, text), port);
	*ret = TAKE_FD(fd);
	return 0;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);
	uint16_t port = 0;
	if (getsockname(fd, (struct sockaddr *)&a, &len) == 0)
		ip_of_sockaddr(&a, &port);
	return port;
}

int dns_server_start(struct loop *l, struct resolver *r, const struct ip *ip, uint16_t port, struct dns_server **ret,
		     struct err *e)
{
	AUTO_FD int tcp = -1, udp = -1;
	int size = UDP_RCVBUF, error = open_socket(ip, SOCK_STREAM, port, &tcp, e);
	if (!error)
		error = open_socket(ip, SOCK_DGRAM, port_of(tcp), &udp, e);
	if (error)
		return error;
	setsockopt(udp, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	struct dns_server *s = xcalloc(1, sizeof(*s));
	*s = (struct dns_server){.loop = l, .resolver = r, .refs = 1};
	s->udp_fd = TAKE_FD(udp);
	s->tcp_fd = TAKE_FD(tcp);
	list_init(&s->connections);
	*ret = s;
	return 0;
}

void dns_server_read(struct dns_server *s)
{
	s->udp_watch = fd_watch_new(s->loop, s->udp_fd, FD_READ, dns_server_on_udp, s);
	s->tcp_watch = fd_watch_new(s->loop, s->tcp_fd, FD_READ, dns_server_on_accept, s);
}

void dns_server_unref(struct dns_server *s)
{
	if (--s->refs == 0)
		free(s);
}

void dns_server_stop(struct dns_server *s)
{
	if (!s)
		return;
	fd_watch_free(s->udp_watch);
	fd_watch_free(s->tcp_watch);
	close(TAKE_FD(s->udp_fd));
	close(TAKE_FD(s->tcp_fd));
	dns_connections_close(s);
	dns_server_unref(s);
}
