/* Lifecycle hooks (OCI runtime-spec config.md, POSIX-platform Hooks). */
#ifndef KNARR_RUNTIME_HOOKS_H
#define KNARR_RUNTIME_HOOKS_H

#include <jansson.h>

#include "base/err.h"

/* Runs hooks[kind] in order, each with state on its standard input, until one fails. hooks may be NULL. The error
 * carries what the hook wrote to standard error. -ETIMEDOUT: killed after its timeout. */
int hooks_run(const json_t *hooks, const char *kind, const char *state, struct err *e);

#endif
