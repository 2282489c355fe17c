/* The list of managers as managed_owners.c keeps it. */
#ifndef KNARR_CP_SCHEMA_MANAGED_INTERNAL_H
#define KNARR_CP_SCHEMA_MANAGED_INTERNAL_H

#include "cp/schema/managed.h"

/* One entry of managedFields. Texts owned; time NULL when it has none. */
struct owner {
	char *manager, *api_version, *time, *subresource;
	bool applied;
	json_t *fields;
};
struct owners {
	struct owner *v;
	size_t n;
};

void owners_done(struct owners *o);
#define AUTO_OWNERS AUTO(owners_done) struct owners

/* From a managedFields list. -EINVAL where an entry cannot be read; then there are none. */
int owners_read(const json_t *list, struct owners *ret);
/* The same of a list that a client wrote: -EINVAL also where a path cannot be read. */
int owners_read_foreign(const json_t *list, struct owners *ret);
/* Sorted as the original sorts; NULL when there are none. Returns owned. */
json_t *owners_json(const struct owners *o);
/* The entry of that manager, operation and subresource (and version, where it is no applier); NULL when there is none. */
struct owner *owners_find(struct owners *o, const struct managed_by *by, const char *manager, bool applied);
/* Adds an entry without fields and time. */
struct owner *owners_add(struct owners *o, const struct managed_by *by, const char *manager, bool applied);
/* Takes new fields (owned) in place of the old ones. */
void owner_set(struct owner *o, json_t *fields);
void owner_touch(struct owner *o, const char *now);
/* Drops entries without fields. */
void owners_prune(struct owners *o);
/* Merges the oldest updaters into "ancient-changes" until there are no more than ten. */
void owners_cap(struct owners *o);

#endif
