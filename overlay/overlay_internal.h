/* What the overlay*.c files share. */
#ifndef KNARR_OVERLAY_OVERLAY_INTERNAL_H
#define KNARR_OVERLAY_OVERLAY_INTERNAL_H

#include "overlay/overlay.h"

/* What is known of the kernel from one time to the next. */
struct overlay_kernel {
	struct rtnl *rt;
	enum subnet_mode mode;
	const uint8_t *key;   /* WireGuard */
	int vxlan_index;      /* 0: there is none */
	int wireguard_index;  /* 0: there is none */
	struct wireguard_peer *peers; /* as they were set last */
	size_t n_peers, changed; /* changed: by the last call */
};

/* Brings the kernel to where the nodes want it: observes links and addresses, plans, applies what differs. */
int overlay_apply(struct overlay_kernel *k, const struct subnet_node *self, struct subnet_node *const *others, size_t n_others,
		  struct err *e);

#endif
