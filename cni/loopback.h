/* The loopback plugin: brings the container's lo up. */
#ifndef KNARR_CNI_LOOPBACK_H
#define KNARR_CNI_LOOPBACK_H

#include "cni/plugin.h"

extern const struct cni_plugin loopback_plugin;

#endif
