/* Sets of field paths, in the form in which metadata.managedFields keep them (FieldsV1).
 *
 * A set is a JSON object, one member for each path element: "f:name" a field, "k:{...}" the element of a list by its keys,
 * "v:..." the element of a set by its value, "i:3" one by its index. A node {} is a path that is in the set, {".": {}, ...}
 * one that is in it and has paths below, any other only leads to paths below. NULL and {} at the root are the empty set.
 * Sets are never changed once made; results may share nodes with their arguments. */
#ifndef KNARR_CP_SCHEMA_FIELDSET_H
#define KNARR_CP_SCHEMA_FIELDSET_H

#include <jansson.h>
#include <stdbool.h>

#include "base/map.h"
#include "base/str.h"
#include "cp/schema/schema.h"

bool fieldset_is_empty(const json_t *set);
/* Whether the path of a node itself is in the set. NULL is not. */
bool fieldset_is_member(const json_t *node);
/* A node out of what lies below it (taken; an object) and whether it is itself in the set; NULL when it is nothing. */
json_t *fieldset_node(json_t *below, bool member);
/* A member with nothing below it: one and the same everywhere, most nodes are. Never to be changed. Owned. */
json_t *fieldset_leaf(void);

/* "f:" and the name of a field, in place or on the heap. */
struct element_name {
	char text[64];
	char *heap;
};
const char *element_name(struct element_name *n, const char *field);
void element_name_done(struct element_name *n);
#define AUTO_ELEMENT AUTO(element_name_done) struct element_name

/* Each returns owned; NULL is empty. */
json_t *fieldset_union(const json_t *a, const json_t *b);
json_t *fieldset_difference(const json_t *a, const json_t *b);
json_t *fieldset_intersection(const json_t *a, const json_t *b);
/* Also without everything below the paths of b. */
json_t *fieldset_without(const json_t *a, const json_t *b);
/* With every declared field on the way to a path of the set in the set as well. */
json_t *fieldset_with_parents(const json_t *set, const struct type *t);
/* As a schema that has changed since sees the paths: of what is replaced as a whole nothing below counts. */
json_t *fieldset_by_type(const json_t *set, const struct type *t);
/* A copy in the order of the original: fields, keys, values, indices, each sorted. */
json_t *fieldset_sorted(const json_t *set);

/* Whether every element of a set that somebody else wrote can be read; what comes with a letter that is not known is
 * passed over. */
bool fieldset_is_valid(const json_t *set);

/* Calls each with the text of every path in the set (".spec.ports[port=80].name"): sorted, those of one level before those
 * below them. */
typedef void fieldset_path_fn(void *arg, const char *path);
void fieldset_each(const json_t *set, fieldset_path_fn *each, void *arg);

/* The text of one path element: ".name", "[port=80]", "[=\"a\"]". */
void fieldset_add_element(struct str *out, const char *element);

/* Where a walk over value and type stands. field is that of a list, NULL where nothing is declared. */
struct slot {
	const struct type *type; /* NULL: whatever the value is */
	const struct field *field;
};
enum slot_shape { SLOT_LEAF, SLOT_MAP, SLOT_LIST };
/* How apply sees a value there; LEAF: as a whole. */
enum slot_shape slot_shape(struct slot s, const json_t *value);
bool slot_is_open(struct slot s); /* no type says what is there: maps are gone into, all else is a leaf */
struct slot slot_member(struct slot s, const char *key);
struct slot slot_element(struct slot s);
/* The path element of an element of a list ("k:..." or "v:..."); owned, NULL when a key is missing, whose name comes out. */
char *slot_element_name(struct slot s, const json_t *element, const char **ret_missing);
/* The elements of a list by these names, of repeated ones the first; values borrowed. Returns owned. */
struct map *slot_index(struct slot s, const json_t *list);

#endif
