/* Building batches: tables, chains, sets, elements.
 *
 * Messages are written behind each other into one growing buffer; the first is the batch's own begin marker, and a
 * message's number is its sequence number until nft_commit() moves all of them. Nothing here fails: what is wrong is
 * told by the kernel at commit, with the label that each message gets here. */
#include <netinet/in.h> /* before the kernel headers, which yield to it */

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/nft/nft_internal.h"

#define ROOM (96 << 10)   /* for one message of any kind */
#define ELEMS_BYTES 48000 /* of elements in one message: an attribute's length has 16 bits */

struct nft_batch *nft_batch_new(void)
{
	struct nft_batch *b = xcalloc(1, sizeof(*b));
	b->len = MNL_ALIGN(sizeof(struct nlmsghdr)) + MNL_ALIGN(sizeof(struct nfgenmsg));
	b->cap = ROOM;
	b->buf = xcalloc(1, b->cap);
	((struct nlmsghdr *)b->buf)->nlmsg_len = (uint32_t)b->len;
	return b;
}

void nft_batch_free(struct nft_batch *b)
{
	if (!b)
		return;
	free(b->buf);
	free(b->labels);
	free(b);
}

void nft_batch_free_ptr(struct nft_batch **b)
{
	nft_batch_free(*b);
	*b = NULL;
}

bool nft_batch_is_empty(const struct nft_batch *b)
{
	return b->seq == 0;
}

size_t nft_batch_bytes(const struct nft_batch *b)
{
	return b->len;
}

__attribute__((format(printf, 5, 6))) static struct nlmsghdr *begin(struct nft_batch *b, int type, int family,
								    int flags, const char *fmt, ...)
{
	va_list ap;
	if (b->cap - b->len < ROOM) {
		b->cap = b->cap * 2 + ROOM;
		b->buf = xrealloc(b->buf, b->cap);
	}
	struct nlmsghdr *h = mnl_nlmsg_put_header(b->buf + b->len);
	h->nlmsg_type = (uint16_t)((NFNL_SUBSYS_NFTABLES << 8) | type);
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	h->nlmsg_seq = ++b->seq;
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = (uint8_t)family;
	b->labels = xreallocarray(b->labels, b->n_labels + 1, sizeof(*b->labels));
	struct nft_label *l = &b->labels[b->n_labels++];
	l->seq = b->seq;
	va_start(ap, fmt);
	vsnprintf(l->text, sizeof(l->text), fmt, ap);
	va_end(ap);
	return h;
}

static void end(struct nft_batch *b, const struct nlmsghdr *h)
{
	b->len += MNL_ALIGN(h->nlmsg_len);
}

void nft_table_add(struct nft_batch *b, int family, const char *table)
{
	struct nlmsghdr *h = begin(b, NFT_MSG_NEWTABLE, family, NLM_F_CREATE, "table %s", table);
	mnl_attr_put_strz(h, NFTA_TABLE_NAME, table);
	end(b, h);
}

void nft_table_del(struct nft_batch *b, int family, const char *table)
{
	struct nlmsghdr *h = begin(b, NFT_MSG_DELTABLE, family, 0, "delete table %s", table);
	mnl_attr_put_strz(h, NFTA_TABLE_NAME, table);
	end(b, h);
}

void nft_chain_add(struct nft_batch *b, int family, const char *table, const char *chain, const struct nft_hook *hook)
{
	struct nlmsghdr *h = begin(b, NFT_MSG_NEWCHAIN, family, NLM_F_CREATE, "chain %s %s", table, chain);
	mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, table);
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, chain);
	if (hook) {
		struct nlattr *nest = mnl_attr_nest_start(h, NFTA_CHAIN_HOOK);
		mnl_attr_put_u32(h, NFTA_HOOK_HOOKNUM, htonl((uint32_t)hook->hook));
		mnl_attr_put_u32(h, NFTA_HOOK_PRIORITY, htonl((uint32_t)hook->priority));
		mnl_attr_nest_end(h, nest);
		mnl_attr_put_u32(h, NFTA_CHAIN_POLICY, htonl(NF_ACCEPT));
		mnl_attr_put_strz(h, NFTA_CHAIN_TYPE, hook->type);
	}
	end(b, h);
}

void nft_chain_del(struct nft_batch *b, int family, const char *table, const char *chain)
{
	struct nlmsghdr *h = begin(b, NFT_MSG_DELCHAIN, family, 0, "delete chain %s %s", table, chain);
	mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, table);
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, chain);
	end(b, h);
}

void nft_set_add(struct nft_batch *b, const struct nft_set_spec *s)
{
	struct nlmsghdr *h = begin(b, NFT_MSG_NEWSET, s->family, NLM_F_CREATE, "set %s %s", s->table, s->name);
	mnl_attr_put_strz(h, NFTA_SET_TABLE, s->table);
	mnl_attr_put_strz(h, NFTA_SET_NAME, s->name);
	mnl_attr_put_u32(h, NFTA_SET_ID, htonl(b->seq));
	mnl_attr_put_u32(h, NFTA_SET_FLAGS, htonl(s->flags));
	mnl_attr_put_u32(h, NFTA_SET_KEY_TYPE, htonl(s->key_type));
	mnl_attr_put_u32(h, NFTA_SET_KEY_LEN, htonl(s->key_len));
	if (s->flags & NFT_SET_MAP) {
		mnl_attr_put_u32(h, NFTA_SET_DATA_TYPE, htonl(s->data_type));
		mnl_attr_put_u32(h, NFTA_SET_DATA_LEN, htonl(s->data_len));
	}
	if (s->size) {
		struct nlattr *desc = mnl_attr_nest_start(h, NFTA_SET_DESC);
		mnl_attr_put_u32(h, NFTA_SET_DESC_SIZE, htonl(s->size));
		mnl_attr_nest_end(h, desc);
	}
	end(b, h);
}

static void put_elem(struct nlmsghdr *h, const struct nft_elem *v, bool with_data)
{
	struct nlattr *elem = mnl_attr_nest_start(h, NFTA_LIST_ELEM), *nest = mnl_attr_nest_start(h, NFTA_SET_ELEM_KEY);
	mnl_attr_put(h, NFTA_DATA_VALUE, v->key_len, v->key);
	mnl_attr_nest_end(h, nest);
	if (with_data && (v->data_len || v->is_verdict)) {
		nest = mnl_attr_nest_start(h, NFTA_SET_ELEM_DATA);
		if (v->is_verdict) {
			struct nlattr *verdict = mnl_attr_nest_start(h, NFTA_DATA_VERDICT);
			mnl_attr_put_u32(h, NFTA_VERDICT_CODE, htonl((uint32_t)v->verdict));
			if (v->chain[0])
				mnl_attr_put_strz(h, NFTA_VERDICT_CHAIN, v->chain);
			mnl_attr_nest_end(h, verdict);
		} else {
			mnl_attr_put(h, NFTA_DATA_VALUE, v->data_len, v->data);
		}
		mnl_attr_nest_end(h, nest);
	}
	mnl_attr_nest_end(h, elem);
}

static void put_elems(struct nft_batch *b, int type, int family, const char *table, const char *set,
		      const struct nft_elem *v, size_t n)
{
	bool add = type == NFT_MSG_NEWSETELEM;
	for (size_t i = 0; i < n;) {
		struct nlmsghdr *h = begin(b, type, family, add ? NLM_F_CREATE : 0, "%s elements %zu... of %s %s",
					   add ? "add" : "delete", i, table, set);
		mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, table);
		mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, set);
		struct nlattr *list = mnl_attr_nest_start(h, NFTA_SET_ELEM_LIST_ELEMENTS);
		for (size_t from = h->nlmsg_len; i < n && h->nlmsg_len - from < ELEMS_BYTES; i++)
			put_elem(h, &v[i], add);
		mnl_attr_nest_end(h, list);
		end(b, h);
	}
}

void nft_elems_add(struct nft_batch *b, int family, const char *table, const char *set, const struct nft_elem *v,
		   size_t n)
{
	put_elems(b, NFT_MSG_NEWSETELEM, family, table, set, v, n);
}

void nft_elems_del(struct nft_batch *b, int family, const char *table, const char *set, const struct nft_elem *v,
		   size_t n)
{
	put_elems(b, NFT_MSG_DELSETELEM, family, table, set, v, n);
}

void nft_rule_add(struct nft_batch *b, struct nftnl_rule *rule)
{
	struct nlmsghdr *h =
	    begin(b, NFT_MSG_NEWRULE, (int)nftnl_rule_get_u32(rule, NFTNL_RULE_FAMILY), NLM_F_CREATE | NLM_F_APPEND,
		  "rule of chain %s %s", nftnl_rule_get_str(rule, NFTNL_RULE_TABLE),
		  nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN));
	nftnl_rule_nlmsg_build_payload(h, rule);
	nftnl_rule_free(rule);
	end(b, h);
}
