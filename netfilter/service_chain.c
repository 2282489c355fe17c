/* Chains for choices.
 *
 *   n<k>, m<k>, a<k>     m: mark when the source is no pod, a: mark;  dnat to ... . random mod k  map @endpoints
 *   l<k>c<n>             the same for who comes from outside, dropped where k is 0; pods and the node have n others
 *   ...s                 the same with the client's own endpoint of @affinity before the random one
 *   ...h                 the same, looked at again where a client may have been given itself
 *   ...r                 the same, dropped before where ... . source is not in @allowed
 *   refuse               port unreachable
 *   sticky-<t>           the client and the endpoint that it got go into @affinity for t seconds
 *
 * Refusals stand in the nat hooks, too: only the first packet of a connection comes by there, and no other has to pass a
 * rule. Registers: the key from 0, the endpoint from 10 (its port behind its address). Nothing fails here; the kernel
 * checks at commit. */
#include <netinet/in.h> /* before the kernel headers, which yield to it */

#include "netfilter/service_chain.h"

#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "io/nft/nft_rule.h"
#include "netfilter/service_match.h"

#define DATA_REG 10
#define USUAL_COUNT 16u

bool service_chain_usual(const struct service_rules *s, int family, size_t i, struct svc_elem *ret)
{
	bool know_pods = !ip_is_unset(&s->pods[family == NFPROTO_IPV6].ip);
	const enum svc_mode mode = know_pods ? SVC_MARK_OTHERS : SVC_KEEP;
	const struct svc_choice kinds[] = {{.mode = mode}, {.mode = mode, .hairpin = true}, {.mode = SVC_MARK_ALL}};
	struct svc_choice c = kinds[i % ARRAY_LEN(kinds)];
	c.count = (uint16_t)(i / ARRAY_LEN(kinds) + 1);
	if (c.count > USUAL_COUNT) /* nobody at all, nobody here */
		c = (struct svc_choice){.mode = i % ARRAY_LEN(kinds) ? SVC_LOCAL : SVC_REFUSE};
	uint32_t number = svc_choice_number(&c);
	*ret = (struct svc_elem){.kind = SVC_SERVICE, .family = (uint8_t)family, .data_len = sizeof(number)};
	memcpy(ret->data, &number, sizeof(number));
	return i < USUAL_COUNT * ARRAY_LEN(kinds) + 2;
}

static void add_mark_rule(struct nft_batch *b, const struct service_rules *s, int family, enum svc_mode mode,
			  const char *chain)
{
	const struct ip_net *pods = &s->pods[family == NFPROTO_IPV6];
	struct nft_rule *r = nft_rule_new(family, s->table, chain);
	if (mode == SVC_MARK_OTHERS && !ip_is_unset(&pods->ip))
		service_match_net(r, pods, true, false);
	if (mode == SVC_LOCAL)
		service_match_node(r);
	service_match_set_mark(r, SERVICE_MARK_MASQUERADE, true);
	nft_rule_add(b, r);
}

static void add_look_rule(struct nft_batch *b, const struct service_rules *s, int family, const char *chain)
{
	struct nft_rule *r = nft_rule_new(family, s->table, chain);
	service_match_set_mark(r, SERVICE_MARK_LOOK, true);
	nft_rule_add(b, r);
}

/* Nobody but the sources that the service names. */
static void add_restriction(struct nft_batch *b, const struct service_rules *s, int family, const char *chain)
{
	struct nft_rule *r = nft_rule_new(family, s->table, chain);
	int next = service_match_front(r, family);
	nft_x_saddr(r, family, next);
	nft_x_lookup_not(r, ALLOWED_SET, 0);
	nft_x_verdict(r, NF_DROP, NULL);
	nft_rule_add(b, r);
}

/* A client that is remembered gets its endpoint again. */
static void add_affinity_rule(struct nft_batch *b, const struct service_rules *s, int family, const char *chain)
{
	struct nft_rule *r = nft_rule_new(family, s->table, chain);
	int next = service_match_front(r, family);
	nft_x_saddr(r, family, next);
	nft_x_map(r, AFFINITY_MAP, 0, DATA_REG);
	nft_x_dnat(r, family, DATA_REG, DATA_REG + service_match_regs(family));
	nft_rule_add(b, r);
}

/* Behind the translation the packet's destination is the endpoint, chosen or remembered: either way it is kept. */
static void add_sticky_chain(struct nft_batch *b, const struct service_rules *s, const struct svc_elem *elem,
			     const char *chain)
{
	int family = elem->family;
	struct nft_rule *r = nft_rule_new(family, s->table, chain);
	int next = service_match_original(r, family);
	nft_x_ct_original(r, family == NFPROTO_IPV4 ? NFT_CT_SRC_IP : NFT_CT_SRC_IP6, next);
	nft_x_daddr(r, family, DATA_REG);
	nft_x_dport(r, DATA_REG + service_match_regs(family));
	nft_x_update(r, AFFINITY_MAP, 0, DATA_REG, (uint64_t)svc_elem_number(elem) * 1000);
	nft_rule_add(b, r);
}

/* One of the endpoints from an index on; takes the rule. */
static void add_draw(struct nft_batch *b, struct nft_rule *r, int family, uint32_t count, uint32_t from)
{
	int next = service_match_front(r, family);
	nft_x_random(r, count, from, next);
	nft_x_map(r, ENDPOINT_MAP, 0, DATA_REG);
	nft_x_dnat(r, family, DATA_REG, DATA_REG + service_match_regs(family));
	nft_rule_add(b, r);
}

/* Pods and the node get any endpoint of the cluster, as by the cluster's own address. */
static void add_inside_rules(struct nft_batch *b, const struct service_rules *s, int family, uint32_t count,
			     const char *chain)
{
	const struct ip_net *pods = &s->pods[family == NFPROTO_IPV6];
	struct nft_rule *r = nft_rule_new(family, s->table, chain);
	service_match_node(r);
	add_draw(b, r, family, count, SVC_CLUSTER_INDEX);
	if (ip_is_unset(&pods->ip))
		return;
	r = nft_rule_new(family, s->table, chain);
	service_match_net(r, pods, true, true);
	add_draw(b, r, family, count, SVC_CLUSTER_INDEX);
}

static void add_priority_reset(struct nft_batch *b, const struct service_rules *s, int family, const char *chain)
{
	uint32_t none = 0;
	struct nft_rule *r = nft_rule_new(family, s->table, chain);
	nft_x_immediate(r, 0, &none, sizeof(none));
	nft_x_meta_set(r, NFT_META_PRIORITY, 0);
	nft_rule_add(b, r);
}

/* Where a number leads. */
static void add_way(struct nft_batch *b, const struct service_rules *s, int family, uint32_t number, const char *chain)
{
	struct nft_elem e = {.key_len = sizeof(number), .is_verdict = true, .verdict = NFT_GOTO};
	memcpy(e.key, &number, sizeof(number));
	snprintf(e.chain, sizeof(e.chain), "%s", chain);
	nft_elems_add(b, family, s->table, CHOICE_MAP, &e, 1);
}

static void add_verdict(struct nft_batch *b, const struct service_rules *s, int family, enum svc_mode mode, const char *chain)
{
	struct nft_rule *r = nft_rule_new(family, s->table, chain);
	if (mode == SVC_REFUSE)
		nft_x_reject_port_unreachable(r, family);
	else
		nft_x_verdict(r, NF_DROP, NULL);
	nft_rule_add(b, r);
}

static void add_choice_chain(struct nft_batch *b, const struct service_rules *s, int family, uint32_t number,
			     const char *chain)
{
	struct svc_choice c;
	svc_choice_read(number, &c);
	add_priority_reset(b, s, family, chain);
	if (c.restricted)
		add_restriction(b, s, family, chain);
	if (c.mode != SVC_KEEP && (c.count || c.cluster))
		add_mark_rule(b, s, family, c.mode, chain);
	if (c.sticky || c.hairpin)
		add_look_rule(b, s, family, chain);
	if (c.sticky)
		add_affinity_rule(b, s, family, chain);
	if (c.mode == SVC_LOCAL && c.cluster)
		add_inside_rules(b, s, family, c.cluster, chain);
	if (c.count)
		add_draw(b, nft_rule_new(family, s->table, chain), family, c.count, 0);
	else
		add_verdict(b, s, family, c.mode, chain);
	add_way(b, s, family, number, chain);
}

char *service_chain_name(const struct svc_elem *elem, char *ret)
{
	uint32_t number = svc_elem_number(elem);
	if (elem->kind != SVC_STICKY)
		return svc_choice_name(number, ret);
	snprintf(ret, 32, "sticky-%u", number);
	return ret;
}

bool service_chain_read_sticky(const char *chain, struct svc_elem *ret)
{
	uint32_t seconds;
	if (!str_has_prefix(chain, "sticky-") || str_to_u32(chain + strlen("sticky-"), &seconds) < 0)
		return false;
	memcpy(ret->data, &seconds, sizeof(seconds));
	ret->data_len = sizeof(seconds);
	return true;
}

void service_chain_add(struct nft_batch *b, const struct service_rules *s, const struct svc_elem *elem)
{
	char chain[32];
	service_chain_name(elem, chain);
	nft_chain_add(b, elem->family, s->table, chain, NULL);
	if (elem->kind == SVC_STICKY)
		add_sticky_chain(b, s, elem, chain);
	else
		add_choice_chain(b, s, elem->family, svc_elem_number(elem), chain);
}
