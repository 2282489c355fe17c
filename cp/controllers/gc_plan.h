/* What owner references ask for: objects without living owners go, owners wait for or let go of their dependents. Pure.
 */
#ifndef KNARR_CP_CONTROLLERS_GC_PLAN_H
#define KNARR_CP_CONTROLLERS_GC_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "cp/controllers/plan.h"

enum gc_owner_state {
	GC_OWNER_SOLID,   /* it is there */
	GC_OWNER_WAITING, /* it is there, being deleted in the foreground: it waits for its dependents */
	GC_OWNER_ABSENT,  /* there is none of that uid */
	GC_OWNER_UNKNOWN  /* its kind is not known here: nothing can be said */
};

struct gc_dependent {
	char *path; /* of the object in the API */
	char *uid;
	json_t *owners; /* its owner references */
	bool blocks;    /* its reference has blockOwnerDeletion */
	bool waiting;   /* it is being deleted in the foreground itself */
};

struct gc_observed {
	const json_t *object;
	const char *path;                  /* of the object in the API */
	const enum gc_owner_state *owners; /* one for each of its owner references */
	const struct gc_dependent *dependents;
	size_t n_dependents;
};

/* (Kubernetes concepts, Garbage Collection: background, foreground and orphan deletion.) */
void gc_plan(const struct gc_observed *o, struct plan *plan);

#endif
