/* Allocation of service addresses and node ports.
 *
 * Happy path: one map from "10.96.1.2" or "TCP/30080" to how many hold it, kept by a watch on the services, plus the
 * tickets in flight. What can fail: a range that is full. What always holds: nothing is stored here, so nothing can be
 * lost or leak over a crash: the services are the record. */
#include "cp/kinds/service_alloc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/rand.h"

/* Addresses first .. first+size-1; the lowest band are for explicit choice. */
struct range {
	uint32_t first, size, band;
};

struct service_alloc {
	struct range *ranges; /* the configured one, then those of ServiceCIDR objects */
	size_t n_ranges;
	struct bucket *cidrs;
	uint16_t port_min, port_max, port_band;
	char port_range[16];
	struct map *held; /* key -> count */
	struct cache_watch *watch, *address_watch, *cidr_watch;
};

struct service_ticket {
	struct service_alloc *a;
	char **keys;
};

static void hold(struct service_alloc *a, const char *key, int by)
{
	intptr_t n = (intptr_t)map_get(a->held, key) + by;
	if (n > 0)
		map_set(a->held, key, (void *)n);
	else
		map_remove(a->held, key);
}

/* Counts what a service in the cache holds. */
static void count(struct service_alloc *a, struct cobj *o, int by)
{
	AUTO_JSON *svc = cobj_parse(o);
	size_t i;
	json_t *v;
	json_array_foreach(json_at(svc, "spec.clusterIPs"), i, v)
		if (strcmp(json_string_value(v), "None"))
			hold(a, json_string_value(v), by);
	json_array_foreach(json_at(svc, "spec.ports"), i, v) {
		char key[32];
		int64_t port = json_int_at(v, "nodePort", 0);
		if (!port)
			continue;
		snprintf(key, sizeof(key), "%s/%d", json_str_or(v, "protocol", "TCP"), (int)port);
		hold(a, key, by);
	}
}

static void on_service(void *arg, const struct cache_event *ev)
{
	if (ev->type == CACHE_BOOKMARK)
		return;
	if (ev->prev)
		count(arg, ev->prev, -1);
	if (ev->type != CACHE_DELETED)
		count(arg, ev->obj, 1);
}

static void count_existing(void *arg, struct cobj *o)
{
	count(arg, o, 1);
}

/* An IPAddress holds its name, whoever has made it. */
static void on_address(void *arg, const struct cache_event *ev)
{
	if (ev->type == CACHE_ADDED || ev->type == CACHE_DELETED)
		hold(arg, ev->obj->name, ev->type == CACHE_ADDED ? 1 : -1);
}

static void count_address(void *arg, struct cobj *o)
{
	hold(arg, o->name, 1);
}

static int add_range(struct service_alloc *a, const char *cidr, struct err *e)
{
	char copy[64];
	struct in_addr base;
	snprintf(copy, sizeof(copy), "%s", cidr);
	char *slash = strchr(copy, '/');
	int64_t bits = 0;
	if (slash)
		*slash = '\0';
	if (!slash || inet_pton(AF_INET, copy, &base) != 1 || str_to_i64(slash + 1, &bits) < 0 || bits < 8 || bits > 29)
		return err_set(e, -EINVAL, "service range \"%s\": want an IPv4 range from /8 to /29", cidr);
	uint32_t mask = ~0U << (32 - bits);
	uint32_t size = ~mask - 1; /* neither network nor broadcast address */
	struct range r = { (ntohl(base.s_addr) & mask) + 1, size, MIN(MAX(size / 16, 16U), 256U) };
	if (r.band >= r.size)
		r.band = 0;
	a->ranges = xreallocarray(a->ranges, a->n_ranges + 1, sizeof(*a->ranges));
	a->ranges[a->n_ranges++] = r;
	return 0;
}

/* Whether services may get addresses of a ServiceCIDR. */
static bool is_ready(const json_t *range)
{
	json_t *c;
	size_t i;
	json_array_foreach(json_at(range, "status.conditions"), i, c)
		if (str_eq(json_str_at(c, "type"), "Ready"))
			return str_eq(json_str_at(c, "status"), "True");
	return false;
}

static void take_range(void *arg, struct cobj *o)
{
	struct service_alloc *a = arg;
	AUTO_JSON *range = cobj_parse(o);
	json_t *v;
	size_t i;
	if (o->deleting || str_eq(o->name, "kubernetes") || !is_ready(range))
		return;
	json_array_foreach(json_at(range, "spec.cidrs"), i, v)
		(void)add_range(a, json_string_value(v), NULL); /* ignoring: of the other family, or too small */
}

static void on_range(void *arg, const struct cache_event *ev)
{
	struct service_alloc *a = arg;
	if (ev->type == CACHE_BOOKMARK)
		return;
	a->n_ranges = 1;
	bucket_list(a->cidrs, &(struct bucket_query){ 0 }, take_range, a);
}

static int follow_ranges(struct service_alloc *a, struct bucket *cidrs, struct err *e)
{
	a->cidrs = cidrs;
	if (!cidrs)
		return 0;
	bucket_list(cidrs, &(struct bucket_query){ 0 }, take_range, a);
	return bucket_watch(cidrs, UINT64_MAX, NULL, on_range, a, &a->cidr_watch, e);
}

int service_alloc_new(struct bucket *services, struct bucket *addresses, struct bucket *cidrs, const char *cidr, uint16_t port_min, uint16_t port_max,
		      struct service_alloc **ret, struct err *e)
{
	struct service_alloc *a = xcalloc(1, sizeof(*a));
	int r = add_range(a, cidr, e);
	a->port_min = port_min;
	a->port_max = port_max;
	uint16_t ports = (uint16_t)(port_max - port_min + 1);
	a->port_band = (uint16_t)(ports >= 48 ? MIN(MAX(ports / 32, 16), 128) : 0);
	snprintf(a->port_range, sizeof(a->port_range), "%u-%u", port_min, port_max);
	a->held = map_new(NULL);
	if (r == 0) {
		bucket_list(services, &(struct bucket_query){ 0 }, count_existing, a);
		r = bucket_watch(services, UINT64_MAX, NULL, on_service, a, &a->watch, e);
	}
	if (r == 0 && addresses) {
		bucket_list(addresses, &(struct bucket_query){ 0 }, count_address, a);
		r = bucket_watch(addresses, UINT64_MAX, NULL, on_address, a, &a->address_watch, e);
	}
	if (r == 0)
		r = follow_ranges(a, cidrs, e);
	if (r < 0) {
		service_alloc_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void service_alloc_free(struct service_alloc *a)
{
	if (!a)
		return;
	cache_watch_stop(a->watch);
	cache_watch_stop(a->address_watch);
	cache_watch_stop(a->cidr_watch);
	free(a->ranges);
	map_free(a->held);
	free(a);
}

struct service_ticket *service_ticket_new(struct service_alloc *a)
{
	struct service_ticket *t = xcalloc(1, sizeof(*t));
	t->a = a;
	return t;
}

void service_ticket_free(struct service_ticket *t)
{
	if (!t)
		return;
	for (char **k = t->keys; k && *k; k++)
		hold(t->a, *k, -1);
	free_strv(&t->keys);
	free(t);
}

static bool take(struct service_ticket *t, const char *key)
{
	if (map_has(t->a->held, key))
		return false;
	hold(t->a, key, 1);
	strv_add(&t->keys, key);
	return true;
}

static const char *ip_text(uint32_t ip, char *ret)
{
	struct in_addr a = { htonl(ip) };
	return inet_ntop(AF_INET, &a, ret, INET_ADDRSTRLEN);
}

static bool is_in(const struct range *r, uint32_t ip)
{
	return ip >= r->first && ip - r->first < r->size;
}

static int take_this(struct service_ticket *t, const char *wanted, char *ret_text)
{
	struct in_addr in;
	if (inet_pton(AF_INET, wanted, &in) != 1)
		return -ERANGE;
	for (size_t i = 0; i < t->a->n_ranges; i++)
		if (is_in(&t->a->ranges[i], ntohl(in.s_addr)))
			return take(t, ip_text(ntohl(in.s_addr), ret_text)) ? 0 : -EEXIST;
	return -ERANGE;
}

/* A random start in the upper band, then round it, then the lower band. */
static bool take_any(struct service_ticket *t, const struct range *r, char *ret_text)
{
	uint32_t upper = r->size - r->band, start = rand_below(upper);
	for (uint32_t i = 0; i < r->size; i++) {
		uint32_t off = i < upper ? r->band + (start + i) % upper : i - upper;
		if (take(t, ip_text(r->first + off, ret_text)))
			return true;
	}
	return false;
}

int service_take_ip(struct service_ticket *t, const char *wanted, char *ret_text)
{
	if (wanted)
		return take_this(t, wanted, ret_text);
	for (size_t i = 0; i < t->a->n_ranges; i++)
		if (take_any(t, &t->a->ranges[i], ret_text))
			return 0;
	return -ENOSPC;
}

static bool take_port(struct service_ticket *t, uint16_t port, const char *protocol)
{
	char key[32];
	snprintf(key, sizeof(key), "%s/%u", protocol, port);
	return take(t, key);
}

int service_take_port(struct service_ticket *t, uint16_t wanted, const char *protocol, uint16_t *ret)
{
	const struct service_alloc *a = t->a;
	if (wanted) {
		if (wanted < a->port_min || wanted > a->port_max)
			return -ERANGE;
		*ret = wanted;
		return take_port(t, wanted, protocol) ? 0 : -EEXIST;
	}
	uint32_t size = (uint32_t)(a->port_max - a->port_min) + 1, upper = size - a->port_band, start = rand_below(upper);
	for (uint32_t i = 0; i < size; i++) {
		uint32_t off = i < upper ? a->port_band + (start + i) % upper : i - upper;
		*ret = (uint16_t)(a->port_min + off);
		if (take_port(t, *ret, protocol))
			return 0;
	}
	return -ENOSPC;
}

const char *service_port_range(const struct service_alloc *a)
{
	return a->port_range;
}
