/* Network namespaces of pods, kept by a bind mount of a file. */
#ifndef KNARR_AGENT_NETNS_H
#define KNARR_AGENT_NETNS_H

#include "base/err.h"

/* Makes a namespace with lo up at path; one that is there already is fine. */
int netns_make(const char *path, struct err *e);
/* Lets go of it: with its last process it is gone. Absent is fine. */
int netns_drop(const char *path, struct err *e);
/* Sets the interface's hardware address to what it is, upon which the kernel tells the neighbours (where arp_notify is
 * set) that its addresses are here now. A best effort: failures do not matter. */
void netns_announce(const char *path, const char *ifname);

#endif
