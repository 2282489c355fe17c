/* Tables and metadata-only answers. Purpose: what kubectl get prints comes from the server. Happy path: cells by the
 * kind's columns, each row with metadata, the object or nothing as includeObject says. Nothing fails. */
#include "cp/api/transform.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/api/traits.h"
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

/* The structure in which the reference has an object, or a list of some: "*core.PodList". Returns owned. */
static char *go_type(const struct kind *k, bool list)
{
	AUTO_FREE char *package = traits_package(k);
	if (k->custom)
		return xasprintf("*unstructured.Unstructured%s", list ? "List" : "");
	return xasprintf("*%s.%s", package, list ? k->list_kind : k->kind);
}

json_t *transform_no_object(const struct kind *k)
{
	AUTO_FREE char *type = go_type(k, true);
	return status_new(406, "NotAcceptable", "you requested PartialObjectMetadata, but the requested object is a list (%s)", type);
}

json_t *transform_no_list(const struct kind *k)
{
	AUTO_FREE char *type = go_type(k, false);
	return status_new(406, "NotAcceptable", "you requested PartialObjectMetadataList, but the requested object is not a list (%s)",
			  type);
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

json_t *transform_table(const struct req *q, const struct kind *k, json_t *const *objects, size_t n, const json_t *list_meta,
			bool columns)
{
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

void transform_reply(struct req *q, const struct kind *k, int code, json_t *object)
{
	AUTO_JSON *owned = object;
	if (q->answer.form == FORM_PARTIAL_LIST && !q->done)
		reply_status(q, transform_no_list(k));
	else if (q->answer.form == FORM_PARTIAL && !q->done)
		reply_json(q, code, transform_partial(object, q->answer.version));
	else if (q->answer.form == FORM_TABLE && !q->done)
		reply_json(q, code, transform_table(q, k, &object, 1, NULL, true));
	else
		reply_json(q, code, json_incref(owned));
}
