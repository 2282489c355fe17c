/* Reading config.json. */
#ifndef KNARR_RUNTIME_CONFIG_READ_H
#define KNARR_RUNTIME_CONFIG_READ_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

/* <bundle>/config.json, at most 8 MiB; owned. Numbers beyond 2^63-1 become 2^63-1. */
int config_read(const char *bundle, json_t **ret, struct err *e);
/* Parses text with the same treatment of large numbers (changes text in place). */
int config_read_text(char *text, size_t len, json_t **ret, struct err *e);

#endif
