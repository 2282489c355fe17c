/* Leader election: of several servers one runs the controllers, one the scheduler (Leases in kube-system). */
#ifndef KNARR_CP_CONTROLLERS_LEADER_H
#define KNARR_CP_CONTROLLERS_LEADER_H

#include <stdbool.h>

#include "cp/api/api.h"

struct leader;

/* Tries to get and keep the lease ("kube-scheduler") as user and identity. on_change comes from the loop. */
struct leader *leader_new(struct api *a, const char *name, const char *user, const char *identity,
			  void (*on_change)(void *arg, bool leading), void *arg);
/* Gives the lease back where it is held, so that another need not wait; done once, within about a second. */
void leader_release(struct leader *l, void (*done)(void *arg), void *arg);
/* Tells nothing any more; NULL is fine. */
void leader_free(struct leader *l);

#endif
