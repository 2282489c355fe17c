/* Files of a sandbox that may have to be written again. */
#ifndef KNARR_AGENT_SANDBOX_H
#define KNARR_AGENT_SANDBOX_H

#include "agent/pod.h"

/* etc-hosts, hostname and resolv.conf of the pod. */
int sandbox_write_files(struct pod *p, struct err *e);

#endif
