/* The name server, wired. Happy path: sockets are bound, the node's resolv.conf is read, and, once the zone is whole, requests
 * are read; a question of our own to the node's servers tells whether they would ask us back. What can fail: an address that
 * is not there, a port that is taken. What always holds: with a loop nothing is forwarded until a later try finds none. */
#include "dns/dns.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "dns/resolver.h"
#include "dns/server.h"
#include "dns/upstream.h"
#include "dns/zone.h"
#include "io/resolv_conf.h"

enum { CONF_MAX = 64 << 10, LOOK_MS = 5000, PROBE_AGAIN_MS = 30000, PORT = 53 };

struct dns {
	struct dns_config config;
	char *resolv_conf;
	struct zone *zone;
	struct upstream *upstream;
	struct resolver *resolver;
	struct meter *meter;
	struct dns_server *servers[DNS_ADDRESSES_MAX];
	struct timer *probe;
	struct timespec conf_time; /* of the file as it was read */
	ino_t conf_inode;
	int64_t looked_ms;
	bool probing, looped, reading;
};

static bool is_own(const struct dns *d, const struct ip *ip)
{
	for (size_t i = 0; i < d->config.n_addresses; i++)
		if (ip_eq(ip, &d->config.addresses[i]))
			return true;
	return false;
}

static void set_servers(struct dns *d, char *const *list)
{
	struct ip v[RESOLV_SERVERS_MAX];
	size_t n = 0;
	for (char *const *s = list; s && *s && n < ARRAY_LEN(v); s++)
		if (ip_parse(*s, &v[n]) == 0 && !is_own(d, &v[n]))
			n++;
	upstream_set_servers(d->upstream, v, n, d->config.upstream_port);
}

/* The node's file, where it is another one than before. */
static void look(struct dns *d)
{
	struct stat st = {0};
	d->looked_ms = clock_mono_ms();
	if (stat(d->resolv_conf, &st) < 0 ||
	    (st.st_ino == d->conf_inode && st.st_mtim.tv_sec == d->conf_time.tv_sec && st.st_mtim.tv_nsec == d->conf_time.tv_nsec))
		return;
	AUTO_STR text = STR_INIT;
	struct err e = ERR_INIT;
	if (fs_read_file(d->resolv_conf, CONF_MAX, &text, &e) < 0) {
		log_warn("name servers of the node not read error=\"%s\"", err_text(&e));
		return;
	}
	d->conf_inode = st.st_ino;
	d->conf_time = st.st_mtim;
	struct resolv_conf conf = {0};
	resolv_conf_parse(&conf, str_text(&text));
	set_servers(d, conf.servers);
	resolver_set_searches(d->resolver, conf.searches);
	resolv_conf_done(&conf);
	if (d->reading)
		timer_start(d->probe, 0);
}

static void on_ask(void *arg)
{
	struct dns *d = arg;
	if (clock_mono_ms() - d->looked_ms >= LOOK_MS)
		look(d);
}

static void on_probed(void *arg, bool looped)
{
	struct dns *d = arg;
	d->probing = false;
	if (looped)
		upstream_set_servers(d->upstream, NULL, 0, 0);
	if (looped != d->looped && d->config.on_loop)
		d->config.on_loop(d->config.arg, looped);
	d->looped = looped;
	if (looped)
		timer_start_slack(d->probe, PROBE_AGAIN_MS, PROBE_AGAIN_MS / 10);
}

static void probe(void *arg)
{
	struct dns *d = arg;
	if (d->probing)
		return;
	d->probing = true;
	if (d->looped) { /* as the file says, for this one question */
		d->conf_inode = 0;
		look(d);
		timer_stop(d->probe);
	}
	resolver_probe_loop(d->resolver, on_probed, d);
}

static int start_servers(struct dns *d, struct err *e)
{
	const struct dns_config *c = &d->config;
	int r = 0;
	for (size_t i = 0; r == 0 && i < c->n_addresses; i++)
		r = dns_server_start(c->loop, d->resolver, &c->addresses[i], c->port ? c->port : PORT, &d->servers[i], e);
	return r;
}

int dns_start(const struct dns_config *c, struct dns **ret, struct err *e)
{
	struct dns *d = xcalloc(1, sizeof(*d));
	d->config = *c;
	d->resolv_conf = xstrdup(c->resolv_conf);
	struct zone_config zone = {.domain = c->domain,
				   .servers = c->addresses,
				   .n_servers = c->n_addresses,
				   .reverse = c->reverse,
				   .n_reverse = c->n_reverse};
	d->zone = zone_new(&zone);
	d->upstream = upstream_new(c->loop);
	d->meter = meter_new();
	upstream_on_ask(d->upstream, on_ask, d);
	struct resolver_config resolver = {
	    .zone = d->zone, .upstream = d->upstream, .meter = d->meter, .namespace_of = c->namespace_of, .arg = c->arg};
	d->resolver = resolver_new(&resolver);
	d->probe = timer_new(c->loop, probe, d);
	look(d);
	int r = start_servers(d, e);
	if (r < 0)
		dns_stop(d);
	else
		*ret = d;
	return r;
}

void dns_ready(struct dns *d)
{
	d->reading = true;
	for (size_t i = 0; i < d->config.n_addresses; i++)
		dns_server_read(d->servers[i]);
	timer_start(d->probe, 0);
}

void dns_stop(struct dns *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < ARRAY_LEN(d->servers); i++)
		dns_server_stop(d->servers[i]);
	d->config.on_loop = NULL;
	upstream_free(d->upstream);
	timer_free(d->probe);
	resolver_free(d->resolver);
	meter_free(d->meter);
	zone_free(d->zone);
	free(d->resolv_conf);
	free(d);
}

void dns_set_service(struct dns *d, const char *key, const json_t *object)
{
	struct zone_service *s = object ? zone_service_parse(object) : NULL;
	if (s)
		zone_set_service(d->zone, s);
	else
		zone_delete_service(d->zone, key);
}

void dns_set_slice(struct dns *d, const char *key, const json_t *object)
{
	struct zone_slice *s = object ? zone_slice_parse(object) : NULL;
	if (s)
		zone_set_slice(d->zone, s);
	else
		zone_delete_slice(d->zone, key);
}

void dns_set_namespace(struct dns *d, const char *name, bool there)
{
	zone_set_namespace(d->zone, name, there);
}

void dns_metrics(const struct dns *d, struct str *out)
{
	struct upstream_counts u = upstream_counts(d->upstream);
	struct meter_gauges g = {.shortened = resolver_shortened(d->resolver),
				 .forwarded = u.asked,
				 .refused = u.refused,
				 .hits = {u.hits[0], u.hits[1]},
				 .misses = u.misses};
	upstream_cached(d->upstream, g.entries);
	meter_write(d->meter, &g, out);
}
