/* Small YAML (or JSON) files of the node: manifests and the configuration file. */
#ifndef KNARR_AGENT_YAML_LOAD_H
#define KNARR_AGENT_YAML_LOAD_H

#include <jansson.h>

#include "base/err.h"

/* The first document of a file of at most 1 MiB. -EINVAL with the line, -E2BIG. Returns owned. */
int yaml_load_file(const char *path, json_t **ret, struct err *e);
int yaml_load_text(const char *text, size_t len, json_t **ret, struct err *e);

#endif
