/* The observing side of adoption: candidates from the cache, and orphans' way to who may want them. */
#ifndef KNARR_CP_CONTROLLERS_CLAIM_H
#define KNARR_CP_CONTROLLERS_CLAIM_H

#include "cp/controllers/runner.h"

/* Objects of children in the owner's namespace that its spec.selector matches or that it controls (owned array). */
json_t *claim_candidates(struct runner *r, struct bucket *children, const json_t *owner);
/* Adds the keys of owners (of the given kind) that a changed child concerns: its controller's, or, for an orphan, every
 * one whose spec.selector matches its labels. */
void claim_map_child(struct runner *r, const struct cache_event *ev, struct bucket *owners, const char *kind);

#endif
