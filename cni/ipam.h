/* Addresses from the IPAM plugin that a configuration names. */
#ifndef KNARR_CNI_IPAM_H
#define KNARR_CNI_IPAM_H

#include "cni/plugin.h"

/* The plugin's name; NULL: the attachment is of layer 2. Borrowed. */
const char *ipam_type(const struct cni_call *c);
/* ADD: the plugin's result, owned, without interfaces, its addresses pointing to interface number index of the
 * result to be. -EINVAL where it has no address. */
int ipam_add(const struct cni_call *c, int index, json_t **ret, struct err *e);
/* Any other command, passed on as it is: "DEL", "CHECK" ... Fine without a plugin. */
int ipam_run(const struct cni_call *c, const char *command, struct err *e);

#endif
