/* The configuration of knarr-proxy: flags, and a kube-proxy configuration file below them. */
#ifndef KNARR_CMD_PROXY_CONFIG_H
#define KNARR_CMD_PROXY_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "api/kubeconfig.h"
#include "base/err.h"
#include "base/str.h"

/* Lists are vectors of texts. */
struct proxy_options {
	const char *config, *kubeconfig, *master, *node_name, *healthz, *figures;
	char **cluster_cidrs, **nodeport_nets;
	int64_t verbosity;
	bool masquerade_all, cleanup, beside_others, version;
	void *file; /* what the texts of a file point into */
	char *own_name;
};

enum { PROXY_OPTIONS_HELP = 1 };

/* Parses flags and the file that they name. PROXY_OPTIONS_HELP when help was asked for. -EINVAL ... */
int proxy_options_parse(int argc, char **argv, struct proxy_options *ret, struct err *e);
void proxy_options_done(struct proxy_options *o);
void proxy_options_help(struct str *out);
/* How to reach the API server: the kubeconfig, --master, or what a pod is given. */
int proxy_options_connect(const struct proxy_options *o, struct kubeconfig *ret, struct err *e);

#endif
