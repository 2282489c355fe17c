/* The Node object and its Lease: registered, kept true, renewed. */
#ifndef KNARR_AGENT_NODE_H
#define KNARR_AGENT_NODE_H

#include "agent/agent.h"

/* Begins at once; on_ready is called when the node has been reported Ready for the first time. */
struct node *node_start(struct agent *a, void (*on_ready)(void *arg), void *arg);
void node_stop(struct node *n);
/* The uid of the Node object, "" until it has been registered or found. */
const char *node_uid(const struct node *n);
/* node_status.c: the status to report (pure but for the facts of the machine). previous: for transition times. */
struct node_status_in {
	const struct agent *agent;
	const json_t *capacity, *info, *previous;
	const char *network_error; /* NULL: ready */
	int64_t now_ms;
};
json_t *node_status(const struct node_status_in *in);
/* Whether two statuses differ in more than heartbeat times. */
bool node_status_differs(const json_t *a, const json_t *b);
/* cni_config.c: writes 10-knarr.conflist for the pods' network unless the directory has a configuration. */
/* Whether a configuration is there that comes before ours, or ours itself. */
bool cni_config_is_given(const char *conf_dir);
int cni_config_write(const char *conf_dir, const char *pod_cidr, struct err *e);

#endif
