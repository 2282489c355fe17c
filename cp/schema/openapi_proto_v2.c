/* The messages of gnostic's openapi.v2 (OpenAPIv2.proto): field numbers by the names in the JSON document. Only what
 * our documents hold is named; the rest of the messages is left out. Nothing fails. */
#include "cp/schema/openapi.h"
#include "cp/schema/openapi_proto.h"

#define FIELDS(name, ...)                                                                                              \
	static const struct proto_message name = {.fields = (const struct proto_field[]){__VA_ARGS__, {NULL}}}
#define CHOICE(name, ...)                                                                                              \
	static const struct proto_message name = {.choices = (const struct proto_choice[]){__VA_ARGS__, {NULL}}}

static const struct proto_message schema;

#define EXTENSIONS(number)                                                                                             \
	{                                                                                                              \
		"x-*", number, PROTO_EACH, NULL                                                                        \
	}

FIELDS(reference, {"$ref", 1, PROTO_TEXT, NULL}, {"description", 2, PROTO_TEXT, NULL});
CHOICE(type_item, {NULL, NULL, -1, {NULL, 1, PROTO_TEXT, NULL}});
CHOICE(items_item, {NULL, NULL, -1, {NULL, 1, PROTO_MESSAGE, &schema}});
CHOICE(additional_item, {NULL, NULL, JSON_TRUE, {NULL, 2, PROTO_BOOL, NULL}},
       {NULL, NULL, JSON_FALSE, {NULL, 2, PROTO_BOOL, NULL}}, {NULL, NULL, -1, {NULL, 1, PROTO_MESSAGE, &schema}});
FIELDS(properties, {"*", 1, PROTO_EACH, &schema});

static const struct proto_message schema = {.fields = (const struct proto_field[]){
						{"$ref", 1, PROTO_TEXT, NULL},
						{"format", 2, PROTO_TEXT, NULL},
						{"title", 3, PROTO_TEXT, NULL},
						{"description", 4, PROTO_TEXT, NULL},
						{"default", 5, PROTO_YAML, NULL},
						{"required", 19, PROTO_TEXT, NULL},
						{"enum", 20, PROTO_YAML, NULL},
						{"additionalProperties", 21, PROTO_MESSAGE, &additional_item},
						{"type", 22, PROTO_MESSAGE, &type_item},
						{"items", 23, PROTO_MESSAGE, &items_item},
						{"allOf", 24, PROTO_MESSAGE, &schema},
						{"properties", 25, PROTO_MESSAGE, &properties},
						EXTENSIONS(31),
						{NULL},
					    }};

FIELDS(info, {"title", 1, PROTO_TEXT, NULL}, {"version", 2, PROTO_TEXT, NULL});
FIELDS(body_parameter, {"description", 1, PROTO_TEXT, NULL}, {"name", 2, PROTO_TEXT, NULL}, {"in", 3, PROTO_TEXT, NULL},
       {"required", 4, PROTO_BOOL, NULL}, {"schema", 5, PROTO_MESSAGE, &schema});
FIELDS(query_parameter, {"required", 1, PROTO_BOOL, NULL}, {"in", 2, PROTO_TEXT, NULL},
       {"description", 3, PROTO_TEXT, NULL}, {"name", 4, PROTO_TEXT, NULL}, {"type", 6, PROTO_TEXT, NULL},
       {"format", 7, PROTO_TEXT, NULL}, {"uniqueItems", 20, PROTO_BOOL, NULL});
FIELDS(path_parameter, {"required", 1, PROTO_BOOL, NULL}, {"in", 2, PROTO_TEXT, NULL},
       {"description", 3, PROTO_TEXT, NULL}, {"name", 4, PROTO_TEXT, NULL}, {"type", 5, PROTO_TEXT, NULL},
       {"format", 6, PROTO_TEXT, NULL}, {"uniqueItems", 19, PROTO_BOOL, NULL});
CHOICE(other_parameter, {"in", "path", -1, {NULL, 4, PROTO_MESSAGE, &path_parameter}},
       {"in", "query", -1, {NULL, 3, PROTO_MESSAGE, &query_parameter}});
CHOICE(parameter, {"in", "body", -1, {NULL, 1, PROTO_MESSAGE, &body_parameter}},
       {NULL, NULL, -1, {NULL, 2, PROTO_MESSAGE, &other_parameter}});
CHOICE(parameters_item, {"$ref", NULL, -1, {NULL, 2, PROTO_MESSAGE, &reference}},
       {NULL, NULL, -1, {NULL, 1, PROTO_MESSAGE, &parameter}});

CHOICE(schema_item, {NULL, NULL, -1, {NULL, 1, PROTO_MESSAGE, &schema}});
FIELDS(response, {"description", 1, PROTO_TEXT, NULL}, {"schema", 2, PROTO_MESSAGE, &schema_item});
CHOICE(response_value, {"$ref", NULL, -1, {NULL, 2, PROTO_MESSAGE, &reference}},
       {NULL, NULL, -1, {NULL, 1, PROTO_MESSAGE, &response}});
FIELDS(responses, {"*", 1, PROTO_EACH, &response_value});
FIELDS(operation, {"tags", 1, PROTO_TEXT, NULL}, {"description", 3, PROTO_TEXT, NULL},
       {"operationId", 5, PROTO_TEXT, NULL}, {"produces", 6, PROTO_TEXT, NULL}, {"consumes", 7, PROTO_TEXT, NULL},
       {"parameters", 8, PROTO_MESSAGE, &parameters_item}, {"responses", 9, PROTO_MESSAGE, &responses},
       {"schemes", 10, PROTO_TEXT, NULL}, EXTENSIONS(13));
FIELDS(path_item, {"get", 2, PROTO_MESSAGE, &operation}, {"put", 3, PROTO_MESSAGE, &operation},
       {"post", 4, PROTO_MESSAGE, &operation}, {"delete", 5, PROTO_MESSAGE, &operation},
       {"options", 6, PROTO_MESSAGE, &operation}, {"head", 7, PROTO_MESSAGE, &operation},
       {"patch", 8, PROTO_MESSAGE, &operation}, {"parameters", 9, PROTO_MESSAGE, &parameters_item});
FIELDS(shared_parameters, {"*", 1, PROTO_EACH, &parameter});
FIELDS(paths, {"*", 2, PROTO_EACH, &path_item});

FIELDS(api_key, {"type", 1, PROTO_TEXT, NULL}, {"name", 2, PROTO_TEXT, NULL}, {"in", 3, PROTO_TEXT, NULL});
CHOICE(security_item, {"type", "apiKey", -1, {NULL, 2, PROTO_MESSAGE, &api_key}});
FIELDS(security_definitions, {"*", 1, PROTO_EACH, &security_item});
CHOICE(text_array, {NULL, NULL, -1, {NULL, 1, PROTO_TEXT, NULL}});
FIELDS(security_requirement, {"*", 1, PROTO_EACH, &text_array});
FIELDS(document, {"swagger", 1, PROTO_TEXT, NULL}, {"info", 2, PROTO_MESSAGE, &info},
       {"paths", 8, PROTO_MESSAGE, &paths}, {"definitions", 9, PROTO_MESSAGE, &properties},
       {"parameters", 10, PROTO_MESSAGE, &shared_parameters},
       {"security", 12, PROTO_MESSAGE, &security_requirement},
       {"securityDefinitions", 13, PROTO_MESSAGE, &security_definitions});

void openapi_v2_proto(const json_t *d, struct str *out)
{
	proto_encode(out, &document, d);
}
