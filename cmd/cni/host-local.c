/* The host-local plugin's program. */
#include "cni/host_local.h"

int main(void)
{
	return cni_plugin_main(&host_local_plugin);
}
