/* The structure of port mappings.
 *
 *   dnat-prerouting, dnat-output (nat)  destination is local: jump dnat
 *   dnat                                protocol . port  vmap @conditional
 *                                       dnat to address . protocol . port  map @hostip_ports
 *                                       dnat to protocol . port  map @ports
 *   map-<hash>                          one container's mappings behind its conditions
 *   snat (nat, postrouting)             connections that were redirected: destination  vmap @hairpin
 *   hair-<hash>                         from the destination's own subnet or from the node's loopback: masquerade
 *   hair-all                            masquerade
 *
 * The registers hold the key from 0 and the target from 10, its port behind its address. Nothing fails here. */
#include <netinet/in.h> /* before the kernel headers, which yield to it */

#include "cni/portmap_plan.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "io/nft/nft_rule.h"

#define PORTS "ports"
#define HOSTIP_PORTS "hostip_ports"
#define CONDITIONAL "conditional"
#define HAIRPIN "hairpin"
#define DNAT "dnat"
#define SNAT "snat"
#define ALL "hair-all"
#define OWN_CHAIN "map-"
#define PRIORITY_DNAT (-100)
#define PRIORITY_SNAT 100
#define TARGET 10
#define HAIR_PREFIX "hair-"

static uint8_t addr_len(int family)
{
	return family == NFPROTO_IPV4 ? 4 : 16;
}

static void put_port(uint8_t *to, uint16_t port)
{
	port = htons(port);
	memcpy(to, &port, sizeof(port));
}

static void add_elem(struct portmap_plan *p, const char *set, const struct nft_elem *elem)
{
	for (size_t i = 0; i < p->n; i++) /* a mapping that was given twice */
		if (!strcmp(p->elems[i].set, set) && p->elems[i].elem.key_len == elem->key_len &&
		    !memcmp(p->elems[i].elem.key, elem->key, elem->key_len))
			return;
	p->elems[p->n++] = (struct owned_elem){set, *elem};
}

static bool is_meant(const struct portmap_plan *p, const struct port_mapping *m)
{
	return !m->family || (m->family == AF_INET) == (p->family == NFPROTO_IPV4);
}

static void plan_mapping(struct portmap_plan *p, const struct port_mapping *m)
{
	uint8_t len = addr_len(p->family), at = m->host_ip.family && !p->conditional[0] ? len : 0;
	struct nft_elem elem = {.key_len = (uint8_t)(at + 8)};
	memcpy(elem.key, m->host_ip.b, at);
	elem.key[at] = m->protocol;
	put_port(elem.key + at + 4, m->host_port);
	if (p->conditional[0]) {
		elem.is_verdict = true;
		elem.verdict = NFT_JUMP;
		memcpy(elem.chain, p->conditional, sizeof(p->conditional));
		add_elem(p, CONDITIONAL, &elem);
		return;
	}
	elem.data_len = (uint8_t)(len + 4);
	memcpy(elem.data, p->addr.ip.b, len);
	put_port(elem.data + len, m->container_port);
	add_elem(p, at ? HOSTIP_PORTS : PORTS, &elem);
}

void portmap_plan(const struct portmap_conf *conf, int family, const char *owner, struct portmap_plan *ret)
{
	size_t f = family == NFPROTO_IPV6;
	struct portmap_plan p = {.conf = conf, .family = family, .addr = conf->addrs[f]};
	p.elems = xcalloc(conf->n_maps + 1, sizeof(*p.elems));
	if (conf->n_conditions[f])
		owned_name(p.conditional, OWN_CHAIN, owner);
	for (size_t i = 0; i < conf->n_maps; i++)
		if (is_meant(&p, &conf->maps[i]))
			plan_mapping(&p, &conf->maps[i]);
	if (p.n && conf->snat) {
		struct nft_elem elem = {.key_len = addr_len(family), .is_verdict = true, .verdict = NFT_GOTO};
		memcpy(elem.key, p.addr.ip.b, elem.key_len);
		if (conf->masq_all)
			strcpy(elem.chain, ALL);
		else
			owned_subnet_name(elem.chain, HAIR_PREFIX, &p.addr);
		add_elem(&p, HAIRPIN, &elem);
	}
	*ret = p;
}

void portmap_plan_done(struct portmap_plan *p)
{
	free(p->elems);
	p->elems = NULL;
}

static void add_sets(struct nft_batch *b, int family)
{
	uint32_t addr = family == NFPROTO_IPV4 ? OWNED_IPADDR : OWNED_IP6ADDR, len = addr_len(family);
	uint32_t port = OWNED_CONCAT(OWNED_PROTO, OWNED_SERVICE), target = OWNED_CONCAT(addr, OWNED_SERVICE);
	const struct nft_set_spec sets[] = {
	    {.name = PORTS, .key_type = port, .key_len = 8, .data_type = target, .data_len = len + 4},
	    {.name = HOSTIP_PORTS,
	     .key_type = OWNED_CONCAT(OWNED_CONCAT(addr, OWNED_PROTO), OWNED_SERVICE),
	     .key_len = len + 8,
	     .data_type = target,
	     .data_len = len + 4},
	    {.name = CONDITIONAL, .key_type = port, .key_len = 8, .data_type = OWNED_VERDICT},
	    {.name = HAIRPIN, .key_type = addr, .key_len = len, .data_type = OWNED_VERDICT},
	};
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		struct nft_set_spec set = sets[i];
		set.family = family;
		set.table = OWNED_TABLE;
		set.flags = NFT_SET_MAP;
		nft_set_add(b, &set);
	}
}

static void base_chain(struct nft_batch *b, int family, const char *name, int hook, int priority)
{
	const struct nft_hook h = {"nat", hook, priority};
	nft_chain_add(b, family, OWNED_TABLE, name, &h);
	nft_chain_flush(b, family, OWNED_TABLE, name);
}

static void plain_chain(struct nft_batch *b, int family, const char *name)
{
	nft_chain_add(b, family, OWNED_TABLE, name, NULL);
	nft_chain_flush(b, family, OWNED_TABLE, name);
}

static void jump_if_local(struct nft_batch *b, int family, const char *chain)
{
	uint32_t local = RTN_LOCAL;
	struct nft_rule *r = nft_rule_new(family, OWNED_TABLE, chain);
	nft_x_fib_daddr_type(r, 0);
	nft_x_cmp(r, NFT_CMP_EQ, 0, &local, sizeof(local));
	nft_x_verdict(r, NFT_JUMP, DNAT);
	nft_rule_add(b, r);
}

/* protocol . port into the registers from reg. */
static void load_port(struct nft_rule *r, int reg)
{
	nft_x_meta(r, NFT_META_L4PROTO, reg);
	nft_x_dport(r, reg + 1);
}

static void add_lookups(struct nft_batch *b, int family)
{
	int regs = addr_len(family) / 4;
	struct nft_rule *r = nft_rule_new(family, OWNED_TABLE, DNAT);
	load_port(r, 0);
	nft_x_map(r, CONDITIONAL, 0, -1);
	nft_rule_add(b, r);
	r = nft_rule_new(family, OWNED_TABLE, DNAT);
	nft_x_daddr(r, family, 0);
	load_port(r, regs);
	nft_x_map(r, HOSTIP_PORTS, 0, TARGET);
	nft_x_dnat(r, family, TARGET, TARGET + regs);
	nft_rule_add(b, r);
	r = nft_rule_new(family, OWNED_TABLE, DNAT);
	load_port(r, 0);
	nft_x_map(r, PORTS, 0, TARGET);
	nft_x_dnat(r, family, TARGET, TARGET + regs);
	nft_rule_add(b, r);
}

static void match_net(struct nft_rule *r, const struct ip_net *net, uint32_t op)
{
	nft_x_prefix(r, op, 0, net->ip.b, (uint32_t)ip_len(&net->ip), net->prefix);
}

static void masquerade_from(struct nft_batch *b, int family, const char *chain, const struct ip_net *net)
{
	struct nft_rule *r = nft_rule_new(family, OWNED_TABLE, chain);
	if (net) {
		nft_x_saddr(r, family, 0);
		match_net(r, net, NFT_CMP_EQ);
	}
	nft_x_masquerade(r, false);
	nft_rule_add(b, r);
}

static void add_snat(struct nft_batch *b, const struct portmap_plan *p)
{
	char chain[OWNED_NAME_MAX];
	uint32_t redirected = IPS_DST_NAT, none = 0;
	struct ip_net loopback;
	struct nft_rule *r = nft_rule_new(p->family, OWNED_TABLE, SNAT);
	nft_x_ct(r, NFT_CT_STATUS, 0);
	nft_x_bitwise(r, 0, &redirected, &none, sizeof(redirected));
	nft_x_cmp(r, NFT_CMP_NEQ, 0, &none, sizeof(none));
	nft_x_daddr(r, p->family, 0);
	nft_x_map(r, HAIRPIN, 0, -1);
	nft_rule_add(b, r);
	plain_chain(b, p->family, ALL);
	masquerade_from(b, p->family, ALL, NULL);
	plain_chain(b, p->family, owned_subnet_name(chain, HAIR_PREFIX, &p->addr));
	masquerade_from(b, p->family, chain, &p->addr);
	ip_net_parse(p->family == NFPROTO_IPV4 ? "127.0.0.0/8" : "::1/128", &loopback);
	masquerade_from(b, p->family, chain, &loopback);
}

static void put_condition(struct nft_rule *r, int family, const struct port_condition *c)
{
	uint32_t op = c->not ? NFT_CMP_NEQ : NFT_CMP_EQ;
	if (c->what == CONDITION_IIFNAME) {
		nft_x_meta(r, NFT_META_IIFNAME, 0);
		nft_x_cmp(r, op, 0, c->ifname, sizeof(c->ifname));
		return;
	}
	if (c->what == CONDITION_SADDR)
		nft_x_saddr(r, family, 0);
	else
		nft_x_daddr(r, family, 0);
	match_net(r, &c->net, op);
}

static void conditional_mapping(struct nft_batch *b, const struct portmap_plan *p, const struct port_mapping *m)
{
	size_t f = p->family == NFPROTO_IPV6;
	uint16_t port = htons(m->host_port), to = htons(m->container_port);
	struct nft_rule *r = nft_rule_new(p->family, OWNED_TABLE, p->conditional);
	for (size_t i = 0; i < p->conf->n_conditions[f]; i++)
		put_condition(r, p->family, &p->conf->conditions[f][i]);
	if (m->host_ip.family) {
		nft_x_daddr(r, p->family, 0);
		nft_x_cmp(r, NFT_CMP_EQ, 0, m->host_ip.b, addr_len(p->family));
	}
	nft_x_meta(r, NFT_META_L4PROTO, 0);
	nft_x_cmp(r, NFT_CMP_EQ, 0, &m->protocol, sizeof(m->protocol));
	nft_x_dport(r, 0);
	nft_x_cmp(r, NFT_CMP_EQ, 0, &port, sizeof(port));
	nft_x_immediate(r, TARGET, p->addr.ip.b, addr_len(p->family));
	nft_x_immediate(r, TARGET + addr_len(p->family) / 4, &to, sizeof(to));
	nft_x_dnat(r, p->family, TARGET, TARGET + addr_len(p->family) / 4);
	nft_rule_add(b, r);
}

void portmap_setup(struct nft_batch *b, int family, void *arg)
{
	const struct portmap_plan *p = arg;
	nft_table_add(b, family, OWNED_TABLE);
	add_sets(b, family);
	plain_chain(b, family, DNAT);
	add_lookups(b, family);
	base_chain(b, family, "dnat-prerouting", NF_INET_PRE_ROUTING, PRIORITY_DNAT);
	jump_if_local(b, family, "dnat-prerouting");
	base_chain(b, family, "dnat-output", NF_INET_LOCAL_OUT, PRIORITY_DNAT);
	jump_if_local(b, family, "dnat-output");
	base_chain(b, family, SNAT, NF_INET_POST_ROUTING, PRIORITY_SNAT);
	add_snat(b, p);
	if (!p->conditional[0])
		return;
	plain_chain(b, family, p->conditional);
	for (size_t i = 0; i < p->conf->n_maps; i++)
		if (is_meant(p, &p->conf->maps[i]))
			conditional_mapping(b, p, &p->conf->maps[i]);
}

int portmap_clear(const struct cni_call *c, struct nft *n, int family, struct err *e)
{
	static const char *const sets[] = {PORTS, HOSTIP_PORTS, CONDITIONAL, HAIRPIN, NULL};
	int r = owned_remove(c, n, family, sets, e);
	return r < 0 ? r : owned_remove_chains(n, family, CONDITIONAL, OWN_CHAIN, e);
}
