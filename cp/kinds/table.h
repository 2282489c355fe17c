/* Server-side tables: the columns of a kind and one row of cells per object (meta.k8s.io/v1 Table), as kubectl prints
 * them. */
#ifndef KNARR_CP_KINDS_TABLE_H
#define KNARR_CP_KINDS_TABLE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "cp/schema/schema.h"

struct table_columns {
	json_t *definitions; /* the Table's columnDefinitions: name, type, format, description, priority. Borrowed. */
	size_t n;            /* how many columns, and cells in a row */
};

/* Never NULL: kinds without columns of their own get Name and Created At. Valid for the life of the process. */
const struct table_columns *kind_table_columns(const struct kind *k);
/* The cells of one object (not a list): an array of kind_table_columns(k)->n values. now_ms is wall time, for ages.
 * Missing fields give the reference's placeholders (<none>, <unknown>, <pending>). Returns owned, never NULL. */
json_t *kind_table_cells(const struct kind *k, const json_t *object, int64_t now_ms);
/* Puts the objects of a list into the order in which their rows are shown, where that is not the order of names. */
void kind_table_sort(const struct kind *k, json_t **objects, size_t n);
#endif
