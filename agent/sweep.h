/* What a crash or a reboot has left of pods that are here no more. */
#ifndef KNARR_AGENT_SWEEP_H
#define KNARR_AGENT_SWEEP_H

#include "agent/agent.h"

/* Once the pods' records are read: frees root filesystems and addresses of sandboxes that no record knows (a reboot
 * forgets all of them). No sandbox is made while agent->sweep is set; then every pod is kicked. */
void sweep_start(struct agent *a);
void sweep_stop(struct agent *a);
/* Once the API has told which pods there are: removes volumes and logs of all others. Failures are logged. */
void sweep_orphans(struct agent *a);

#endif
