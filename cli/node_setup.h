/* The steps that make a node of this machine, which `up`, `init` and `join` are made of. Each may be done twice. */
#ifndef KNARR_CLI_NODE_SETUP_H
#define KNARR_CLI_NODE_SETUP_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/cli.h"

/* Whether this machine has joined a cluster whose server is elsewhere: it has a node's kubeconfig and no authority. */
bool node_is_joined(const struct node_options *o);
/* The directories, and the address where none was given. */
int node_make_dirs(struct node_options *o, struct err *e);
/* For a machine that runs the server: certificates, kubeconfigs, what the other commands have to remember. */
int node_prepare(struct node_options *o, struct err *e);
/* Starts what this machine runs: the server unless it has joined another's cluster, the agent unless --no-node. */
int node_start(struct node_options *o, struct err *e);
/* Waits for the API and, where an agent runs, for the node to be Ready. */
int node_wait(struct node_options *o, struct err *e);

struct node_step {
	const char *what;
	int (*run)(struct node_options *o, struct err *e);
};
/* Runs the steps in order up to the first that fails, with their progress shown. */
int node_run_steps(struct node_options *o, const struct node_step *steps, size_t n, struct err *e);

#endif
