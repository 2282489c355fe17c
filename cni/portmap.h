/* The portmap plugin: ports of the node lead to ports of the container. Runs behind another plugin. */
#ifndef KNARR_CNI_PORTMAP_H
#define KNARR_CNI_PORTMAP_H

#include "cni/plugin.h"

extern const struct cni_plugin portmap_plugin;

#endif
