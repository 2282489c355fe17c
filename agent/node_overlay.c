/* The glue between the feed's nodes and the ways to them. What can fail: a mode that is none, no netlink socket. What always
 * holds: no way is removed before the first list of nodes is in. */
#include "agent/node_overlay.h"

#include <stdlib.h>
#include <string.h>

#include "api/feed.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "overlay/overlay.h"

struct node_overlay {
	struct agent *agent;
	struct overlay *overlay;
	struct feed_sub *nodes;
};

static void publish(void *arg, const char *key)
{
	struct node_overlay *o = arg;
	AUTO_FREE char *path = xasprintf("/api/v1/nodes/%s", o->agent->config->node_name);
	AUTO_JSON *patch = json_pack("{s:{s:{s:s}}}", "metadata", "annotations", SUBNET_KEY_ANNOTATION, key);
	api_patch(o->agent->api, path, API_PATCH_MERGE, patch, NULL, NULL);
}

static void on_node(void *arg, const char *key, json_t *old_object, json_t *new_object)
{
	(void)old_object;
	overlay_set_node(((struct node_overlay *)arg)->overlay, key, new_object);
}

static void on_synced(void *arg)
{
	overlay_ready(((struct node_overlay *)arg)->overlay);
}

struct node_overlay *node_overlay_start(struct agent *a)
{
	static const struct informer_ops ops = {.on_change = on_node, .on_synced = on_synced};
	struct err e = ERR_INIT;
	AUTO_FREE char *key_path = xasprintf("%s/wireguard.key", a->config->data_dir);
	struct overlay_config c = {.loop = a->loop, .node_name = a->config->node_name, .key_path = key_path, .publish = publish};
	if (!a->api || strcmp(a->config->overlay, "none") == 0)
		return NULL;
	int r = overlay_mode_parse(a->config->overlay, &c.mode);
	if (r < 0)
		r = err_set(&e, r, "--overlay: auto, host-gw, vxlan, wireguard or none, not %s", a->config->overlay);
	struct node_overlay *o = xcalloc(1, sizeof(*o));
	o->agent = a;
	c.arg = o;
	if (r == 0)
		r = overlay_start(&c, &o->overlay, &e);
	if (r < 0) {
		log_error("no ways to other nodes error=\"%s\"", err_text(&e));
		free(o);
		return NULL;
	}
	o->nodes = feed_subscribe(a->feed, "/api/v1/nodes", NULL, NULL, &ops, o);
	return o;
}

void node_overlay_stop(struct node_overlay *o)
{
	if (!o)
		return;
	feed_unsubscribe(o->nodes);
	overlay_stop(o->overlay);
	free(o);
}
