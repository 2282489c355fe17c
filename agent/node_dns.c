/* DNS on the node. Happy path: the addresses that pods' resolv.conf names are put on the loopback link, so that packets of
 * pods end here; the server is bound to them; what it knows comes from the agent's feed, and it begins to answer when their
 * first lists are in. What can fail: the address belongs to somebody else, the port is taken. What always holds: nothing is
 * answered from half a list. */
#include "agent/node_dns.h"

#include <stdlib.h>
#include <string.h>

#include "agent/events.h"
#include "agent/pod.h"
#include "api/feed.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "dns/dns.h"
#include "io/net/rtnl.h"

enum { FEEDS = 3 };

struct node_dns {
	struct agent *agent;
	struct dns *dns;
	struct feed_sub *feeds[FEEDS];
};

/* The namespace of a pod that has an address, if its search path is the cluster's own. */
static const char *namespace_of(void *arg, const struct ip *client)
{
	const struct node_dns *d = arg;
	char text[IP_TEXT_MAX];
	const char *uid;
	const struct pod *p;
	size_t at = 0;
	ip_text(client, text);
	while (map_next(d->agent->pods, &at, &uid, &p)) {
		if (!p->state->ips || !strv_has(p->state->ips, text))
			continue;
		const json_t *spec = json_object_get(p->state->pod, "spec");
		bool usual = !strcmp(json_str_or(spec, "dnsPolicy", "ClusterFirst"), "ClusterFirst") &&
			     !json_object_get(json_object_get(spec, "dnsConfig"), "searches");
		return usual ? p->state->ns : NULL;
	}
	return NULL;
}

static void on_loop(void *arg, bool looped)
{
	const struct node_dns *d = arg;
	if (!looped) {
		log_info("name servers of the node no longer send questions back");
		return;
	}
	log_error("name servers of the node send questions back to this node: none are forwarded file=%s",
		  d->agent->config->resolv_conf);
	events_node(d->agent->events, true, "DNSLoop", "The name servers in the node's resolv.conf send questions back to the node");
}

static void on_service(void *arg, const char *key, json_t *old_object, json_t *new_object)
{
	(void)old_object;
	dns_set_service(((struct node_dns *)arg)->dns, key, new_object);
}

static void on_slice(void *arg, const char *key, json_t *old_object, json_t *new_object)
{
	(void)old_object;
	dns_set_slice(((struct node_dns *)arg)->dns, key, new_object);
}

static void on_namespace(void *arg, const char *key, json_t *old_object, json_t *new_object)
{
	(void)old_object;
	dns_set_namespace(((struct node_dns *)arg)->dns, key, new_object);
}

static void on_synced(void *arg)
{
	struct node_dns *d = arg;
	for (size_t i = 0; i < FEEDS; i++)
		if (!feed_synced(d->feeds[i]))
			return;
	dns_ready(d->dns);
}

static void watch(struct node_dns *d)
{
	static const struct {
		const char *path;
		struct informer_ops ops;
	} feeds[FEEDS] = {
	    {"/api/v1/services", {.on_change = on_service, .on_synced = on_synced}},
	    {"/apis/discovery.k8s.io/v1/endpointslices", {.on_change = on_slice, .on_synced = on_synced}},
	    {"/api/v1/namespaces", {.on_change = on_namespace, .on_synced = on_synced}},
	};
	for (size_t i = 0; i < FEEDS; i++)
		d->feeds[i] = feed_subscribe(d->agent->feed, feeds[i].path, NULL, NULL, &feeds[i].ops, d);
}

/* Puts the addresses on the loopback link. */
static int own_addresses(const struct dns_config *c, struct err *e)
{
	struct rtnl *rt = NULL;
	struct rtnl_link lo;
	int r = rtnl_open(-1, &rt, e);
	if (r == 0)
		r = rtnl_link_get(rt, "lo", &lo, e);
	for (size_t i = 0; r == 0 && i < c->n_addresses; i++) {
		struct ip_net net = {c->addresses[i], ip_bits(&c->addresses[i])};
		r = rtnl_addr_add(rt, lo.index, &net, false, e);
	}
	rtnl_close(rt);
	return r;
}

static size_t read_networks(const struct agent_config *c, struct ip_net *ret, size_t max)
{
	const char *const texts[] = {c->cluster_cidr, c->service_cidr};
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		AUTO_STRV char **list = str_split(texts[i] ? texts[i] : "", ',');
		for (char **s = list; s && *s && n < max; s++)
			n += ip_net_parse(*s, &ret[n]) == 0;
	}
	return n;
}

struct node_dns *node_dns_start(struct agent *a)
{
	struct err e = ERR_INIT;
	struct ip_net networks[4];
	struct dns_config c = {.loop = a->loop,
			       .domain = a->config->cluster_domain,
			       .resolv_conf = a->config->resolv_conf,
			       .reverse = networks,
			       .n_reverse = read_networks(a->config, networks, ARRAY_LEN(networks)),
			       .namespace_of = namespace_of,
			       .on_loop = on_loop};
	for (char **s = a->config->cluster_dns; s && *s && c.n_addresses < DNS_ADDRESSES_MAX; s++)
		c.n_addresses += ip_parse(*s, &c.addresses[c.n_addresses]) == 0;
	if (!a->config->dns || !a->api || !c.n_addresses)
		return NULL;
	struct node_dns *d = xcalloc(1, sizeof(*d));
	d->agent = a;
	c.arg = d;
	int r = own_addresses(&c, &e);
	if (r == 0)
		r = dns_start(&c, &d->dns, &e);
	if (r < 0) {
		log_error("name server not started error=\"%s\"", err_text(&e));
		free(d);
		return NULL;
	}
	watch(d);
	return d;
}

void node_dns_stop(struct node_dns *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < FEEDS; i++)
		feed_unsubscribe(d->feeds[i]);
	dns_stop(d->dns);
	free(d);
}

void node_dns_metrics(const struct node_dns *d, struct str *out)
{
	if (d)
		dns_metrics(d->dns, out);
}
