/* What server-side apply does to values: their field sets, their differences, merging and removing by field. */
#ifndef KNARR_CP_SCHEMA_APPLY_H
#define KNARR_CP_SCHEMA_APPLY_H

#include "cp/schema/fieldset.h"

/* The paths that a value sets; owned, NULL when there are none. */
json_t *apply_fields(const struct type *t, const json_t *value);

/* Paths by what happened to them; owned, NULL when empty. */
struct apply_diff {
	json_t *added, *modified, *removed;
};
void apply_diff_done(struct apply_diff *d);
#define AUTO_APPLY_DIFF AUTO(apply_diff_done) struct apply_diff
void apply_compare(const struct type *t, const json_t *before, const json_t *after, struct apply_diff *ret);

/* live with all that config sets; lists are merged by their keys, in an order that keeps both. Owned. */
json_t *apply_merge(const struct type *t, const json_t *live, const json_t *config);
/* value without the fields and elements whose paths are in set. Owned. */
json_t *apply_remove(const struct type *t, const json_t *value, const json_t *set);
/* An object as the type's encoder writes one that has nothing set. Owned. */
json_t *apply_empty(const struct type *t);
/* Whether a configuration can be applied: every element of a keyed list has its keys, none twice. -EINVAL with the path. */
int apply_check(const struct type *t, const json_t *config, struct err *e);

#endif
