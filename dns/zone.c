/* Keeping what the names stand on. Happy path: an object replaces its older self and moves in the indexes by address and
 * by service. Nothing fails. What always holds: each index names only objects that are kept. */
#include "dns/zone.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dns/zone_internal.h"

static void free_ptrs(void *value)
{
	struct ptrs *l = value;
	free(l->v);
	free(l);
}

static void index_add(struct map *m, const char *key, void *p)
{
	struct ptrs *l = map_get(m, key);
	if (!l) {
		l = xcalloc(1, sizeof(*l));
		map_set(m, key, l);
	}
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i] == p)
			return;
	l->v = xreallocarray(l->v, l->n + 1, sizeof(*l->v));
	l->v[l->n++] = p;
}

static void index_remove(struct map *m, const char *key, const void *p)
{
	struct ptrs *l = map_get(m, key);
	for (size_t i = 0; l && i < l->n; i++) {
		if (l->v[i] == p) {
			l->v[i] = l->v[--l->n];
			break;
		}
	}
	if (l && !l->n)
		map_remove(m, key);
}

typedef void (*index_fn)(struct map *m, const char *key, void *p);

static void drop(struct map *m, const char *key, void *p)
{
	index_remove(m, key, p);
}

static void index_service(struct zone *z, struct zone_service *s, index_fn fn)
{
	char text[IP_TEXT_MAX];
	for (size_t i = 0; i < s->n_ips; i++)
		fn(z->by_ip, ip_text(&s->ips[i], text), s);
}

static void index_slice(struct zone *z, struct zone_slice *s, index_fn fn)
{
	char text[IP_TEXT_MAX];
	fn(z->of_service, s->service, s);
	for (size_t i = 0; i < s->n_endpoints; i++)
		fn(z->hosts, ip_text(&s->endpoints[i].ip, text), s);
}

static void free_service(void *value)
{
	zone_service_free(value);
}

static void free_slice(void *value)
{
	zone_slice_free(value);
}

struct zone *zone_new(const struct zone_config *c)
{
	struct zone *z = xcalloc(1, sizeof(*z));
	z->domain = xstrdup(c->domain);
	z->domain_len = strlen(c->domain);
	z->servers = xmemdup(c->servers, c->n_servers * sizeof(*c->servers));
	z->n_servers = c->n_servers;
	z->reverse = xmemdup(c->reverse, c->n_reverse * sizeof(*c->reverse));
	z->n_reverse = c->n_reverse;
	z->services = map_new(free_service);
	z->slices = map_new(free_slice);
	z->of_service = map_new(free_ptrs);
	z->by_ip = map_new(free_ptrs);
	z->hosts = map_new(free_ptrs);
	z->namespaces = map_new(NULL);
	return z;
}

void zone_free(struct zone *z)
{
	if (!z)
		return;
	map_free(z->of_service);
	map_free(z->by_ip);
	map_free(z->hosts);
	map_free(z->namespaces);
	map_free(z->services);
	map_free(z->slices);
	free(z->domain);
	free(z->servers);
	free(z->reverse);
	free(z);
}

void zone_delete_service(struct zone *z, const char *key)
{
	struct zone_service *old = map_steal(z->services, key);
	if (!old)
		return;
	z->generation++;
	index_service(z, old, drop);
	zone_service_free(old);
}

void zone_set_service(struct zone *z, struct zone_service *s)
{
	zone_delete_service(z, s->key);
	z->generation++;
	map_set(z->services, s->key, s);
	index_service(z, s, index_add);
}

void zone_delete_slice(struct zone *z, const char *key)
{
	struct zone_slice *old = map_steal(z->slices, key);
	if (!old)
		return;
	z->generation++;
	index_slice(z, old, drop);
	zone_slice_free(old);
}

void zone_set_slice(struct zone *z, struct zone_slice *s)
{
	zone_delete_slice(z, s->key);
	z->generation++;
	map_set(z->slices, s->key, s);
	index_slice(z, s, index_add);
}

void zone_set_namespace(struct zone *z, const char *name, bool there)
{
	if (map_has(z->namespaces, name) == there)
		return;
	z->generation++;
	if (there)
		map_set(z->namespaces, name, z);
	else
		map_remove(z->namespaces, name);
}

uint64_t zone_generation(const struct zone *z)
{
	return z->generation;
}

const char *zone_domain(const struct zone *z)
{
	return z->domain;
}
