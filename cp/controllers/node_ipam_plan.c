/* The plan of nodes' address ranges. Happy path: the lowest part of each range that no node holds is written into the
 * node's spec. What is held is read from the nodes, so that nothing is kept here and nothing leaks; ranges that are not
 * of ours hold what they overlap. */
#include "cp/controllers/node_ipam_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/json.h"
#include "cp/controllers/object.h"

enum { PARTS_BITS_MAX = 16 };

int node_ranges_parse(const char *cidrs, int node_bits4, int node_bits6, struct node_ranges *ret, struct err *e)
{
	AUTO_STRV char **list = str_split(cidrs, ',');
	struct node_ranges out = { .n = strv_len(list) };
	if (out.n > NODE_IPAM_RANGES)
		return err_set(e, -EINVAL, "more than one range of a family: %s", cidrs);
	for (size_t i = 0; i < out.n; i++) {
		struct node_range *r = &out.v[i];
		if (ip_net_parse(list[i], &r->net) < 0)
			return err_set(e, -EINVAL, "not a range of addresses: %s", list[i]);
		r->node_bits = r->net.ip.family == AF_INET ? node_bits4 : node_bits6;
		if (i && r->net.ip.family == out.v[0].net.ip.family)
			return err_set(e, -EINVAL, "more than one range of a family: %s", cidrs);
		if (r->node_bits < r->net.prefix || r->node_bits > ip_bits(&r->net.ip) || r->node_bits - r->net.prefix > PARTS_BITS_MAX)
			return err_set(e, -EINVAL, "a node's part of %s cannot be a /%d", list[i], r->node_bits);
	}
	*ret = out;
	return 0;
}

/* The number of the part that an address of the range is in: its bits behind the range's. */
static size_t part_of(const struct node_range *r, const struct ip *ip)
{
	size_t part = 0;
	for (int bit = r->net.prefix; bit < r->node_bits; bit++)
		part = part << 1 | (ip->b[bit / 8] >> (7 - bit % 8) & 1);
	return part;
}

static struct ip_net part_at(const struct node_range *r, size_t part)
{
	struct ip_net n = {ip_net_first(&r->net), r->node_bits};
	for (int bit = r->node_bits - 1; bit >= r->net.prefix; bit--, part >>= 1)
		n.ip.b[bit / 8] |= (uint8_t)((part & 1) << (7 - bit % 8));
	return n;
}

/* Marks the parts of r that a held range overlaps. */
static void mark(const struct node_range *r, const char *text, unsigned char *taken)
{
	struct ip_net held;
	if (ip_net_parse(text, &held) < 0)
		return;
	bool inside = ip_net_contains(&r->net, &held.ip) && held.prefix >= r->net.prefix;
	if (!inside && !ip_net_contains(&held, &r->net.ip))
		return;
	struct ip_net both = inside ? held : r->net;
	struct ip first = ip_net_first(&both), last = ip_net_last(&both);
	size_t from = part_of(r, &first), to = part_of(r, &last);
	memset(taken + from, 1, to - from + 1);
}

/* The lowest free part. Owned; NULL: there is none. */
static char *pick(const struct node_range *r, const json_t *used)
{
	size_t n = (size_t)1 << (r->node_bits - r->net.prefix), i;
	AUTO_FREE unsigned char *taken = xcalloc(n, 1);
	char text[IP_TEXT_MAX];
	json_t *v;
	json_array_foreach(used, i, v)
		if (json_is_string(v))
			mark(r, json_string_value(v), taken);
	const unsigned char *at = memchr(taken, 0, n);
	if (!at)
		return NULL;
	struct ip_net part = part_at(r, (size_t)(at - taken));
	return xstrdup(ip_net_text(&part, text));
}

void node_ipam_plan(const struct node_ranges *ranges, const json_t *node, const json_t *used, struct plan *plan)
{
	AUTO_JSON *picked = json_array();
	if (!ranges->n || object_deleting(node) || !str_empty(json_str_at(node, "spec.podCIDR")) ||
	    json_array_size(json_at(node, "spec.podCIDRs")))
		return;
	for (size_t i = 0; i < ranges->n; i++) {
		AUTO_FREE char *cidr = pick(&ranges->v[i], used);
		if (!cidr) {
			AUTO_JSON *involved = object_reference(node);
			plan_event(plan, involved, "Normal", "CIDRNotAvailable", "Node %s status is now: CIDRNotAvailable", object_name(node));
			return;
		}
		json_array_append_new(picked, json_string(cidr));
	}
	AUTO_FREE char *path = object_path("", "v1", "", "nodes", object_name(node));
	plan_merge(plan, path, json_pack("{s:{s:O, s:O}}", "spec", "podCIDR", json_array_get(picked, 0), "podCIDRs", picked))->flags |=
		PLAN_ABSENT_OK;
}
