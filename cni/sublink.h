/* The plugins macvlan, ipvlan and vlan: an interface of the container's on top of one of the node's. */
#ifndef KNARR_CNI_SUBLINK_H
#define KNARR_CNI_SUBLINK_H

#include "cni/plugin.h"

extern const struct cni_plugin macvlan_plugin, ipvlan_plugin, vlan_plugin;

#endif
