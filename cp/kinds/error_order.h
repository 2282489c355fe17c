/* The order of a kind's errors, as a table. Pure. */
#ifndef KNARR_CP_KINDS_ERROR_ORDER_H
#define KNARR_CP_KINDS_ERROR_ORDER_H

#include "cp/schema/schema.h"

/* Sorts errors by their fields. order: paths below base ("" is the object), [] for indexes and keys, ended by NULL, in the order in
 * which the reference looks at them; elements of a list stay together where order names a part of them. A field that order does
 * not name goes with what it names above it; one without that comes behind its siblings, a list or object before its members. What is not below base, and metadata
 * that order does not name, comes first. Errors of equal rank stay in their order. */
void errors_order(struct field_errors *errors, const char *base, const char *const *order);
/* Adds those behind the metadata's once more: some kinds are looked at twice when they are updated. */
void errors_repeat_body(struct field_errors *errors);
/* Fields below path are told as fields below to. */
void errors_rename(struct field_errors *errors, const char *path, const char *to);
/* Forgets what is wrong at path or below. */
void errors_drop_below(struct field_errors *errors, const char *path);
/* Whether something is wrong at path or below. */
bool errors_has_below(const struct field_errors *errors, const char *path);

#endif
