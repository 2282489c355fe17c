/* Addresses as text. Happy path: the network's number plus one; the address that the kernel would send from. Fails only by
 * NULL, for what is no address, or where there is none. */
#include "api/address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"

char *address_first(const char *cidrs)
{
	unsigned char b[16];
	char text[INET6_ADDRSTRLEN];
	AUTO_FREE char *net = xstrndup(cidrs, strcspn(cidrs, "/,"));
	int family = strchr(net, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(family, net, b) != 1)
		return NULL;
	for (size_t i = family == AF_INET ? 4 : 16; i-- > 0 && !++b[i];)
		;
	return xstrdup(inet_ntop(family, b, text, sizeof(text)));
}

char *address_host(const char *address)
{
	return !address ? NULL : *address != '[' && strchr(address, ':') ? xasprintf("[%s]", address) : xstrdup(address);
}

static char *text_of(const struct sockaddr *sa)
{
	char text[INET6_ADDRSTRLEN];
	const void *bytes = sa->sa_family == AF_INET6 ? (const void *)&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr
						      : (const void *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr;
	return xstrdup(inet_ntop(sa->sa_family, bytes, text, sizeof(text)));
}

/* What the kernel chooses to send from, to an address of the documentation. Nothing is sent. */
static char *chosen(int family)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} a = {.sa = {.sa_family = (sa_family_t)family}};
	socklen_t n = sizeof(a);
	if (family == AF_INET6) {
		a.six.sin6_port = htons(9);
		inet_pton(AF_INET6, "2001:db8::1", &a.six.sin6_addr);
	} else {
		a.four.sin_port = htons(9);
		inet_pton(AF_INET, "203.0.113.1", &a.four.sin_addr);
	}
	AUTO_FD int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && connect(fd, &a.sa, sizeof(a)) == 0 && getsockname(fd, &a.sa, &n) == 0;
	return ok ? text_of(&a.sa) : NULL;
}

static bool is_of_use(const struct ifaddrs *i, int family)
{
	if (!i->ifa_addr || i->ifa_addr->sa_family != family || i->ifa_flags & IFF_LOOPBACK || !(i->ifa_flags & IFF_UP))
		return false;
	return family == AF_INET || !IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr);
}

char *address_default(void)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct ifaddrs *all = NULL;
	char *found = NULL;
	for (size_t k = 0; !found && k < ARRAY_LEN(families); k++)
		found = chosen(families[k]);
	if (found || getifaddrs(&all) < 0)
		return found;
	for (size_t k = 0; k < ARRAY_LEN(families); k++)
		for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next)
			if (is_of_use(i, families[k]))
				found = text_of(i->ifa_addr);
	freeifaddrs(all);
	return found;
}
