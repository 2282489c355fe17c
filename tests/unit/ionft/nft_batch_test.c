/* Batches as bytes: elements split into messages whose attributes fit, verdicts, sets, rules. */
#include "io/nft/nft.h"

#include <arpa/inet.h>
#include <check.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "io/nft/nft_internal.h"
#include "io/nft/nft_rule.h"

typedef void (*each_fn)(const struct nlmsghdr *h, void *arg);

static size_t walk(const struct nft_batch *b, each_fn fn, void *arg)
{
	size_t n = 0;
	uint32_t seq = 0;
	for (size_t at = 0; at < b->len;) {
		const struct nlmsghdr *h = (const void *)(b->buf + at);
		ck_assert_uint_ge(h->nlmsg_len, sizeof(*h));
		ck_assert_uint_le(at + h->nlmsg_len, b->len);
		ck_assert_uint_eq(h->nlmsg_seq, seq++);
		if (at)
			fn(h, arg);
		n += at > 0;
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
	return n;
}

struct count {
	int type;
	size_t elems, verdicts;
	uint32_t next; /* the key that must come */
};

static void count_elems(const struct nlmsghdr *h, void *arg)
{
	struct count *c = arg;
	const struct nlattr *a, *elem, *part, *value;
	ck_assert_int_eq(h->nlmsg_type & 0xff, c->type);
	ATTR_EACH(a, h, sizeof(struct nfgenmsg))
	{
		if (attr_type(a) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		ATTR_EACH_IN(elem, a)
		{
			c->elems++;
			ATTR_EACH_IN(part, elem)
			{
				if (attr_type(part) == NFTA_SET_ELEM_DATA)
					c->verdicts++;
				if (attr_type(part) != NFTA_SET_ELEM_KEY)
					continue;
				ATTR_EACH_IN(value, part)
				ck_assert_uint_eq(attr_get_be32(value), c->next++);
			}
		}
	}
}

static struct nft_elem *elems(size_t n)
{
	struct nft_elem *v = xcalloc(n, sizeof(*v));
	for (size_t i = 0; i < n; i++) {
		uint32_t key = htonl((uint32_t)i);
		memcpy(v[i].key, &key, 4);
		v[i].key_len = 4;
		v[i].is_verdict = true;
		v[i].verdict = NFT_GOTO;
		strcpy(v[i].chain, "n2");
	}
	return v;
}

START_TEST(elements_are_split)
{
	static const size_t sizes[] = {0, 1, 2, 1000, 20000};
	size_t n = sizes[_i];
	struct nft_elem *v = elems(n);
	AUTO_NFT_BATCH *add = nft_batch_new(), *del = nft_batch_new();
	struct count a = {.type = NFT_MSG_NEWSETELEM}, d = {.type = NFT_MSG_DELSETELEM};
	ck_assert(nft_batch_is_empty(add));
	nft_elems_add(add, NFPROTO_IPV4, "t", "m", v, n);
	nft_elems_del(del, NFPROTO_IPV4, "t", "m", v, n);
	size_t messages = walk(add, count_elems, &a);
	walk(del, count_elems, &d);
	ck_assert_uint_eq(a.elems, n);
	ck_assert_uint_eq(a.verdicts, n);
	ck_assert_uint_eq(d.elems, n);
	ck_assert_uint_eq(d.verdicts, 0);
	ck_assert(n < 20000 ? messages == (n > 0) : messages > 10);
	ck_assert_int_eq(nft_batch_is_empty(add), n == 0);
	free(v);
}
END_TEST

static void note_types(const struct nlmsghdr *h, void *arg)
{
	str_addf(arg, "%d ", h->nlmsg_type & 0xff);
}

START_TEST(objects)
{
	AUTO_NFT_BATCH *b = nft_batch_new();
	AUTO_STR got = STR_INIT, want = STR_INIT;
	const struct nft_hook hook = {"nat", NF_INET_PRE_ROUTING, -100};
	const struct nft_set_spec set = {
	    .family = NFPROTO_IPV4, .table = "t", .name = "s", .key_len = 4, .flags = NFT_SET_MAP};
	nft_table_add(b, NFPROTO_IPV4, "t");
	nft_chain_add(b, NFPROTO_IPV4, "t", "c", &hook);
	nft_set_add(b, &set);
	struct nft_rule *r = nft_rule_new(NFPROTO_IPV4, "t", "c");
	nft_x_daddr(r, NFPROTO_IPV4, 0);
	nft_x_map(r, "s", 0, -1);
	nft_rule_add(b, r);
	nft_chain_del(b, NFPROTO_IPV4, "t", "c");
	nft_table_del(b, NFPROTO_IPV4, "t");
	walk(b, note_types, &got);
	str_addf(&want, "%d %d %d %d %d %d ", NFT_MSG_NEWTABLE, NFT_MSG_NEWCHAIN, NFT_MSG_NEWSET, NFT_MSG_NEWRULE,
		 NFT_MSG_DELCHAIN, NFT_MSG_DELTABLE);
	ck_assert_str_eq(str_text(&got), str_text(&want));
	ck_assert_str_eq(b->labels[1].text, "chain t c");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nft_batch");
	TCase *t = tcase_create("all");
	tcase_add_loop_test(t, elements_are_split, 0, 5);
	tcase_add_test(t, objects);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
