/* The environment of a container's process. */
#ifndef KNARR_RUNTIME_PROCESS_ENV_H
#define KNARR_RUNTIME_PROCESS_ENV_H

#include <sys/types.h>

#include "base/err.h"

/* Drops all but the last setting of each variable, in place, and an empty HOME. -EINVAL for what is no NAME=VALUE. */
int process_env_clean(char **env, struct err *e);
/* The value of a variable, NULL without. Borrowed from env. */
const char *process_env_get(char *const *env, const char *name);
/* A copy with HOME added, where it has none, from the /etc/passwd that the caller sees; NULL stays NULL. Returns owned. */
char **process_env_complete(char *const *env, uid_t uid);
/* The sixth field of the line in the text of a passwd file whose third is uid, "/" where it has none. Returns owned. */
char *process_env_home(const char *passwd, uid_t uid);

#endif
