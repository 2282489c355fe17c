/* Network devices that become the container's (OCI runtime-spec config-linux.md, Network Devices). */
#ifndef KNARR_RUNTIME_NET_DEVICES_H
#define KNARR_RUNTIME_NET_DEVICES_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

/* The object linux.netDevices, NULL: none. -EINVAL with runc's texts. Pure. */
int net_devices_check(const json_t *devices, bool has_net_ns, struct err *e);
/* Moves them from the caller's network namespace to ns_fd under their new names, with what was set on the link, with their
 * permanent addresses of global scope, and up. One that cannot be made complete there comes back. */
int net_devices_move(const json_t *devices, int ns_fd, struct err *e);

#endif
