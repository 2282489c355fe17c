/* What a cluster shows to machines that join it: the signed ConfigMap cluster-info in kube-public, the settings in
 * kube-system/knarr-config, and the roles by which bootstrap tokens ask for nodes' certificates. */
#ifndef KNARR_CLI_JOIN_INFO_H
#define KNARR_CLI_JOIN_INFO_H

#include "cli/cli.h"
#include "cli/node_api.h"

#define JOIN_CONFIG_PATH "/api/v1/namespaces/kube-system/configmaps/knarr-config"
#define JOIN_INFO_PATH "/api/v1/namespaces/kube-public/configmaps/cluster-info"

/* Makes all of it where it is missing, and brings the two ConfigMaps up to date. */
int join_info_publish(struct node_api *a, const struct node_options *o, struct err *e);
/* Takes the cluster's settings over into options that were not given. */
void join_info_take_settings(struct node_options *o, const json_t *config_map);
/* A new token (text NULL: a random one) as a secret; description and groups may be NULL. ttl_s 0: for ever. ret has room
 * for BOOTSTRAP_TOKEN_LEN + 1. */
struct join_token {
	const char *text, *description;
	char *const *groups;
	int64_t ttl_s;
	bool signing, authentication;
};
int join_token_create(struct node_api *a, const struct join_token *t, char *ret, struct err *e);
/* "knarr join ADDRESS:PORT --token ... --ca-hash ..."; owned. */
int join_command(const struct node_options *o, const char *token, char **ret, struct err *e);

#endif
