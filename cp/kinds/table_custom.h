/* Columns of custom resources: additionalPrinterColumns of a CustomResourceDefinition's version, read once. */
#ifndef KNARR_CP_KINDS_TABLE_CUSTOM_H
#define KNARR_CP_KINDS_TABLE_CUSTOM_H

#include "cp/kinds/table.h"

struct custom_table;

/* columns: an array of CustomResourceColumnDefinitions (borrowed), NULL or empty: Name and Age. A column whose path
 * cannot be read shows nothing. Returns owned. */
struct custom_table *custom_table_new(const json_t *columns);
void custom_table_free(struct custom_table *t); /* NULL is fine */
const struct table_columns *custom_table_columns(const struct custom_table *t);
json_t *custom_table_cells(const struct custom_table *t, const json_t *object, int64_t now_ms);

#endif
