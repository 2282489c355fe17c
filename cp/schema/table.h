/* The state of a table being read, shared by table.c and table_field.c. */
#ifndef KNARR_CP_SCHEMA_TABLE_H
#define KNARR_CP_SCHEMA_TABLE_H

#include "cp/schema/internal.h"

struct table_reader {
	struct schema *s;
	const char *table, *package;
	int line;
	struct kind *kind; /* open, or NULL */
	struct type *type; /* open, or NULL */
	struct field *fields;
	size_t n_fields;
	struct map *declared; /* names of types that were declared */
	bool keep;            /* the field being read has the attribute "keep" */
	struct err *e;
};

/* One attribute word of a field ("default=30", "list=map(name)"); changes word. -EINVAL when it makes no sense. */
int table_field_attribute(struct table_reader *t, struct field *f, char *word);

#endif
