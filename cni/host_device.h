/* The host-device plugin: one of the host's interfaces, lent to the container. */
#ifndef KNARR_CNI_HOST_DEVICE_H
#define KNARR_CNI_HOST_DEVICE_H

#include "cni/plugin.h"

extern const struct cni_plugin host_device_plugin;

#endif
