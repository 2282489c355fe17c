/* The static plugin: addresses that the configuration or the runtime names. */
#ifndef KNARR_CNI_STATIC_H
#define KNARR_CNI_STATIC_H

#include "cni/plugin.h"

extern const struct cni_plugin static_plugin;

#endif
