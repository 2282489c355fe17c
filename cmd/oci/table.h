/* Columns as wide as their widest cell: Go's tabwriter with a width of at least 12 and three blanks between. */
#ifndef KNARR_CMD_OCI_TABLE_H
#define KNARR_CMD_OCI_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "base/mem.h"

struct table {
	size_t columns;
	char **cells; /* row after row, owned */
};
void table_done(struct table *t);
#define AUTO_TABLE AUTO(table_done) struct table
void table_add(struct table *t, const char *cell);
/* The last column is not padded. */
void table_print(const struct table *t, FILE *f);

#endif
