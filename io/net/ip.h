/* IP addresses and networks as plain values: parse, format, order, count. */
#ifndef KNARR_IO_NET_IP_H
#define KNARR_IO_NET_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Network byte order; IPv4 uses the first four bytes, the rest is zero. family 0: no address. */
struct ip {
	int family; /* AF_INET, AF_INET6 */
	uint8_t b[16];
};

/* An address with a prefix length; host bits may be set. */
struct ip_net {
	struct ip ip;
	int prefix;
};

#define IP_TEXT_MAX 64

/* Numeric text; IPv4-mapped IPv6 becomes IPv4. 0 or -EINVAL. */
int ip_parse(const char *s, struct ip *ret);
/* "address/prefix". 0 or -EINVAL. */
int ip_net_parse(const char *s, struct ip_net *ret);
/* As ip_net_parse(); without a prefix the whole address counts (/32, /128). */
int ip_net_parse_loose(const char *s, struct ip_net *ret);
/* ret has room for IP_TEXT_MAX; returned. */
char *ip_text(const struct ip *ip, char *ret);
char *ip_net_text(const struct ip_net *n, char *ret);

int ip_bits(const struct ip *ip);                   /* 32 or 128 */
size_t ip_len(const struct ip *ip);                 /* 4 or 16 bytes */
int ip_cmp(const struct ip *a, const struct ip *b); /* by family, then value */
bool ip_eq(const struct ip *a, const struct ip *b);
bool ip_is_unset(const struct ip *ip);
bool ip_is_any(const struct ip *ip);    /* 0.0.0.0 or :: */
struct ip ip_next(const struct ip *ip); /* wraps around */
struct ip ip_prev(const struct ip *ip);
/* The address with the host bits cleared, and with all of them set. */
struct ip ip_net_first(const struct ip_net *n);
struct ip ip_net_last(const struct ip_net *n);
bool ip_net_contains(const struct ip_net *n, const struct ip *ip);

#define MAC_TEXT_MAX 18
/* "02:00:5e:..." both ways. 0 or -EINVAL. */
int mac_parse(const char *s, uint8_t ret[6]);
char *mac_text(const uint8_t mac[6], char *ret);
/* A random unicast address with the locally-administered bit. */
void mac_random(uint8_t ret[6]);

#endif
