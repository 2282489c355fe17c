/* The host-local plugin: hands out addresses of configured ranges, kept in files on this host. */
#ifndef KNARR_CNI_HOST_LOCAL_H
#define KNARR_CNI_HOST_LOCAL_H

#include "cni/plugin.h"

extern const struct cni_plugin host_local_plugin;

#endif
