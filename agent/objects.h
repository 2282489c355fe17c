/* The ConfigMaps and Secrets that pods of this node use: one watch an object, for as long as a pod names it. */
#ifndef KNARR_AGENT_OBJECTS_H
#define KNARR_AGENT_OBJECTS_H

#include "agent/agent.h"

/* on_change: an object of the namespace arrived, changed or went. */
struct objects *objects_new(struct api_client *api, void (*on_change)(void *arg, const char *ns), void *arg);
void objects_free(struct objects *o);
/* Starts watching all that the pod names (env, envFrom, volumes, imagePullSecrets not); again is fine. */
void objects_want(struct objects *o, const json_t *pod);
/* Ends the watches that only this pod (uid) held. */
void objects_drop(struct objects *o, const char *uid);
/* Whether all that the pod names has been looked up at least once. Without an API server: always. */
bool objects_ready(const struct objects *o, const char *uid);
/* resource: "configmaps" or "secrets". Borrowed; NULL when there is none. */
const json_t *objects_get(const struct objects *o, const char *resource, const char *ns, const char *name);

#endif
