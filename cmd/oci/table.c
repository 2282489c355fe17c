/* Tables. What always holds: no cell is cut. */
#include "cmd/oci/table.h"

#include <stdbool.h>
#include <string.h>

#define WIDTH_MIN 12
#define PADDING 3

void table_done(struct table *t)
{
	free_strv(&t->cells);
}

void table_add(struct table *t, const char *cell)
{
	strv_add(&t->cells, cell);
}

static size_t column_width(const struct table *t, size_t n, size_t column)
{
	size_t width = WIDTH_MIN;
	for (size_t i = column; i < n; i += t->columns)
		width = MAX(width, strlen(t->cells[i]) + PADDING);
	return width;
}

void table_print(const struct table *t, FILE *f)
{
	size_t n = strv_len(t->cells);
	AUTO_FREE size_t *width = xcalloc(t->columns, sizeof(*width));
	for (size_t k = 0; k < t->columns; k++)
		width[k] = column_width(t, n, k);
	for (size_t row = 0; row < n; row += t->columns)
		for (size_t k = 0; k < t->columns; k++) {
			bool last = k + 1 == t->columns;
			fprintf(f, "%-*s%s", last ? 0 : (int)width[k], t->cells[row + k], last ? "\n" : "");
		}
}
