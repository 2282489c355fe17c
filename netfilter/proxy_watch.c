/* The glue between the feed, the loop and the proxy.
 *
 * Services and slices are subscribed to; the first sync waits for both lists and the node, later changes are collected
 * until the loop has handled what it has at hand. A failed sync is tried again with growing delays. Without a loop all of this
 * does nothing and the caller syncs. */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "api/feed.h"
#include "base/clock.h"
#include "io/loop.h"
#include "netfilter/proxy_internal.h"
#include "netfilter/proxy_metrics.h"
#include "netfilter/service_parse.h"

#define RETRY_MIN_MS 200
#define RETRY_MAX_MS 30000
/* Not headless services, nor those of another proxy. */
#define OURS "!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name"

static void sync_now(void *arg)
{
	struct proxy *p = arg;
	struct err e = ERR_INIT;
	size_t changed = 0;
	bool full = !p->adopted;
	int r = proxy_sync(p, &changed, &e);
	if (full && r >= 0)
		malloc_trim(0); /* lists and batches of everything are behind us */
	p->retry_ms = r >= 0 ? 0 : p->retry_ms ? MIN(p->retry_ms * 2, RETRY_MAX_MS) : RETRY_MIN_MS;
	if (r < 0)
		timer_start(p->timer, p->retry_ms);
	if (p->on_sync && (changed || r < 0))
		p->on_sync(p->arg, r < 0 ? &e : NULL, changed);
}

void proxy_schedule(struct proxy *p)
{
	bool ready = proxy_node_known(p) && feed_synced(p->services_sub) && feed_synced(p->slices_sub);
	if (p->timer && ready && !p->retry_ms && !timer_is_active(p->timer))
		timer_start(p->timer, 0);
	proxy_metrics_queued(p->metrics, p->ipv6);
}

static void on_service(void *arg, const char *key, json_t *old_object, json_t *new_object)
{
	struct proxy *p = arg;
	struct service *s = new_object ? service_parse(new_object) : NULL;
	(void)old_object;
	proxy_metrics_changed(p->metrics, PROXY_SERVICE_CHANGE);
	if (s && strv_has(p->node_services, key))
		service_free(TAKE(s));
	if (s)
		proxy_set_service(p, s);
	else
		proxy_delete_service(p, key);
}

static void on_slice(void *arg, const char *key, json_t *old_object, json_t *new_object)
{
	struct proxy *p = arg;
	struct service_slice *s = new_object ? service_slice_parse(new_object, p->node_name, p->zone) : NULL;
	(void)old_object;
	proxy_metrics_changed(p->metrics, PROXY_ENDPOINT_CHANGE);
	if (s)
		proxy_set_slice(p, s);
	else
		proxy_delete_slice(p, key);
}

static void on_synced(void *arg)
{
	proxy_schedule(arg);
}

int proxy_watch_start(struct proxy *p, const char *const *nodeport_nets, struct err *e)
{
	if (!p->loop || !p->api)
		return 0;
	p->pending_mono_ms = clock_mono_ms();
	p->timer = timer_new(p->loop, sync_now, p);
	if (!p->feed)
		p->feed = p->own_feed = feed_new(p->api);
	int r = proxy_node_start(p, nodeport_nets, e);
	if (r < 0)
		return r;
	static const struct informer_ops services = {.on_change = on_service, .on_synced = on_synced},
					 slices = {.on_change = on_slice, .on_synced = on_synced};
	p->services_sub = feed_subscribe(p->feed, "/api/v1/services", OURS, NULL, &services, p);
	p->slices_sub = feed_subscribe(p->feed, "/apis/discovery.k8s.io/v1/endpointslices", OURS, NULL, &slices, p);
	return 0;
}

/* Hints in slices are told by zone when they are read: they are read anew, unless none have come yet. */
void proxy_set_zone(struct proxy *p, const char *zone)
{
	if (!zone)
		zone = "";
	if (!strcmp(p->zone, zone))
		return;
	free(p->zone);
	p->zone = xstrdup(zone);
	if (p->slices_sub)
		feed_again(p->slices_sub);
}

void proxy_watch_stop(struct proxy *p)
{
	proxy_node_stop(p);
	feed_unsubscribe(p->services_sub);
	feed_unsubscribe(p->slices_sub);
	feed_free(p->own_feed);
	timer_free(p->timer);
}
