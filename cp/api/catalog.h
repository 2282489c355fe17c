/* What the server serves, for discovery: groups in their order, resources with subresources. */
#ifndef KNARR_CP_API_CATALOG_H
#define KNARR_CP_API_CATALOG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "cp/schema/schema.h"

/* The kind of a subresource's bodies and its verbs. group and version NULL: the resource's own kind. */
struct sub_info {
	const char *group, *version, *kind, *verbs;
};
struct sub_info catalog_sub(const struct kind *k, const char *sub);

/* Every kind of a group and version in order of plural, stored or not. Returns an owned NULL-terminated array of
 * borrowed kinds. */
const struct kind **catalog_kinds(const struct schema *s, const char *group, const char *version);
/* The groups that have kinds, "" left out, in priority order. Returns an owned vector. */
char **catalog_groups(const struct schema *s);
/* Whether a group is one of the original's own. */
bool catalog_is_built_in(const char *group);
/* A group's versions, the preferred one first. Returns an owned vector. */
char **catalog_versions(const struct schema *s, const char *group);

#endif
