/* The fixed part of the proxy's table.
 *
 *   prerouting, output (nat)            priority set to address . protocol . port  map @services,  goto choose
 *   choose                              priority vmap @choices; whoever that is sets it back
 *   n<k>, m<k>, a<k>                    m: mark when the source is no pod, a: mark;  dnat to ... . random mod k  map
 *                                       @endpoints
 *   l<k>c<n>                            the same for who comes from outside; pods and the node have n others
 *   ...s                                the same with the client's own endpoint of @affinity before the random one
 *   ...r                                the same, dropped before where ... . source is not in @allowed
 *   sticky-postrouting, -input (nat)    original address . protocol . port  vmap @sticky
 *   sticky-<t>                          the client and the endpoint that it got go into @affinity for t seconds
 *   postrouting (nat)                   hairpin and marked connections are masqueraded, then pods leaving the cluster
 *   filter-input, -forward, -output     new ones: address . protocol . port  in @rejected, in @dropped
 *
 * The large map holds numbers and only small ones verdicts, because the kernel walks every verdict map of the table
 * whenever one of them gets a chain. A number goes through the packet's priority, as nft cannot list a rule that looks
 * up what another lookup found; only the first packet of a connection to a service comes by there, and leaves with
 * priority 0. Chains for usual choices are made with the table, because a new chain that uses a full map has the kernel
 * walk it; and the large maps with room for more than is known, because maps without a bound are slow to fill.
 *
 * One table of the same shape for IPv4 and for IPv6. Registers: the key from 0, the endpoint from 10 (its port behind
 * its address). Nothing fails here; the kernel checks at commit. */
#include <netinet/in.h> /* before the kernel headers, which yield to it */

#include "netfilter/service_rules.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"
#include "io/nft/nft_rule.h"

#define LAYOUT 4
#define MARK 0x4000u
#define DATA_REG 10
#define NAT_DST (-100)
#define NAT_SRC 100
#define AFFINITY_SIZE 65536
#define USUAL_COUNT 16
#define FRONTS_MIN 1024u
#define ENDPOINTS_MIN 4096u

#define SERVICE_MAP "services"
#define ENDPOINT_MAP "endpoints"
#define REJECTED_SET "rejected"
#define DROPPED_SET "dropped"
#define HAIRPIN_SET "hairpin"
#define STICKY_MAP "sticky"
#define ALLOWED_SET "allowed"
#define CHOICE_MAP "choices"
#define CHOOSE "choose"

/* The numbers that nft gives to types, for its listings; an index looks like a mark there. */
enum { TYPE_IPADDR = 7, TYPE_IP6ADDR = 8, TYPE_PROTOCOL = 12, TYPE_SERVICE = 13, TYPE_MARK = 19, TYPE_CLASSID = 23 };
#define CONCAT(a, b) (((a) << 6) | (b))
#define VERDICT_TYPE 0xffffff00u

static int addr_regs(int family)
{
	return family == NFPROTO_IPV4 ? 1 : 4;
}

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

/* Every front may come to have endpoints, or to have none. */
static void plan_room(const size_t held[SVC_MAPS], size_t ret[SVC_MAPS])
{
	uint32_t fronts = room_for(held[SVC_SERVICE] + held[SVC_REJECTED], FRONTS_MIN);
	memset(ret, 0, SVC_MAPS * sizeof(*ret));
	ret[SVC_SERVICE] = ret[SVC_REJECTED] = ret[SVC_DROPPED] = fronts;
	ret[SVC_ENDPOINT] = room_for(held[SVC_ENDPOINT], ENDPOINTS_MIN);
}

static void add_sets(struct nft_batch *b, const struct service_rules *s, int family, const size_t room[SVC_MAPS])
{
	uint32_t addr = addr_type(family), addr_len = (uint32_t)addr_regs(family) * 4;
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
	     .data_type = VERDICT_TYPE},
	    {.name = REJECTED_SET, .key_type = front, .key_len = front_len, .size = (uint32_t)room[SVC_REJECTED]},
	    {.name = DROPPED_SET, .key_type = front, .key_len = front_len, .size = (uint32_t)room[SVC_DROPPED]},
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

/* address . protocol . port of the packet's destination into the registers from 0; returns the next free one. */
static int load_front(struct nft_rule *r, int family)
{
	int n = addr_regs(family);
	nft_x_daddr(r, family, 0);
	nft_x_meta(r, NFT_META_L4PROTO, n);
	nft_x_dport(r, n + 1);
	return n + 2;
}

/* The number of the connection's front goes with it to where the choice is made. */
static void add_nat_hook(struct nft_batch *b, const struct service_rules *s, int family, const char *chain, int hooknum)
{
	const struct nft_hook hook = {"nat", hooknum, NAT_DST};
	nft_chain_add(b, family, s->table, chain, &hook);
	struct nft_rule *r = nft_rule_new(family, s->table, chain);
	int next = load_front(r, family);
	nft_x_map(r, SERVICE_MAP, 0, next);
	nft_x_meta_set(r, NFT_META_PRIORITY, next);
	nft_x_verdict(r, NFT_GOTO, CHOOSE);
	nft_rule_add(b, r);
}

static void add_choose(struct nft_batch *b, const struct service_rules *s, int family)
{
	nft_chain_add(b, family, s->table, CHOOSE, NULL);
	struct nft_rule *r = nft_rule_new(family, s->table, CHOOSE);
	nft_x_meta(r, NFT_META_PRIORITY, 0);
	nft_x_map(r, CHOICE_MAP, 0, -1);
	nft_rule_add(b, r);
}

static void add_refusal(struct nft_batch *b, const struct service_rules *s, int family, const char *chain,
			const char *set, int verdict, const char *to)
{
	uint32_t fresh = NF_CT_STATE_BIT(IP_CT_NEW), none = 0;
	struct nft_rule *r = nft_rule_new(family, s->table, chain);
	nft_x_ct(r, NFT_CT_STATE, 0);
	nft_x_bitwise(r, 0, &fresh, &none, sizeof(fresh));
	nft_x_cmp(r, NFT_CMP_NEQ, 0, &none, sizeof(none));
	load_front(r, family);
	nft_x_lookup(r, set, 0);
	nft_x_verdict(r, verdict, to);
	nft_rule_add(b, r);
}

static void add_filter_hook(struct nft_batch *b, const struct service_rules *s, int family, const char *chain,
			    int hooknum)
{
	const struct nft_hook hook = {"filter", hooknum, 0};
	nft_chain_add(b, family, s->table, chain, &hook);
	add_refusal(b, s, family, chain, REJECTED_SET, NFT_GOTO, "refuse");
	add_refusal(b, s, family, chain, DROPPED_SET, NF_DROP, NULL);
}

/* The source (or destination) is inside the network, or outside of it. */
static void match_net(struct nft_rule *r, const struct ip_net *net, bool source, bool inside)
{
	uint8_t mask[16] = {0}, none[16] = {0};
	struct ip_net full = {.ip = {.family = net->ip.family}, .prefix = net->prefix};
	struct ip host = ip_net_last(&full), first = ip_net_first(net);
	uint32_t len = (uint32_t)ip_len(&net->ip);
	for (uint32_t i = 0; i < len; i++)
		mask[i] = (uint8_t)~host.b[i];
	if (source)
		nft_x_saddr(r, net->ip.family, 0);
	else
		nft_x_daddr(r, net->ip.family, 0);
	nft_x_bitwise(r, 0, mask, none, len);
	nft_x_cmp(r, inside ? NFT_CMP_EQ : NFT_CMP_NEQ, 0, first.b, len);
}

static void change_mark(struct nft_rule *r, bool set)
{
	uint32_t keep = ~MARK, flip = set ? MARK : 0;
	nft_x_meta(r, NFT_META_MARK, 0);
	nft_x_bitwise(r, 0, &keep, &flip, sizeof(keep));
	nft_x_meta_set(r, NFT_META_MARK, 0);
}

static void add_postrouting(struct nft_batch *b, const struct service_rules *s, int family)
{
	const struct nft_hook hook = {"nat", NF_INET_POST_ROUTING, NAT_SRC};
	uint32_t mark = MARK, none = 0;
	nft_chain_add(b, family, s->table, "postrouting", &hook);
	struct nft_rule *r = nft_rule_new(family, s->table, "postrouting");
	nft_x_saddr(r, family, 0);
	nft_x_daddr(r, family, addr_regs(family));
	nft_x_lookup(r, HAIRPIN_SET, 0);
	nft_x_masquerade(r, true);
	nft_rule_add(b, r);
	r = nft_rule_new(family, s->table, "postrouting");
	nft_x_meta(r, NFT_META_MARK, 0);
	nft_x_bitwise(r, 0, &mark, &none, sizeof(mark));
	nft_x_cmp(r, NFT_CMP_EQ, 0, &mark, sizeof(mark));
	change_mark(r, false);
	nft_x_masquerade(r, true);
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
	match_net(r, &s->pods[i], true, true);
	match_net(r, &s->pods[i], false, false);
	match_net(r, &multicast, false, false);
	if (!ip_is_unset(&s->services[i].ip))
		match_net(r, &s->services[i], false, false);
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

/* address . protocol . port that the connection was sent to, before any translation. */
static int load_original(struct nft_rule *r, int family)
{
	int n = addr_regs(family);
	nft_x_ct_original(r, family == NFPROTO_IPV4 ? NFT_CT_DST_IP : NFT_CT_DST_IP6, 0);
	nft_x_meta(r, NFT_META_L4PROTO, n);
	nft_x_ct_original(r, NFT_CT_PROTO_DST, n + 1);
	return n + 2;
}

static void add_sticky_hook(struct nft_batch *b, const struct service_rules *s, int family, const char *chain,
			    int hooknum)
{
	const struct nft_hook hook = {"nat", hooknum, NAT_SRC - 1};
	nft_chain_add(b, family, s->table, chain, &hook);
	struct nft_rule *r = nft_rule_new(family, s->table, chain);
	load_original(r, family);
	nft_x_map(r, STICKY_MAP, 0, -1);
	nft_rule_add(b, r);
}

static void add_reject(struct nft_batch *b, const struct service_rules *s, int family)
{
	nft_chain_add(b, family, s->table, "refuse", NULL);
	struct nft_rule *r = nft_rule_new(family, s->table, "refuse");
	nft_x_reject_port_unreachable(r, family);
	nft_rule_add(b, r);
}

void service_rules_base(struct nft_batch *b, const struct service_rules *s, int family, const size_t held[SVC_MAPS],
			size_t ret_room[SVC_MAPS])
{
	char layout[32];
	nft_table_add(b, family, s->table);
	nft_chain_add(b, family, s->table, service_rules_layout(s, family, layout), NULL);
	plan_room(held, ret_room);
	add_sets(b, s, family, ret_room);
	add_choose(b, s, family);
	add_nat_hook(b, s, family, "prerouting", NF_INET_PRE_ROUTING);
	add_nat_hook(b, s, family, "output", NF_INET_LOCAL_OUT);
	add_reject(b, s, family);
	add_filter_hook(b, s, family, "filter-input", NF_INET_LOCAL_IN);
	add_filter_hook(b, s, family, "filter-forward", NF_INET_FORWARD);
	add_filter_hook(b, s, family, "filter-output", NF_INET_LOCAL_OUT);
	add_sticky_hook(b, s, family, "sticky-postrouting", NF_INET_POST_ROUTING);
	add_sticky_hook(b, s, family, "sticky-input", NF_INET_LOCAL_IN);
	add_postrouting(b, s, family);
	add_masquerade(b, s, family);
}

bool service_rules_usual(const struct service_rules *s, int family, size_t i, struct svc_elem *ret)
{
	bool know_pods = !ip_is_unset(&s->pods[family == NFPROTO_IPV6].ip);
	const enum svc_mode modes[] = {know_pods ? SVC_MARK_OTHERS : SVC_KEEP, SVC_MARK_ALL};
	struct svc_choice c = {.mode = modes[i % ARRAY_LEN(modes)], .count = (uint16_t)(i / ARRAY_LEN(modes) + 1)};
	uint32_t number = svc_choice_number(&c);
	*ret = (struct svc_elem){.kind = SVC_SERVICE, .family = (uint8_t)family, .data_len = sizeof(number)};
	memcpy(ret->data, &number, sizeof(number));
	return c.count <= USUAL_COUNT;
}

/* Goes on for connections of the node's own. */
static void match_node(struct nft_rule *r)
{
	uint32_t local = RTN_LOCAL;
	nft_x_fib_saddr_type(r, 0);
	nft_x_cmp(r, NFT_CMP_EQ, 0, &local, sizeof(local));
}

static void add_mark_rule(struct nft_batch *b, const struct service_rules *s, int family, enum svc_mode mode,
			  const char *chain)
{
	const struct ip_net *pods = &s->pods[family == NFPROTO_IPV6];
	struct nft_rule *r = nft_rule_new(family, s->table, chain);
	if (mode == SVC_MARK_OTHERS && !ip_is_unset(&pods->ip))
		match_net(r, pods, true, false);
	if (mode == SVC_LOCAL)
		match_node(r);
	change_mark(r, true);
	nft_rule_add(b, r);
}

/* Nobody but the sources that the service names. */
static void add_restriction(struct nft_batch *b, const struct service_rules *s, int family, const char *chain)
{
	struct nft_rule *r = nft_rule_new(family, s->table, chain);
	int next = load_front(r, family);
	nft_x_saddr(r, family, next);
	nft_x_lookup_not(r, ALLOWED_SET, 0);
	nft_x_verdict(r, NF_DROP, NULL);
	nft_rule_add(b, r);
}

/* A client that is remembered gets its endpoint again. */
static void add_affinity_rule(struct nft_batch *b, const struct service_rules *s, int family, const char *chain)
{
	struct nft_rule *r = nft_rule_new(family, s->table, chain);
	int next = load_front(r, family);
	nft_x_saddr(r, family, next);
	nft_x_map(r, AFFINITY_MAP, 0, DATA_REG);
	nft_x_dnat(r, family, DATA_REG, DATA_REG + addr_regs(family));
	nft_rule_add(b, r);
}

/* Behind the translation the packet's destination is the endpoint, chosen or remembered: either way it is kept. */
static void add_sticky_chain(struct nft_batch *b, const struct service_rules *s, const struct svc_elem *elem,
			     const char *chain)
{
	int family = elem->family;
	struct nft_rule *r = nft_rule_new(family, s->table, chain);
	int next = load_original(r, family);
	nft_x_ct_original(r, family == NFPROTO_IPV4 ? NFT_CT_SRC_IP : NFT_CT_SRC_IP6, next);
	nft_x_daddr(r, family, DATA_REG);
	nft_x_dport(r, DATA_REG + addr_regs(family));
	nft_x_update(r, AFFINITY_MAP, 0, DATA_REG, (uint64_t)svc_elem_number(elem) * 1000);
	nft_rule_add(b, r);
}

/* One of the endpoints from an index on; takes the rule. */
static void add_draw(struct nft_batch *b, struct nft_rule *r, int family, uint32_t count, uint32_t from)
{
	int next = load_front(r, family);
	nft_x_random(r, count, from, next);
	nft_x_map(r, ENDPOINT_MAP, 0, DATA_REG);
	nft_x_dnat(r, family, DATA_REG, DATA_REG + addr_regs(family));
	nft_rule_add(b, r);
}

/* Pods and the node get any endpoint of the cluster, as by the cluster's own address. */
static void add_inside_rules(struct nft_batch *b, const struct service_rules *s, int family, uint32_t count,
			     const char *chain)
{
	const struct ip_net *pods = &s->pods[family == NFPROTO_IPV6];
	struct nft_rule *r = nft_rule_new(family, s->table, chain);
	match_node(r);
	add_draw(b, r, family, count, SVC_CLUSTER_INDEX);
	if (ip_is_unset(&pods->ip))
		return;
	r = nft_rule_new(family, s->table, chain);
	match_net(r, pods, true, true);
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

static void add_choice_chain(struct nft_batch *b, const struct service_rules *s, int family, uint32_t number,
			     const char *chain)
{
	struct svc_choice c;
	svc_choice_read(number, &c);
	add_priority_reset(b, s, family, chain);
	if (c.restricted)
		add_restriction(b, s, family, chain);
	if (c.mode != SVC_KEEP)
		add_mark_rule(b, s, family, c.mode, chain);
	if (c.sticky)
		add_affinity_rule(b, s, family, chain);
	if (c.mode == SVC_LOCAL && c.cluster)
		add_inside_rules(b, s, family, c.cluster, chain);
	if (c.count)
		add_draw(b, nft_rule_new(family, s->table, chain), family, c.count, 0);
	add_way(b, s, family, number, chain);
}

char *service_rules_chain_name(const struct svc_elem *elem, char *ret)
{
	uint32_t number = svc_elem_number(elem);
	if (elem->kind != SVC_STICKY)
		return svc_choice_name(number, ret);
	snprintf(ret, 32, "sticky-%u", number);
	return ret;
}

bool service_rules_read_sticky(const char *chain, struct svc_elem *ret)
{
	uint32_t seconds;
	if (!str_has_prefix(chain, "sticky-") || str_to_u32(chain + strlen("sticky-"), &seconds) < 0)
		return false;
	memcpy(ret->data, &seconds, sizeof(seconds));
	ret->data_len = sizeof(seconds);
	return true;
}

void service_rules_chain(struct nft_batch *b, const struct service_rules *s, const struct svc_elem *elem)
{
	char chain[32];
	service_rules_chain_name(elem, chain);
	nft_chain_add(b, elem->family, s->table, chain, NULL);
	if (elem->kind == SVC_STICKY)
		add_sticky_chain(b, s, elem, chain);
	else
		add_choice_chain(b, s, elem->family, svc_elem_number(elem), chain);
}

const char *service_rules_set(int kind)
{
	static const char *const names[SVC_MAPS] = {SERVICE_MAP, ENDPOINT_MAP, REJECTED_SET, DROPPED_SET,
						    HAIRPIN_SET, STICKY_MAP,   ALLOWED_SET};
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
		ret->verdict = NFT_GOTO;
		ret->data_len = 0;
		service_rules_chain_name(elem, ret->chain);
	}
}
