/* What the files of managed.h share: the list of managers (managed_owners.c), differences by version (managed_versions.c). */
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

/* Drops entries of versions that are not there, and has the others see the paths as a definition has them now. */
void owners_reconcile(struct owners *o, const struct managed_by *by, const json_t *live);
json_t *managed_strip(const json_t *set); /* without what nobody manages; owned */
json_t *managed_without_managers(const json_t *object); /* owned */
void managed_write(struct owners *o, json_t *object);

/* An object of one version in another; owned, NULL when there is no such version. */
json_t *managed_convert(const struct managed_by *by, const json_t *object, const char *from, const char *to,
			const struct type **ret_type);

/* How live and object differ, in the fields of a version. */
struct managed_diff {
	char *api_version; /* NULL: the request's */
	struct apply_diff d;
	json_t *changed; /* modified and added */
};
struct managed_diffs {
	const struct managed_by *by;
	json_t *live, *object; /* without managers */
	struct managed_diff own, **others;
	size_t n;
};
void managed_diffs_init(struct managed_diffs *s, const struct managed_by *by, const json_t *live, const json_t *object);
void managed_diffs_done(struct managed_diffs *s);
#define AUTO_MANAGED_DIFFS AUTO(managed_diffs_done) struct managed_diffs
/* Valid as long as s. */
const struct managed_diff *managed_diffs_at(struct managed_diffs *s, const char *api_version);

/* What the client side said in the annotation of live, and nobody changed since. Owned. */
json_t *managed_last_applied(const struct managed_by *by, const json_t *live);
/* Has the annotation of object, where there is one, tell config. */
void managed_tell_applied(const struct managed_by *by, const json_t *config, json_t *object);

/* What an update of live to object makes of the managers. */
void managed_update_owners(const struct managed_by *by, const char *manager, const json_t *live, const json_t *object, struct owners *o);
/* Takes from everybody but self what was changed or removed. */
void managed_take_from_others(struct owners *o, const struct owner *self, struct managed_diffs *diffs);

#endif
