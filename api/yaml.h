/* YAML texts to JSON values, with YAML 1.1's plain scalars as Kubernetes reads them, and back. */
#ifndef KNARR_API_YAML_H
#define KNARR_API_YAML_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* The first document. -EINVAL with the position, -E2BIG when aliases expand beyond 1,000,000 nodes or it nests deeper
 * than 200 levels. Returns owned; an empty document gives null. */
int yaml_parse(const char *text, size_t len, json_t **ret, struct err *e);
/* As yaml_parse(); repeats gets a line for each member that stands a second time in its mapping: line 3: key "a" already
 * set in map. */
int yaml_parse_noting(const char *text, size_t len, json_t **ret, char ***repeats, struct err *e);
/* As yaml_parse(), with every scalar left as the text it is written with ("token: 0123" is text, null is ""). */
int yaml_parse_texts(const char *text, size_t len, json_t **ret, struct err *e);
/* yaml_parse() of a file of at most max bytes; also what fs_read_file() fails with. */
int yaml_read_file(const char *path, size_t max, json_t **ret, struct err *e);
/* Block style, keys sorted, as the original writes application/yaml. */
void yaml_write(struct str *out, const json_t *v);

#endif
