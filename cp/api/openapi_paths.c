/* Paths as OpenAPI operations. Purpose: clients look up whether an operation takes dryRun or fieldValidation, and of
 * which kind a path is. Happy path: a table of methods for collections and objects. Nothing fails. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/catalog.h"
#include "cp/api/openapi.h"

static json_t *parameter(const char *name, const char *where, const char *type, enum openapi_version v)
{
	json_t *p = json_pack("{s:s,s:s}", "name", name, "in", where);
	if (v == OPENAPI_V2)
		json_object_set_new(p, "type", json_string(type));
	else
		json_object_set_new(p, "schema", json_pack("{s:s}", "type", type));
	if (strcmp(where, "path") == 0)
		json_object_set_new(p, "required", json_true());
	return p;
}

static json_t *content(const struct kind *k, enum openapi_version v)
{
	AUTO_FREE char *name = openapi_name(k->type && k->type->name ? k->type->name : "core.v1.Status");
	AUTO_FREE char *ref = xasprintf("#/%s/%s", v == OPENAPI_V2 ? "definitions" : "components/schemas", name);
	json_t *schema = k->type && k->type->name ? json_pack("{s:s}", "$ref", ref) : json_pack("{s:s}", "type", "object");
	return v == OPENAPI_V2 ? schema : json_pack("{s:{s:o}}", "application/json", "schema", schema);
}

static const struct operation {
	const char *verb, *method, *action;
	bool named, body, writes;
} operations[] = {
	{ "list", "get", "list", false, false, false },
	{ "create", "post", "post", false, true, true },
	{ "deletecollection", "delete", "deletecollection", false, false, false },
	{ "get", "get", "get", true, false, false },
	{ "update", "put", "put", true, true, true },
	{ "patch", "patch", "patch", true, true, true },
	{ "delete", "delete", "delete", true, false, false },
};

static json_t *operation_value(const struct kind *k, const struct operation *op, enum openapi_version v)
{
	static const char *const write_parameters[] = { "dryRun", "fieldManager", "fieldValidation" };
	static const char *const list_parameters[] = { "labelSelector", "fieldSelector", "continue", "resourceVersion" };
	json_t *parameters = json_array(), *o = json_object(), *ok = json_pack("{s:s}", "description", "OK");
	AUTO_FREE char *group = *k->group ? xstrndup(k->group, strcspn(k->group, ".")) : xstrdup("core");
	AUTO_FREE char *id = xasprintf("%s_%s_%s_%s%s", op->action, group, k->version, k->kind, op->named ? "" : "_collection");
	json_object_set_new(o, "operationId", json_string(id));
	for (size_t i = 0; op->writes && i < ARRAY_LEN(write_parameters); i++)
		json_array_append_new(parameters, parameter(write_parameters[i], "query", "string", v));
	for (size_t i = 0; strcmp(op->verb, "list") == 0 && i < ARRAY_LEN(list_parameters); i++)
		json_array_append_new(parameters, parameter(list_parameters[i], "query", "string", v));
	if (strcmp(op->verb, "patch") == 0)
		json_array_append_new(parameters, parameter("force", "query", "boolean", v));
	if (strcmp(op->verb, "delete") == 0)
		json_array_append_new(parameters, parameter("dryRun", "query", "string", v));
	if (op->body && v == OPENAPI_V3)
		json_object_set_new(o, "requestBody", json_pack("{s:o,s:b}", "content", content(k, v), "required", 1));
	else if (op->body)
		json_array_append_new(parameters, json_pack("{s:s,s:s,s:b,s:o}", "name", "body", "in", "body", "required", 1, "schema",
							    content(k, v)));
	if (op->named || op->body)
		json_object_set_new(ok, v == OPENAPI_V2 ? "schema" : "content", content(k, v));
	json_object_set_new(o, "parameters", parameters);
	json_object_set_new(o, "responses", json_pack("{s:o}", "200", ok));
	json_object_set_new(o, "x-kubernetes-action", json_string(op->action));
	json_object_set_new(o, "x-kubernetes-group-version-kind",
			    json_pack("{s:s,s:s,s:s}", "group", k->group, "version", k->version, "kind", k->kind));
	return o;
}

static bool has_verb(const struct kind *k, const char *verb)
{
	for (size_t i = 0; k->verbs && k->verbs[i]; i++)
		if (strcmp(k->verbs[i], verb) == 0)
			return true;
	return false;
}

static void add_path(json_t *paths, const char *path, const struct kind *k, bool named, enum openapi_version v)
{
	json_t *item = json_object(), *parameters = json_array();
	for (size_t i = 0; i < ARRAY_LEN(operations); i++)
		if (operations[i].named == named && has_verb(k, operations[i].verb))
			json_object_set_new(item, operations[i].method, operation_value(k, &operations[i], v));
	if (named)
		json_array_append_new(parameters, parameter("name", "path", "string", v));
	if (k->namespaced)
		json_array_append_new(parameters, parameter("namespace", "path", "string", v));
	json_object_set_new(item, "parameters", parameters);
	json_object_set_new(paths, path, item);
}

void openapi_add_paths(json_t *paths, const struct kind *k, enum openapi_version v)
{
	AUTO_FREE char *root = *k->group ? xasprintf("/apis/%s/%s", k->group, k->version) : xasprintf("/api/%s", k->version);
	AUTO_FREE char *collection = xasprintf("%s%s/%s", root, k->namespaced ? "/namespaces/{namespace}" : "", k->plural);
	AUTO_FREE char *one = xasprintf("%s/{name}", collection);
	add_path(paths, collection, k, false, v);
	if (has_verb(k, "get"))
		add_path(paths, one, k, true, v);
	for (size_t i = 0; k->subresources && k->subresources[i]; i++) {
		if (strcmp(k->subresources[i], "status") != 0)
			continue;
		AUTO_FREE char *status = xasprintf("%s/status", one);
		add_path(paths, status, k, true, v);
		json_object_del(json_object_get(paths, status), "delete");
	}
}
