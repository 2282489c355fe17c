/* The bridge plugin's work on links and addresses. */
#ifndef KNARR_CNI_BRIDGE_LINK_H
#define KNARR_CNI_BRIDGE_LINK_H

#include "cni/bridge_conf.h"
#include "io/net/rtnl.h"

/* One attachment on its way. */
struct bridge_add {
	const struct cni_call *call;
	struct bridge_conf conf;
	struct rtnl *host, *inside; /* sockets here and in the container's namespace */
	int netns_fd;
	struct rtnl_link bridge;
	struct rtnl_link gateway; /* of the VLAN, where there is one: the link that has the gateway's address */
	char veth[IFNAMSIZ];      /* the host's end; "" before it is made */
	uint8_t veth_mac[6], mac[6];
	int index;      /* of the container's end */
	json_t *result; /* of IPAM, then of the plugin */
	bool ipam_done;
};

/* The bridge, made when missing. */
int bridge_link_ensure(struct bridge_add *a, struct err *e);
/* The veth pair, its near end up on the bridge, the container's end down. */
int bridge_link_connect(struct bridge_add *a, struct err *e);
/* The result's gateways onto the bridge; forwarding on. */
int bridge_link_gateways(struct bridge_add *a, struct err *e);

#endif
