/* The glue between informers, the loop and the proxy.
 *
 * Two informers feed services and slices; the first sync waits for both lists, later changes are collected until the
 * loop has handled what it has at hand. A failed sync is tried again with growing delays. Without a loop all of this
 * does nothing and the caller syncs. */
#include <errno.h>

#include "api/client.h"
#include "api/informer.h"
#include "io/loop.h"
#include "netfilter/proxy_internal.h"
#include "netfilter/service_parse.h"

#define RETRY_MIN_MS 200
#define RETRY_MAX_MS 30000

static void sync_now(void *arg)
{
	struct proxy *p = arg;
	struct err e = ERR_INIT;
	size_t changed = 0;
	int r = proxy_sync(p, &changed, &e);
	p->retry_ms = r >= 0 ? 0 : p->retry_ms ? MIN(p->retry_ms * 2, RETRY_MAX_MS) : RETRY_MIN_MS;
	if (r < 0)
		timer_start(p->timer, p->retry_ms);
	if (p->on_sync && (changed || r < 0))
		p->on_sync(p->arg, r < 0 ? &e : NULL, changed);
}

void proxy_schedule(struct proxy *p)
{
	bool ready = p->services_informer && p->slices_informer && informer_synced(p->services_informer) &&
		     informer_synced(p->slices_informer);
	if (p->timer && ready && !p->retry_ms && !timer_is_active(p->timer))
		timer_start(p->timer, 0);
}

static void on_service(void *arg, const char *key, json_t *old_object, json_t *new_object)
{
	struct service *s = new_object ? service_parse(new_object) : NULL;
	(void)old_object;
	if (s && strv_has(((struct proxy *)arg)->node_services, key))
		service_free(TAKE(s));
	if (s)
		proxy_set_service(arg, s);
	else
		proxy_delete_service(arg, key);
}

static void on_slice(void *arg, const char *key, json_t *old_object, json_t *new_object)
{
	struct proxy *p = arg;
	struct service_slice *s = new_object ? service_slice_parse(new_object, p->node_name) : NULL;
	(void)old_object;
	if (s)
		proxy_set_slice(p, s);
	else
		proxy_delete_slice(p, key);
}

static void on_synced(void *arg)
{
	proxy_schedule(arg);
}

void proxy_watch_start(struct proxy *p)
{
	static const struct informer_ops services = {.on_change = on_service, .on_synced = on_synced};
	static const struct informer_ops slices = {.on_change = on_slice, .on_synced = on_synced};
	if (!p->loop || !p->api)
		return;
	p->timer = timer_new(p->loop, sync_now, p);
	p->services_informer = informer_start(p->api, "/api/v1/services", NULL, NULL, &services, p);
	p->slices_informer = informer_start(p->api, "/apis/discovery.k8s.io/v1/endpointslices", NULL, NULL, &slices, p);
}

void proxy_watch_stop(struct proxy *p)
{
	informer_stop(p->services_informer);
	informer_stop(p->slices_informer);
	timer_free(p->timer);
}
