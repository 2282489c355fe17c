/* The table of policies.
 *
 *   forward-egress, then forward-ingress (filter, forward), each:
 *     established, related connections              accept
 *     neighbour discovery                           accept
 *     source . destination @self                    accept
 *     source (egress), destination (ingress)        vmap: goto the chain of the pod's policies
 *
 * The forward hook sees addresses behind the translation of services, packets between nodes and pods, and with bridge
 * netfilter those between pods of one bridge. What the node itself sends or gets passes input and output only: a node
 * may always reach its pods, and they the node. Nothing fails here; the kernel checks at commit. */
#include <netinet/in.h> /* before the kernel headers, which yield to it */

#include "netfilter/policy_apply.h"

#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/nft/nft_rule.h"

#define FAMILY NFPROTO_INET
/* Behind what other filters of the host do at 0. */
#define PRIORITY 1
#define CT_ESTABLISHED_RELATED 6u /* of NFT_CT_STATE */
#define ND_FIRST 133		  /* ICMPv6 types of neighbour discovery, RFC 4861 */
#define ND_LAST 137
#define ND_HOP_LIMIT 255
#define HOP_LIMIT_AT 7

/* The numbers that nft gives to types, for its listings. */
enum { TYPE_IPADDR = 7, TYPE_IP6ADDR = 8, TYPE_PROTOCOL = 12, TYPE_SERVICE = 13 };
#define CONCAT(a, b) (((a) << 6) | (b))
#define VERDICT_TYPE 0xffffff00u

static const int families[] = {AF_INET, AF_INET6};

static uint32_t addr_type(int family)
{
	return family == AF_INET ? TYPE_IPADDR : TYPE_IP6ADDR;
}

static uint32_t addr_len(int family)
{
	return family == AF_INET ? 4 : 16;
}

static int nf_family(int family)
{
	return family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

static void match_byte(struct nft_rule *r, uint32_t meta, uint8_t value)
{
	nft_x_meta(r, meta, 0);
	nft_x_cmp(r, NFT_CMP_EQ, 0, &value, sizeof(value));
}

static void load_addr(struct nft_rule *r, int family, bool source, int reg)
{
	if (source)
		nft_x_saddr(r, nf_family(family), reg);
	else
		nft_x_daddr(r, nf_family(family), reg);
}

static void add_established(struct nft_batch *b, const char *table, const char *chain)
{
	uint32_t mask = CT_ESTABLISHED_RELATED, none = 0;
	struct nft_rule *r = nft_rule_new(FAMILY, table, chain);
	nft_x_ct(r, NFT_CT_STATE, 0);
	nft_x_bitwise(r, 0, &mask, &none, sizeof(mask));
	nft_x_cmp(r, NFT_CMP_NEQ, 0, &none, sizeof(none));
	nft_x_verdict(r, NF_ACCEPT, NULL);
	nft_rule_add(b, r);
}

/* Pods on one bridge cannot find each other without; the hop limit shows that no router was between. */
static void add_neighbours(struct nft_batch *b, const char *table, const char *chain)
{
	const uint8_t first = ND_FIRST, last = ND_LAST, hops = ND_HOP_LIMIT;
	struct nft_rule *r = nft_rule_new(FAMILY, table, chain);
	match_byte(r, NFT_META_NFPROTO, NFPROTO_IPV6);
	match_byte(r, NFT_META_L4PROTO, IPPROTO_ICMPV6);
	nft_x_payload(r, NFT_PAYLOAD_NETWORK_HEADER, HOP_LIMIT_AT, 1, 0);
	nft_x_cmp(r, NFT_CMP_EQ, 0, &hops, 1);
	nft_x_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, 0);
	nft_x_cmp(r, NFT_CMP_GTE, 0, &first, 1);
	nft_x_cmp(r, NFT_CMP_LTE, 0, &last, 1);
	nft_x_verdict(r, NF_ACCEPT, NULL);
	nft_rule_add(b, r);
}

static const char *base_name(char *ret, const char *what, int family)
{
	snprintf(ret, POLICY_NAME_MAX, "%s%c", what, family == AF_INET ? '4' : '6');
	return ret;
}

static void add_self(struct nft_batch *b, const char *table, const char *chain, int family)
{
	char name[POLICY_NAME_MAX];
	struct nft_rule *r = nft_rule_new(FAMILY, table, chain);
	match_byte(r, NFT_META_NFPROTO, (uint8_t)nf_family(family));
	load_addr(r, family, true, 0);
	load_addr(r, family, false, (int)addr_len(family) / 4);
	nft_x_lookup(r, base_name(name, POLICY_SELF_SET, family), 0);
	nft_x_verdict(r, NF_ACCEPT, NULL);
	nft_rule_add(b, r);
}

static void add_vmap(struct nft_batch *b, const char *table, const char *chain, int family, bool ingress)
{
	char name[POLICY_NAME_MAX];
	struct nft_rule *r = nft_rule_new(FAMILY, table, chain);
	match_byte(r, NFT_META_NFPROTO, (uint8_t)nf_family(family));
	load_addr(r, family, !ingress, 0);
	nft_x_map(r, base_name(name, ingress ? POLICY_INGRESS_MAP : POLICY_EGRESS_MAP, family), 0, -1);
	nft_rule_add(b, r);
}

static void add_base_sets(struct nft_batch *b, const char *table, int family)
{
	char name[POLICY_NAME_MAX];
	struct nft_set_spec spec = {.family = FAMILY, .table = table, .name = name};
	spec.key_type = CONCAT(addr_type(family), addr_type(family));
	spec.key_len = 2 * addr_len(family);
	base_name(name, POLICY_SELF_SET, family);
	nft_set_add(b, &spec);
	spec.key_type = addr_type(family);
	spec.key_len = addr_len(family);
	spec.flags = NFT_SET_MAP;
	spec.data_type = VERDICT_TYPE;
	base_name(name, POLICY_INGRESS_MAP, family);
	nft_set_add(b, &spec);
	base_name(name, POLICY_EGRESS_MAP, family);
	nft_set_add(b, &spec);
}

void policy_apply_remove(struct nft_batch *b, const char *table)
{
	nft_table_add(b, FAMILY, table); /* so that deleting it cannot fail */
	nft_table_del(b, FAMILY, table);
}

void policy_apply_base(struct nft_batch *b, const char *table)
{
	static const char *const chains[] = {"forward-egress", "forward-ingress"};
	policy_apply_remove(b, table);
	nft_table_add(b, FAMILY, table);
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		add_base_sets(b, table, families[i]);
	for (int c = 0; c < 2; c++) {
		const struct nft_hook hook = {"filter", NF_INET_FORWARD, PRIORITY + c};
		nft_chain_add(b, FAMILY, table, chains[c], &hook);
		add_established(b, table, chains[c]);
		add_neighbours(b, table, chains[c]);
		for (size_t i = 0; i < ARRAY_LEN(families); i++) {
			add_self(b, table, chains[c], families[i]);
			add_vmap(b, table, chains[c], families[i], c == 1);
		}
	}
}

/* The last interval of all addresses has no end: there is no first address behind it. */
static void add_ranges(struct nft_batch *b, const char *table, const struct policy_set *s)
{
	struct nft_elem *v = xcalloc(2 * s->n_ranges + 1, sizeof(*v));
	size_t n = 0;
	for (size_t i = 0; i < s->n_ranges; i++) {
		const struct policy_range *r = &s->ranges[i];
		struct ip behind = ip_next(&r->last);
		v[n].key_len = (uint8_t)addr_len(s->family);
		memcpy(v[n++].key, r->first.b, addr_len(s->family));
		if (ip_cmp(&behind, &r->last) < 0)
			continue;
		v[n].key_len = (uint8_t)addr_len(s->family);
		v[n].interval_end = true;
		memcpy(v[n++].key, behind.b, addr_len(s->family));
	}
	nft_elems_add(b, FAMILY, table, s->name, v, n);
	free(v);
}

static void add_set(struct nft_batch *b, const char *table, const struct policy_set *s)
{
	struct nft_set_spec spec = {.family = FAMILY,
				    .table = table,
				    .name = s->name,
				    .key_type = addr_type(s->family),
				    .key_len = addr_len(s->family)};
	if (s->kind == POLICY_SET_BLOCKS)
		spec.flags = NFT_SET_INTERVAL;
	if (s->kind == POLICY_SET_PORTS) {
		spec.key_type = CONCAT(CONCAT(spec.key_type, TYPE_PROTOCOL), TYPE_SERVICE);
		spec.key_len += 8;
	}
	nft_set_add(b, &spec);
	if (s->kind == POLICY_SET_BLOCKS)
		add_ranges(b, table, s);
}

static void match_ports(struct nft_rule *r, const struct policy_match *m)
{
	uint16_t from = htons(m->from), to = htons(m->to);
	match_byte(r, NFT_META_L4PROTO, (uint8_t)m->protocol);
	if (m->from == 0 && m->to == UINT16_MAX)
		return;
	nft_x_dport(r, 0);
	nft_x_cmp(r, m->from == m->to ? NFT_CMP_EQ : NFT_CMP_GTE, 0, &from, sizeof(from));
	if (m->from != m->to)
		nft_x_cmp(r, NFT_CMP_LTE, 0, &to, sizeof(to));
}

static void match_set(struct nft_rule *r, const struct policy_match *m)
{
	int next = (int)addr_len(m->set_family) / 4;
	match_byte(r, NFT_META_NFPROTO, (uint8_t)nf_family(m->set_family));
	load_addr(r, m->set_family, !m->set_has_port && m->peer_is_source, 0);
	if (m->set_has_port) {
		nft_x_meta(r, NFT_META_L4PROTO, next);
		nft_x_dport(r, next + 1);
	}
	nft_x_lookup(r, m->set, 0);
}

static void add_rules(struct nft_batch *b, const char *table, const struct policy_chain *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct policy_match *m = &c->v[i];
		struct nft_rule *r = nft_rule_new(FAMILY, table, c->name);
		if (m->set[0])
			match_set(r, m);
		if (m->protocol)
			match_ports(r, m);
		nft_x_verdict(r, m->verdict, m->chain[0] ? m->chain : NULL);
		nft_rule_add(b, r);
	}
}

void policy_apply_new(struct nft_batch *b, const char *table, const struct policy_shape *old, const struct policy_shape *new)
{
	size_t at = 0;
	const char *name;
	const struct policy_set *s;
	const struct policy_chain *c;
	while (map_next(new->sets, &at, &name, &s))
		if (!old || !map_has(old->sets, name))
			add_set(b, table, s);
	at = 0;
	while (map_next(new->chains, &at, &name, &c)) { /* those that it jumps to were before it */
		if (old && map_has(old->chains, name))
			continue;
		nft_chain_add(b, FAMILY, table, name, NULL);
		add_rules(b, table, c);
	}
}

void policy_apply_old(struct nft_batch *b, const char *table, const struct policy_shape *old, const struct policy_shape *new)
{
	size_t at = 0;
	const char *name;
	void *ignored;
	while (map_next(old->chains, &at, &name, &ignored))
		if (!map_has(new->chains, name))
			nft_chain_flush(b, FAMILY, table, name);
	at = 0;
	while (map_next(old->chains, &at, &name, &ignored))
		if (!map_has(new->chains, name))
			nft_chain_del(b, FAMILY, table, name);
	at = 0;
	while (map_next(old->sets, &at, &name, &ignored))
		if (!map_has(new->sets, name))
			nft_set_del(b, FAMILY, table, name);
}

static struct nft_elem elem_of(const struct policy_elem *e)
{
	struct nft_elem out = {.key_len = e->key_len, .is_verdict = e->chain[0] != '\0', .verdict = NFT_GOTO};
	memcpy(out.key, e->key, e->key_len);
	memcpy(out.chain, e->chain, sizeof(e->chain));
	return out;
}

void policy_apply_elems(struct nft_batch *b, const char *table, bool add, const struct policy_elem *v, size_t n)
{
	AUTO_FREE struct nft_elem *out = xcalloc(n + 1, sizeof(*out));
	for (size_t i = 0; i < n; i++)
		out[i] = elem_of(&v[i]);
	for (size_t from = 0, to = 0; from < n; from = to) {
		while (to < n && !strcmp(v[to].set, v[from].set))
			to++;
		if (add)
			nft_elems_add(b, FAMILY, table, v[from].set, out + from, to - from);
		else
			nft_elems_del(b, FAMILY, table, v[from].set, out + from, to - from);
	}
}
