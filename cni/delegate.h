/* Runs another plugin, found in CNI_PATH, in place of the caller (IPAM). CNI specification, section 4. */
#ifndef KNARR_CNI_DELEGATE_H
#define KNARR_CNI_DELEGATE_H

#include "cni/plugin.h"

/* Runs plugin type with the command, our environment and our configuration. The result, where ret is given, comes in
 * the inner shape (cni/result.h), owned, NULL where the plugin printed none. A failing plugin's own code and message
 * are returned as if they were ours. */
int cni_delegate(const struct cni_call *c, const char *type, const char *command, json_t **ret, struct err *e);

#endif
