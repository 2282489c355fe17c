/* Who manages which fields of an object: metadata.managedFields, kept as the original keeps them (Kubernetes API
 * conventions, Server-Side Apply). Plans only: what a write makes of the managers, no clock, no store. */
#ifndef KNARR_CP_SCHEMA_MANAGED_H
#define KNARR_CP_SCHEMA_MANAGED_H

#include <stdbool.h>
#include <stddef.h>

#include "cp/schema/apply.h"

/* The write. All borrowed. */
struct managed_by {
	const struct type *type;
	const char *api_version;  /* of the request's object */
	const char *manager;
	const char *subresource;  /* "" for the object itself */
	const char *now;          /* RFC 3339, seconds; NULL: the entry gets no time */
	const json_t *ignored;    /* paths that such a write does not change, NULL: none */
	/* An object (without managers) of version from in version to, with its type; owned, NULL when there is no such version.
	 * NULL: all versions have the same fields. */
	json_t *(*convert)(void *arg, const json_t *object, const char *from, const char *to, const struct type **ret_type);
	void *arg;
};

/* Sets metadata.managedFields of object, the state after a create, update or patch. live is the state before, NULL for a
 * create; what the request itself says about managers counts only where it makes sense. */
void managed_update(const struct managed_by *by, const json_t *live, json_t *object);

/* Where nothing but the times of managers differs between live and object, gives object those of live: what changed nothing
 * is no change. Says whether it did. */
bool managed_keep_times(const json_t *live, json_t *object);

/* A field that somebody else has set to something else. Owned texts. */
struct managed_conflict {
	char *manager; /* "x" using apps/v1 */
	char *path;
};
struct managed_conflicts {
	struct managed_conflict *v;
	size_t n;
};
void managed_conflicts_done(struct managed_conflicts *c);
#define AUTO_MANAGED_CONFLICTS AUTO(managed_conflicts_done) struct managed_conflicts

/* Server-side apply of config to live (NULL: it does not exist): the new state with its managers. -EEXIST with conflicts,
 * unless force; -EINVAL for a configuration that cannot be applied. Returns owned. */
int managed_apply(const struct managed_by *by, const json_t *live, const json_t *config, bool force, json_t **ret,
		  struct managed_conflicts *ret_conflicts, struct err *e);

#endif
