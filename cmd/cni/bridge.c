/* The bridge plugin's program. */
#include "cni/bridge.h"

int main(void)
{
	return cni_plugin_main(&bridge_plugin);
}
