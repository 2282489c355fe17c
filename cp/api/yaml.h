/* YAML bodies to JSON values, with YAML 1.1's plain scalars as Kubernetes reads them, and back. */
#ifndef KNARR_CP_API_YAML_H
#define KNARR_CP_API_YAML_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* The first document. -EINVAL with the position, -E2BIG when aliases expand beyond 1,000,000 nodes or it nests deeper
 * than 200 levels. Returns owned; an empty document gives null. */
int yaml_parse(const char *text, size_t len, json_t **ret, struct err *e);
/* Block style, keys sorted, as the original writes application/yaml. */
void yaml_write(struct str *out, const json_t *v);

#endif
