/* The fixed part of the proxy's table.
 *
 *   prerouting, output (nat)   priority set to address . protocol . port  map @services;  priority vmap @choices: a chain of
 *                              service_chain.c, which sets it back
 *   postrouting (nat)          what has our marks: goto leaving
 *   input (nat)                the same: goto arriving
 *   leaving                    original address . protocol . port  vmap @sticky; source . destination in @hairpin, or marked so:
 *                              masqueraded; the marks go
 *   arriving                   original address . protocol . port  vmap @sticky; the marks go
 *   knarr-masq (nat)           pods leaving the cluster are masqueraded
 *
 * All of it stands in nat hooks, by which only the first packet of a connection comes, and what most of them need is little:
 * an expression is 20 ns. The large map holds numbers and only small ones verdicts, because the kernel walks every verdict map
 * of the table whenever one of them gets a chain. A number goes through the packet's priority, as nft cannot list a rule that
 * looks up what another lookup found; a packet leaves with priority 0. Chains for usual choices are made with the table,
 * because a new chain that uses a full map has the kernel walk it; and the large maps with room for more than is known,
 * because maps without a bound are slow to fill, and slower to look into.
 *
 * One table of the same shape for IPv4 and for IPv6. Registers: the key from 0. Nothing fails here; the kernel checks at
 * commit. */
#include <netinet/in.h> /* before the kernel headers, which yield to it */

#include "netfilter/service_rules.h"

#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"
#include "io/nft/nft_rule.h"
#include "netfilter/service_chain.h"
#include "netfilter/service_match.h"

#define LAYOUT 6
#define NAT_DST (-100)
#define NAT_SRC 100
#define AFFINITY_SIZE 65536
#define FRONTS_MIN 1024u
#define CHOICES_MAX 16384u
#define ENDPOINTS_MIN 4096u

#define HAIRPIN_SET "hairpin"
#define STICKY_MAP "sticky"
#define LEAVING "leaving"
#define ARRIVING "arriving"

/* The numbers that nft gives to types, for its listings; an index looks like a mark there. */
enum { TYPE_IPADDR = 7, TYPE_IP6ADDR = 8, TYPE_PROTOCOL = 12, TYPE_SERVICE = 13, TYPE_MARK = 19, TYPE_CLASSID = 23 };
#define CONCAT(a, b) (((a) << 6) | (b))
#define VERDICT_TYPE 0xffffff00u

static uint32_t addr_type(int family)
{
	return family == NFPROTO_IPV4 ? TYPE_IPADDR : TYPE_IP6ADDR;
}

/* Twice what is needed, so that a map is seldom made anew. */
static uint32_t room_for(size_t n, uint32_t least)
{
	while (least < n * 2 && least < 1u << 28)
		least *= 2;
	return least;
}

static void add_set(struct nft_batch *b, const struct service_rules *s, int family, struct nft_set_spec spec)
{
	spec.family = family;
	spec.table = s->table;
	nft_set_add(b, &spec);
}

static void plan_room(const size_t held[SVC_MAPS], size_t ret[SVC_MAPS])
{
	memset(ret, 0, SVC_MAPS * sizeof(*ret));
	ret[SVC_SERVICE] = room_for(held[SVC_SERVICE], FRONTS_MIN);
	ret[SVC_ENDPOINT] = room_for(held[SVC_ENDPOINT], ENDPOINTS_MIN);
}

static void add_sets(struct nft_batch *b, const struct service_rules *s, int family, const size_t room[SVC_MAPS])
{
	uint32_t addr = addr_type(family), addr_len = (uint32_t)service_match_regs(family) * 4;
	uint32_t front = CONCAT(CONCAT(addr, TYPE_PROTOCOL), TYPE_SERVICE), target = CONCAT(addr, TYPE_SERVICE);
	static const uint8_t fields4[] = {4, 1, 2, 4, 0}, fields6[] = {16, 1, 2, 16, 0};
	uint32_t front_len = addr_len + 8;
	const struct nft_set_spec sets[] = {
	    {.name = SERVICE_MAP,
	     .key_type = front,
	     .key_len = front_len,
	     .flags = NFT_SET_MAP,
	     .data_type = TYPE_CLASSID,
	     .data_len = 4,
	     .host_order_data = true,
	     .size = (uint32_t)room[SVC_SERVICE]},
	    {.name = CHOICE_MAP,
	     .key_type = TYPE_CLASSID,
	     .key_len = 4,
	     .host_order = true,
	     .flags = NFT_SET_MAP,
	     .data_type = VERDICT_TYPE,
	     .size = (uint32_t)MIN(room[SVC_SERVICE], CHOICES_MAX)},
	    {.name = STICKY_MAP,
	     .key_type = front,
	     .key_len = front_len,
	     .flags = NFT_SET_MAP,
	     .data_type = VERDICT_TYPE},
	    {.name = ENDPOINT_MAP,
	     .key_type = CONCAT(front, TYPE_MARK),
	     .key_len = addr_len + 12,
	     .flags = NFT_SET_MAP,
	     .data_type = target,
	     .data_len = addr_len + 4,
	     .size = (uint32_t)room[SVC_ENDPOINT]},
	    {.name = HAIRPIN_SET, .key_type = CONCAT(addr, addr), .key_len = addr_len * 2},
	    {.name = AFFINITY_MAP,
	     .key_type = CONCAT(front, addr),
	     .key_len = addr_len * 2 + 8,
	     .data_type = target,
	     .flags = NFT_SET_MAP | NFT_SET_EVAL | NFT_SET_TIMEOUT,
	     .data_len = addr_len + 4,
	     .size = AFFINITY_SIZE},
	    {.name = ALLOWED_SET,
	     .key_type = CONCAT(front, addr),
	     .key_len = addr_len * 2 + 8,
	     .flags = NFT_SET_INTERVAL | NFT_SET_CONCAT,
	     .fields = family == NFPROTO_IPV4 ? fields4 : fields6},
	};
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		add_set(b, s, family, sets[i]);
}

/* The number of the connection's front, then where it leads. */
static void add_nat_hook(struct nft_batch *b, const struct service_rules *s, int family, const char *chain, int hooknum)
{
	const struct nft_hook hook = {"nat", hooknum, NAT_DST};
	nft_chain_add(b, family, s->table, chain, &hook);
	struct nft_rule *r = nft_rule_new(family, s->table, chain);
	int next = service_match_front(r, family);
	nft_x_map(r, SERVICE_MAP, 0, next);
	nft_x_meta_set(r, NFT_META_PRIORITY, next);
	nft_x_meta(r, NFT_META_PRIORITY, 0);
	nft_x_map(r, CHOICE_MAP, 0, -1);
	nft_rule_add(b, r);
}

static void add_sticky_rule(struct nft_batch *b, const struct service_rules *s, int family, const char *chain)
{
	struct nft_rule *r = nft_rule_new(family, s->table, chain);
	service_match_original(r, family);
	nft_x_map(r, STICKY_MAP, 0, -1);
	nft_rule_add(b, r);
}

/* The marks have done their work; what matches r so far is masqueraded besides. Takes r. */
static void add_unmark_rule(struct nft_batch *b, struct nft_rule *r, bool masquerade)
{
	service_match_set_mark(r, SERVICE_MARKS, false);
	if (masquerade)
		nft_x_masquerade(r, true);
	nft_rule_add(b, r);
}

static void add_leaving(struct nft_batch *b, const struct service_rules *s, int family)
{
	nft_chain_add(b, family, s->table, LEAVING, NULL);
	add_sticky_rule(b, s, family, LEAVING);
	struct nft_rule *r = nft_rule_new(family, s->table, LEAVING);
	nft_x_saddr(r, family, 0);
	nft_x_daddr(r, family, service_match_regs(family));
	nft_x_lookup(r, HAIRPIN_SET, 0);
	add_unmark_rule(b, r, true);
	r = nft_rule_new(family, s->table, LEAVING);
	service_match_mark(r, SERVICE_MARK_MASQUERADE);
	add_unmark_rule(b, r, true);
	add_unmark_rule(b, nft_rule_new(family, s->table, LEAVING), false);
}

static void add_arriving(struct nft_batch *b, const struct service_rules *s, int family)
{
	nft_chain_add(b, family, s->table, ARRIVING, NULL);
	add_sticky_rule(b, s, family, ARRIVING);
	add_unmark_rule(b, nft_rule_new(family, s->table, ARRIVING), false);
}

/* Before others at this hook: who masquerades ends the walk. */
static void add_marked_hook(struct nft_batch *b, const struct service_rules *s, int family, const char *chain, int hooknum,
			    const char *to)
{
	const struct nft_hook hook = {"nat", hooknum, NAT_SRC - 1};
	nft_chain_add(b, family, s->table, chain, &hook);
	struct nft_rule *r = nft_rule_new(family, s->table, chain);
	service_match_mark(r, SERVICE_MARKS);
	nft_x_verdict(r, NFT_GOTO, to);
	nft_rule_add(b, r);
}

/* Pods' traffic that leaves the cluster; not what is multicast, nor what goes to another pod or to a service. */
static void add_masquerade(struct nft_batch *b, const struct service_rules *s, int family)
{
	const struct nft_hook hook = {"nat", NF_INET_POST_ROUTING, NAT_SRC + 1};
	int i = family == NFPROTO_IPV6;
	struct ip_net multicast;
	if (!s->masquerade_pods || ip_is_unset(&s->pods[i].ip))
		return;
	ip_net_parse(i ? "ff00::/8" : "224.0.0.0/4", &multicast);
	nft_chain_add(b, family, s->table, "knarr-masq", &hook);
	struct nft_rule *r = nft_rule_new(family, s->table, "knarr-masq");
	service_match_net(r, &s->pods[i], true, true);
	service_match_net(r, &s->pods[i], false, false);
	service_match_net(r, &multicast, false, false);
	if (!ip_is_unset(&s->services[i].ip))
		service_match_net(r, &s->services[i], false, false);
	nft_x_masquerade(r, true);
	nft_rule_add(b, r);
}

char *service_rules_layout(const struct service_rules *s, int family, char *ret)
{
	char pods[IP_TEXT_MAX], services[IP_TEXT_MAX], text[2 * IP_TEXT_MAX + 8];
	uint32_t hash = 2166136261u; /* FNV-1a */
	int i = family == NFPROTO_IPV6;
	snprintf(text, sizeof(text), "%s %s %d", ip_net_text(&s->pods[i], pods), ip_net_text(&s->services[i], services),
		 s->masquerade_pods);
	for (const char *p = text; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	snprintf(ret, 32, "layout-%d-%08x", LAYOUT, hash);
	return ret;
}

void service_rules_base(struct nft_batch *b, const struct service_rules *s, int family, const size_t held[SVC_MAPS],
			size_t ret_room[SVC_MAPS])
{
	char layout[32];
	nft_table_add(b, family, s->table);
	nft_chain_add(b, family, s->table, service_rules_layout(s, family, layout), NULL);
	plan_room(held, ret_room);
	add_sets(b, s, family, ret_room);
	add_nat_hook(b, s, family, "prerouting", NF_INET_PRE_ROUTING);
	add_nat_hook(b, s, family, "output", NF_INET_LOCAL_OUT);
	add_leaving(b, s, family);
	add_arriving(b, s, family);
	add_marked_hook(b, s, family, "postrouting", NF_INET_POST_ROUTING, LEAVING);
	add_marked_hook(b, s, family, "input", NF_INET_LOCAL_IN, ARRIVING);
	add_masquerade(b, s, family);
}

const char *service_rules_set(int kind)
{
	static const char *const names[SVC_MAPS] = {SERVICE_MAP, ENDPOINT_MAP, HAIRPIN_SET, STICKY_MAP, ALLOWED_SET};
	return names[kind];
}

void service_rules_elem(const struct svc_elem *elem, struct nft_elem *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->key_len = elem->key_len;
	memcpy(ret->key, elem->key, elem->key_len);
	ret->data_len = elem->data_len;
	memcpy(ret->data, elem->data, elem->data_len);
	ret->is_range = elem->kind == SVC_ALLOWED;
	if (ret->is_range) {
		size_t front = SVC_FRONT_LEN(elem);
		memcpy(ret->end, elem->key, front);
		memcpy(ret->end + front, elem->data, elem->data_len);
		ret->data_len = 0;
	}
	if (elem->kind == SVC_STICKY) {
		ret->is_verdict = true;
		ret->verdict = NFT_JUMP;
		ret->data_len = 0;
		service_chain_name(elem, ret->chain);
	}
}
