/* JSONPath as Kubernetes' printers and selectors use it (kubectl: JSONPath support): fields, elements, slices,
 * wildcards, descent, filters. */
#ifndef KNARR_API_JSONPATH_H
#define KNARR_API_JSONPATH_H

#include <jansson.h>

#include "base/err.h"

struct jsonpath;

/* ".spec.x", ".status.conditions[?(@.type==\"Ready\")].status", ".list[0]", ".a['b.c']", "[*]", "..name", "[1:3]", "[0,2]";
 * a "$" in front means nothing. -EINVAL with why. Returns owned. */
int jsonpath_new(const char *text, struct jsonpath **ret, struct err *e);
void jsonpath_free(struct jsonpath *p); /* NULL is fine */
/* All values at the path, in order. An array, owned. */
json_t *jsonpath_find(const struct jsonpath *p, const json_t *value);
/* Whether the path is nothing but names. */
int jsonpath_is_simple(const struct jsonpath *p);

#endif
