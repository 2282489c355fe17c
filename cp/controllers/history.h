/* The history of a workload's template: ControllerRevisions of daemon sets and stateful sets (apps/v1 ControllerRevision). Pure. */
#ifndef KNARR_CP_CONTROLLERS_HISTORY_H
#define KNARR_CP_CONTROLLERS_HISTORY_H

#include "cp/controllers/adopt.h"

#define HISTORY_HASH "controller-revision-hash"

/* What a revision of the owner's template has as its data: a patch that brings the template back. Returns owned. */
json_t *history_data(const json_t *owner);
/* The same array in order of the revisions' numbers, then of their names. Returns owned. */
json_t *history_sorted(const json_t *revisions);
int64_t history_number(const json_t *revision);
/* The last one of an array with these data; NULL when there is none. Borrowed. */
json_t *history_find(const json_t *revisions, const json_t *data);
/* The name that a new revision of the owner gets; its hash is behind the last dash. Returns owned. */
char *history_name(const json_t *owner);
/* A revision with that name, as kind's child of owner, which bears label = the name's hash. Returns owned. */
json_t *history_new(const json_t *owner, const struct adopt_kind *kind, const char *label, const char *name, int64_t number);
/* The template that a revision holds, as a copy without what makes it a patch. Returns owned; NULL when it holds none. */
json_t *history_template(const json_t *revision);
/* Deletes the oldest of those that are not live, until limit are left. */
void history_truncate(const json_t *sorted, const json_t *live, int64_t limit, struct plan *plan);
char *history_path(const json_t *owner, const char *name);

#endif
