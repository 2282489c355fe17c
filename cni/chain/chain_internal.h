/* What the chain_*.c files share. */
#ifndef KNARR_CNI_CHAIN_INTERNAL_H
#define KNARR_CNI_CHAIN_INTERNAL_H

#include <stdbool.h>

#include "cni/chain/chain.h"

struct chain {
	struct loop *loop;
	char *plugin_path, *cache_dir, *name;
	json_t *list; /* {"cniVersion", "name", "plugins": [...]}; one plugin's .conf is wrapped into one */
	bool no_check, no_gc;
	int timeout_ms;
};

/* Checks a parsed configuration and makes a list of it, whatever its form; it may still be without plugins. Returns
 * owned. -EINVAL. */
int chain_conf_list(const json_t *conf, json_t **ret, struct err *e);
/* Appends the plugins that lie as *.conf in the directory NAME beside the list's file, unless loadOnlyInlinedPlugins
 * says no. -EINVAL, also where there is no plugin then. */
int chain_conf_add_dir(json_t *list, const char *file, struct err *e);
/* A boolean or its word, false where absent. -EINVAL. */
int chain_conf_bool(const json_t *conf, const char *key, bool *ret, struct err *e);
/* The first configuration file's name in a directory: owned. -ENOENT. */
int chain_conf_find(const char *dir, char **ret, struct err *e);
/* The program of a plugin type in a colon-separated path: owned. -ENOENT, -EINVAL. */
int chain_conf_program(const char *plugin_path, const char *type, char **ret, struct err *e);

/* One plugin's configuration as it is sent: name, version, prevResult, runtimeConfig, valid attachments added.
 * NULL members are left out. Returns owned. Pure. */
json_t *chain_conf_for(const json_t *list, size_t plugin, const json_t *prev_result, const json_t *capability_args,
		       const json_t *valid_attachments);
/* CNI_ARGS of an attachment, owned; NULL where it is not about a pod. Pure. */
char *chain_conf_args(const struct chain_attachment *a);

/* The cache, one file an attachment: results/NETWORK-CONTAINER-IFNAME, in libcni's format (kind "cniCacheV1"). */
char *chain_cache_path(const struct chain *c, const char *container_id, const char *ifname);
int chain_cache_write(const char *path, const struct chain *c, const struct chain_attachment *a, const json_t *result,
		      struct err *e);
/* What ADD was called with and what it gave; owned, NULL where the entry has none. */
struct chain_cached {
	json_t *list, *result, *capability_args;
	char *args; /* CNI_ARGS */
};
/* -ENOENT, -EINVAL. */
int chain_cache_read(const char *path, struct chain_cached *ret, struct err *e);
void chain_cached_done(struct chain_cached *c);
/* Every entry of the network as an array of {"containerID", "ifname", "netns"}: owned, empty when none. */
json_t *chain_cache_attachments(const struct chain *c);

#endif
