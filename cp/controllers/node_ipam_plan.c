/* The plan of nodes' address ranges. Happy path: the lowest part of each range that no node holds is written into the
 * node's spec. What is held is read from the nodes, so that nothing is kept here and nothing leaks; ranges that are not
 * of ours hold what they overlap. */
#include "cp/controllers/node_ipam_plan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cp/controllers/object.h"

typedef unsigned __int128 u128;

enum { PARTS_BITS_MAX = 16 };

static int width(int family)
{
	return family == AF_INET ? 32 : 128;
}

static u128 mask(int family, int bits)
{
	u128 all = family == AF_INET ? 0xffffffffu : ~(u128)0;
	return bits ? all & ~((((u128)1 << (width(family) - bits)) - 1)) : 0;
}

static int parse_cidr(const char *text, int *ret_family, u128 *ret_first, int *ret_bits)
{
	unsigned char b[16] = { 0 };
	AUTO_FREE char *copy = xstrdup(text);
	char *slash = strchr(copy, '/');
	uint32_t bits;
	if (!slash || str_to_u32(slash + 1, &bits) < 0)
		return -EINVAL;
	*slash = '\0';
	int family = strchr(copy, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(family, copy, b) != 1 || bits > (uint32_t)width(family))
		return -EINVAL;
	u128 first = 0;
	for (int i = 0; i < width(family) / 8; i++)
		first = first << 8 | b[i];
	*ret_family = family;
	*ret_first = first & mask(family, (int)bits);
	*ret_bits = (int)bits;
	return 0;
}

static char *cidr_text(int family, u128 first, int bits)
{
	unsigned char b[16];
	char text[INET6_ADDRSTRLEN];
	int n = width(family) / 8;
	for (int i = n; i-- > 0; first >>= 8)
		b[i] = (unsigned char)first;
	return xasprintf("%s/%d", inet_ntop(family, b, text, sizeof(text)), bits);
}

int node_ranges_parse(const char *cidrs, int node_bits4, int node_bits6, struct node_ranges *ret, struct err *e)
{
	AUTO_STRV char **list = str_split(cidrs, ',');
	struct node_ranges out = { .n = strv_len(list) };
	if (out.n > NODE_IPAM_RANGES)
		return err_set(e, -EINVAL, "more than one range of a family: %s", cidrs);
	for (size_t i = 0; i < out.n; i++) {
		struct node_range *r = &out.v[i];
		if (parse_cidr(list[i], &r->family, &r->first, &r->bits) < 0)
			return err_set(e, -EINVAL, "not a range of addresses: %s", list[i]);
		r->node_bits = r->family == AF_INET ? node_bits4 : node_bits6;
		if (i && r->family == out.v[0].family)
			return err_set(e, -EINVAL, "more than one range of a family: %s", cidrs);
		if (r->node_bits < r->bits || r->node_bits > width(r->family) || r->node_bits - r->bits > PARTS_BITS_MAX)
			return err_set(e, -EINVAL, "a node's part of %s cannot be a /%d", list[i], r->node_bits);
	}
	*ret = out;
	return 0;
}

/* Marks the parts of r that a held range overlaps. */
static void mark(const struct node_range *r, const char *held, unsigned char *taken)
{
	int family, bits;
	u128 first;
	if (parse_cidr(held, &family, &first, &bits) < 0 || family != r->family)
		return;
	int common = MIN(bits, r->bits);
	if ((first & mask(family, common)) != (r->first & mask(family, common)))
		return;
	size_t n = (size_t)1 << (r->node_bits - r->bits);
	size_t from = 0, count = n;
	if (bits > r->bits) {
		from = (size_t)((first - r->first) >> (width(family) - r->node_bits));
		count = bits >= r->node_bits ? 1 : (size_t)1 << (r->node_bits - bits);
	}
	memset(taken + from, 1, MIN(count, n - from));
}

/* The lowest free part. Owned; NULL: there is none. */
static char *pick(const struct node_range *r, const json_t *used)
{
	size_t n = (size_t)1 << (r->node_bits - r->bits), i;
	AUTO_FREE unsigned char *taken = xcalloc(n, 1);
	json_t *v;
	json_array_foreach(used, i, v)
		if (json_is_string(v))
			mark(r, json_string_value(v), taken);
	const unsigned char *at = memchr(taken, 0, n);
	if (!at)
		return NULL;
	return cidr_text(r->family, r->first + ((u128)(at - taken) << (width(r->family) - r->node_bits)), r->node_bits);
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
