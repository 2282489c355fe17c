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
#include "io/nft/nft_rule.h"

#define ROOM (96 << 10)   /* for one message of any kind */
#define ELEMS_BYTES 48000 /* of elements in one message: an attribute's length has 16 bits */

struct nft_batch *nft_batch_new(void)
{
	struct nft_batch *b = xcalloc(1, sizeof(*b));
	b->len = NLMSG_ALIGN(sizeof(struct nlmsghdr)) + NLMSG_ALIGN(sizeof(struct nfgenmsg));
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

/* The marker's attribute takes its room before the first message. */
void nft_batch_expect(struct nft_batch *b, uint32_t generation)
{
	size_t head = ((struct nlmsghdr *)b->buf)->nlmsg_len, more = NLA_HDRLEN + sizeof(generation);
	if (!b->generation) {
		if (b->cap - b->len < more)
			b->buf = xrealloc(b->buf, b->cap += more);
		memmove(b->buf + head + more, b->buf + head, b->len - head);
		((struct nlmsghdr *)b->buf)->nlmsg_len += (uint32_t)more;
		b->len += more;
	}
	b->generation = generation;
}

__attribute__((format(printf, 5, 6))) static struct nlmsghdr *begin(struct nft_batch *b, int type, int family,
								    int flags, const char *fmt, ...)
{
	va_list ap;
	if (b->cap - b->len < ROOM) {
		b->cap = b->cap * 2 + ROOM;
		b->buf = xrealloc(b->buf, b->cap);
	}
	struct nfgenmsg *g;
	struct nlmsghdr *h = attr_message(b->buf + b->len, (uint16_t)((NFNL_SUBSYS_NFTABLES << 8) | type),
					  (uint16_t)(NLM_F_REQUEST | flags), sizeof(*g), &g);
	h->nlmsg_seq = ++b->seq;
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
	b->len += NLMSG_ALIGN(h->nlmsg_len);
}

void nft_table_add(struct nft_batch *b, int family, const char *table)
{
	struct nlmsghdr *h = begin(b, NFT_MSG_NEWTABLE, family, NLM_F_CREATE, "table %s", table);
	attr_text(h, NFTA_TABLE_NAME, table);
	end(b, h);
}

void nft_table_del(struct nft_batch *b, int family, const char *table)
{
	struct nlmsghdr *h = begin(b, NFT_MSG_DELTABLE, family, 0, "delete table %s", table);
	attr_text(h, NFTA_TABLE_NAME, table);
	end(b, h);
}

void nft_chain_add(struct nft_batch *b, int family, const char *table, const char *chain, const struct nft_hook *hook)
{
	struct nlmsghdr *h = begin(b, NFT_MSG_NEWCHAIN, family, NLM_F_CREATE, "chain %s %s", table, chain);
	attr_text(h, NFTA_CHAIN_TABLE, table);
	attr_text(h, NFTA_CHAIN_NAME, chain);
	if (hook) {
		struct nlattr *nest = attr_begin(h, NFTA_CHAIN_HOOK);
		attr_be32(h, NFTA_HOOK_HOOKNUM, (uint32_t)hook->hook);
		attr_be32(h, NFTA_HOOK_PRIORITY, (uint32_t)hook->priority);
		attr_end(h, nest);
		attr_be32(h, NFTA_CHAIN_POLICY, NF_ACCEPT);
		attr_text(h, NFTA_CHAIN_TYPE, hook->type);
	}
	end(b, h);
}

void nft_chain_flush(struct nft_batch *b, int family, const char *table, const char *chain)
{
	struct nlmsghdr *h = begin(b, NFT_MSG_DELRULE, family, 0, "rules of chain %s %s", table, chain);
	attr_text(h, NFTA_RULE_TABLE, table);
	attr_text(h, NFTA_RULE_CHAIN, chain);
	end(b, h);
}

void nft_chain_del(struct nft_batch *b, int family, const char *table, const char *chain)
{
	struct nlmsghdr *h = begin(b, NFT_MSG_DELCHAIN, family, 0, "delete chain %s %s", table, chain);
	attr_text(h, NFTA_CHAIN_TABLE, table);
	attr_text(h, NFTA_CHAIN_NAME, chain);
	end(b, h);
}

static void put_fields(struct nlmsghdr *h, const uint8_t *lengths)
{
	struct nlattr *concat = attr_begin(h, NFTA_SET_DESC_CONCAT);
	for (; *lengths; lengths++) {
		struct nlattr *one = attr_begin(h, NFTA_LIST_ELEM);
		attr_be32(h, NFTA_SET_FIELD_LEN, *lengths);
		attr_end(h, one);
	}
	attr_end(h, concat);
}

/* nft's own data: fields of type, length, value. The types 0 and 1 are the byte orders of key and data; 1 is the host's. */
static void put_byte_orders(struct nlmsghdr *h, bool key, bool data)
{
	const bool host[] = {key, data};
	const uint32_t order = 1;
	uint8_t text[2 * (2 + sizeof(order))];
	size_t n = 0;
	for (size_t type = 0; type < ARRAY_LEN(host); type++) {
		if (!host[type])
			continue;
		text[n++] = (uint8_t)type;
		text[n++] = sizeof(order);
		memcpy(text + n, &order, sizeof(order));
		n += sizeof(order);
	}
	attr_put(h, NFTA_SET_USERDATA, text, n);
}

void nft_set_add(struct nft_batch *b, const struct nft_set_spec *s)
{
	struct nlmsghdr *h = begin(b, NFT_MSG_NEWSET, s->family, NLM_F_CREATE, "set %s %s", s->table, s->name);
	attr_text(h, NFTA_SET_TABLE, s->table);
	attr_text(h, NFTA_SET_NAME, s->name);
	attr_be32(h, NFTA_SET_ID, b->seq);
	attr_be32(h, NFTA_SET_FLAGS, s->flags);
	attr_be32(h, NFTA_SET_KEY_TYPE, s->key_type);
	attr_be32(h, NFTA_SET_KEY_LEN, s->key_len);
	if (s->flags & NFT_SET_MAP) {
		attr_be32(h, NFTA_SET_DATA_TYPE, s->data_type);
		attr_be32(h, NFTA_SET_DATA_LEN, s->data_len);
	}
	if (s->host_order || s->host_order_data)
		put_byte_orders(h, s->host_order, s->host_order_data);
	if (s->size || s->fields) {
		struct nlattr *desc = attr_begin(h, NFTA_SET_DESC);
		if (s->size)
			attr_be32(h, NFTA_SET_DESC_SIZE, s->size);
		if (s->fields)
			put_fields(h, s->fields);
		attr_end(h, desc);
	}
	end(b, h);
}

void nft_set_del(struct nft_batch *b, int family, const char *table, const char *set)
{
	struct nlmsghdr *h = begin(b, NFT_MSG_DELSET, family, 0, "delete set %s %s", table, set);
	attr_text(h, NFTA_SET_TABLE, table);
	attr_text(h, NFTA_SET_NAME, set);
	end(b, h);
}

/* A comment as nft has them: a field of type 0, its length in one byte. */
static void put_comment(struct nlmsghdr *h, const char *text)
{
	char data[NFT_COMMENT_MAX + 3] = {0};
	size_t len = strnlen(text, NFT_COMMENT_MAX);
	data[1] = (char)(len + 1);
	memcpy(data + 2, text, len);
	attr_put(h, NFTA_SET_ELEM_USERDATA, data, len + 3);
}

static void put_elem(struct nlmsghdr *h, const struct nft_elem *v, bool with_data)
{
	struct nlattr *elem = attr_begin(h, NFTA_LIST_ELEM), *nest = attr_begin(h, NFTA_SET_ELEM_KEY);
	attr_put(h, NFTA_DATA_VALUE, v->key, v->key_len);
	attr_end(h, nest);
	if (v->is_range) {
		nest = attr_begin(h, NFTA_SET_ELEM_KEY_END);
		attr_put(h, NFTA_DATA_VALUE, v->end, v->key_len);
		attr_end(h, nest);
	}
	if (v->interval_end)
		attr_be32(h, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
	if (with_data && (v->data_len || v->is_verdict)) {
		nest = attr_begin(h, NFTA_SET_ELEM_DATA);
		if (v->is_verdict) {
			struct nlattr *verdict = attr_begin(h, NFTA_DATA_VERDICT);
			attr_be32(h, NFTA_VERDICT_CODE, (uint32_t)v->verdict);
			if (v->chain[0])
				attr_text(h, NFTA_VERDICT_CHAIN, v->chain);
			attr_end(h, verdict);
		} else {
			attr_put(h, NFTA_DATA_VALUE, v->data, v->data_len);
		}
		attr_end(h, nest);
	}
	if (with_data && v->comment)
		put_comment(h, v->comment);
	attr_end(h, elem);
}

static void put_elems(struct nft_batch *b, int type, int flags, int family, const char *table, const char *set,
		      const struct nft_elem *v, size_t n)
{
	bool add = type == NFT_MSG_NEWSETELEM;
	for (size_t i = 0; i < n;) {
		struct nlmsghdr *h =
		    begin(b, type, family, flags, "%s elements %zu... of %s %s", add ? "add" : "delete", i, table, set);
		attr_text(h, NFTA_SET_ELEM_LIST_TABLE, table);
		attr_text(h, NFTA_SET_ELEM_LIST_SET, set);
		struct nlattr *list = attr_begin(h, NFTA_SET_ELEM_LIST_ELEMENTS);
		for (size_t from = h->nlmsg_len; i < n && h->nlmsg_len - from < ELEMS_BYTES; i++)
			put_elem(h, &v[i], add);
		attr_end(h, list);
		end(b, h);
	}
}

void nft_elems_add(struct nft_batch *b, int family, const char *table, const char *set, const struct nft_elem *v,
		   size_t n)
{
	put_elems(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, family, table, set, v, n);
}

void nft_elem_new(struct nft_batch *b, int family, const char *table, const char *set, const struct nft_elem *v)
{
	put_elems(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, family, table, set, v, 1);
}

void nft_elems_del(struct nft_batch *b, int family, const char *table, const char *set, const struct nft_elem *v,
		   size_t n)
{
	put_elems(b, NFT_MSG_DELSETELEM, 0, family, table, set, v, n);
}

void nft_rule_add(struct nft_batch *b, struct nft_rule *rule)
{
	struct nlmsghdr *h = begin(b, NFT_MSG_NEWRULE, rule->family, NLM_F_CREATE | NLM_F_APPEND, "rule of chain %s %s",
				   rule->table, rule->chain);
	attr_text(h, NFTA_RULE_TABLE, rule->table);
	attr_text(h, NFTA_RULE_CHAIN, rule->chain);
	attr_end(&rule->h, rule->list);
	memcpy((char *)h + h->nlmsg_len, rule->list, rule->list->nla_len);
	h->nlmsg_len += NLA_ALIGN(rule->list->nla_len);
	nft_rule_free(rule);
	end(b, h);
}
