/* Ranges of service addresses. Happy path: an address is a number of 32 or 128 bits, a range its first one and a size.
 * What can fail: a text that is no range, or one that is too large or too small. What always holds: size > band. */
#include "cp/kinds/service_range.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

int service_address_parse(const char *text, unsigned __int128 *ret)
{
	unsigned char b[16];
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(family, text, b) != 1)
		return 0;
	*ret = 0;
	for (size_t i = 0; i < (family == AF_INET ? 4 : 16); i++)
		*ret = *ret << 8 | b[i];
	return family == AF_INET ? 4 : 6;
}

int service_range_parse(const char *cidr, struct service_range *ret, struct err *e)
{
	struct service_range r = { 0 };
	AUTO_FREE char *net = xstrndup(cidr, strcspn(cidr, "/"));
	uint32_t bits = 0;
	r.family = service_address_parse(net, &r.first);
	uint32_t width = r.family == 4 ? 32 : 128, least = r.family == 4 ? 8 : 64;
	if (!r.family || !strchr(cidr, '/') || str_to_u32(strchr(cidr, '/') + 1, &bits) < 0 || bits < least || bits > width - 3)
		return err_set(e, -EINVAL, "service range \"%s\": want an IPv4 range from /8 to /29 or an IPv6 range from /64 to /125", cidr);
	uint64_t last = width - bits == 64 ? UINT64_MAX : ((uint64_t)1 << (width - bits)) - 1;
	r.first = (r.first & ~(unsigned __int128)last) + 1;
	r.size = last - (r.family == 4);
	r.band = MIN(MAX(r.size / 16, 16U), 256U);
	if (r.band >= r.size)
		r.band = 0;
	*ret = r;
	return 0;
}

bool service_range_has(const struct service_range *r, int family, unsigned __int128 address)
{
	return r->family == family && address >= r->first && address - r->first < r->size;
}

const char *service_range_text(const struct service_range *r, uint64_t n, char *ret)
{
	unsigned __int128 address = r->first + n;
	unsigned char b[16];
	for (size_t i = r->family == 4 ? 4 : 16; i-- > 0; address >>= 8)
		b[i] = (unsigned char)address;
	return inet_ntop(r->family == 4 ? AF_INET : AF_INET6, b, ret, SERVICE_ADDRESS_MAX);
}
