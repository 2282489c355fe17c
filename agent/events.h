/* Events to the API server, those that repeat are counted. Kubernetes API, Event v1. */
#ifndef KNARR_AGENT_EVENTS_H
#define KNARR_AGENT_EVENTS_H

#include "agent/agent.h"

struct pod_state;

struct events *events_new(struct api_client *api, const char *node_name); /* api NULL: they go nowhere */
void events_free(struct events *ev);
/* About a pod; container NULL or the name of one (fieldPath). warning: type. */
void events_pod(struct events *ev, const struct pod_state *s, const char *container, bool warning, const char *reason,
		const char *fmt, ...) __attribute__((format(printf, 6, 7)));
void events_node(struct events *ev, bool warning, const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
