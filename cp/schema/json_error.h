/* Why a text is not JSON, in the words of the original's decoder. */
#ifndef KNARR_CP_SCHEMA_JSON_ERROR_H
#define KNARR_CP_SCHEMA_JSON_ERROR_H

#include <jansson.h>
#include <stddef.h>

/* "invalid character 'n' looking for beginning of object key string"; NULL when the text is well formed. Returns owned.
 */
char *json_error_text(const char *text, size_t len);
/* "json: cannot unmarshal array into Go value of type X". Returns owned. */
char *json_misfit(const json_t *value, const char *type);
/* The class of a value in the original's words: "object", "array", "string", "number", "bool". */
const char *json_class(const json_t *value);

#endif
