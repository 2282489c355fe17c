/* Which of the host's interfaces a host-device configuration means. */
#ifndef KNARR_CNI_HOST_DEVICE_FIND_H
#define KNARR_CNI_HOST_DEVICE_FIND_H

#include "cni/plugin.h"
#include "io/net/rtnl.h"

/* A device of PCI that a driver for user space has: it has no interface. 0 or 1; -EINVAL where nothing is named or a
 * name is none, -ENOENT where PCI has no such device. */
int host_device_find_dpdk(const struct cni_call *c, struct err *e);
/* By "device", "hwaddr", "kernelpath", "pciBusID" or runtimeConfig.deviceID, the first of these that there is. -ENODEV.
 */
int host_device_find(const struct cni_call *c, struct rtnl *host, struct rtnl_link *ret, struct err *e);

#endif
