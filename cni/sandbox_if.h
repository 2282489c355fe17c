/* The container's interface: what a result says becomes addresses and routes, and is checked against them. */
#ifndef KNARR_CNI_SANDBOX_IF_H
#define KNARR_CNI_SANDBOX_IF_H

#include <jansson.h>

#include "cni/plugin.h"
#include "io/net/rtnl.h"

/* The interface inside, by the socket of its namespace. */
struct sandbox_if {
	struct rtnl *net;
	int index;
	const char *name;
};

/* Addresses, up, routes, in this order; a route without gateway takes that of the first address of its family.
 * With dad it waits, 10 s at most, until IPv6 addresses are known to be unique: -EADDRINUSE. */
int sandbox_if_configure(const struct sandbox_if *s, const json_t *result, bool dad, struct err *e);
/* The routes alone. */
int sandbox_if_add_routes(const struct sandbox_if *s, const json_t *result, struct err *e);
/* Makes the pair, its near end under a free name vethXXXXXXXX that is written to name (IFNAMSIZ bytes; "" after a
 * failure). v->name must be name. -ENOTUNIQ where the interface inside is there already. */
int sandbox_if_make_pair(const struct rtnl_veth *v, char *name, struct rtnl *host, struct rtnl *inside, struct err *e);
/* Removes the interface; fine where the namespace, or the interface in it, is gone. */
int sandbox_if_remove(const struct cni_call *c, struct err *e);

/* A MAC address asked for, by priority: runtimeConfig.mac, args.cni.mac, MAC in CNI_ARGS, "mac" of the configuration.
 * 1 where there is one; -EINVAL. */
int sandbox_if_mac(const struct cni_call *c, uint8_t ret[6], struct err *e);
/* prevResult in the inner shape, owned; -EINVAL with the word missing. */
int cni_prev_result(const struct cni_call *c, const char *missing, json_t **ret, struct err *e);
/* Switches forwarding of the family on. */
int cni_forward(int family, struct err *e);

#endif
