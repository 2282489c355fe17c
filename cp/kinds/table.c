/* Server-side tables: finds the printer of a kind and makes columns and rows with it.
 *
 * Printers are data (columns) and a pure function (cells); kinds without one get their name and when they were created.
 * Column definitions are built once, on first use, and kept. Nothing can fail. What always holds: a row has at
 * least as many cells as there are columns. */
#include "cp/kinds/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/kinds/table_cells.h"
#include "cp/kinds/table_custom.h"

static void general_cells(const json_t *object, int64_t now_ms, json_t *row)
{
	(void)now_ms;
	row_add(row, json_str_at(object, "metadata.name"));
	row_add_or(row, json_str_at(object, "metadata.creationTimestamp"), "<unknown>");
}

static const struct table_column general_columns[] = {
    COLUMN_NAME,
    {"Created At", "date", "", 0, "When the object was created", NULL, NULL},
};

static const struct table_printer general = {
    .group = "", .plural = "", COLUMNS(general_columns), .cells = general_cells};

static const struct table_printer *const special[] = {
    &table_pods,       &table_pod_templates, &table_deployments,    &table_replicasets,
    &table_services,   &table_endpoints,     &table_endpointslices, &table_nodes,
    &table_namespaces, &table_configmaps,    &table_secrets,        &table_serviceaccounts,
    &table_leases,     &table_core_events,   &table_events,         &table_autoscalers,
    &table_components, &table_quotas,        &table_scales,         NULL,
};

static const struct table_printer *const *const lists[] = {special, table_plain, table_plain_policy};

static bool prints(const struct table_printer *p, const struct kind *k)
{
	return !strcmp(p->plural, k->plural) && !strcmp(p->group, k->group);
}

/* Rows of one kind come one after the other: the last printer is mostly the right one. */
static const struct table_printer *find_printer(const struct kind *k)
{
	static const struct table_printer *last = &general;

	if (prints(last, k))
		return last;
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		for (size_t i = 0; lists[l][i]; i++)
			if (prints(lists[l][i], k))
				return last = lists[l][i];
	return &general;
}

static json_t *make_definitions(const struct table_printer *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n_columns; i++) {
		const struct table_column *c = &p->columns[i];

		json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s,s:i}", "name", c->name, "type", c->type, "format",
						      c->format, "description", c->description, "priority", c->priority));
	}
	return list;
}

const struct table_columns *kind_table_columns(const struct kind *k)
{
	static struct {
		const struct table_printer *printer;
		struct table_columns columns;
	} made[128];
	if (k->custom)
		return custom_table_columns(k->custom->table);
	const struct table_printer *p = find_printer(k);
	size_t at = 0;

	while (at < ARRAY_LEN(made) - 1 && made[at].printer && made[at].printer != p)
		at++;
	if (made[at].printer != p) {
		made[at].printer = p;
		made[at].columns = (struct table_columns){make_definitions(p), p->n_columns};
	}
	return &made[at].columns;
}

json_t *kind_table_cells(const struct kind *k, const json_t *object, int64_t now_ms)
{
	if (k->custom)
		return custom_table_cells(k->custom->table, object, now_ms);
	const struct table_printer *p = find_printer(k);
	json_t *row = json_array();

	if (p->cells)
		p->cells(object, now_ms, row);
	for (size_t i = 0; !p->cells && i < p->n_columns; i++)
		p->columns[i].cell(row, object, p->columns[i].path, now_ms);
	return row;
}

static int by_precedence(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	int64_t p = json_int_at(x, "spec.matchingPrecedence", 0), r = json_int_at(y, "spec.matchingPrecedence", 0);

	if (p != r)
		return p < r ? -1 : 1;
	return strcmp(json_str_or(x, "metadata.name", ""), json_str_or(y, "metadata.name", ""));
}

/* Flow schemas are tried in the order of their precedence, and read in it. */
void kind_table_sort(const struct kind *k, json_t **objects, size_t n)
{
	if (n && !strcmp(k->plural, "flowschemas"))
		qsort(objects, n, sizeof(*objects), by_precedence);
}
