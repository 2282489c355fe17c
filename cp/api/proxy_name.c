/* Names before /proxy, and addresses that may be dialled for users. Purpose: nobody is led to the server's own loopback
 * or its neighbours' link-local services. Pure. */
#include "cp/api/proxy_name.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

bool proxy_name_parse(const char *text, struct proxy_name *ret)
{
	AUTO_STRV char **parts = str_split(text, ':');
	size_t n = strv_len(parts);
	const char *scheme = n == 3 ? parts[0] : "";
	if (n < 1 || n > 3 || (*scheme && strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) || !*parts[n == 3])
		return false;
	struct proxy_name r = {.text = xstrdup(text)};
	char *first = strchr(r.text, ':'), *last = strrchr(r.text, ':');
	r.scheme = n == 3 ? r.text : "";
	r.name = n == 3 ? first + 1 : r.text;
	r.port = last ? last + 1 : "";
	if (first)
		*first = '\0';
	if (last)
		*last = '\0';
	*ret = r;
	return true;
}

void proxy_name_done(struct proxy_name *n)
{
	free(n->text);
	*n = (struct proxy_name){0};
}

static bool may_dial_four(uint32_t ip)
{
	return ip != INADDR_ANY && ip != INADDR_BROADCAST && ip >> 24 != 127 && ip >> 28 != 14 && ip >> 16 != 0xa9fe;
}

bool proxy_may_dial(const char *address)
{
	struct in_addr four;
	struct in6_addr six;
	if (str_empty(address))
		return false;
	if (inet_pton(AF_INET, address, &four) == 1)
		return may_dial_four(ntohl(four.s_addr));
	if (inet_pton(AF_INET6, address, &six) != 1)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&six)) {
		memcpy(&four, &six.s6_addr[12], sizeof(four));
		return may_dial_four(ntohl(four.s_addr));
	}
	return !IN6_IS_ADDR_UNSPECIFIED(&six) && !IN6_IS_ADDR_LOOPBACK(&six) && !IN6_IS_ADDR_LINKLOCAL(&six) &&
	       !IN6_IS_ADDR_MULTICAST(&six);
}
