/* A container's environment: env, envFrom, service links and $(VAR) expansion. Pure. */
#ifndef KNARR_AGENT_ENV_H
#define KNARR_AGENT_ENV_H

#include "agent/fieldref.h"
#include "base/map.h"

struct env_in {
	struct pod_facts facts;
	const json_t *container;
	/* ConfigMap ("configmaps") or Secret ("secrets") of the pod's namespace; NULL when there is none. Borrowed. */
	const json_t *(*object)(void *arg, const char *resource, const char *name);
	const json_t *services; /* an array, of any namespaces; NULL: none */
	void *arg;
};

/* name -> owned text, in order. -ENOENT or -EINVAL with the text of CreateContainerConfigError. Returns owned. */
int env_build(const struct env_in *in, struct map **ret, struct err *e);
/* Replaces $(NAME) by its value in env, $$ by $; unknown names stay as they are. Returns owned. */
char *env_expand(const struct map *env, const char *text);

#endif
