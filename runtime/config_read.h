/* Reading config.json. */
#ifndef KNARR_RUNTIME_CONFIG_READ_H
#define KNARR_RUNTIME_CONFIG_READ_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* <bundle>/config.json, at most 8 MiB; owned. Numbers beyond 2^63-1 become 2^63-1. ret_text (NULL:
 * not wanted) gets the text that was parsed, owned. */
int config_read(const char *bundle, json_t **ret, struct str *ret_text, struct err *e);
/* Parses text with the same treatment of large numbers (changes text in place). */
int config_read_text(char *text, size_t len, json_t **ret, struct err *e);

#endif
