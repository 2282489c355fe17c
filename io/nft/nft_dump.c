/* Dumps of tables, chains and set elements.
 *
 * The kernel's answer is walked attribute by attribute; attributes that are unknown or of a wrong size are left out.
 * Fails with -ENOENT where the object is missing. A dump that was disturbed by a change (NLM_F_DUMP_INTR) is reported
 * as -EAGAIN: the caller asks again. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "io/nft/nft_internal.h"

struct dump {
	uint32_t seq;
	bool disturbed;
	void (*each)(struct dump *d, const struct nlmsghdr *h);
	void (*fn)(void *arg, const struct nft_elem *elem);
	void *arg;
	const char *table;
	char **names;
};

static int take(void *arg, const struct nlmsghdr *h)
{
	struct dump *d = arg;
	if (h->nlmsg_seq != d->seq)
		return 0;
	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		d->disturbed = true;
	if (h->nlmsg_type == NLMSG_DONE)
		return 1;
	if (h->nlmsg_type == NLMSG_ERROR) {
		int error = ((const struct nlmsgerr *)mnl_nlmsg_get_payload(h))->error;
		return error ? error : 1;
	}
	d->each(d, h);
	return 0;
}

static const struct nlattr *find(const struct nlattr *nest, int type)
{
	const struct nlattr *a;
	mnl_attr_for_each_nested(a, nest) if (mnl_attr_get_type(a) == type) return a;
	return NULL;
}

static void take_verdict(const struct nlattr *verdict, struct nft_elem *elem)
{
	const struct nlattr *code = find(verdict, NFTA_VERDICT_CODE), *chain = find(verdict, NFTA_VERDICT_CHAIN);
	elem->is_verdict = true;
	elem->verdict = code ? (int)ntohl(mnl_attr_get_u32(code)) : 0;
	if (chain)
		strncpy(elem->chain, mnl_attr_get_str(chain), sizeof(elem->chain) - 1);
}

static void take_value(const struct nlattr *nest, uint8_t *to, size_t room, uint8_t *ret_len)
{
	const struct nlattr *value = find(nest, NFTA_DATA_VALUE);
	if (!value || mnl_attr_get_payload_len(value) > room)
		return;
	*ret_len = (uint8_t)mnl_attr_get_payload_len(value);
	memcpy(to, mnl_attr_get_payload(value), *ret_len);
}

static void each_elem_message(struct dump *d, const struct nlmsghdr *h)
{
	const struct nlattr *a, *one;
	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(a) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		mnl_attr_for_each_nested(one, a)
		{
			struct nft_elem elem = {0};
			const struct nlattr *key = find(one, NFTA_SET_ELEM_KEY), *data = find(one, NFTA_SET_ELEM_DATA);
			const struct nlattr *verdict = data ? find(data, NFTA_DATA_VERDICT) : NULL;
			if (key)
				take_value(key, elem.key, sizeof(elem.key), &elem.key_len);
			if (verdict)
				take_verdict(verdict, &elem);
			else if (data)
				take_value(data, elem.data, sizeof(elem.data), &elem.data_len);
			if (elem.key_len)
				d->fn(d->arg, &elem);
		}
	}
}

int nft_dump_elems(struct nft *n, int family, const char *table, const char *set,
		   void (*fn)(void *arg, const struct nft_elem *elem), void *arg, struct err *e)
{
	char buf[4096];
	struct nlmsghdr *h = nft_request(n, buf, NFT_MSG_GETSETELEM, family, NLM_F_DUMP);
	struct dump d = {.seq = h->nlmsg_seq, .each = each_elem_message, .fn = fn, .arg = arg};
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, set);
	int r = nft_exchange(n, h, h->nlmsg_len, take, &d);
	if (r >= 0 && d.disturbed)
		r = -EAGAIN;
	return r < 0 ? err_code(e, r, "nf_tables: elements of %s %s", table, set) : 0;
}

static void each_chain(struct dump *d, const struct nlmsghdr *h)
{
	const char *table = NULL, *name = NULL;
	const struct nlattr *a;
	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(a) == NFTA_CHAIN_TABLE)
			table = mnl_attr_get_str(a);
		else if (mnl_attr_get_type(a) == NFTA_CHAIN_NAME)
			name = mnl_attr_get_str(a);
	}
	if (table && name && !strcmp(table, d->table))
		strv_add(&d->names, name);
}

int nft_dump_chains(struct nft *n, int family, const char *table, char ***ret, struct err *e)
{
	char buf[4096];
	struct nlmsghdr *h = nft_request(n, buf, NFT_MSG_GETCHAIN, family, NLM_F_DUMP);
	struct dump d = {.seq = h->nlmsg_seq, .each = each_chain, .table = table};
	int r = nft_exchange(n, h, h->nlmsg_len, take, &d);
	if (r >= 0 && d.disturbed)
		r = -EAGAIN;
	if (r < 0) {
		free_strv(&d.names);
		return err_code(e, r, "nf_tables: chains of %s", table);
	}
	*ret = d.names ? d.names : xcalloc(1, sizeof(char *));
	return 0;
}

static void ignore(struct dump *d, const struct nlmsghdr *h)
{
	(void)h;
	d->disturbed = false;
	d->names = NULL;
}

static int take_one(void *arg, const struct nlmsghdr *h)
{
	struct dump *d = arg;
	int r = take(arg, h);
	return r ? r : h->nlmsg_seq == d->seq;
}

bool nft_table_exists(struct nft *n, int family, const char *table)
{
	char buf[4096];
	struct nlmsghdr *h = nft_request(n, buf, NFT_MSG_GETTABLE, family, 0);
	struct dump d = {.seq = h->nlmsg_seq, .each = ignore};
	mnl_attr_put_strz(h, NFTA_TABLE_NAME, table);
	return nft_exchange(n, h, h->nlmsg_len, take_one, &d) >= 0;
}
