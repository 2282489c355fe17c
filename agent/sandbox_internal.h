/* A pod's sandbox in its parts: making (sandbox.c), its supervisor (sandbox_supervisor.c), taking down (sandbox_teardown.c),
 * finding again (sandbox_restore.c). The calls for others are in agent/pod.h. */
#ifndef KNARR_AGENT_SANDBOX_INTERNAL_H
#define KNARR_AGENT_SANDBOX_INTERNAL_H

#include "agent/pod.h"

/* It could not be made or taken down: an event, and it is tried again later. */
void sandbox_failed(struct pod *p, const char *reason, const char *text);
/* The plugins as they are configured now, into p->chain. */
int sandbox_load_chain(struct pod *p, struct err *e);

struct shim_config sandbox_shim_config(const struct pod *p);
/* Into p->shim: the supervisor that runs, or a new one. */
int sandbox_start_supervisor(struct pod *p, struct err *e);
/* The one that runs, if there is one; else p->shim stays NULL. */
void sandbox_find_supervisor(struct pod *p);
/* It is gone with all that it looked after: what it still wrote down counts. */
void sandbox_supervisor_lost(struct pod *p);
/* Exits that it wrote down, and the end of everything else, at the end of a teardown that it took part in. */
void sandbox_supervisor_ended(struct pod *p);

/* The rest of a teardown, once no process is left. */
void sandbox_teardown_network(struct pod *p);

#endif
