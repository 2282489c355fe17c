/* Addresses as text. Happy path: the network's number plus one. Fails only by NULL, for what is no address. */
#include "api/address.h"

#include <arpa/inet.h>
#include <string.h>

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
