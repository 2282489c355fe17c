/* Frames with a foreign source address are dropped at the bridge's port (macspoofchk). */
#ifndef KNARR_CNI_MAC_CHECK_H
#define KNARR_CNI_MAC_CHECK_H

#include "cni/plugin.h"

/* port: the host's end of the pair; mac: the only address that may come from it. */
int mac_check_add(const struct cni_call *c, const char *port, const uint8_t mac[6], struct err *e);
int mac_check_check(const struct cni_call *c, const char *port, const uint8_t mac[6], struct err *e);
int mac_check_remove(const struct cni_call *c, struct err *e); /* DEL and GC */

#endif
