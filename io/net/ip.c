/* IP addresses as values.
 *
 * Pure functions on 16 bytes in network order; every loop runs over ip_len() bytes, so both families share the code.
 * Only parsing can fail. What always holds: unused bytes are zero, so that values compare by memcmp(). */
#include "io/net/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/rand.h"
#include "base/str.h"

int ip_parse(const char *s, struct ip *ret)
{
	struct ip ip = {0};
	if (!s)
		return -EINVAL;
	if (inet_pton(AF_INET, s, ip.b) == 1) {
		ip.family = AF_INET;
	} else if (inet_pton(AF_INET6, s, ip.b) == 1) {
		static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
		ip.family = AF_INET6;
		if (!memcmp(ip.b, mapped, sizeof(mapped))) {
			memmove(ip.b, ip.b + 12, 4);
			memset(ip.b + 4, 0, 12);
			ip.family = AF_INET;
		}
	} else {
		return -EINVAL;
	}
	*ret = ip;
	return 0;
}

static int parse_net(const char *s, bool prefix_needed, struct ip_net *ret)
{
	char text[IP_TEXT_MAX];
	struct ip_net n = {0};
	uint32_t prefix;
	const char *slash = s ? strchr(s, '/') : NULL;
	if (!s || (!slash && prefix_needed) || strlen(s) >= sizeof(text))
		return -EINVAL;
	snprintf(text, sizeof(text), "%.*s", (int)(slash ? slash - s : (long)strlen(s)), s);
	if (ip_parse(text, &n.ip))
		return -EINVAL;
	n.prefix = ip_bits(&n.ip);
	if (slash) {
		if (str_to_u32(slash + 1, &prefix) || prefix > (uint32_t)ip_bits(&n.ip))
			return -EINVAL;
		n.prefix = (int)prefix;
	}
	*ret = n;
	return 0;
}

int ip_net_parse(const char *s, struct ip_net *ret)
{
	return parse_net(s, true, ret);
}

int ip_net_parse_loose(const char *s, struct ip_net *ret)
{
	return parse_net(s, false, ret);
}

char *ip_text(const struct ip *ip, char *ret)
{
	if (!ip->family || !inet_ntop(ip->family, ip->b, ret, IP_TEXT_MAX))
		ret[0] = '\0';
	return ret;
}

char *ip_net_text(const struct ip_net *n, char *ret)
{
	size_t len = strlen(ip_text(&n->ip, ret));
	snprintf(ret + len, IP_TEXT_MAX - len, "/%d", n->prefix);
	return ret;
}

int ip_bits(const struct ip *ip)
{
	return ip->family == AF_INET ? 32 : 128;
}

size_t ip_len(const struct ip *ip)
{
	return ip->family == AF_INET ? 4 : 16;
}

int ip_cmp(const struct ip *a, const struct ip *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, sizeof(a->b));
}

bool ip_eq(const struct ip *a, const struct ip *b)
{
	return ip_cmp(a, b) == 0;
}

bool ip_is_unset(const struct ip *ip)
{
	return !ip->family;
}

bool ip_is_any(const struct ip *ip)
{
	static const uint8_t zero[16];
	return ip->family && !memcmp(ip->b, zero, sizeof(zero));
}

struct ip ip_next(const struct ip *ip)
{
	struct ip r = *ip;
	for (size_t i = ip_len(ip); i-- > 0;)
		if (++r.b[i])
			break;
	return r;
}

struct ip ip_prev(const struct ip *ip)
{
	struct ip r = *ip;
	for (size_t i = ip_len(ip); i-- > 0;)
		if (r.b[i]--)
			break;
	return r;
}

/* The mask's byte i for a prefix length. */
static uint8_t mask_byte(int prefix, size_t i)
{
	int bits = prefix - (int)i * 8;
	return bits >= 8 ? 0xff : bits <= 0 ? 0 : (uint8_t)(0xff << (8 - bits));
}

struct ip ip_net_first(const struct ip_net *n)
{
	struct ip r = n->ip;
	for (size_t i = 0; i < ip_len(&r); i++)
		r.b[i] &= mask_byte(n->prefix, i);
	return r;
}

struct ip ip_net_last(const struct ip_net *n)
{
	struct ip r = n->ip;
	for (size_t i = 0; i < ip_len(&r); i++)
		r.b[i] |= (uint8_t)~mask_byte(n->prefix, i);
	return r;
}

bool ip_net_contains(const struct ip_net *n, const struct ip *ip)
{
	struct ip_net other = {*ip, n->prefix};
	if (n->ip.family != ip->family)
		return false;
	struct ip a = ip_net_first(n), b = ip_net_first(&other);
	return ip_eq(&a, &b);
}

int mac_parse(const char *s, uint8_t ret[6])
{
	unsigned v[6];
	char end;
	if (!s || strlen(s) != MAC_TEXT_MAX - 1 ||
	    sscanf(s, "%2x:%2x:%2x:%2x:%2x:%2x%c", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &end) != 6)
		return -EINVAL;
	for (size_t i = 0; i < 6; i++)
		ret[i] = (uint8_t)v[i];
	return 0;
}

char *mac_text(const uint8_t mac[6], char *ret)
{
	snprintf(ret, MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return ret;
}

void mac_random(uint8_t ret[6])
{
	rand_bytes(ret, 6);
	ret[0] = (uint8_t)((ret[0] & 0xfe) | 0x02);
}
