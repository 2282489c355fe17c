/* The firewall plugin.
 *
 *   isolation (filter, forward)          input . output interface in @same: return
 *                                        input interface in @closed, output interface in @closed: drop
 *   isolation (filter, forward of bridges)   IP between two ports of a bridge in @isolated: drop
 *
 * A bridge with ingressPolicy "same-bridge" is in @closed and, with itself, in @same; one with "isolated" is in @closed
 * and in @isolated. The elements belong to the bridge: DEL leaves them, GC removes those of bridges that are gone. What
 * the reference's "open" does, accepting where other rules of the same table would drop, has no counterpart: a verdict
 * of one nf_tables table cannot lift that of another. Fails where there is no result or, with a policy, no bridge. */
#include <net/if.h> /* before the kernel headers, which yield to these */
#include <netinet/in.h>

#include "cni/firewall.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter_bridge.h>
#include <string.h>

#include "base/json.h"
#include "cni/owned.h"
#include "cni/sandbox_if.h"
#include "io/nft/nft_rule.h"

#define CHAIN "isolation"
#define CLOSED "closed"
#define SAME "same"
#define ISOLATED "isolated"
#define NAME_REGS (IFNAMSIZ / 4)

enum policy { POLICY_OPEN, POLICY_SAME_BRIDGE, POLICY_ISOLATED };

static int parse(const struct cni_call *c, enum policy *ret, struct err *e)
{
	static const char *const names[] = {"open", "same-bridge", "isolated"};
	static const char *const backends[] = {"", "iptables", "firewalld", "nftables"};
	const char *policy = json_str_or(c->conf, "ingressPolicy", ""), *backend = json_str_or(c->conf, "backend", "");
	size_t i = 0;
	while (i < ARRAY_LEN(backends) && strcmp(backends[i], backend))
		i++;
	if (i == ARRAY_LEN(backends))
		return err_set(e, -EINVAL, "unrecognized firewall backend \"%s\"", backend);
	for (i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(names[i], *policy ? policy : "open")) {
			*ret = (enum policy)i;
			return 0;
		}
	return err_set(e, -EINVAL, "unknown ingress policy: \"%s\"", policy);
}

static void add_set(struct nft_batch *b, int family, const char *name, int names)
{
	struct nft_set_spec set = {.family = family,
				   .table = OWNED_TABLE,
				   .name = name,
				   .key_type = names == 1 ? OWNED_IFNAME : OWNED_CONCAT(OWNED_IFNAME, OWNED_IFNAME),
				   .key_len = (uint32_t)(names * IFNAMSIZ),
				   .host_order = names == 1};
	nft_set_add(b, &set);
}

static void start_chain(struct nft_batch *b, int family, int hook)
{
	const struct nft_hook h = {"filter", hook, 0};
	nft_table_add(b, family, OWNED_TABLE);
	nft_chain_add(b, family, OWNED_TABLE, CHAIN, &h);
	nft_chain_flush(b, family, OWNED_TABLE, CHAIN);
}

static void setup(struct nft_batch *b, int family, void *arg)
{
	(void)arg;
	start_chain(b, family, NF_INET_FORWARD);
	add_set(b, family, CLOSED, 1);
	add_set(b, family, SAME, 2);
	struct nft_rule *r = nft_rule_new(family, OWNED_TABLE, CHAIN);
	nft_x_meta(r, NFT_META_IIFNAME, 0);
	nft_x_meta(r, NFT_META_OIFNAME, NAME_REGS);
	nft_x_lookup(r, SAME, 0);
	nft_x_verdict(r, NFT_RETURN, NULL);
	nft_rule_add(b, r);
	r = nft_rule_new(family, OWNED_TABLE, CHAIN);
	nft_x_meta(r, NFT_META_IIFNAME, 0);
	nft_x_lookup(r, CLOSED, 0);
	nft_x_meta(r, NFT_META_OIFNAME, 0);
	nft_x_lookup(r, CLOSED, 0);
	nft_x_verdict(r, NF_DROP, NULL);
	nft_rule_add(b, r);
}

static void setup_bridges(struct nft_batch *b, int family, void *arg)
{
	static const uint16_t protocols[] = {ETH_P_IP, ETH_P_IPV6};
	(void)arg;
	start_chain(b, family, NF_BR_FORWARD);
	add_set(b, family, ISOLATED, 1);
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
		uint16_t protocol = htons(protocols[i]);
		struct nft_rule *r = nft_rule_new(family, OWNED_TABLE, CHAIN);
		nft_x_meta(r, NFT_META_PROTOCOL, 0);
		nft_x_cmp(r, NFT_CMP_EQ, 0, &protocol, sizeof(protocol));
		nft_x_meta(r, NFT_META_BRI_IIFNAME, 0);
		nft_x_lookup(r, ISOLATED, 0);
		nft_x_verdict(r, NF_DROP, NULL);
		nft_rule_add(b, r);
	}
}

/* The elements of a bridge in one family. Returns how many. */
static size_t make_elems(const char *bridge, enum policy policy, int family, struct owned_elem v[2])
{
	size_t n = 0;
	if (family == NFPROTO_BRIDGE) {
		if (policy == POLICY_ISOLATED)
			v[n++] = (struct owned_elem){ISOLATED, {.key_len = IFNAMSIZ}};
	} else {
		v[n++] = (struct owned_elem){CLOSED, {.key_len = IFNAMSIZ}};
		if (policy == POLICY_SAME_BRIDGE)
			v[n++] = (struct owned_elem){SAME, {.key_len = 2 * IFNAMSIZ}};
	}
	for (size_t i = 0; i < n; i++) {
		memcpy(v[i].elem.key, bridge, strnlen(bridge, IFNAMSIZ - 1));
		if (v[i].elem.key_len > IFNAMSIZ)
			memcpy(v[i].elem.key + IFNAMSIZ, bridge, strnlen(bridge, IFNAMSIZ - 1));
	}
	return n;
}

static const int families[] = {NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_BRIDGE};

/* The bridge among the result's interfaces of the node; -ENODEV. */
static int find_bridge(const json_t *result, char ret[IFNAMSIZ], struct err *e)
{
	AUTO_RTNL *host = NULL;
	size_t i;
	json_t *j;
	int r = rtnl_open(-1, &host, e);
	if (r < 0)
		return r;
	json_array_foreach(json_object_get(result, "interfaces"), i, j)
	{
		struct rtnl_link link;
		const char *name = json_member(j, "name");
		if (str_empty(json_member(j, "sandbox")) && name && rtnl_link_get(host, name, &link, NULL) >= 0 &&
		    !strcmp(link.kind, "bridge")) {
			memcpy(ret, link.name, IFNAMSIZ);
			return 0;
		}
	}
	return err_set(e, -ENODEV, "the ingress policy needs a bridge, and the result has none");
}

/* The owner of a bridge's elements is the bridge, whichever network put it there. */
static struct cni_call as_bridge(const struct cni_call *c, const char *bridge)
{
	struct cni_call call = *c;
	call.name = "bridge";
	call.container_id = bridge;
	call.ifname = "";
	return call;
}

static int each_family(const struct cni_call *c, const json_t *result, enum policy policy, bool put, struct err *e)
{
	char bridge[IFNAMSIZ];
	struct nft *n = NULL;
	int r = find_bridge(result, bridge, e);
	if (r >= 0)
		r = nft_open(&n, e);
	struct cni_call call = as_bridge(c, bridge);
	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(families); i++) {
		struct owned_elem v[2];
		size_t count = make_elems(bridge, policy, families[i], v);
		if (count)
			r = put ? owned_put(&call, n, families[i], v, count,
					    families[i] == NFPROTO_BRIDGE ? setup_bridges : setup, NULL, e)
				: owned_check(&call, n, families[i], v, count, e);
	}
	nft_close(n);
	return r;
}

static int firewall_add(const struct cni_call *c, json_t **ret, struct err *e)
{
	AUTO_JSON *prev = NULL;
	enum policy policy = POLICY_OPEN;
	int r = parse(c, &policy, e);
	if (r < 0 || (r = cni_prev_result(c, "missing prevResult from earlier plugin", &prev, e)) < 0)
		return r;
	if (policy != POLICY_OPEN && (r = each_family(c, prev, policy, true, e)) < 0)
		return r;
	*ret = TAKE(prev);
	return 0;
}

static int firewall_check(const struct cni_call *c, struct err *e)
{
	AUTO_JSON *prev = NULL;
	enum policy policy = POLICY_OPEN;
	int r = parse(c, &policy, e);
	if (r < 0 || (r = cni_prev_result(c, "missing prevResult from earlier plugin", &prev, e)) < 0)
		return r;
	return policy != POLICY_OPEN ? each_family(c, prev, policy, false, e) : 0;
}

static int firewall_del(const struct cni_call *c, struct err *e)
{
	enum policy policy;
	return parse(c, &policy, e);
}

/* To GC, the bridges that are there are the valid attachments. */
static int firewall_gc(const struct cni_call *c, struct err *e)
{
	static const char *const sets[] = {CLOSED, SAME, ISOLATED, NULL};
	AUTO_RTNL *host = NULL;
	AUTO_FREE struct rtnl_link *v = NULL;
	AUTO_JSON *conf = json_pack("{s:[]}", "cni.dev/valid-attachments");
	size_t count = 0;
	struct nft *n = NULL;
	int r = rtnl_open(-1, &host, e);
	if (r < 0 || (r = rtnl_link_list(host, &v, &count, e)) < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		json_array_append_new(json_object_get(conf, "cni.dev/valid-attachments"),
				      json_pack("{s:s, s:s}", "containerID", v[i].name, "ifname", ""));
	struct cni_call call = as_bridge(c, "");
	call.conf = conf;
	r = nft_open(&n, e);
	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(families); i++)
		r = owned_remove(&call, n, families[i], sets, e);
	nft_close(n);
	return r;
}

const struct cni_plugin firewall_plugin = {
    .name = "firewall", .add = firewall_add, .del = firewall_del, .check = firewall_check, .gc = firewall_gc};
