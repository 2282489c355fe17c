/* The table of plugins. Cannot fail. */
#include "cni/plugins.h"

#include <string.h>

#include "cni/bridge.h"
#include "cni/host_local.h"
#include "cni/loopback.h"
#include "cni/portmap.h"

const struct cni_plugin *const cni_plugins[] = {
    &bridge_plugin, &host_local_plugin, &loopback_plugin, &portmap_plugin, NULL,
};

const struct cni_plugin *cni_plugin_named(const char *name)
{
	for (size_t i = 0; cni_plugins[i]; i++)
		if (!strcmp(cni_plugins[i]->name, name))
			return cni_plugins[i];
	return NULL;
}
