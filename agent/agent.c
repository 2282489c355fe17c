/* The node agent, wired.
 *
 * Happy path: stores and caches are opened, pods that run are found again, sources begin, the node is reported, the
 * servers listen. What can fail: the image store, the kubeconfig, a port that is taken. What always holds: pods are
 * restored before any source can ask for something. */
#include "agent/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/cpu_rate.h"
#include "agent/events.h"
#include "agent/fs_usage_cache.h"
#include "agent/network_policy.h"
#include "agent/node.h"
#include "agent/node_dns.h"
#include "agent/node_overlay.h"
#include "agent/objects.h"
#include "agent/pod.h"
#include "agent/pod_source.h"
#include "agent/rotate.h"
#include "agent/server.h"
#include "agent/sweep.h"
#include "agent/tokens.h"
#include "agent/volumes.h"
#include "api/feed.h"
#include "api/kubeconfig.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics_process.h"
#include "base/sd_notify.h"
#include "netfilter/proxy.h"
#include "netfilter/proxy_serve.h"

void agent_facts(const struct agent *a, const json_t *pod, char *const *ips, struct pod_facts *ret)
{
	*ret = (struct pod_facts){.pod = pod,
				  .node_name = a->config->node_name,
				  .host_ips = a->node_ips,
				  .ips = ips,
				  .node_cpu_milli = a->cpu_milli,
				  .node_memory_bytes = a->memory_bytes,
				  .node_storage_bytes = a->storage_bytes};
	if (!ips && json_is_true(json_object_get(json_object_get(pod, "spec"), "hostNetwork")))
		ret->ips = a->node_ips;
}

/* The supervisor's parent is this process: the lowest score it may give is its own where it lacks the right. */
static int find_oom_floor(void)
{
	AUTO_STR text = STR_INIT;
	(void)fs_read_file("/proc/self/oom_score_adj", 64, &text, NULL);
	int own = atoi(str_text(&text));
	if (fs_write_existing("/proc/self/oom_score_adj", "-1000", NULL) < 0)
		return own;
	AUTO_FREE char *back = xasprintf("%d", own);
	(void)fs_write_existing("/proc/self/oom_score_adj", back, NULL);
	return -1000;
}

/* The sandboxes' root: one file and the directory that /proc is mounted on. */
static int make_pause_root(const struct agent_config *c, struct err *e)
{
	AUTO_FREE char *root = xasprintf("%s/pause", c->run_dir), *target = xasprintf("%s/pause", root);
	static const char *const dirs[] = {"proc", "dev", "sys"};
	AUTO_STR program = STR_INIT;
	int r = fs_read_file(c->pause_path, 4 << 20, &program, e);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(dirs); i++) {
		AUTO_FREE char *dir = xasprintf("%s/%s", root, dirs[i]);
		r = fs_mkdir_p(dir, 0755, e);
	}
	return r < 0 ? r : fs_write_atomic(target, program.p, program.len, 0755, e);
}

/* What waited for an object need not wait for its next try. */
static void try_again_now(struct pod_state *s)
{
	if (s->sandbox == SANDBOX_NONE)
		s->sandbox_retry_mono = 0;
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(s->containers[i].wait_reason, "CreateContainerConfigError"))
			s->containers[i].retry_mono = 0;
}

static void on_input(struct agent *a, struct pod *p)
{
	const char *uid = p->state->uid;
	if (p->volumes_ready && p->state->sandbox == SANDBOX_READY && objects_ready(a->objects, uid) && tokens_ready(a->tokens, uid))
		volumes_refresh(p);
	try_again_now(p->state);
	pod_kick(p);
}

static void on_token(void *arg, const char *uid)
{
	struct agent *a = arg;
	struct pod *p = map_get(a->pods, uid);
	if (p)
		on_input(a, p);
}

static void on_object(void *arg, const char *ns)
{
	struct agent *a = arg;
	size_t at = 0;
	const char *uid;
	struct pod *p;
	while (map_next(a->pods, &at, &uid, &p)) {
		if (!strcmp(p->state->ns, ns))
			on_input(a, p);
	}
}

static void notify_ready(void *arg)
{
	(void)arg;
	int r = sd_notify_send("READY=1");
	if (r < 0)
		log_warn("cannot notify the supervisor, ignoring error=\"%s\"", strerror(-r));
}

static void pod_free_value(void *p)
{
	pod_free(p);
}

static void json_free_value(void *p)
{
	json_decref(p);
}

static int open_stores(struct agent *a, struct err *e)
{
	struct agent_config *c = a->config;
	struct http_client_config hc = {.loop = a->loop, .insecure = 1};
	AUTO_FREE char *pods = xasprintf("%s/pods", c->run_dir), *images = xasprintf("%s/images", c->data_dir);
	AUTO_FREE char *rootfs = xasprintf("%s/containers", c->data_dir);
	const char *const dirs[] = {pods, c->root_dir, c->data_dir, images, rootfs, c->log_dir};
	int r = 0;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(dirs); i++)
		r = fs_mkdir_p(dirs[i], 0755, e);
	if (r == 0)
		r = make_pause_root(c, e);
	if (r == 0)
		r = image_store_open(images, &a->images, e);
	if (r == 0)
		r = cgroup_host_open(&a->cgroups, e);
	return r < 0 ? r : http_client_new(&hc, &a->http, e);
}

static int connect_api(struct agent *a, struct err *e)
{
	if (str_empty(a->config->kubeconfig))
		return 0;
	/* The client reads its certificate again for each connection: the files live as long as it does. */
	int r = kubeconfig_load(a->config->kubeconfig, &a->kubeconfig, e);
	if (r == 0)
		r = api_client_new(a->loop, &a->kubeconfig, &a->api, e);
	if (r == 0)
		a->feed = feed_new(a->api);
	return r;
}

static void on_proxy(void *arg, const struct err *e, size_t changed)
{
	(void)arg;
	if (e)
		log_warn("service proxy not in step, tried again error=\"%s\"", err_text(e));
	else
		log_debug("service proxy synced changed=%zu", changed);
}

static bool has_ipv6(const char *networks)
{
	return networks && strchr(networks, ':');
}

static void tell_process(void *arg)
{
	metrics_tell_process(arg);
}

/* At the ports where load balancers and monitoring look for kube-proxy. */
static void serve_proxy(struct agent *a)
{
	struct err e = ERR_INIT;
	struct proxy_serve_config c = {.loop = a->loop,
				       .proxy = a->proxy,
				       .metrics = a->metrics,
				       .healthz = a->config->proxy_healthz,
				       .figures = a->config->proxy_metrics};
	if (proxy_serve_start(&c, &a->proxy_serve, &e) < 0)
		log_error("service proxy not asked for its health and figures error=\"%s\"", err_text(&e));
}

/* Without it pods still run; only services do not. */
static void start_proxy(struct agent *a)
{
	struct err e = ERR_INIT;
	const char *node_ips[] = {a->config->node_ip, NULL}, *clusters[] = {a->config->cluster_cidr, NULL}, *rival = NULL;
	const char *services[] = {a->config->service_cidr, NULL};
	static const char *const answered[] = {NODE_DNS_SERVICE, NULL};
	struct proxy_config pc = {.loop = a->loop,
				  .api = a->api,
				  .feed = a->feed,
				  .node_name = a->config->node_name,
				  .node_ips = node_ips,
				  .cluster_cidrs = clusters,
				  .service_cidrs = services,
				  .node_services = a->config->dns ? answered : NULL,
				  .ipv6 = has_ipv6(a->config->cluster_cidr) || has_ipv6(a->config->service_cidr),
				  .masquerade_pods = true,
				  .metrics = a->metrics,
				  .on_sync = on_proxy};
	if (!a->config->proxy || !a->api)
		return;
	if (netfilter_rival(&rival, NULL) > 0)
		log_warn("rules of another service proxy are here, remove them (kube-proxy --cleanup) found=\"%s\"", rival);
	int r = netfilter_sysctls(pc.ipv6, &e);
	if (r == 0)
		r = proxy_start(&pc, &a->proxy, &e);
	if (r < 0)
		log_error("service proxy not started error=\"%s\"", err_text(&e));
	else
		serve_proxy(a);
}

int agent_new(struct loop *l, struct agent_config *config, struct agent **ret, struct err *e)
{
	struct agent *a = xcalloc(1, sizeof(*a));
	a->loop = l;
	a->config = config;
	a->node_ips = str_split(config->node_ip, ',');
	a->boot_ip = a->node_ips[0];
	a->pods = map_new(pod_free_value);
	a->mirrors = map_new(json_free_value);
	a->cpu_rates = cpu_rates_new();
	a->fs_usages = fs_usage_cache_new();
	a->metrics = metrics_new();
	metrics_before_write(a->metrics, tell_process, a->metrics);
	a->oom_floor = find_oom_floor();
	int r = open_stores(a, e);
	if (r == 0)
		r = connect_api(a, e);
	if (r == 0) {
		a->events = events_new(a->api, config->node_name);
		a->objects = objects_new(a->api, on_object, a);
		a->tokens = tokens_new(a->api, on_token, a);
		r = server_start(a, &a->server, e);
	}
	if (r < 0) {
		agent_free(a);
		return r;
	}
	a->node = node_start(a, notify_ready, a);
	pods_restore(a);
	r = network_policy_start(a, e);
	if (r < 0) {
		agent_free(a);
		return r;
	}
	sweep_start(a);
	pod_source_start(a);
	a->static_pods = static_pods_start(a);
	/* Names and ways before the proxy, which wants less of the same resources and joins them (api/feed.h). */
	a->dns = node_dns_start(a);
	a->overlay = node_overlay_start(a);
	start_proxy(a);
	a->rotate = rotate_start(a);
	*ret = a;
	return 0;
}

void agent_free(struct agent *a)
{
	if (!a)
		return;
	rotate_stop(a->rotate);
	server_stop(a->server);
	static_pods_stop(a->static_pods);
	node_overlay_stop(a->overlay);
	node_dns_stop(a->dns);
	proxy_serve_stop(a->proxy_serve);
	proxy_stop(a->proxy, false);
	network_policy_stop(TAKE(a->network_policy));
	pod_source_stop(a);
	node_stop(a->node);
	sweep_stop(a);
	map_free(a->pods);
	map_free(a->mirrors);
	objects_free(a->objects);
	tokens_free(a->tokens);
	events_free(a->events);
	feed_free(a->feed);
	api_client_free(a->api);
	kubeconfig_done(&a->kubeconfig);
	metrics_free(a->metrics);
	cpu_rates_free(a->cpu_rates);
	fs_usage_cache_free(a->fs_usages);
	http_client_free(a->http);
	cgroup_host_free(a->cgroups);
	image_store_close(a->images);
	free_strv(&a->node_ips);
	free(a);
}
