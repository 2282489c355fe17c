/* The node agent: what its parts share. */
#ifndef KNARR_AGENT_AGENT_H
#define KNARR_AGENT_AGENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/fieldref.h"
#include "api/client.h"
#include "api/informer.h"
#include "base/err.h"
#include "base/map.h"
#include "cgroups/cgroup.h"
#include "io/http_client.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "rootfs/image_store.h"

/* Everything that flags and the configuration file say. Texts owned; defaults by agent_config_init(). */
struct agent_config {
	char *kubeconfig, *node_name, *node_ip, *pod_manifest_path, *pod_cidr, *cluster_cidr, *service_cidr;
	char **cluster_dns;
	char *cluster_domain, *root_dir, *data_dir, *run_dir, *cni_conf_dir, *cni_bin_dir, *cgroup_root, *log_dir;
	char *resolv_conf, *overlay;
	char *proxy_healthz, *proxy_metrics; /* "address:port"; "": none */
	char *address, *tls_cert_file, *tls_key_file, *client_ca_file, *shim_path, *pause_path;
	uint16_t port, healthz_port;
	int max_pods, verbosity;
	bool proxy, network_policy, dns, register_node, rotate_certificates, rotate_server_certificates;
	char **node_labels; /* key=value */
};

struct node;
struct events;
struct objects;
struct tokens;
struct static_pods;
struct server;
struct rotate;
struct proxy;
struct proxy_serve;
struct metrics;
struct cpu_rates;
struct fs_usage_cache;
struct node_dns;
struct node_overlay;
struct network_policy;
struct service_links;
struct feed;
struct chain_run;

struct agent {
	struct loop *loop;
	struct agent_config *config;
	struct kubeconfig kubeconfig;
	struct api_client *api;   /* NULL without kubeconfig: static pods only */
	struct http_client *http; /* of probes and hooks */
	struct image_store *images;
	struct cgroup_host *cgroups;
	struct events *events;
	struct objects *objects;
	struct tokens *tokens;
	struct node *node;
	struct server *server;
	struct rotate *rotate;
	struct static_pods *static_pods;
	struct proxy *proxy;
	struct metrics *metrics; /* of the proxy and the process */
	struct proxy_serve *proxy_serve;
	struct cpu_rates *cpu_rates;
	struct fs_usage_cache *fs_usages;
	struct node_dns *dns;
	struct node_overlay *overlay;
	struct network_policy *network_policy; /* NULL: not enforced */
	struct feed *feed; /* what the parts want of the whole cluster; NULL with api */
	struct informer *pod_informer; /* of this node's pods, objects and all */
	struct service_links *service_links;
	struct chain_run *sweep; /* NULL: none on its way */
	struct map *pods;    /* uid -> struct pod, owned */
	struct map *mirrors; /* "namespace/name" -> json_t, the API's mirror of a static pod, owned */
	char **node_ips;     /* the node's own addresses, at most one a family */
	char *boot_ip;       /* the first of them, borrowed */
	int64_t cpu_milli, memory_bytes, storage_bytes;
	int oom_floor;
};

int agent_new(struct loop *l, struct agent_config *config, struct agent **ret, struct err *e);
/* Leaves pods running. */
void agent_free(struct agent *a);
void agent_facts(const struct agent *a, const json_t *pod, char *const *ips, struct pod_facts *ret);

#endif
