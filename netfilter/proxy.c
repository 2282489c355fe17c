/* The service proxy's life: start, what is wanted, stop.
 *
 * Services and slices are kept by name; a change marks its service dirty and leads to a sync: at once by the caller, or
 * soon by the loop. Fails at start on addresses that are none and where nf_tables cannot be opened. */
#include "netfilter/proxy.h"

#include <errno.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/table.h"
#include "netfilter/health_port.h"
#include "netfilter/proxy_internal.h"
#include "netfilter/proxy_metrics.h"

#define TABLE "knarr-proxy"
#define HEALTH_TIMEOUT_MS 60000

static const void *entry_key(const void *item, size_t *ret_len)
{
	const struct entry *e = item;
	*ret_len = strlen(e->key);
	return e->key;
}

static const void *slice_key(const void *item, size_t *ret_len)
{
	const struct slice *s = item;
	*ret_len = strlen(s->key);
	return s->key;
}

void proxy_entry_free(struct proxy *p, struct entry *e)
{
	table_remove(p->entries, e);
	free(e->service);
	free(e->elems);
	free(e);
}

static void free_objects(struct proxy *p)
{
	size_t at = 0;
	struct slice *s;
	struct entry *e;
	while ((s = table_next(p->slices, &at)))
		free(s);
	for (at = 0; (e = table_next(p->entries, &at));) {
		free(e->service);
		free(e->elems);
		free(e);
	}
	table_free(p->slices);
	table_free(p->entries);
}

/* The pieces of all texts. Returns an owned vector. */
static char **split_all(const char *const *texts)
{
	char **all = NULL;
	for (size_t i = 0; texts && texts[i]; i++) {
		AUTO_STRV char **some = str_split(texts[i], ',');
		for (size_t k = 0; some && some[k]; k++)
			strv_add(&all, some[k]);
	}
	return all;
}

static int parse_cidrs(const char *const *cidrs, struct ip_net ret[2], struct err *e)
{
	AUTO_STRV char **all = split_all(cidrs);
	for (size_t i = 0; all && all[i]; i++) {
		struct ip_net n;
		if (ip_net_parse(all[i], &n) < 0)
			return err_set(e, -EINVAL, "\"%s\" is no network", all[i]);
		ret[n.ip.family == AF_INET6] = n;
	}
	return 0;
}

static int parse_node_ips(struct proxy *p, const char *const *ips, struct err *e)
{
	AUTO_STRV char **all = split_all(ips);
	for (size_t i = 0; all && all[i]; i++) {
		p->node_ips = xreallocarray(p->node_ips, i + 1, sizeof(*p->node_ips));
		if (ip_parse(all[i], &p->node_ips[i]) < 0)
			return err_set(e, -EINVAL, "\"%s\" is no address of a node", all[i]);
		p->n_node_ips = i + 1;
	}
	return 0;
}

int proxy_start(const struct proxy_config *c, struct proxy **ret, struct err *e)
{
	struct proxy *p = xcalloc(1, sizeof(*p));
	p->table = xstrdup(c->table ? c->table : TABLE);
	p->node_name = xstrdup(c->node_name);
	p->node_services = c->node_services ? strv_dup((char *const *)c->node_services) : NULL;
	p->rules.table = p->table;
	p->rules.masquerade_pods = c->masquerade_pods;
	p->ipv6 = c->ipv6;
	p->masquerade_all = c->masquerade_all;
	p->loop = c->loop;
	p->api = c->api;
	p->feed = c->feed;
	p->on_sync = c->on_sync;
	p->arg = c->arg;
	p->metrics = c->metrics;
	p->zone = xstrdup("");
	p->health_ports = health_ports_new(c->loop, p);
	p->lock_fd = -1;
	p->entries = table_new(entry_key);
	p->slices = table_new(slice_key);
	p->hairpins = map_new(free);
	p->chains[0] = map_new(NULL);
	p->chains[1] = map_new(NULL);
	int r = parse_cidrs(c->cluster_cidrs, p->rules.pods, e);
	if (r >= 0)
		r = parse_cidrs(c->service_cidrs, p->rules.services, e);
	if (r >= 0)
		r = parse_node_ips(p, c->node_ips, e);
	if (r >= 0)
		r = proxy_lock(p->table, &p->lock_fd, e);
	if (r >= 0)
		r = nft_open(&p->nft, e);
	if (r >= 0)
		r = proxy_watch_start(p, c->nodeport_nets, e);
	if (r < 0) {
		proxy_stop(p, false);
		return err_wrap(e, r, "service proxy");
	}
	*ret = p;
	return 0;
}

static void delete_tables(struct nft *n, const char *table, int *r, struct err *e)
{
	const int families[] = {NFPROTO_IPV4, NFPROTO_IPV6};
	AUTO_NFT_BATCH *b = nft_batch_new();
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (nft_table_exists(n, families[i], table))
			nft_table_del(b, families[i], table);
	*r = nft_commit(n, b, e);
}

void proxy_stop(struct proxy *p, bool remove)
{
	int ignored;
	if (!p)
		return;
	proxy_watch_stop(p);
	health_ports_free(p->health_ports);
	if (remove && p->nft)
		delete_tables(p->nft, p->table, &ignored, NULL);
	nft_close(p->nft);
	proxy_claims_clear(p);
	map_free(p->hairpins);
	map_free(p->chains[0]);
	map_free(p->chains[1]);
	free_objects(p);
	free(p->kernel.v);
	free(p->dirty);
	free(p->triggers);
	free(p->node_ips);
	free(p->node_name);
	free_strv(&p->node_services);
	free(p->zone);
	free(p->table);
	close_fd(&p->lock_fd);
	free(p);
}

int netfilter_cleanup(const char *table, struct err *e)
{
	struct nft *n = NULL;
	int r = nft_open(&n, e);
	if (r < 0)
		return r;
	delete_tables(n, table ? table : TABLE, &r, e);
	nft_close(n);
	return r;
}

void proxy_set_node_ips(struct proxy *p, const struct ip *ips, size_t n)
{
	bool same = n == p->n_node_ips;
	for (size_t i = 0; same && i < n; i++)
		same = ip_eq(&ips[i], &p->node_ips[i]);
	if (same)
		return;
	free(p->node_ips);
	p->node_ips = n ? xmemdup(ips, n * sizeof(*ips)) : NULL;
	p->n_node_ips = n;
	proxy_mark_all(p);
}

void proxy_health(const struct proxy *p, struct proxy_health *ret)
{
	bool late = p->pending_mono_ms && clock_mono_ms() - p->pending_mono_ms > HEALTH_TIMEOUT_MS;
	*ret = (struct proxy_health){.healthy = !late,
				     .node_eligible = !proxy_node_is_going(p),
				     .updated_wall_ms = p->updated_wall_ms};
}

void proxy_mark_all(struct proxy *p)
{
	size_t at = 0;
	struct entry *e;
	while ((e = table_next(p->entries, &at)))
		proxy_mark_dirty(p, e);
}

void proxy_mark_dirty(struct proxy *p, struct entry *e)
{
	if (!p->pending_mono_ms)
		p->pending_mono_ms = clock_mono_ms();
	if (e->dirty)
		return;
	e->dirty = true;
	if (p->n_dirty == p->cap_dirty) {
		p->cap_dirty = p->cap_dirty ? p->cap_dirty * 2 : 64;
		p->dirty = xreallocarray(p->dirty, p->cap_dirty, sizeof(*p->dirty));
	}
	p->dirty[p->n_dirty++] = (struct change){.entry = e};
	proxy_schedule(p);
}

static struct entry *find_entry(const struct proxy *p, const char *key)
{
	return table_get(p->entries, key, strlen(key));
}

static struct entry *make_entry(struct proxy *p, const char *key)
{
	struct entry *e = find_entry(p, key);
	if (e)
		return e;
	e = xcalloc(1, offsetof(struct entry, key) + strlen(key) + 1);
	memcpy(e->key, key, strlen(key) + 1);
	table_add(p->entries, e);
	return e;
}

void proxy_set_service(struct proxy *p, struct service *s)
{
	struct entry *e = make_entry(p, s->key);
	struct packed *now = service_pack(s);
	service_free(s);
	if (!packed_same(e->service, now))
		proxy_mark_dirty(p, e);
	free(e->service);
	e->service = now;
}

void proxy_delete_service(struct proxy *p, const char *key)
{
	struct entry *e = find_entry(p, key);
	if (!e || !e->service)
		return;
	free(TAKE(e->service));
	proxy_mark_dirty(p, e);
}

static void unlink_slice(struct proxy *p, struct slice *s)
{
	struct slice **at = &s->entry->slices;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	proxy_mark_dirty(p, s->entry);
}

static struct slice *find_slice(const struct proxy *p, const char *key)
{
	return table_get(p->slices, key, strlen(key));
}

static void add_slice(struct proxy *p, const struct service_slice *from, const struct str *packed)
{
	size_t n = strlen(from->key) + 1;
	struct slice *s = xmalloc(offsetof(struct slice, key) + n + packed->len);
	s->packed_len = (uint32_t)packed->len;
	memcpy(s->key, from->key, n);
	memcpy(s->key + n, packed->p, packed->len);
	s->entry = make_entry(p, from->service);
	s->next = s->entry->slices;
	s->entry->slices = s;
	table_add(p->slices, s);
	proxy_mark_dirty(p, s->entry);
}

static void note_trigger(struct proxy *p, const struct service_slice *s)
{
	if (!s->trigger_us || !p->updated_wall_ms) /* not what had changed before this process was there */
		return;
	p->triggers = xreallocarray(p->triggers, p->n_triggers + 1, sizeof(*p->triggers));
	p->triggers[p->n_triggers++] = (struct trigger){s->trigger_us, s->six};
}

void proxy_set_slice(struct proxy *p, struct service_slice *s)
{
	const struct slice *known = find_slice(p, s->key);
	AUTO_STR now = STR_INIT;
	service_slice_pack(s, &now);
	if (!known || strcmp(known->entry->key, s->service) != 0 || known->packed_len != now.len ||
	    memcmp(slice_packed(known), now.p, now.len) != 0) {
		proxy_delete_slice(p, s->key);
		add_slice(p, s, &now);
		note_trigger(p, s);
	}
	service_slice_free(s);
}

void proxy_delete_slice(struct proxy *p, const char *key)
{
	struct slice *known = find_slice(p, key);
	if (!known)
		return;
	unlink_slice(p, known);
	table_remove(p->slices, known);
	free(known);
}
