/* The table of plugins. Cannot fail. */
#include "cni/plugins.h"

#include <string.h>

#include "cni/bandwidth.h"
#include "cni/bridge.h"
#include "cni/firewall.h"
#include "cni/host_device.h"
#include "cni/host_local.h"
#include "cni/loopback.h"
#include "cni/portmap.h"
#include "cni/ptp.h"
#include "cni/static.h"
#include "cni/sublink.h"
#include "cni/tuning.h"

const struct cni_plugin *const cni_plugins[] = {
    &bandwidth_plugin,  &bridge_plugin, &firewall_plugin, &host_device_plugin,
    &host_local_plugin, &ipvlan_plugin, &loopback_plugin, &macvlan_plugin,
    &portmap_plugin,    &ptp_plugin,    &static_plugin,   &tuning_plugin,
    &vlan_plugin,       NULL,
};

const struct cni_plugin *cni_plugin_named(const char *name)
{
	for (size_t i = 0; cni_plugins[i]; i++)
		if (!strcmp(cni_plugins[i]->name, name))
			return cni_plugins[i];
	return NULL;
}
