/* The plugins of this program by their names. */
#ifndef KNARR_CNI_PLUGINS_H
#define KNARR_CNI_PLUGINS_H

#include "cni/plugin.h"

extern const struct cni_plugin *const cni_plugins[];         /* NULL at the end */
const struct cni_plugin *cni_plugin_named(const char *name); /* NULL where there is none */

#endif
