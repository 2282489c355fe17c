/* The tuning plugin: sysctls and properties of the container's interface. Runs behind another plugin. */
#ifndef KNARR_CNI_TUNING_H
#define KNARR_CNI_TUNING_H

#include "cni/plugin.h"

extern const struct cni_plugin tuning_plugin;

#endif
