/* Why a text is not JSON, in the words of the original's decoder. */
#ifndef KNARR_CP_SCHEMA_JSON_ERROR_H
#define KNARR_CP_SCHEMA_JSON_ERROR_H

#include <stddef.h>

/* "invalid character 'n' looking for beginning of object key string"; NULL when the text is well formed. Returns owned.
 */
char *json_error_text(const char *text, size_t len);

#endif
