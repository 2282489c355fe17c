/* The check of source addresses at bridge ports.
 *
 *   mac-check (filter, prerouting of bridges)   port in @checked, port . source address not in @macs: drop
 *
 * Two elements an attachment. */
#include <net/if.h> /* before the kernel headers, which yield to these */
#include <netinet/in.h>

#include "cni/mac_check.h"

#include <linux/netfilter.h>
#include <linux/netfilter_bridge.h>
#include <string.h>

#include "cni/owned.h"
#include "io/nft/nft_rule.h"

#define CHAIN "mac-check"
#define CHECKED "checked"
#define MACS "macs"
#define ETHER_SOURCE 6
#define MAC_REG 4 /* behind a name of 16 bytes */
#define PRIORITY (-300)

static void setup(struct nft_batch *b, int family, void *arg)
{
	const struct nft_hook hook = {"filter", NF_BR_PRE_ROUTING, PRIORITY};
	struct nft_set_spec set = {.family = family,
				   .table = OWNED_TABLE,
				   .name = CHECKED,
				   .key_type = OWNED_IFNAME,
				   .key_len = IFNAMSIZ,
				   .host_order = true};
	(void)arg;
	nft_table_add(b, family, OWNED_TABLE);
	nft_chain_add(b, family, OWNED_TABLE, CHAIN, &hook);
	nft_chain_flush(b, family, OWNED_TABLE, CHAIN);
	nft_set_add(b, &set);
	set.name = MACS;
	set.host_order = false;
	set.key_type = OWNED_CONCAT(OWNED_IFNAME, OWNED_ETHER);
	set.key_len = IFNAMSIZ + 8;
	nft_set_add(b, &set);
	struct nft_rule *r = nft_rule_new(family, OWNED_TABLE, CHAIN);
	nft_x_meta(r, NFT_META_IIFNAME, 0);
	nft_x_lookup(r, CHECKED, 0);
	nft_x_payload(r, NFT_PAYLOAD_LL_HEADER, ETHER_SOURCE, 6, MAC_REG);
	nft_x_lookup_not(r, MACS, 0);
	nft_x_verdict(r, NF_DROP, NULL);
	nft_rule_add(b, r);
}

static void make_elems(const char *port, const uint8_t mac[6], struct owned_elem v[2])
{
	v[0] = (struct owned_elem){CHECKED, {.key_len = IFNAMSIZ}};
	v[1] = (struct owned_elem){MACS, {.key_len = IFNAMSIZ + 8}};
	for (int i = 0; i < 2; i++)
		memcpy(v[i].elem.key, port, strnlen(port, IFNAMSIZ - 1));
	memcpy(v[1].elem.key + IFNAMSIZ, mac, 6);
}

int mac_check_add(const struct cni_call *c, const char *port, const uint8_t mac[6], struct err *e)
{
	struct owned_elem v[2];
	struct nft *n = NULL;
	int r = nft_open(&n, e);
	make_elems(port, mac, v);
	if (r >= 0)
		r = owned_put(c, n, NFPROTO_BRIDGE, v, 2, setup, NULL, e);
	nft_close(n);
	return r;
}

int mac_check_check(const struct cni_call *c, const char *port, const uint8_t mac[6], struct err *e)
{
	struct owned_elem v[2];
	struct nft *n = NULL;
	int r = nft_open(&n, e);
	make_elems(port, mac, v);
	if (r >= 0)
		r = owned_check(c, n, NFPROTO_BRIDGE, v, 2, e);
	nft_close(n);
	return r;
}

int mac_check_remove(const struct cni_call *c, struct err *e)
{
	static const char *const sets[] = {CHECKED, MACS, NULL};
	struct nft *n = NULL;
	int r = nft_open(&n, e);
	if (r >= 0)
		r = owned_remove(c, n, NFPROTO_BRIDGE, sets, e);
	nft_close(n);
	return r;
}
