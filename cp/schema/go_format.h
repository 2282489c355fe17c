/* JSON values in the notations of Go's %v, map[a:1 b:[x y]], and %#v, map[string]interface {}{"a":1}. */
#ifndef KNARR_CP_SCHEMA_GO_FORMAT_H
#define KNARR_CP_SCHEMA_GO_FORMAT_H

#include <jansson.h>

char *go_format(const json_t *v);  /* returns owned */
char *go_literal(const json_t *v); /* returns owned */

#endif
