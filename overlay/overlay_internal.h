/* What the overlay*.c files share. */
#ifndef KNARR_OVERLAY_OVERLAY_INTERNAL_H
#define KNARR_OVERLAY_OVERLAY_INTERNAL_H

#include "overlay/overlay.h"

/* Brings the kernel to where the nodes want it: observes links and addresses, plans, applies what differs. *ret_vxlan: the
 * index of the VXLAN link, 0 where there is none; *ret_changed: how much was changed. */
int overlay_apply(struct rtnl *rt, enum subnet_mode mode, const struct subnet_node *self, struct subnet_node *const *others,
		  size_t n_others, int *ret_vxlan, size_t *ret_changed, struct err *e);

#endif
