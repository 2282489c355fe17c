/* Allocation of service addresses and node ports.
 *
 * Happy path: one map from "10.96.1.2" or "port/30080" to how many hold it, kept by a watch on the services, plus the
 * tickets in flight. What can fail: a range that is full. What always holds: nothing is stored here, so nothing can be
 * lost or leak over a crash: the services are the record. */
#include "cp/kinds/service_alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/rand.h"
#include "base/str.h"
#include "cp/kinds/service_range.h"

enum { PORT_KEY_MAX = 20 };

struct service_alloc {
	struct service_range *ranges; /* the configured ones, then those of ServiceCIDR objects */
	size_t n_ranges, n_configured;
	const char *families[2]; /* of the configured ranges, in their order */
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

static void hold_port(struct service_alloc *a, int64_t port, int by)
{
	char key[PORT_KEY_MAX];
	snprintf(key, sizeof(key), "port/%d", (int)port);
	if (port)
		hold(a, key, by);
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
	json_array_foreach(json_at(svc, "spec.ports"), i, v)
		hold_port(a, json_int_at(v, "nodePort", 0), by);
	hold_port(a, json_int_at(svc, "spec.healthCheckNodePort", 0), by);
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
	struct service_range range;
	int r = service_range_parse(cidr, &range, e);
	if (r < 0)
		return r;
	a->ranges = xreallocarray(a->ranges, a->n_ranges + 1, sizeof(*a->ranges));
	a->ranges[a->n_ranges++] = range;
	return 0;
}

/* The ranges that the cluster is configured with: one, or one of each family. */
static int add_configured(struct service_alloc *a, const char *cidrs, struct err *e)
{
	AUTO_STRV char **list = str_split(cidrs, ',');
	int r = strv_len(list) ? 0 : err_set(e, -EINVAL, "no service range");
	for (size_t i = 0; r == 0 && i < strv_len(list); i++)
		r = i < 2 ? add_range(a, list[i], e) : err_set(e, -EINVAL, "more than two service ranges: %s", cidrs);
	if (r == 0 && a->n_ranges == 2 && a->ranges[0].family == a->ranges[1].family)
		r = err_set(e, -EINVAL, "two service ranges of one family: %s", cidrs);
	a->n_configured = a->n_ranges;
	for (size_t i = 0; r == 0 && i < a->n_ranges; i++)
		a->families[i] = a->ranges[i].family == 4 ? "IPv4" : "IPv6";
	return r;
}

/* Whether services may get addresses of a ServiceCIDR. */
static bool is_ready(const json_t *range)
{
	return str_eq(json_member(json_find(json_at(range, "status.conditions"), "type", "Ready"), "status"), "True");
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
		(void)add_range(a, json_string_value(v), NULL); /* ignoring: too small, or too large */
}

static void on_range(void *arg, const struct cache_event *ev)
{
	struct service_alloc *a = arg;
	if (ev->type == CACHE_BOOKMARK)
		return;
	a->n_ranges = a->n_configured;
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

int service_alloc_new(struct bucket *services, struct bucket *addresses, struct bucket *cidrs, const char *configured, uint16_t port_min, uint16_t port_max,
		      struct service_alloc **ret, struct err *e)
{
	struct service_alloc *a = xcalloc(1, sizeof(*a));
	int r = add_configured(a, configured, e);
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

static int take_this(struct service_ticket *t, const char *wanted, char *ret_text)
{
	unsigned __int128 address = 0;
	int family = service_address_parse(wanted, &address);
	for (size_t i = 0; i < t->a->n_ranges; i++) {
		const struct service_range *r = &t->a->ranges[i];
		if (service_range_has(r, family, address))
			return take(t, service_range_text(r, (uint64_t)(address - r->first), ret_text)) ? 0 : -EEXIST;
	}
	return -ERANGE;
}

/* A random start in the upper band, then round it, then the lower band. */
static bool take_any(struct service_ticket *t, const struct service_range *r, char *ret_text)
{
	uint64_t upper = r->size - r->band, start = 0;
	rand_bytes(&start, sizeof(start));
	start %= upper;
	for (uint64_t i = 0; i < r->size; i++) {
		uint64_t off = i >= upper ? i - upper : r->band + (i < upper - start ? start + i : i - (upper - start));
		if (take(t, service_range_text(r, off, ret_text)))
			return true;
	}
	return false;
}

int service_take_ip(struct service_ticket *t, const char *family, const char *wanted, char *ret_text)
{
	if (wanted)
		return take_this(t, wanted, ret_text);
	int want = str_eq(family, "IPv6") ? 6 : 4;
	for (size_t i = 0; i < t->a->n_ranges; i++)
		if (t->a->ranges[i].family == want && take_any(t, &t->a->ranges[i], ret_text))
			return 0;
	return -ENOSPC;
}

size_t service_cluster_families(const struct service_alloc *a, const char *const **ret)
{
	*ret = a->families;
	return a->n_configured;
}

static bool take_port(struct service_ticket *t, uint16_t port)
{
	char key[PORT_KEY_MAX];
	snprintf(key, sizeof(key), "port/%u", port);
	return take(t, key);
}

int service_take_port(struct service_ticket *t, uint16_t wanted, uint16_t *ret)
{
	const struct service_alloc *a = t->a;
	if (wanted) {
		if (wanted < a->port_min || wanted > a->port_max)
			return -ERANGE;
		*ret = wanted;
		return take_port(t, wanted) ? 0 : -EEXIST;
	}
	uint32_t size = (uint32_t)(a->port_max - a->port_min) + 1, upper = size - a->port_band, start = rand_below(upper);
	for (uint32_t i = 0; i < size; i++) {
		uint32_t off = i < upper ? a->port_band + (start + i) % upper : i - upper;
		*ret = (uint16_t)(a->port_min + off);
		if (take_port(t, *ret))
			return 0;
	}
	return -ENOSPC;
}

const char *service_port_range(const struct service_alloc *a)
{
	return a->port_range;
}
