/* Columns that a CustomResourceDefinition declares. Purpose: kubectl get prints custom resources as their author wants.
 * Happy path: paths are read once; each row finds its values and shows them by the column's type. Nothing fails: what
 * is not there, or of another type, is an empty cell. */
#include "cp/kinds/table_custom.h"

#include <stdlib.h>
#include <string.h>

#include "api/jsonpath.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/kinds/table_cells.h"
#include "cp/schema/go_format.h"

struct custom_column {
	struct jsonpath *path; /* NULL: cannot be read */
	char *type;
};

struct custom_table {
	struct table_columns columns;
	struct custom_column *v;
	size_t n;
};

static json_t *definition(const char *name, const char *type, const char *format, const char *description,
			  json_int_t priority)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:I}", "name", name, "type", type, "format", format, "description",
			 description, "priority", priority);
}

static void add_column(struct custom_table *t, const json_t *column)
{
	const char *path = json_member(column, "jsonPath"), *type = json_member(column, "type");
	struct custom_column *c = &t->v[t->n++];

	c->type = xstrdup(type ? type : "string");
	if (path && jsonpath_new(path, &c->path, NULL) < 0)
		c->path = NULL;
	json_array_append_new(t->columns.definitions,
			      definition(json_str_or(column, "name", ""), c->type, json_str_or(column, "format", ""),
					 json_str_or(column, "description", ""), json_int_at(column, "priority", 0)));
}

struct custom_table *custom_table_new(const json_t *columns)
{
	struct custom_table *t = xcalloc(1, sizeof(*t));
	AUTO_JSON *age = json_pack("{s:s,s:s,s:s}", "name", "Age", "type", "date", "jsonPath", ".metadata.creationTimestamp");
	size_t i;
	json_t *column;

	t->v = xcalloc(json_array_size(columns) + 1, sizeof(*t->v));
	t->columns.definitions = json_array();
	json_array_append_new(t->columns.definitions, definition("Name", "string", "name", "Name of the object", 0));
	json_array_foreach(columns, i, column) add_column(t, column);
	if (!t->n)
		add_column(t, age);
	t->columns.n = t->n + 1;
	return t;
}

void custom_table_free(struct custom_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++) {
		jsonpath_free(t->v[i].path);
		free(t->v[i].type);
	}
	json_decref(t->columns.definitions);
	free(t->v);
	free(t);
}

const struct table_columns *custom_table_columns(const struct custom_table *t)
{
	return &t->columns;
}

static json_t *text_cell(json_t *value)
{
	if (json_is_string(value))
		return json_incref(value);
	bool whole = json_is_object(value) || json_is_array(value);
	AUTO_FREE char *text = json_is_null(value) ? xstrdup("<nil>") : whole ? json_format(value, JSON_COMPACT) : go_format(value);
	return json_string(text);
}

static json_t *date_cell(const json_t *value, int64_t now_ms)
{
	if (!json_is_string(value))
		return json_null();
	AUTO_FREE char *age = age_text(json_string_value(value), now_ms);
	return json_string(strcmp(age, "<unknown>") == 0 && json_string_length(value) ? "<invalid>" : age);
}

static json_t *cell(const struct custom_column *c, json_t *value, int64_t now_ms)
{
	if (!value)
		return json_null();
	if (strcmp(c->type, "string") == 0)
		return text_cell(value);
	if (strcmp(c->type, "date") == 0)
		return date_cell(value, now_ms);
	if (strcmp(c->type, "integer") == 0 && json_is_number(value))
		return json_integer((json_int_t)json_number_value(value));
	if ((strcmp(c->type, "number") == 0 && json_is_number(value)) ||
	    (strcmp(c->type, "boolean") == 0 && json_is_boolean(value)))
		return json_incref(value);
	return json_null();
}

json_t *custom_table_cells(const struct custom_table *t, const json_t *object, int64_t now_ms)
{
	json_t *row = json_array();

	row_add(row, json_str_at(object, "metadata.name"));
	for (size_t i = 0; i < t->n; i++) {
		AUTO_JSON *values = t->v[i].path ? jsonpath_find(t->v[i].path, object) : NULL;
		json_array_append_new(row, cell(&t->v[i], json_array_get(values, 0), now_ms));
	}
	return row;
}
