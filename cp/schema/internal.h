/* What the files of the engine share. */
#ifndef KNARR_CP_SCHEMA_INTERNAL_H
#define KNARR_CP_SCHEMA_INTERNAL_H

#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "cp/schema/arena.h"
#include "cp/schema/schema.h"

struct schema {
	struct arena arena;
	struct map *types;     /* "core.v1.PodSpec", "[]string" ... -> struct type * */
	struct map *by_plural; /* "group/version/plural" -> struct kind * */
	struct map *by_kind;   /* "group/version/Kind" */
	const struct kind **kinds;
	size_t n_kinds;
	json_t *literals; /* keeps defaults alive */
};

/* Fills s from table text (table.c). */
int table_read(struct schema *s, const char *text, struct err *e);

/* The value that stands for nothing in a field that is always encoded. Returns owned. */
json_t *type_zero(const struct type *t);
/* Whether v is what an encoder that omits empty values would leave out. */
bool value_is_empty(const json_t *v);
/* Puts the members of an object into the order of the type's fields; unknown ones follow. */
void object_reorder(const struct type *t, json_t *object);
static inline bool field_is_named(const struct field *f, const char *name)
{
	return *f->name == *name && !strcmp(f->name, name);
}

/* The members of an object in the order of its type's fields, with nothing on the heap where they are few. */
struct placed_members {
	struct placed {
		size_t place; /* of the field; the number of fields where it is unknown */
		const char *key;
		json_t *value;
	} few[24], *v, *many;
	size_t n, next;
};
void members_place(struct placed_members *m, const struct type *t, const json_t *object);
void members_done(struct placed_members *m);
#define AUTO_MEMBERS AUTO(members_done) struct placed_members
/* The value of a field; asked for in the order of the fields. NULL: not there. Borrowed. */
json_t *members_take(struct placed_members *m, size_t place);

/* Adds what is wrong with value by a named format; false when the format is unknown (table.c refuses those). */
bool format_known(const char *format);
void format_check(const char *format, const char *path, const json_t *value, struct field_errors *errors);
/* Keys and values of a labels map. */
void format_check_labels(const char *path, const json_t *labels, struct field_errors *errors);

#endif
