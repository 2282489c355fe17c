/* The firewall plugin.
 *
 *   isolation (filter, forward)          input . output interface in @same: return
 *                                        input interface in @closed, output interface in @closed: drop
 *   isolation (filter, forward of bridges)   input or output port in @isolated: drop
 *
 * A bridge with ingressPolicy "same-bridge" is in @closed and, with itself, in @same; one with "isolated" is in
 * @closed, and the container's port is in @isolated. A bridge's elements are its own: DEL leaves them, GC removes those
 * of bridges that are gone. What the reference's "open" does, accepting where other rules of the same table would drop,
 * has no counterpart: a verdict of one nf_tables table cannot lift that of another. Fails where there is no result or,
 * with a policy, no bridge. */
#include <net/if.h> /* before the kernel headers, which yield to these */
#include <netinet/in.h>

#include "cni/firewall.h"

#include <errno.h>
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

static void setup_ports(struct nft_batch *b, int family, void *arg)
{
	(void)arg;
	start_chain(b, family, NF_BR_FORWARD);
	add_set(b, family, ISOLATED, 1);
	for (int i = 0; i < 2; i++) {
		struct nft_rule *r = nft_rule_new(family, OWNED_TABLE, CHAIN);
		nft_x_meta(r, i ? NFT_META_OIFNAME : NFT_META_IIFNAME, 0);
		nft_x_lookup(r, ISOLATED, 0);
		nft_x_verdict(r, NF_DROP, NULL);
		nft_rule_add(b, r);
	}
}

static struct owned_elem name_elem(const char *set, const char *name, int names)
{
	struct owned_elem v = {set, {.key_len = (uint8_t)(names * IFNAMSIZ)}};
	for (int i = 0; i < names; i++)
		memcpy(v.elem.key + i * IFNAMSIZ, name, strnlen(name, IFNAMSIZ - 1));
	return v;
}

struct place {
	char bridge[IFNAMSIZ], port[IFNAMSIZ]; /* "": none */
};

/* The bridge and the container's port among the result's interfaces of the node; -ENODEV without a bridge. */
static int find_place(const json_t *result, struct place *ret, struct err *e)
{
	AUTO_RTNL *host = NULL;
	size_t i;
	json_t *j;
	int r = rtnl_open(-1, &host, e);
	if (r < 0)
		return r;
	*ret = (struct place){0};
	json_array_foreach(json_object_get(result, "interfaces"), i, j)
	{
		struct rtnl_link link;
		const char *name = json_member(j, "name");
		if (!str_empty(json_member(j, "sandbox")) || !name || rtnl_link_get(host, name, &link, NULL) < 0)
			continue;
		if (!strcmp(link.kind, "bridge"))
			memcpy(ret->bridge, link.name, IFNAMSIZ);
		else if (link.master)
			memcpy(ret->port, link.name, IFNAMSIZ);
	}
	return *ret->bridge ? 0 : err_set(e, -ENODEV, "the ingress policy needs a bridge, and the result has none");
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

/* Puts or checks. */
static int each_family(const struct cni_call *c, const json_t *result, enum policy policy, bool put, struct err *e)
{
	static const int routed[] = {NFPROTO_IPV4, NFPROTO_IPV6};
	struct place at;
	struct nft *n = NULL;
	int r = find_place(result, &at, e);
	if (r < 0 || (r = nft_open(&n, e)) < 0)
		return r;
	struct cni_call bridge = as_bridge(c, at.bridge);
	struct owned_elem v[2] = {name_elem(CLOSED, at.bridge, 1), name_elem(SAME, at.bridge, 2)};
	struct owned_elem port = name_elem(ISOLATED, at.port, 1);
	size_t count = policy == POLICY_SAME_BRIDGE ? 2 : 1;
	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(routed); i++)
		r = put ? owned_put(&bridge, n, routed[i], v, count, setup, NULL, e)
			: owned_check(&bridge, n, routed[i], v, count, e);
	if (r >= 0 && policy == POLICY_ISOLATED && *at.port)
		r = put ? owned_put(c, n, NFPROTO_BRIDGE, &port, 1, setup_ports, NULL, e)
			: owned_check(c, n, NFPROTO_BRIDGE, &port, 1, e);
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

static const char *const bridge_sets[] = {CLOSED, SAME, NULL};
static const char *const port_sets[] = {ISOLATED, NULL};

static int firewall_del(const struct cni_call *c, struct err *e)
{
	enum policy policy;
	struct nft *n = NULL;
	int r = parse(c, &policy, e);
	if (r >= 0 && (r = nft_open(&n, e)) >= 0)
		r = owned_remove(c, n, NFPROTO_BRIDGE, port_sets, e);
	nft_close(n);
	return r;
}

/* For bridges, those that are there are the valid attachments. Returns owned. */
static json_t *bridges_there(const struct rtnl_link *v, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "containerID", v[i].name, "ifname", ""));
	return json_pack("{s:o}", "cni.dev/valid-attachments", list);
}

static int firewall_gc(const struct cni_call *c, struct err *e)
{
	AUTO_RTNL *host = NULL;
	AUTO_FREE struct rtnl_link *v = NULL;
	size_t count = 0;
	struct nft *n = NULL;
	int r = rtnl_open(-1, &host, e);
	if (r < 0 || (r = rtnl_link_list(host, &v, &count, e)) < 0)
		return r;
	AUTO_JSON *conf = bridges_there(v, count);
	struct cni_call bridges = as_bridge(c, "");
	bridges.conf = conf;
	r = nft_open(&n, e);
	if (r >= 0)
		r = owned_remove(c, n, NFPROTO_BRIDGE, port_sets, e);
	if (r >= 0)
		r = owned_remove(&bridges, n, NFPROTO_IPV4, bridge_sets, e);
	if (r >= 0)
		r = owned_remove(&bridges, n, NFPROTO_IPV6, bridge_sets, e);
	nft_close(n);
	return r;
}

const struct cni_plugin firewall_plugin = {
    .name = "firewall",
    .members = "backend:s ingressPolicy:s iptablesAdminChainName:s firewalldZone:s",
 .add = firewall_add, .del = firewall_del, .check = firewall_check, .gc = firewall_gc};
