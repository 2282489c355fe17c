/* Lifecycle hooks (OCI runtime-spec config.md, POSIX-platform Hooks). */
#ifndef KNARR_RUNTIME_HOOKS_H
#define KNARR_RUNTIME_HOOKS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

/* How hooks of one kind are run. All zero: where and as the caller is, an empty environment unless they name one. */
struct hooks_opts {
	const char *dir;   /* their working directory, where it can be entered */
	char *const *envp; /* of those that have no "env" at all */
	bool go_on;	   /* a failure is a warning, and the next one is run */
};

/* Runs hooks[kind] in order, each with state on its standard input, until one fails. hooks may be NULL. The error
 * carries what the hook wrote. -ETIMEDOUT: killed after its timeout. */
int hooks_run(const json_t *hooks, const char *kind, const char *state, const struct hooks_opts *o, struct err *e);

#endif
