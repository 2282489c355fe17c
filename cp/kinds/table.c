/* Server-side tables: finds the printer of a kind and makes columns and rows with it.
 *
 * Printers are data (columns) and a pure function (cells); kinds without one get their name and when they were created.
 * Column definitions are built once, on first use, and kept. Nothing can fail. What always holds: a row has as many
 * cells as there are columns. */
#include "cp/kinds/table.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/kinds/table_cells.h"

static void general_cells(const json_t *object, int64_t now_ms, json_t *row)
{
	(void)now_ms;
	row_add(row, json_str_at(object, "metadata.name"));
	row_add_or(row, json_str_at(object, "metadata.creationTimestamp"), "<unknown>");
}

static const struct table_column general_columns[] = {
    COLUMN_NAME,
    {"Created At", "date", "", 0, "When the object was created"},
};

static const struct table_printer general = {
    .group = "", .plural = "", COLUMNS(general_columns), .cells = general_cells};

static const struct table_printer *const printers[] = {
    &table_pods,       &table_pod_templates, &table_deployments,    &table_replicasets,
    &table_services,   &table_endpoints,     &table_endpointslices, &table_nodes,
    &table_namespaces, &table_configmaps,    &table_secrets,        &table_serviceaccounts,
    &table_leases,     &table_core_events,   &table_events,         &general,
};

static size_t find_printer(const struct kind *k)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(printers) - 1; i++)
		if (!strcmp(printers[i]->plural, k->plural) && !strcmp(printers[i]->group, k->group))
			break;
	return i;
}

const struct table_columns *kind_table_columns(const struct kind *k)
{
	static struct table_columns made[ARRAY_LEN(printers)];
	size_t at = find_printer(k);
	struct table_columns *c = &made[at];

	if (c->definitions)
		return c;
	c->definitions = json_array();
	c->n = printers[at]->n_columns;
	for (size_t i = 0; i < c->n; i++) {
		const struct table_column *column = &printers[at]->columns[i];

		json_array_append_new(c->definitions, json_pack("{s:s,s:s,s:s,s:s,s:i}", "name", column->name, "type",
								column->type, "format", column->format, "description",
								column->description, "priority", column->priority));
	}
	return c;
}

json_t *kind_table_cells(const struct kind *k, const json_t *object, int64_t now_ms)
{
	json_t *row = json_array();

	printers[find_printer(k)]->cells(object, now_ms, row);
	return row;
}
