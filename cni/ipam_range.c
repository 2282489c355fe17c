/* Arithmetic of address ranges.
 *
 * A range is completed from its subnet: first address behind the network's, last one before an IPv4 broadcast address,
 * the gateway the first. Fails on subnets with host bits or too small, on members outside, on overlaps. Pure. What
 * always holds for a completed range: start <= end, both inside the subnet. */
#include "cni/ipam_range.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

void range_set_done(struct range_set *s)
{
	free(s->ranges);
	*s = (struct range_set){0};
}

static int check_subnet(const struct ip_range *r, struct err *e)
{
	char text[IP_TEXT_MAX];
	struct ip first = ip_net_first(&r->subnet);
	if (r->subnet.prefix > ip_bits(&r->subnet.ip) - 2)
		return err_set(e, -EINVAL, "Network %s too small to allocate from", ip_net_text(&r->subnet, text));
	if (!ip_eq(&first, &r->subnet.ip))
		return err_set(e, -EINVAL,
			       "Network has host bits set. For a subnet mask of length %d the network address is %s",
			       r->subnet.prefix, ip_text(&first, text));
	return 0;
}

static int check_member(const struct ip_range *r, const struct ip *ip, const char *name, struct err *e)
{
	char text[IP_TEXT_MAX], net[IP_TEXT_MAX];
	if (!ip_net_contains(&r->subnet, ip))
		return err_set(e, -EINVAL, "%s %s not in network %s", name, ip_text(ip, text),
			       ip_net_text(&r->subnet, net));
	return 0;
}

int ip_range_complete(struct ip_range *r, struct err *e)
{
	char start[IP_TEXT_MAX], end[IP_TEXT_MAX];
	int rc = check_subnet(r, e);
	struct ip first = ip_next(&r->subnet.ip), last = ip_net_last(&r->subnet);
	if (rc < 0)
		return rc;
	if (last.family == AF_INET)
		last = ip_prev(&last);
	if (ip_is_unset(&r->gateway))
		r->gateway = first;
	if (ip_is_unset(&r->start))
		r->start = first;
	if (ip_is_unset(&r->end))
		r->end = last;
	if ((rc = check_member(r, &r->start, "RangeStart", e)) < 0 ||
	    (rc = check_member(r, &r->end, "RangeEnd", e)) < 0)
		return rc;
	if (ip_cmp(&r->start, &r->end) > 0)
		return err_set(e, -EINVAL, "RangeStart %s is behind RangeEnd %s", ip_text(&r->start, start),
			       ip_text(&r->end, end));
	return 0;
}

bool ip_range_contains(const struct ip_range *r, const struct ip *ip)
{
	return ip->family == r->start.family && ip_cmp(&r->start, ip) <= 0 && ip_cmp(ip, &r->end) <= 0;
}

const struct ip_range *range_set_find(const struct range_set *s, const struct ip *ip)
{
	for (size_t i = 0; i < s->n; i++)
		if (ip_range_contains(&s->ranges[i], ip))
			return &s->ranges[i];
	return NULL;
}

static bool overlap(const struct ip_range *a, const struct ip_range *b)
{
	return ip_range_contains(a, &b->start) || ip_range_contains(a, &b->end) || ip_range_contains(b, &a->start) ||
	       ip_range_contains(b, &a->end);
}

bool range_set_overlaps(const struct range_set *a, const struct range_set *b)
{
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++)
			if (overlap(&a->ranges[i], &b->ranges[k]))
				return true;
	return false;
}

static int err_overlap(const struct ip_range *a, const struct ip_range *b, struct err *e)
{
	char start[2][IP_TEXT_MAX], end[2][IP_TEXT_MAX];
	return err_set(e, -EINVAL, "subnets %s-%s and %s-%s overlap", ip_text(&a->start, start[0]),
		       ip_text(&a->end, end[0]), ip_text(&b->start, start[1]), ip_text(&b->end, end[1]));
}

int range_set_check(const struct range_set *s, struct err *e)
{
	if (!s->n)
		return err_set(e, -EINVAL, "empty range set");
	for (size_t i = 0; i < s->n; i++) {
		if (s->ranges[i].start.family != s->ranges[0].start.family)
			return err_set(e, -EINVAL, "mixed address families");
		for (size_t k = 0; k < i; k++)
			if (overlap(&s->ranges[i], &s->ranges[k]))
				return err_overlap(&s->ranges[k], &s->ranges[i], e);
	}
	return 0;
}

void range_set_text(const struct range_set *s, struct str *out)
{
	char a[IP_TEXT_MAX], b[IP_TEXT_MAX];
	for (size_t i = 0; i < s->n; i++)
		str_addf(out, "%s%s-%s", i ? "," : "", ip_text(&s->ranges[i].start, a), ip_text(&s->ranges[i].end, b));
}

void range_iter_init(struct range_iter *it, const struct range_set *s, const struct ip *last)
{
	*it = (struct range_iter){.set = s};
	for (size_t i = 0; last && i < s->n; i++)
		if (ip_range_contains(&s->ranges[i], last)) {
			it->at = i;
			it->cur = *last;
		}
}

static void step(struct range_iter *it)
{
	if (ip_is_unset(&it->cur)) {
		it->cur = it->set->ranges[it->at].start;
	} else if (ip_eq(&it->cur, &it->set->ranges[it->at].end)) {
		it->at = (it->at + 1) % it->set->n;
		it->cur = it->set->ranges[it->at].start;
	} else {
		it->cur = ip_next(&it->cur);
	}
}

bool range_iter_next(struct range_iter *it, struct ip *ret, const struct ip_range **ret_range)
{
	for (;;) {
		step(it);
		if (ip_is_unset(&it->first))
			it->first = it->cur;
		else if (ip_eq(&it->cur, &it->first))
			return false;
		if (ip_eq(&it->cur, &it->set->ranges[it->at].gateway))
			continue;
		*ret = it->cur;
		*ret_range = &it->set->ranges[it->at];
		return true;
	}
}
