/* A fast reader of JSON (RFC 8259) into jansson's values. */
#ifndef KNARR_BASE_JSON_READ_H
#define KNARR_BASE_JSON_READ_H

#include "base/json.h"

/* Any value. Returns owned; NULL for what is malformed, and for the little that it leaves to jansson ("\u" escapes, numbers
 * of 60 digits): json_parse() is for callers. */
json_t *json_read(const char *text, size_t len);
/* Also tells whether some object has a member twice (of which the last one holds). */
json_t *json_read_noting(const char *text, size_t len, bool *ret_repeats);

#endif
