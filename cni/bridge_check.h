/* CHECK of the bridge plugin: what the result says against what is there. */
#ifndef KNARR_CNI_BRIDGE_CHECK_H
#define KNARR_CNI_BRIDGE_CHECK_H

#include "cni/bridge_conf.h"

int bridge_check(const struct cni_call *c, const struct bridge_conf *conf, struct err *e);

#endif
