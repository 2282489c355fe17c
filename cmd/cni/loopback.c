/* The loopback plugin's program. */
#include "cni/loopback.h"

int main(void)
{
	return cni_plugin_main(&loopback_plugin);
}
