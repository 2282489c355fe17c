/* Who belongs to a controller: its own, orphans that its selector wants, and those that it has to let go. Pure. */
#ifndef KNARR_CP_CONTROLLERS_ADOPT_H
#define KNARR_CP_CONTROLLERS_ADOPT_H

#include "api/selector.h"
#include "cp/controllers/plan.h"

struct adopt_kind {
	const char *owner_api_version, *owner_kind; /* "apps/v1", "ReplicaSet" */
	const char *group, *plural;                 /* of the children: "", "pods" */
};

/* spec.selector, which is a plain map in a ReplicationController. Negative when it is none. */
int adopt_selector(const json_t *owner, struct selector **ret);

/* From candidates (all children in the owner's namespace that the selector matches or that the owner controls) returns
 * those that are the owner's now (owned array), with the patches that adopt and release in plan. An owner that is being
 * deleted adopts nothing. */
json_t *adopt_claim(const struct adopt_kind *kind, const json_t *owner, const json_t *candidates, struct plan *plan);

#endif
