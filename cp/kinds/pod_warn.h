/* Parts of the warnings for pods. */
#ifndef KNARR_CP_KINDS_POD_WARN_H
#define KNARR_CP_KINDS_POD_WARN_H

#include <jansson.h>

/* Adds a text (taken), unless it is there. */
void pod_warn_take(char ***warnings, char *take_text);
/* Files of one volume that would be written over each other. */
void pod_paths_warn(const json_t *spec, char ***warnings);

#endif
