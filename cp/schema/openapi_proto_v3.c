/* The messages of gnostic's openapi.v3 (OpenAPIv3.proto): field numbers by the names in the JSON document. Only what
 * our documents hold is named; the rest of the messages is left out. Nothing fails. */
#include "cp/schema/openapi.h"
#include "cp/schema/openapi_proto.h"

#define FIELDS(name, ...)                                                                                              \
	static const struct proto_message name = {.fields = (const struct proto_field[]){__VA_ARGS__, {NULL}}}
#define CHOICE(name, ...)                                                                                              \
	static const struct proto_message name = {.choices = (const struct proto_choice[]){__VA_ARGS__, {NULL}}}
#define OR_REFERENCE(name, message)                                                                                    \
	CHOICE(name, {"$ref", NULL, -1, {NULL, 2, PROTO_MESSAGE, &reference}},                                         \
	       {NULL, NULL, -1, {NULL, 1, PROTO_MESSAGE, &message}})
#define EXTENSIONS(number)                                                                                             \
	{                                                                                                              \
		"x-*", number, PROTO_EACH, NULL                                                                        \
	}

static const struct proto_message schema;

FIELDS(reference, {"$ref", 1, PROTO_TEXT, NULL}, {"summary", 2, PROTO_TEXT, NULL},
       {"description", 3, PROTO_TEXT, NULL});
OR_REFERENCE(schema_or_reference, schema);
CHOICE(items_item, {NULL, NULL, -1, {NULL, 1, PROTO_MESSAGE, &schema_or_reference}});
CHOICE(additional_item, {NULL, NULL, JSON_TRUE, {NULL, 2, PROTO_BOOL, NULL}},
       {NULL, NULL, JSON_FALSE, {NULL, 2, PROTO_BOOL, NULL}},
       {NULL, NULL, -1, {NULL, 1, PROTO_MESSAGE, &schema_or_reference}});
FIELDS(properties, {"*", 1, PROTO_EACH, &schema_or_reference});
/* A default is a number, a boolean or a text: defaults that are objects cannot be said in this encoding. */
CHOICE(default_type, {NULL, NULL, JSON_INTEGER, {NULL, 1, PROTO_DOUBLE, NULL}},
       {NULL, NULL, JSON_REAL, {NULL, 1, PROTO_DOUBLE, NULL}}, {NULL, NULL, JSON_TRUE, {NULL, 2, PROTO_BOOL, NULL}},
       {NULL, NULL, JSON_STRING, {NULL, 3, PROTO_TEXT, NULL}});

static const struct proto_message schema = {.fields = (const struct proto_field[]){
						{"required", 23, PROTO_TEXT, NULL},
						{"enum", 24, PROTO_YAML, NULL},
						{"type", 25, PROTO_TEXT, NULL},
						{"allOf", 26, PROTO_MESSAGE, &schema_or_reference},
						{"oneOf", 27, PROTO_MESSAGE, &schema_or_reference},
						{"anyOf", 28, PROTO_MESSAGE, &schema_or_reference},
						{"items", 30, PROTO_MESSAGE, &items_item},
						{"properties", 31, PROTO_MESSAGE, &properties},
						{"additionalProperties", 32, PROTO_MESSAGE, &additional_item},
						{"default", 33, PROTO_MESSAGE, &default_type},
						{"description", 34, PROTO_TEXT, NULL},
						{"format", 35, PROTO_TEXT, NULL},
						{"uniqueItems", 20, PROTO_BOOL, NULL},
						EXTENSIONS(36),
						{NULL},
					    }};

FIELDS(info, {"title", 1, PROTO_TEXT, NULL}, {"version", 6, PROTO_TEXT, NULL});
FIELDS(media_type, {"schema", 1, PROTO_MESSAGE, &schema_or_reference});
FIELDS(media_types, {"*", 1, PROTO_EACH, &media_type});
FIELDS(parameter, {"name", 1, PROTO_TEXT, NULL}, {"in", 2, PROTO_TEXT, NULL}, {"description", 3, PROTO_TEXT, NULL},
       {"required", 4, PROTO_BOOL, NULL}, {"schema", 10, PROTO_MESSAGE, &schema_or_reference});
OR_REFERENCE(parameter_or_reference, parameter);
FIELDS(request_body, {"description", 1, PROTO_TEXT, NULL}, {"content", 2, PROTO_MESSAGE, &media_types},
       {"required", 3, PROTO_BOOL, NULL});
OR_REFERENCE(body_or_reference, request_body);
FIELDS(response, {"description", 1, PROTO_TEXT, NULL}, {"content", 3, PROTO_MESSAGE, &media_types});
OR_REFERENCE(response_or_reference, response);
FIELDS(responses, {"default", 1, PROTO_MESSAGE, &response_or_reference}, {"*", 2, PROTO_EACH, &response_or_reference});
FIELDS(operation, {"tags", 1, PROTO_TEXT, NULL}, {"description", 3, PROTO_TEXT, NULL},
       {"operationId", 5, PROTO_TEXT, NULL}, {"parameters", 6, PROTO_MESSAGE, &parameter_or_reference},
       {"requestBody", 7, PROTO_MESSAGE, &body_or_reference}, {"responses", 8, PROTO_MESSAGE, &responses},
       EXTENSIONS(13));
FIELDS(path_item, {"get", 4, PROTO_MESSAGE, &operation}, {"put", 5, PROTO_MESSAGE, &operation},
       {"post", 6, PROTO_MESSAGE, &operation}, {"delete", 7, PROTO_MESSAGE, &operation},
       {"options", 8, PROTO_MESSAGE, &operation}, {"head", 9, PROTO_MESSAGE, &operation},
       {"patch", 10, PROTO_MESSAGE, &operation}, {"parameters", 13, PROTO_MESSAGE, &parameter_or_reference});
FIELDS(paths, {"*", 1, PROTO_EACH, &path_item});

FIELDS(security_scheme, {"type", 1, PROTO_TEXT, NULL}, {"name", 3, PROTO_TEXT, NULL}, {"in", 4, PROTO_TEXT, NULL});
OR_REFERENCE(scheme_or_reference, security_scheme);
FIELDS(security_schemes, {"*", 1, PROTO_EACH, &scheme_or_reference});
FIELDS(components, {"schemas", 1, PROTO_MESSAGE, &properties},
       {"securitySchemes", 7, PROTO_MESSAGE, &security_schemes});
FIELDS(document, {"openapi", 1, PROTO_TEXT, NULL}, {"info", 2, PROTO_MESSAGE, &info},
       {"paths", 4, PROTO_MESSAGE, &paths}, {"components", 5, PROTO_MESSAGE, &components});

void openapi_v3_proto(const json_t *d, struct str *out)
{
	proto_encode(out, &document, d);
}
