/* The CNI plugins' program: one binary under the name of each plugin. */
#include <stdio.h>

#include "base/str.h"
#include "cni/plugins.h"

int main(int argc, char **argv)
{
	const char *name = str_base_name(argc > 0 ? argv[0] : "");
	const struct cni_plugin *p = cni_plugin_named(name);
	if (p)
		return cni_plugin_main(p);
	fprintf(stderr, "%s is no CNI plugin's name; the names are:", name);
	for (size_t i = 0; cni_plugins[i]; i++)
		fprintf(stderr, " %s", cni_plugins[i]->name);
	fprintf(stderr, "\n");
	return 1;
}
