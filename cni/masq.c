/* Masquerading.
 *
 *   masquerading (nat, postrouting)   multicast: return;  source address  vmap @masquerade
 *   net-<hash>                        destination inside the subnet: return;  masquerade
 *
 * One element a pod's address, one chain a subnet, for IPv4 and IPv6 each. */
#include <netinet/in.h> /* before the kernel headers, which yield to it */

#include "cni/masq.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cni/owned.h"
#include "io/net/ip.h"
#include "io/nft/nft_rule.h"

#define MAP "masquerade"
#define CHAIN "masquerading"
#define NET_PREFIX "net-"
#define NAT_SRC 100

struct masq {
	struct ip_net *nets; /* addresses with their subnets' prefixes */
	size_t n;
};

static int nf_family(const struct ip *ip)
{
	return ip->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

int masq_wanted(const struct cni_call *c, struct err *e)
{
	const char *backend = json_str_or(c->conf, "ipMasqBackend", "");
	if (!json_bool_at(c->conf, "ipMasq", false))
		return 0;
	if (*backend && strcmp(backend, "iptables") && strcmp(backend, "nftables"))
		return err_set(e, -EINVAL, "unknown ipmasq backend %s", backend);
	return 1;
}

static void return_inside(struct nft_batch *b, int family, const char *chain, const struct ip_net *net)
{
	struct nft_rule *r = nft_rule_new(family, OWNED_TABLE, chain);
	nft_x_daddr(r, family, 0);
	nft_x_prefix(r, NFT_CMP_EQ, 0, net->ip.b, (uint32_t)ip_len(&net->ip), net->prefix);
	nft_x_verdict(r, NFT_RETURN, NULL);
	nft_rule_add(b, r);
}

static void setup(struct nft_batch *b, int family, void *arg)
{
	const struct masq *m = arg;
	const struct nft_hook hook = {"nat", NF_INET_POST_ROUTING, NAT_SRC};
	const struct nft_set_spec map = {.family = family,
					 .table = OWNED_TABLE,
					 .name = MAP,
					 .key_type = family == NFPROTO_IPV4 ? OWNED_IPADDR : OWNED_IP6ADDR,
					 .key_len = family == NFPROTO_IPV4 ? 4 : 16,
					 .flags = NFT_SET_MAP,
					 .data_type = OWNED_VERDICT};
	struct ip_net multicast;
	ip_net_parse(family == NFPROTO_IPV4 ? "224.0.0.0/4" : "ff00::/8", &multicast);
	nft_table_add(b, family, OWNED_TABLE);
	nft_chain_add(b, family, OWNED_TABLE, CHAIN, &hook);
	nft_chain_flush(b, family, OWNED_TABLE, CHAIN);
	nft_set_add(b, &map);
	return_inside(b, family, CHAIN, &multicast);
	struct nft_rule *r = nft_rule_new(family, OWNED_TABLE, CHAIN);
	nft_x_saddr(r, family, 0);
	nft_x_map(r, MAP, 0, -1);
	nft_rule_add(b, r);
	for (size_t i = 0; i < m->n; i++) {
		char chain[OWNED_NAME_MAX];
		if (nf_family(&m->nets[i].ip) != family)
			continue;
		owned_subnet_name(chain, NET_PREFIX, &m->nets[i]);
		nft_chain_add(b, family, OWNED_TABLE, chain, NULL);
		nft_chain_flush(b, family, OWNED_TABLE, chain);
		return_inside(b, family, chain, &m->nets[i]);
		nft_x_masquerade(r = nft_rule_new(family, OWNED_TABLE, chain), false);
		nft_rule_add(b, r);
	}
}

static int parse(const json_t *result, struct masq *m, struct err *e)
{
	size_t i;
	json_t *ip;
	m->nets = xcalloc(json_array_size(json_object_get(result, "ips")) + 1, sizeof(*m->nets));
	json_array_foreach(json_object_get(result, "ips"), i,
			   ip) if (ip_net_parse(json_member(ip, "address"), &m->nets[m->n++]) < 0)
	{
		free(m->nets);
		return err_set(e, -EINVAL, "ips[%zu]: invalid address", i);
	}
	return 0;
}

static size_t make_elems(const struct masq *m, int family, struct owned_elem *v)
{
	size_t n = 0;
	for (size_t i = 0; i < m->n; i++) {
		if (nf_family(&m->nets[i].ip) != family)
			continue;
		struct nft_elem elem = {
		    .key_len = (uint8_t)ip_len(&m->nets[i].ip), .is_verdict = true, .verdict = NFT_GOTO};
		memcpy(elem.key, m->nets[i].ip.b, elem.key_len);
		owned_subnet_name(elem.chain, NET_PREFIX, &m->nets[i]);
		v[n++] = (struct owned_elem){MAP, elem};
	}
	return n;
}

static const int families[] = {NFPROTO_IPV4, NFPROTO_IPV6};

static int each_family(const struct cni_call *c, const json_t *result, bool put, struct err *e)
{
	struct masq m = {0};
	struct nft *n = NULL;
	int r = parse(result, &m, e);
	if (r < 0)
		return r;
	AUTO_FREE struct owned_elem *v = xcalloc(m.n + 1, sizeof(*v));
	r = nft_open(&n, e);
	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(families); i++) {
		size_t count = make_elems(&m, families[i], v);
		if (count)
			r = put ? owned_put(c, n, families[i], v, count, setup, &m, e)
				: owned_check(c, n, families[i], v, count, e);
	}
	nft_close(n);
	free(m.nets);
	return r;
}

int masq_add(const struct cni_call *c, const json_t *result, struct err *e)
{
	return each_family(c, result, true, e);
}

int masq_check(const struct cni_call *c, const json_t *result, struct err *e)
{
	return each_family(c, result, false, e);
}

int masq_remove(const struct cni_call *c, struct err *e)
{
	static const char *const sets[] = {MAP, NULL};
	struct nft *n = NULL;
	int r = nft_open(&n, e);
	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(families); i++)
		r = owned_remove(c, n, families[i], sets, e);
	nft_close(n);
	return r;
}
