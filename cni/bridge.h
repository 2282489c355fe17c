/* The bridge plugin: a veth pair between the container and a bridge on the host. */
#ifndef KNARR_CNI_BRIDGE_H
#define KNARR_CNI_BRIDGE_H

#include "cni/plugin.h"

extern const struct cni_plugin bridge_plugin;

#endif
