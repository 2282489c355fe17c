/* OpenAPI 3.0: a document of each group and version, and the index of them.
 *
 * Happy path: definitions and paths of the group's kinds in this dialect: a reference with something beside it stands
 * in allOf, bodies and answers have a schema for each media type, fields have defaults. Nothing fails. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/openapi_internal.h"

static json_t *reference(json_t *ref, json_t *beside)
{
	if (json_object_size(beside))
		json_object_set_new(beside, "allOf", json_pack("[O]", ref));
	else
		json_object_update(beside, ref);
	json_decref(ref);
	return beside;
}

static json_t *text_or(const char *other, const char *format)
{
	json_t *o = json_pack("{s:[{s:s},{s:s}]}", "oneOf", "type", "string", "type", other);

	if (format)
		json_object_set_new(o, "format", json_string(format));
	return o;
}

static json_t *parameter(const struct openapi_parameter *p)
{
	json_t *o = json_pack("{s:s,s:s,s:{s:s,s:b}}", "name", p->name, "in", p->in, "schema", "type", p->type,
			      "uniqueItems", 1);

	if (strcmp(p->in, "path") == 0)
		json_object_set_new(o, "required", json_true());
	return o;
}

/* {"application/json":{"schema":...}, ...}; the schema is borrowed. */
static json_t *content(const json_t *schema, const char *media_types)
{
	AUTO_STRV char **v = str_split(media_types, ' ');
	json_t *o = json_object();

	for (size_t i = 0; v && v[i]; i++)
		json_object_set_new(o, v[i], json_pack("{s:O}", "schema", schema));
	return o;
}

static void add_body(json_t *operation, json_t *schema, bool required, const char *media_types)
{
	json_t *body = json_pack("{s:o}", "content", content(schema, media_types));

	if (required)
		json_object_set_new(body, "required", json_true());
	json_object_set_new(operation, "requestBody", body);
	json_decref(schema);
}

static void add_response(json_t *operation, const char *code, const char *description, const json_t *schema,
			 const char *media_types)
{
	json_t *response = json_pack("{s:s}", "description", description);

	if (schema)
		json_object_set_new(response, "content", content(schema, media_types));
	json_object_set_new(json_object_at(operation, "responses"), code, response);
}

static void add_media_types(json_t *operation, const char *consumes, const char *produces)
{
	(void)operation, (void)consumes, (void)produces;
}

static const struct openapi_dialect dialect = {
    .definitions = "#/components/schemas/",
    .with_defaults = true,
    .reference = reference,
    .text_or = text_or,
    .parameter = parameter,
    .add_body = add_body,
    .add_response = add_response,
    .add_media_types = add_media_types,
};

static json_t *document_of(const struct openapi_document *d)
{
	return json_pack("{s:s,s:{s:s,s:s},s:O,s:{s:O,s:{s:{s:s,s:s,s:s}}}}", "openapi", "3.0.0", "info", "title", "Kubernetes",
			 "version", "v1.36.0", "paths", d->paths, "components", "schemas", d->definitions, "securitySchemes",
			 "BearerToken", "type", "apiKey", "name", "authorization", "in", "header");
}

json_t *openapi_v3(const struct schema *s, const char *group, const char *version)
{
	struct openapi_document d;
	const struct kind *k;
	json_t *document = NULL;

	openapi_document_init(&d, s, &dialect);
	for (size_t i = 0; (k = schema_kind_nth(s, i)); i++)
		if (strcmp(k->group, group) == 0 && strcmp(k->version, version) == 0)
			openapi_add_paths(&d, k);
	openapi_add_resources_page(&d, group, version);
	if (json_object_size(d.paths))
		document = document_of(&d);
	openapi_document_done(&d);
	return document;
}

json_t *openapi_v3_page(const struct schema *s, const char *path)
{
	struct openapi_document d;
	json_t *document = NULL;

	openapi_document_init(&d, s, &dialect);
	if (openapi_add_page(&d, path))
		document = document_of(&d);
	openapi_document_done(&d);
	return document;
}

void openapi_v3_index_add(json_t *index, const char *path, const char *hash)
{
	AUTO_FREE char *url = xasprintf("/openapi/v3/%s?hash=%s", path, hash);

	json_object_set_new(json_object_at(index, "paths"), path, json_pack("{s:s}", "serverRelativeURL", url));
}
