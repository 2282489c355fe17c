/* The firewall plugin: which containers may be reached from other bridges. Runs behind another plugin. */
#ifndef KNARR_CNI_FIREWALL_H
#define KNARR_CNI_FIREWALL_H

#include "cni/plugin.h"

extern const struct cni_plugin firewall_plugin;

#endif
