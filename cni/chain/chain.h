/* The caller of CNI plugins: loads a network configuration and runs its chain of plugins on the event loop.
 * CNI specification 1.1.0, sections 1, 3 and 4. */
#ifndef KNARR_CNI_CHAIN_CHAIN_H
#define KNARR_CNI_CHAIN_CHAIN_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
#include "io/loop.h"

struct chain;     /* one loaded network configuration */
struct chain_run; /* one ADD, DEL, CHECK, STATUS or GC on its way */

struct chain_config {
	struct loop *loop;
	const char *conf_dir;    /* "/etc/cni/net.d": the first *.conflist, *.conf or *.json by name is used, with the
				  * plugins of its directory NAME */
	const char *plugin_path; /* colon-separated plugin directories, "/opt/cni/bin" */
	const char *cache_dir;   /* NULL: "/var/lib/cni"; results lie in its results/ directory */
	int timeout_ms;          /* per plugin call; 0: 60 s */
};

/* Reads the configuration anew. Errors: -ENOENT (no configuration in the directory),
 * -EINVAL (malformed: the text names file and member). */
int chain_load(const struct chain_config *c, struct chain **ret, struct err *e);
/* Running operations go on with what they copied. NULL is fine. */
void chain_free(struct chain *c);

/* What one attachment is about. All strings borrowed for the call. */
struct chain_attachment {
	const char *container_id; /* the sandbox's */
	const char *netns;        /* path; NULL or "" for a DEL whose namespace is gone */
	const char *ifname;       /* NULL: "eth0" */
	/* CNI_ARGS as Kubernetes' runtimes pass them; NULL where the caller is not about pods. */
	const char *pod_namespace, *pod_name, *pod_uid;
	/* {"portMappings": [{"hostPort", "containerPort", "protocol", "hostIP"}], "bandwidth": {...}, "mac": ...}: each
	 * plugin gets as runtimeConfig the members whose capability it announces. NULL: none. */
	const json_t *capability_args;
};

/* Called once, from the loop. On success e is NULL; result (borrowed) is the chain's result for ADD, else NULL.
 * On failure e's text is the failing plugin's msg (and details) behind its type: `plugin "bridge": ...`. */
typedef void (*chain_done)(void *arg, const json_t *result, const struct err *e);

/* ADD in order; the result is cached before done. Where a plugin fails, DEL of all plugins is run before done tells
 * the failure. Errors through done: -EIO (plugin failed), -EAGAIN (it failed with code 11: try again later), -ETIMEDOUT, -ENOENT (program), -EPROTO (no JSON). Each
 * returns an owned handle that frees itself after done. */
struct chain_run *chain_add(struct chain *c, const struct chain_attachment *a, chain_done done, void *arg);
/* DEL in reverse order with the configuration, result and arguments cached at ADD where there are any; the cache entry is removed
 * after success. Every plugin is called even after one failed; the first failure is told. Idempotent. */
struct chain_run *chain_del(struct chain *c, const struct chain_attachment *a, chain_done done, void *arg);
/* CHECK in order against the cached result: -ENOENT without one. Skipped where the version or disableCheck says so. */
struct chain_run *chain_check(struct chain *c, const struct chain_attachment *a, chain_done done, void *arg);
/* STATUS of each plugin (network ready?); nothing is called below version 1.1.0. */
struct chain_run *chain_status(struct chain *c, chain_done done, void *arg);
/* Frees what belongs to no valid attachment: DEL for every cached attachment of this network that is not among the
 * given ones (container_id and ifname count), then GC of each plugin where the version has it, also after one failed. */
struct chain_run *chain_gc(struct chain *c, const struct chain_attachment *valid, size_t n, chain_done done, void *arg);
/* Kills the running plugin; done is not called. */
void chain_cancel(struct chain_run *r);

/* The addresses of an ADD's result without prefix length ("10.244.0.5"), in order: owned vector, empty when none. */
char **chain_result_ips(const json_t *result);
/* The attachment's cached result, or NULL. Returns owned. */
json_t *chain_cached_result(const struct chain *c, const char *container_id, const char *ifname);

#endif
