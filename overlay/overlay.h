/* Node to node: keeps the ways to other nodes' pods in the kernel as the Node objects say, and repairs them when somebody else
 * changes them. */
#ifndef KNARR_OVERLAY_OVERLAY_H
#define KNARR_OVERLAY_OVERLAY_H

#include <jansson.h>

#include "base/err.h"
#include "io/loop.h"
#include "overlay/subnet_plan.h"

struct overlay;

enum {
	OVERLAY_ROUTE_PROTOCOL = 107, /* ours among the kernel's routes */
	OVERLAY_VNI = 1,
	OVERLAY_PORT = 4789, /* UDP, RFC 7348 */
	OVERLAY_WIREGUARD_PORT = 51820, /* UDP */
};
#define OVERLAY_LINK "knarr-vxlan"
#define OVERLAY_WIREGUARD_LINK "knarr-wg"

struct overlay_config {
	struct loop *loop;
	const char *node_name;
	enum subnet_mode mode;
	const char *key_path; /* WireGuard: the file of this node's key */
	/* WireGuard: the node's object has to have this key (base64) at SUBNET_KEY_ANNOTATION, and has another or none. */
	void (*publish)(void *arg, const char *key);
	void *arg;
};

/* "auto", "host-gw", "vxlan" or "wireguard"; -EINVAL: none of these. */
int overlay_mode_parse(const char *text, enum subnet_mode *ret);
/* Works in the network namespace of the calling thread, for life. Nothing is changed before overlay_ready(). */
int overlay_start(const struct overlay_config *c, struct overlay **ret, struct err *e);
/* What stands in the kernel stays. NULL is fine. */
void overlay_stop(struct overlay *o);
/* object NULL: the node is gone. */
void overlay_set_node(struct overlay *o, const char *name, const json_t *object);
/* All nodes are known: ways of nodes that are gone are removed from now on. */
void overlay_ready(struct overlay *o);

/* Removes the link and the routes, whoever made them. */
int overlay_cleanup(struct err *e);

#endif
