/* The host-local plugin.
 *
 * ADD takes one address of each range set, starting behind the one handed out last; DEL frees what the container's
 * interface holds; CHECK looks whether it holds any; GC frees what no valid attachment holds. Fails where ranges are
 * used up, an address that is asked for is taken or foreign, or the interface holds one already. What always holds:
 * a failed ADD has freed what it took. */
#include "cni/host_local.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "cni/ipam_conf.h"
#include "cni/ipam_index.h"
#include "cni/ipam_used.h"

#define TRIES_BEFORE_LOAD 8

static void push(struct ip **v, size_t *n, const struct ip *ip)
{
	*v = xreallocarray(*v, *n + 1, sizeof(**v));
	(*v)[(*n)++] = *ip;
}

struct add {
	const struct cni_call *call;
	struct ipam_conf conf;
	struct ipam_store store;
	struct ipam_held held; /* before this call */
	struct ip *taken;      /* by this call */
	size_t n_taken;
	json_t *result;
};

static int take_wanted(struct add *a, size_t set, size_t wanted, struct err *e)
{
	char text[IP_TEXT_MAX];
	AUTO_STR ranges = STR_INIT;
	const struct ip *ip = &a->conf.wanted[wanted];
	ip_text(ip, text);
	if (ip_eq(ip, &range_set_find(&a->conf.sets[set], ip)->gateway))
		return err_set(e, -EINVAL, "requested ip %s is subnet's gateway", text);
	int r = ipam_store_reserve(&a->store, ip, a->call->container_id, a->call->ifname, e);
	range_set_text(&a->conf.sets[set], &ranges);
	if (r == -EEXIST)
		return err_set(e, r, "requested IP address %s is not available in range set %s", text,
			       str_text(&ranges));
	return r;
}

/* Walks once around the set. After a few tries one look at what is in use replaces a look at each address. */
static int walk(struct add *a, size_t set, struct ip *ret, struct err *e)
{
	AUTO(ipam_used_done) struct ipam_used used = {0};
	struct range_iter it;
	struct ip last;
	const struct ip_range *range;
	size_t tries = 0;
	range_iter_init(&it, &a->conf.sets[set], ipam_store_last(&a->store, set, &last) ? &last : NULL);
	while (range_iter_next(&it, ret, &range)) {
		int r = tries++ == TRIES_BEFORE_LOAD ? ipam_used_load(&a->store, &used, e) : 0;
		if (r < 0)
			return r;
		if (used.slots && ipam_used_has(&used, ret))
			continue;
		r = ipam_store_reserve(&a->store, ret, a->call->container_id, a->call->ifname, e);
		if (r != -EEXIST)
			return r;
	}
	return -ENOSPC;
}

static int take_next(struct add *a, size_t set, struct ip *ret, struct err *e)
{
	AUTO_STR ranges = STR_INIT;
	int r = walk(a, set, ret, e);
	if (r == -ENOSPC) { /* unless the hint was wrong */
		ipam_used_forget(&a->store);
		r = walk(a, set, ret, e);
	}
	if (r == -ENOSPC && ipam_index_sweep(&a->store, NULL) > 0)
		r = walk(a, set, ret, e);
	if (r != -ENOSPC)
		return r;
	range_set_text(&a->conf.sets[set], &ranges);
	return err_set(e, r, "no IP addresses available in range set: %s", str_text(&ranges));
}

static int check_duplicate(const struct add *a, size_t set, struct err *e)
{
	char text[IP_TEXT_MAX];
	for (size_t i = 0; i < a->held.n; i++)
		if (range_set_find(&a->conf.sets[set], &a->held.ips[i]))
			return err_set(e, -EEXIST, "%s has been allocated to %s, duplicate allocation is not allowed",
				       ip_text(&a->held.ips[i], text), a->call->container_id);
	return 0;
}

/* The first address asked for that lies in the set, which is then done with; -1. */
static ssize_t find_wanted(const struct add *a, size_t set, const bool *used)
{
	for (size_t i = 0; i < a->conf.n_wanted; i++)
		if (!used[i] && range_set_find(&a->conf.sets[set], &a->conf.wanted[i]))
			return (ssize_t)i;
	return -1;
}

static void add_ip(struct add *a, size_t set, const struct ip *ip)
{
	char address[IP_TEXT_MAX], gateway[IP_TEXT_MAX];
	const struct ip_range *range = range_set_find(&a->conf.sets[set], ip);
	struct ip_net net = {*ip, range->subnet.prefix};
	json_array_append_new(json_array_at(a->result, "ips"),
			      json_pack("{s:s, s:s}", "address", ip_net_text(&net, address), "gateway",
					ip_text(&range->gateway, gateway)));
}

static int take_one(struct add *a, size_t set, bool *used, struct err *e)
{
	struct ip ip;
	ssize_t wanted = find_wanted(a, set, used);
	int r = check_duplicate(a, set, e);
	if (r >= 0 && wanted >= 0) {
		ip = a->conf.wanted[wanted];
		used[wanted] = true;
		r = take_wanted(a, set, (size_t)wanted, e);
	} else if (r >= 0) {
		r = take_next(a, set, &ip, e);
	}
	if (r < 0)
		return err_wrap(e, r, "failed to allocate for range %zu", set);
	push(&a->taken, &a->n_taken, &ip);
	ipam_store_set_last(&a->store, set, &ip);
	add_ip(a, set, &ip);
	return 0;
}

static int take_all(struct add *a, struct err *e)
{
	AUTO_FREE bool *used = xcalloc(a->conf.n_wanted + 1, sizeof(*used));
	AUTO_STR left = STR_INIT;
	for (size_t i = 0; i < a->conf.n; i++) {
		int r = take_one(a, i, used, e);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < a->conf.n_wanted; i++) {
		char text[IP_TEXT_MAX];
		if (!used[i])
			str_addf(&left, " %s", ip_text(&a->conf.wanted[i], text));
	}
	return left.len ? err_set(e, -EINVAL, "failed to allocate all requested IPs:%s", str_text(&left)) : 0;
}

static int add_extras(struct add *a, struct err *e)
{
	AUTO_STR text = STR_INIT;
	if (json_array_size(a->conf.routes))
		json_object_set_new(a->result, "routes", json_deep_copy(a->conf.routes));
	if (!a->conf.resolv_conf || !*a->conf.resolv_conf)
		return 0;
	int r = fs_read_file(a->conf.resolv_conf, 1u << 20, &text, e);
	if (r >= 0)
		json_object_set_new(a->result, "dns", ipam_dns_parse(str_text(&text)));
	return r;
}

/* What the interface held in other networks' ranges of the same directory stays with it. */
static void note_taken(struct add *a)
{
	for (size_t i = 0; i < a->held.n; i++)
		push(&a->taken, &a->n_taken, &a->held.ips[i]);
	ipam_index_put(&a->store, a->call->container_id, a->call->ifname, a->call->netns, a->taken, a->n_taken);
}

static void add_done(struct add *a)
{
	ipam_held_done(&a->held);
	ipam_store_close(&a->store);
	ipam_conf_done(&a->conf);
	free(a->taken);
	json_decref(a->result);
}

static int host_local_add(const struct cni_call *c, json_t **ret, struct err *e)
{
	struct add a = {.call = c, .store = IPAM_STORE_INIT};
	int r = ipam_conf_parse(c, &a.conf, e);
	if (r < 0)
		return r;
	a.result = json_object();
	if ((r = add_extras(&a, e)) >= 0 && (r = ipam_store_open(a.conf.data_dir, c->name, &a.store, e)) >= 0 &&
	    (r = ipam_index_open(&a.store, e)) >= 0) {
		ipam_index_get(&a.store, c->container_id, c->ifname, &a.held);
		r = take_all(&a, e);
		for (size_t i = 0; r < 0 && i < a.n_taken; i++)
			ipam_store_release(&a.store, &a.taken[i]);
		if (r >= 0)
			note_taken(&a);
		ipam_index_stamp(&a.store);
	}
	if (r >= 0)
		*ret = TAKE(a.result);
	add_done(&a);
	return r;
}

/* DEL, CHECK and GC work on the directory alone and need no ranges. */
static int open_store(const struct cni_call *c, struct ipam_store *ret, struct err *e)
{
	const char *dir = json_str_or(c->conf, "ipam.dataDir", "");
	if (!json_is_object(json_object_get(c->conf, "ipam")))
		return err_set(e, -EINVAL, "IPAM config missing 'ipam' key");
	int r = ipam_store_open(*dir ? dir : "/var/lib/cni/networks", c->name, ret, e);
	if (r >= 0 && (r = ipam_index_open(ret, e)) < 0)
		ipam_store_close(ret);
	return r;
}

static int host_local_del(const struct cni_call *c, struct err *e)
{
	struct ipam_store s = IPAM_STORE_INIT;
	struct ipam_held held;
	int r = open_store(c, &s, e);
	if (r < 0)
		return r;
	ipam_index_get(&s, c->container_id, c->ifname, &held);
	for (size_t i = 0; i < held.n; i++)
		ipam_store_release(&s, &held.ips[i]);
	ipam_index_remove(&s, c->container_id, c->ifname);
	if (held.n)
		ipam_index_stamp(&s);
	ipam_held_done(&held);
	ipam_store_close(&s);
	return 0;
}

static int host_local_check(const struct cni_call *c, struct err *e)
{
	struct ipam_store s = IPAM_STORE_INIT;
	struct ipam_held held;
	int r = open_store(c, &s, e);
	if (r < 0)
		return r;
	ipam_index_get(&s, c->container_id, c->ifname, &held);
	if (!held.n)
		r = err_set(e, -ENOENT, "host-local: Failed to find address added by container %s", c->container_id);
	ipam_held_done(&held);
	ipam_store_close(&s);
	return r;
}

struct garbage {
	struct ipam_store *store;
	const json_t *valid;
};

static void note_garbage(void *arg, const struct ip *ip, const char *id, const char *ifname)
{
	struct garbage *g = arg;
	size_t i;
	json_t *a;
	json_array_foreach(g->valid, i, a) if (str_eq(json_member(a, "containerID"), id) &&
					       (!*ifname || str_eq(json_member(a, "ifname"), ifname))) return;
	ipam_store_release(g->store, ip);
	ipam_index_remove(g->store, id, ifname);
}

static int host_local_gc(const struct cni_call *c, struct err *e)
{
	struct ipam_store s = IPAM_STORE_INIT;
	struct garbage g = {&s, json_object_get(c->conf, "cni.dev/valid-attachments")};
	if (!json_is_array(g.valid))
		return 0; /* without the list nothing may be called garbage */
	int r = open_store(c, &s, e);
	if (r < 0)
		return r;
	r = ipam_store_each(&s, note_garbage, &g, e);
	if (r >= 0)
		r = ipam_index_prune(&s, e);
	ipam_index_stamp(&s);
	ipam_store_close(&s);
	return r < 0 ? r : 0;
}

/* Frees what earlier boots and lost sandboxes left, too: whoever asks is about to need addresses. */
static int host_local_status(const struct cni_call *c, struct err *e)
{
	struct ipam_conf conf;
	struct ipam_store s = IPAM_STORE_INIT;
	int r = ipam_conf_parse(c, &conf, e);
	if (r < 0)
		return r;
	r = ipam_store_open(conf.data_dir, c->name, &s, e);
	if (r >= 0 && (r = ipam_index_open(&s, e)) >= 0 && (r = ipam_index_sweep(&s, e)) > 0)
		ipam_index_stamp(&s);
	ipam_store_close(&s);
	ipam_conf_done(&conf);
	return r < 0 ? cni_fail(e, CNI_PLUGIN_NOT_AVAILABLE, "host-local: %s", err_text(e)) : 0;
}

const struct cni_plugin host_local_plugin = {
    .name = "host-local",
    .members = "ipam.dataDir:s ipam.resolvConf:s ipam.subnet:s ipam.rangeStart:s ipam.rangeEnd:s "
	       "ipam.gateway:s ipam.ranges.[].[].subnet:s ipam.routes.[].dst:s ipam.routes.[].gw:s "
	       "ipam.routes.[].mtu:n ipam.routes.[].advmss:n ipam.routes.[].priority:n "
	       "ipam.routes.[].table:n ipam.routes.[].scope:n runtimeConfig.ips.[]:s args.cni.ips.[]:s",
    .add = host_local_add,
    .del = host_local_del,
    .check = host_local_check,
    .status = host_local_status,
    .gc = host_local_gc,
};
