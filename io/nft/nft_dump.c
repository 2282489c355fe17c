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
	char comment[NFT_COMMENT_MAX + 1];
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
		int error = ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
		return error ? error : 1;
	}
	d->each(d, h);
	return 0;
}

static void take_verdict(const struct nlattr *verdict, struct nft_elem *elem)
{
	const struct nlattr *code = attr_find(verdict, NFTA_VERDICT_CODE),
			    *chain = attr_find(verdict, NFTA_VERDICT_CHAIN);
	elem->is_verdict = true;
	elem->verdict = code ? (int)attr_get_be32(code) : 0;
	if (chain)
		strncpy(elem->chain, attr_get_text(chain), sizeof(elem->chain) - 1);
}

static void take_value(const struct nlattr *nest, uint8_t *to, size_t room, uint8_t *ret_len)
{
	const struct nlattr *value = attr_find(nest, NFTA_DATA_VALUE);
	if (!value || attr_len(value) > room)
		return;
	*ret_len = (uint8_t)attr_len(value);
	memcpy(to, attr_data(value), *ret_len);
}

static void take_comment(struct dump *d, const struct nlattr *a, struct nft_elem *elem)
{
	const uint8_t *p = a ? attr_data(a) : NULL;
	if (!a || attr_len(a) < 3 || p[0] != 0 || p[1] > attr_len(a) - 2 || p[1] > sizeof(d->comment))
		return;
	memcpy(d->comment, p + 2, p[1]);
	d->comment[p[1] ? p[1] - 1 : 0] = '\0';
	elem->comment = d->comment;
}

static void each_elem_message(struct dump *d, const struct nlmsghdr *h)
{
	const struct nlattr *a, *one;
	ATTR_EACH(a, h, sizeof(struct nfgenmsg))
	{
		if (attr_type(a) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		ATTR_EACH_IN(one, a)
		{
			struct nft_elem elem = {0};
			const struct nlattr *key = attr_find(one, NFTA_SET_ELEM_KEY),
					    *key_end = attr_find(one, NFTA_SET_ELEM_KEY_END),
					    *data = attr_find(one, NFTA_SET_ELEM_DATA);
			uint8_t end_len = 0;
			const struct nlattr *verdict = data ? attr_find(data, NFTA_DATA_VERDICT) : NULL;
			if (key)
				take_value(key, elem.key, sizeof(elem.key), &elem.key_len);
			if (key_end)
				take_value(key_end, elem.end, sizeof(elem.end), &end_len);
			elem.is_range = end_len > 0;
			if (verdict)
				take_verdict(verdict, &elem);
			else if (data)
				take_value(data, elem.data, sizeof(elem.data), &elem.data_len);
			take_comment(d, attr_find(one, NFTA_SET_ELEM_USERDATA), &elem);
			if (elem.key_len)
				d->fn(d->arg, &elem);
		}
	}
}

int nft_dump_elems(struct nft *n, int family, const char *table, const char *set,
		   void (*fn)(void *arg, const struct nft_elem *elem), void *arg, struct err *e)
{
	char buf[4096];
	struct nlmsghdr *h = nft_request(n, buf, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM, family, NLM_F_DUMP);
	struct dump d = {.seq = h->nlmsg_seq, .each = each_elem_message, .fn = fn, .arg = arg};
	attr_text(h, NFTA_SET_ELEM_LIST_TABLE, table);
	attr_text(h, NFTA_SET_ELEM_LIST_SET, set);
	int r = nft_exchange(n, h, h->nlmsg_len, take, &d);
	if (r >= 0 && d.disturbed)
		r = -EAGAIN;
	return r < 0 ? err_code(e, r, "nf_tables: elements of %s %s", table, set) : 0;
}

static void each_chain(struct dump *d, const struct nlmsghdr *h)
{
	const char *table = NULL, *name = NULL;
	const struct nlattr *a;
	ATTR_EACH(a, h, sizeof(struct nfgenmsg))
	{
		if (attr_type(a) == NFTA_CHAIN_TABLE)
			table = attr_get_text(a);
		else if (attr_type(a) == NFTA_CHAIN_NAME)
			name = attr_get_text(a);
	}
	if (table && name && !strcmp(table, d->table))
		strv_add(&d->names, name);
}

int nft_dump_chains(struct nft *n, int family, const char *table, char ***ret, struct err *e)
{
	char buf[4096];
	struct nlmsghdr *h = nft_request(n, buf, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, family, NLM_F_DUMP);
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
	struct nlmsghdr *h = nft_request(n, buf, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, family, 0);
	struct dump d = {.seq = h->nlmsg_seq, .each = ignore};
	attr_text(h, NFTA_TABLE_NAME, table);
	return nft_exchange(n, h, h->nlmsg_len, take_one, &d) >= 0;
}

struct generation {
	uint32_t seq, value;
};

static int take_generation(void *arg, const struct nlmsghdr *h)
{
	struct generation *g = arg;
	const struct nlattr *a;
	if (h->nlmsg_seq != g->seq)
		return 0;
	if (h->nlmsg_type == NLMSG_ERROR) {
		int error = ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
		return error ? error : 1;
	}
	ATTR_EACH(a, h, sizeof(struct nfgenmsg))
	if (attr_type(a) == NFTA_GEN_ID)
		g->value = attr_get_be32(a);
	return 1;
}

int nft_generation(struct nft *n, uint32_t *ret, struct err *e)
{
	char buf[256];
	struct nlmsghdr *h = nft_request(n, buf, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN, 0, 0);
	struct generation g = {.seq = h->nlmsg_seq};
	int r = nft_exchange(n, h, h->nlmsg_len, take_generation, &g);
	if (r < 0)
		return err_code(e, r, "nf_tables: generation");
	*ret = g.value;
	return 0;
}
