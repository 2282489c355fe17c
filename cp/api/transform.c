/* Tables and metadata-only answers. Purpose: what kubectl get prints comes from the server. Happy path: cells by the
 * kind's columns, each row with metadata, the object or nothing as includeObject says. Nothing fails. */
#include "cp/api/transform.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "cp/kinds/table.h"

static json_t *typed(const char *kind, const char *version)
{
	json_t *o = json_object();
	AUTO_FREE char *api = xasprintf("meta.k8s.io/%s", version);
	json_object_set_new(o, "kind", json_string(kind));
	json_object_set_new(o, "apiVersion", json_string(api));
	return o;
}

json_t *transform_partial(const json_t *object, const char *version)
{
	json_t *o = typed("PartialObjectMetadata", version);
	json_object_set(o, "metadata", json_object_get(object, "metadata"));
	return o;
}

/* Finished pods carry a condition that lets printers leave them out. */
static void add_conditions(json_t *row, const struct kind *k, const json_t *object)
{
	static const struct {
		const char *phase, *message;
	} phases[] = {
	    {"Succeeded", "The pod has completed successfully."},
	    {"Failed", "The pod failed."},
	};
	if (strcmp(k->kind, "Pod") != 0 || *k->group)
		return;
	for (size_t i = 0; i < ARRAY_LEN(phases); i++)
		if (str_eq(json_str_at(object, "status.phase"), phases[i].phase))
			json_object_set_new(row, "conditions",
					    json_pack("[{s:s,s:s,s:s,s:s}]", "type", "Completed", "status", "True",
						      "reason", phases[i].phase, "message", phases[i].message));
}

json_t *transform_table(const struct req *q, json_t *const *objects, size_t n, const json_t *list_meta, bool columns)
{
	const struct kind *k = q->res->kind;
	const char *include = req_param(q, "includeObject");
	int64_t now_ms = clock_wall_ms();
	json_t *table = typed("Table", q->answer.version), *rows = json_array();
	json_t *meta = list_meta ? json_copy((json_t *)list_meta) : json_object();
	if (!list_meta && n)
		json_object_set(meta, "resourceVersion", json_at(objects[0], "metadata.resourceVersion"));
	json_object_set_new(table, "metadata", meta);
	json_object_set(table, "columnDefinitions", columns ? kind_table_columns(k)->definitions : json_null());
	for (size_t i = 0; i < n; i++) {
		json_t *row = json_object();
		json_object_set_new(row, "cells", kind_table_cells(k, objects[i], now_ms));
		add_conditions(row, k, objects[i]);
		if (str_eq(include, "None"))
			json_object_set_new(row, "object", json_null());
		else if (str_eq(include, "Object"))
			json_object_set(row, "object", objects[i]);
		else
			json_object_set_new(row, "object", transform_partial(objects[i], q->answer.version));
		json_array_append_new(rows, row);
	}
	json_object_set_new(table, "rows", rows);
	return table;
}
