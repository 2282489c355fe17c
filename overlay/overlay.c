/* Keeping the ways. Happy path: a node changes, or the kernel tells of a change in what we look after, and a moment later all of
 * it is compared with the plan once. What can fail: the kernel refuses; tried again with growing delays. What always holds:
 * nothing is touched before all nodes are known, and what we changed ourselves does not keep us busy. */
#include "overlay/overlay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "overlay/overlay_internal.h"
#include "overlay/wireguard_key.h"

enum { SETTLE_MS = 20, REPAIR_MS = 200, RETRY_MIN_MS = 500, RETRY_MAX_MS = 30000 };

struct overlay {
	struct overlay_kernel kernel;
	uint8_t private_key[WIREGUARD_KEY], public_key[WIREGUARD_KEY];
	void (*publish)(void *arg, const char *key);
	void *arg;
	int watch_fd;
	struct fd_watch *watch;
	struct timer *timer;
	char *node_name;
	struct map *nodes; /* name -> struct subnet_node */
	int64_t retry_ms;
	bool ready;
};

static void free_node(void *value)
{
	subnet_node_free(value);
}

static struct subnet_node **all_nodes(const struct overlay *o, size_t *ret_n)
{
	struct subnet_node **v = xcalloc(map_len(o->nodes) + 1, sizeof(struct subnet_node *)), *n;
	size_t at = 0;
	const char *name;
	for (*ret_n = 0; map_next(o->nodes, &at, &name, &n);)
		v[(*ret_n)++] = n;
	return v;
}

static void sync_now(void *arg)
{
	struct overlay *o = arg;
	struct err e = ERR_INIT;
	size_t n = 0;
	const struct subnet_node *self = map_get(o->nodes, o->node_name);
	AUTO_FREE struct subnet_node **others = all_nodes(o, &n);
	if (!self || !self->n_ips)
		return;
	int r = overlay_apply(&o->kernel, self, others, n, &e);
	o->retry_ms = r >= 0 ? 0 : o->retry_ms ? MIN(o->retry_ms * 2, RETRY_MAX_MS) : RETRY_MIN_MS;
	if (r < 0) {
		log_warn("ways to other nodes not in step, tried again error=\"%s\"", err_text(&e));
		timer_start(o->timer, o->retry_ms);
	} else if (o->kernel.changed) {
		log_debug("ways to other nodes changed=%zu", o->kernel.changed);
	}
	rtnl_watch_drain(o->watch_fd, OVERLAY_ROUTE_PROTOCOL, o->kernel.vxlan_index); /* what was told of our own doing */
}

static void schedule(struct overlay *o, int64_t ms)
{
	if (o->ready && !timer_is_active(o->timer))
		timer_start(o->timer, ms);
}

static void on_kernel(void *arg, int events)
{
	struct overlay *o = arg;
	(void)events;
	if (rtnl_watch_drain(o->watch_fd, OVERLAY_ROUTE_PROTOCOL, o->kernel.vxlan_index))
		schedule(o, REPAIR_MS);
}

int overlay_mode_parse(const char *text, enum subnet_mode *ret)
{
	static const char *const names[] = {[SUBNET_AUTO] = "auto", [SUBNET_HOST_GW] = "host-gw", [SUBNET_VXLAN] = "vxlan",
					    [SUBNET_WIREGUARD] = "wireguard"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(text, names[i]) != 0)
			continue;
		*ret = (enum subnet_mode)i;
		return 0;
	}
	return -EINVAL;
}

int overlay_start(const struct overlay_config *c, struct overlay **ret, struct err *e)
{
	struct rtnl *rt = NULL;
	int r = rtnl_open(-1, &rt, e);
	int fd = r < 0 ? r : rtnl_watch_open(e);
	if (fd < 0) {
		rtnl_close(rt);
		return fd;
	}
	struct overlay *o = xcalloc(1, sizeof(*o));
	*o = (struct overlay){.kernel = {.rt = rt, .mode = c->mode}, .watch_fd = fd, .publish = c->publish, .arg = c->arg};
	o->kernel.key = o->private_key;
	o->node_name = xstrdup(c->node_name);
	o->nodes = map_new(free_node);
	o->timer = timer_new(c->loop, sync_now, o);
	o->watch = fd_watch_new(c->loop, fd, FD_READ, on_kernel, o);
	r = c->mode == SUBNET_WIREGUARD ? wireguard_key_load(c->key_path, o->private_key, o->public_key, e) : 0;
	if (r < 0)
		overlay_stop(o);
	else
		*ret = o;
	return r;
}

void overlay_stop(struct overlay *o)
{
	if (!o)
		return;
	fd_watch_free(o->watch);
	timer_free(o->timer);
	close(o->watch_fd);
	rtnl_close(o->kernel.rt);
	free(o->kernel.peers);
	map_free(o->nodes);
	free(o->node_name);
	free(o);
}

/* Our own object has to tell our key. */
static void check_key(struct overlay *o, const struct subnet_node *self)
{
	AUTO_STR text = STR_INIT;
	if (o->kernel.mode != SUBNET_WIREGUARD || (self->has_key && memcmp(self->key, o->public_key, WIREGUARD_KEY) == 0))
		return;
	base64_encode(&text, o->public_key, WIREGUARD_KEY);
	o->publish(o->arg, text.p);
}

void overlay_set_node(struct overlay *o, const char *name, const json_t *object)
{
	struct subnet_node *n = object ? subnet_node_parse(object) : NULL;
	const struct subnet_node *old = map_get(o->nodes, name);
	if (n && strcmp(name, o->node_name) == 0)
		check_key(o, n);
	if (n && old && subnet_node_same(old, n)) {
		subnet_node_free(n);
		return;
	}
	if (n)
		map_set(o->nodes, name, n);
	else
		map_remove(o->nodes, name);
	schedule(o, SETTLE_MS);
}

void overlay_ready(struct overlay *o)
{
	o->ready = true;
	schedule(o, 0);
}
