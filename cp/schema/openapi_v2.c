/* Swagger 2.0: one document of everything that is served.
 *
 * Happy path: definitions and paths of all kinds in this dialect: references may have members beside them, a body is a
 * parameter, media types belong to operations. Nothing fails. */
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/openapi_internal.h"

static json_t *reference(json_t *ref, json_t *beside)
{
	json_object_update(ref, beside);
	json_decref(beside);
	return ref;
}

/* There is no way to say "or": text stands for both. */
static json_t *text_or(const char *other, const char *format)
{
	(void)other;
	return format ? json_pack("{s:s,s:s}", "type", "string", "format", format)
		      : json_pack("{s:s}", "type", "string");
}

static json_t *parameter(const struct openapi_parameter *p)
{
	json_t *o = json_pack("{s:s,s:s,s:s,s:b}", "name", p->name, "in", p->in, "type", p->type, "uniqueItems", 1);

	if (strcmp(p->in, "path") == 0)
		json_object_set_new(o, "required", json_true());
	return o;
}

static json_t *words(const char *text)
{
	AUTO_STRV char **v = str_split(text, ' ');

	return json_texts(v);
}

static void add_body(json_t *operation, json_t *schema, bool required, const char *media_types)
{
	json_t *body = json_pack("{s:s,s:s,s:o}", "name", "body", "in", "body", "schema", schema);

	(void)media_types;
	if (required)
		json_object_set_new(body, "required", json_true());
	json_array_insert_new(json_array_at(operation, "parameters"), 0, body);
}

static void add_response(json_t *operation, const char *code, const char *description, const json_t *schema,
			 const char *media_types)
{
	json_t *response = json_pack("{s:s}", "description", description);

	(void)media_types;
	if (schema)
		json_object_set(response, "schema", (json_t *)schema);
	json_object_set_new(json_object_at(operation, "responses"), code, response);
}

static void add_media_types(json_t *operation, const char *consumes, const char *produces)
{
	json_object_set_new(operation, "consumes", words(consumes));
	json_object_set_new(operation, "produces", words(produces));
	json_object_set_new(operation, "schemes", words("https"));
}

static const struct openapi_dialect dialect = {
    .only_closed = true,
    .definitions = "#/definitions/",
    .reference = reference,
    .text_or = text_or,
    .parameter = parameter,
    .add_body = add_body,
    .add_response = add_response,
    .add_media_types = add_media_types,
};

/* --- parameters that many operations share ------------------------------------------------------------------------ */

/* Some clients look for these two in the operations themselves, and a name is of its kind. */
static bool is_shared(const json_t *p)
{
	static const char *const own[] = {"dryRun", "fieldValidation", "name"};
	static const char *const bodies[] = {"#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.Patch",
					     "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"};
	const char *name = json_str_or(p, "name", ""), *body = json_member(json_object_get(p, "schema"), "$ref");

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (strcmp(own[i], name) == 0)
			return false;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
		if (str_eq(bodies[i], body))
			return true;
	return strcmp(name, "body") != 0;
}

/* "limit-1NfNmdNH": the name, and a hash of what it says (FNV-1a, its upper 48 bits). Owned. */
static char *shared_name(const json_t *p)
{
	AUTO_FREE char *text = json_text(p);
	AUTO_STR out = STR_INIT;
	uint64_t h = 0xcbf29ce484222325;
	unsigned char bytes[6];

	for (const char *c = text; *c; c++)
		h = (h ^ (unsigned char)*c) * 0x100000001b3;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(h >> (56 - 8 * i));
	str_addf(&out, "%s-", json_str_or(p, "name", ""));
	base64url_encode(&out, bytes, sizeof(bytes));
	return str_take(&out);
}

/* Moves what is shared out of a list; references stay. */
static void share_list(json_t *list, json_t *shared)
{
	json_t *p;
	size_t i;

	json_array_foreach(list, i, p)
	{
		if (!is_shared(p))
			continue;
		AUTO_FREE char *name = shared_name(p), *path = xasprintf("#/parameters/%s", name);
		json_object_set(shared, name, p);
		json_array_set_new(list, i, json_pack("{s:s}", "$ref", path));
	}
}

static json_t *share_parameters(json_t *paths)
{
	json_t *shared = json_object(), *item, *operation;
	const char *path, *method;

	json_object_foreach(paths, path, item)
	{
		json_object_foreach(item, method, operation)
		{
			bool own = strcmp(method, "parameters") == 0;
			share_list(own ? operation : json_object_get(operation, "parameters"), shared);
		}
	}
	return shared;
}

json_t *openapi_v2(const struct schema *s)
{
	struct openapi_document d;
	const struct kind *k;
	json_t *document;

	openapi_document_init(&d, s, &dialect);
	for (size_t i = 0; (k = schema_kind_nth(s, i)); i++)
		openapi_add_paths(&d, k);
	openapi_add_pages(&d);
	document = json_pack("{s:s,s:{s:s,s:s},s:O,s:O,s:o,s:{s:{s:s,s:s,s:s}},s:[{s:[]}]}", "swagger", "2.0", "info",
			     "title", "Kubernetes", "version", "v1.36.0", "paths", d.paths, "definitions",
			     d.definitions, "parameters", share_parameters(d.paths), "securityDefinitions", "BearerToken", "type", "apiKey", "name",
			     "authorization", "in", "header", "security", "BearerToken");
	openapi_document_done(&d);
	return document;
}
