/* The ptp plugin: a veth pair between the container and the node, which routes. */
#ifndef KNARR_CNI_PTP_H
#define KNARR_CNI_PTP_H

#include "cni/plugin.h"

extern const struct cni_plugin ptp_plugin;

#endif
