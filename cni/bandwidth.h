/* The bandwidth plugin: limits of what goes to and comes from the container. Runs behind another plugin. */
#ifndef KNARR_CNI_BANDWIDTH_H
#define KNARR_CNI_BANDWIDTH_H

#include "cni/plugin.h"

extern const struct cni_plugin bandwidth_plugin;

#endif
