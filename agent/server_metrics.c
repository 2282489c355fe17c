/* /metrics and what lies below it, and /configz: what monitoring asks a node, with the names that its dashboards use.
 * Happy path: every number is read when it is asked for. A cgroup that is gone is left out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/node_dns.h"
#include "agent/server.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/metrics.h"

/* A series of one line a container or pod. NULL name: the end. */
struct series {
	const char *name, *type, *help;
	size_t offset; /* of an uint64_t in struct cgroup_stats */
	double scale;
};

#define SERIES(name, type, help, member, scale) {name, type, help, offsetof(struct cgroup_stats, member), scale}

static const struct series of_container[] = {
    SERIES("container_cpu_usage_seconds_total", "counter", "CPU time of the container", cpu_usage_ns, 1e-9),
    SERIES("container_memory_working_set_bytes", "gauge", "Working set of the container", memory_working_set_bytes, 1),
    SERIES("container_swap_usage_bytes", "gauge", "Swap of the container", memory_swap_bytes, 1),
    {NULL},
};
static const struct series of_pod[] = {
    SERIES("pod_cpu_usage_seconds_total", "counter", "CPU time of the pod", cpu_usage_ns, 1e-9),
    SERIES("pod_memory_working_set_bytes", "gauge", "Working set of the pod", memory_working_set_bytes, 1),
    SERIES("pod_swap_usage_bytes", "gauge", "Swap of the pod", memory_swap_bytes, 1),
    {NULL},
};
static const struct series of_cadvisor[] = {
    SERIES("container_cpu_usage_seconds_total", "counter", "CPU time", cpu_usage_ns, 1e-9),
    SERIES("container_cpu_user_seconds_total", "counter", "CPU time in programs", cpu_user_ns, 1e-9),
    SERIES("container_cpu_system_seconds_total", "counter", "CPU time in the kernel", cpu_system_ns, 1e-9),
    SERIES("container_cpu_cfs_periods_total", "counter", "Periods of the quota", cpu_periods, 1),
    SERIES("container_cpu_cfs_throttled_periods_total", "counter", "Periods in which the quota was used up", cpu_throttled_periods, 1),
    SERIES("container_cpu_cfs_throttled_seconds_total", "counter", "Time for which the quota held up", cpu_throttled_ns, 1e-9),
    SERIES("container_memory_usage_bytes", "gauge", "Memory in use", memory_usage_bytes, 1),
    SERIES("container_memory_max_usage_bytes", "gauge", "Most memory ever in use", memory_max_usage_bytes, 1),
    SERIES("container_memory_working_set_bytes", "gauge", "Memory in use without inactive file pages", memory_working_set_bytes, 1),
    SERIES("container_memory_rss", "gauge", "Anonymous memory", memory_rss_bytes, 1),
    SERIES("container_memory_cache", "gauge", "Page cache", memory_cache_bytes, 1),
    SERIES("container_memory_swap", "gauge", "Swap", memory_swap_bytes, 1),
    SERIES("container_memory_failcnt", "counter", "How often the limit was reached", memory_failcnt, 1),
    SERIES("container_oom_events_total", "counter", "Processes killed for want of memory", memory_oom_kills, 1),
    SERIES("container_processes", "gauge", "Processes", pids_current, 1),
    {NULL},
};

/* What one line is about; container NULL: the pod as a whole. */
struct sample {
	const struct pod *pod;
	const struct container_state *container;
	struct cgroup_stats stats;
};

struct samples {
	struct sample *v;
	size_t n;
};

static void take_sample(struct samples *all, const struct pod *p, const struct container_state *c, const char *path)
{
	struct sample s = {.pod = p, .container = c};
	AUTO_CGROUP *cg = NULL;
	if (cgroup_open(p->agent->cgroups, path, &cg, NULL) < 0 || cgroup_stats(cg, &s.stats, NULL) < 0)
		return;
	all->v = xreallocarray(all->v, all->n + 1, sizeof(s));
	all->v[all->n++] = s;
}

static void take_samples(const struct agent *a, struct samples *ret)
{
	size_t at = 0;
	const char *uid;
	struct pod *p;
	while (map_next(a->pods, &at, &uid, &p)) {
		if (p->state->sandbox == SANDBOX_READY)
			take_sample(ret, p, NULL, p->cgroup);
		for (size_t i = 0; i < p->state->n; i++) {
			const struct container_state *c = &p->state->containers[i];
			AUTO_FREE char *path = xasprintf("%s/%s", p->cgroup, c->name);
			if (c->phase == PHASE_RUNNING)
				take_sample(ret, p, c, path);
		}
	}
}

static void head(struct str *out, const char *name, const char *type, const char *help)
{
	str_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void gauge(struct str *out, const char *name, const char *type, const char *help, double value)
{
	head(out, name, type, help);
	str_addf(out, "%s %.15g\n", name, value);
}

enum who { CONTAINERS, PODS, BOTH };

static void add_labels(struct str *out, const struct sample *s, enum who who)
{
	const struct pod_state *p = s->pod->state;
	if (who == PODS)
		str_addf(out, "{namespace=\"%s\",pod=\"%s\"} ", p->ns, p->name);
	else if (who == CONTAINERS)
		str_addf(out, "{container=\"%s\",namespace=\"%s\",pod=\"%s\"} ", s->container->name, p->ns, p->name);
	else
		str_addf(out, "{container=\"%s\",id=\"/%s%s%s\",image=\"%s\",name=\"%s\",namespace=\"%s\",pod=\"%s\"} ",
			 s->container ? s->container->name : "", s->pod->cgroup + (*s->pod->cgroup == '/'), s->container ? "/" : "",
			 s->container ? s->container->name : "", s->container ? json_str_or(s->container->spec, "image", "") : "",
			 s->container ? s->container->id : "", p->ns, p->name);
}

static void write_series(struct str *out, const struct series *s, const struct samples *all, enum who who)
{
	for (; s->name; s++) {
		head(out, s->name, s->type, s->help);
		for (size_t i = 0; i < all->n; i++) {
			const struct sample *one = &all->v[i];
			if (who != BOTH && (who == CONTAINERS) != (one->container != NULL))
				continue;
			uint64_t value;
			memcpy(&value, (const char *)&one->stats + s->offset, sizeof(value));
			str_add(out, s->name);
			add_labels(out, one, who);
			str_addf(out, "%.15g\n", (double)value * s->scale);
		}
	}
}

static void write_resource(const struct agent *a, const struct samples *all, struct str *out)
{
	(void)a;
	write_series(out, of_container, all, CONTAINERS);
	head(out, "container_start_time_seconds", "gauge", "When the container started, since the epoch");
	for (size_t i = 0; i < all->n; i++) {
		if (!all->v[i].container)
			continue;
		str_add(out, "container_start_time_seconds");
		add_labels(out, &all->v[i], CONTAINERS);
		str_addf(out, "%.15g\n", (double)all->v[i].container->started_ms / 1000);
	}
	gauge(out, "node_cpu_usage_seconds_total", "counter", "CPU time of the node", (double)server_node_cpu_ns() * 1e-9);
	gauge(out, "node_memory_working_set_bytes", "gauge", "Working set of the node", (double)server_node_working_set_bytes());
	write_series(out, of_pod, all, PODS);
	gauge(out, "resource_scrape_error", "gauge", "1 where some could not be read", 0);
	gauge(out, "scrape_error", "gauge", "1 where some could not be read", 0);
}

static void write_started(struct str *out, const struct samples *all)
{
	double now = (double)clock_wall_ms() / 1000;
	head(out, "container_start_time_seconds", "gauge", "When it started, since the epoch");
	for (size_t i = 0; i < all->n; i++) {
		const struct sample *s = &all->v[i];
		str_add(out, "container_start_time_seconds");
		add_labels(out, s, BOTH);
		str_addf(out, "%.15g\n", (double)(s->container ? s->container->started_ms : s->pod->state->start_ms) / 1000);
	}
	head(out, "container_last_seen", "gauge", "When it was looked at, since the epoch");
	for (size_t i = 0; i < all->n; i++) {
		str_add(out, "container_last_seen");
		add_labels(out, &all->v[i], BOTH);
		str_addf(out, "%.15g\n", now);
	}
}

/* 0: without a limit. */
static void write_limits(struct str *out, const struct samples *all)
{
	static const uint64_t none = 1ull << 62; /* what v1 tells, and v2's "max" */
	head(out, "container_spec_memory_limit_bytes", "gauge", "Limit of memory, 0: none");
	for (size_t i = 0; i < all->n; i++) {
		uint64_t limit = all->v[i].stats.memory_limit_bytes;
		str_add(out, "container_spec_memory_limit_bytes");
		add_labels(out, &all->v[i], BOTH);
		str_addf(out, "%.15g\n", (double)(limit < none ? limit : 0));
	}
}

/* Of a pod with a network of its own, by its links. */
static void write_network(struct str *out, const struct samples *all)
{
	static const struct {
		const char *name, *member, *help;
	} rows[] = {{"container_network_receive_bytes_total", "rxBytes", "Bytes received"},
		    {"container_network_receive_errors_total", "rxErrors", "Errors of receiving"},
		    {"container_network_transmit_bytes_total", "txBytes", "Bytes sent"},
		    {"container_network_transmit_errors_total", "txErrors", "Errors of sending"}};
	AUTO_JSON *networks = json_object();
	for (size_t i = 0; i < all->n; i++)
		if (!all->v[i].container && !pod_host_network(all->v[i].pod->state))
			json_object_set_new(networks, all->v[i].pod->state->uid, server_pod_network(all->v[i].pod));
	for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
		head(out, rows[r].name, "counter", rows[r].help);
		for (size_t i = 0; i < all->n; i++) {
			const struct pod_state *p = all->v[i].pod->state;
			size_t k;
			json_t *link;
			if (all->v[i].container)
				continue;
			json_array_foreach(json_object_get(json_object_get(networks, p->uid), "interfaces"), k, link)
			    str_addf(out, "%s{id=\"/%s\",image=\"\",interface=\"%s\",name=\"\",namespace=\"%s\",pod=\"%s\"} %lld\n", rows[r].name,
				     all->v[i].pod->cgroup + (*all->v[i].pod->cgroup == '/'), json_str_or(link, "name", ""), p->ns, p->name,
				     (long long)json_int_at(link, rows[r].member, 0));
		}
	}
}

static void write_cadvisor(const struct agent *a, const struct samples *all, struct str *out)
{
	gauge(out, "machine_cpu_cores", "gauge", "Cores of the node", (double)a->cpu_milli / 1000);
	gauge(out, "machine_memory_bytes", "gauge", "Memory of the node", (double)a->memory_bytes);
	write_series(out, of_cadvisor, all, BOTH);
	write_started(out, all);
	write_limits(out, all);
	write_network(out, all);
}

static void write_own(const struct agent *a, const struct samples *all, struct str *out)
{
	size_t pods = 0;
	for (size_t i = 0; i < all->n; i++)
		pods += !all->v[i].container;
	head(out, "kubelet_node_name", "gauge", "The node's name; the value is always 1");
	str_addf(out, "kubelet_node_name{node=\"%s\"} 1\n", a->config->node_name);
	gauge(out, "kubelet_running_pods", "gauge", "Pods that have a running sandbox", (double)pods);
	head(out, "kubelet_running_containers", "gauge", "Containers by their state");
	str_addf(out, "kubelet_running_containers{container_state=\"running\"} %zu\n", all->n - pods);
	gauge(out, "kubelet_desired_pods", "gauge", "Pods that this node is to run", (double)map_len(a->pods));
	node_dns_metrics(a->dns, out);
	metrics_write(a->metrics, out);
}

static void write_probes(const struct agent *a, const struct samples *all, struct str *out)
{
	size_t at = 0;
	const char *uid;
	struct pod *p;
	(void)all;
	head(out, "prober_probe_total", "counter", "Probes of a container by type and result, since it started");
	while (map_next(a->pods, &at, &uid, &p))
		for (size_t i = 0; i < p->n_work; i++)
			probes_write(p->work[i], out);
}

void server_metrics(struct agent *a, struct http_exchange *x, const struct target *t)
{
	static const struct {
		const char *name;
		void (*write)(const struct agent *a, const struct samples *all, struct str *out);
	} pages[] = {{"", write_own}, {"resource", write_resource}, {"cadvisor", write_cadvisor}, {"probes", write_probes}};
	static const struct http_header headers[] = {{"content-type", "text/plain; version=0.0.4; charset=utf-8"}, {NULL, NULL}};
	const char *name = t->parts[0] ? t->parts[0] : "";
	struct samples all = {0};
	AUTO_STR out = STR_INIT;
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		if (strcmp(pages[i].name, name) != 0)
			continue;
		take_samples(a, &all);
		pages[i].write(a, &all, &out);
		free(all.v);
		http_respond(x, 200, headers, out.p, out.len);
		return;
	}
	server_text(x, 404, "404 page not found\n");
}

void server_configz(struct agent *a, struct http_exchange *x, const struct target *t)
{
	const struct agent_config *c = a->config;
	json_t *dns = json_array(), *kc;
	(void)t;
	for (size_t i = 0; c->cluster_dns && c->cluster_dns[i]; i++)
		json_array_append_new(dns, json_string(c->cluster_dns[i]));
	kc = json_pack("{s:s,s:s,s:s,s:i,s:i,s:s,s:s?,s:s?,s:s?,s:s?,s:s?,s:i,s:b,s:o}", "kind", "KubeletConfiguration", "apiVersion",
		       "kubelet.config.k8s.io/v1beta1", "address", c->address, "port", c->port, "healthzPort", c->healthz_port,
		       "healthzBindAddress", "127.0.0.1", "staticPodPath", c->pod_manifest_path, "clusterDomain", c->cluster_domain,
		       "cgroupRoot", c->cgroup_root, "resolvConf", c->resolv_conf, "podLogsDir", c->log_dir, "maxPods", c->max_pods,
		       "registerNode", c->register_node, "clusterDNS", dns);
	AUTO_JSON *o = json_pack("{s:o}", "kubeletconfig", kc);
	server_json(x, 200, o);
}

/* What runs, as little as is known of it without the API server. */
void server_running_pods(struct agent *a, struct http_exchange *x, const struct target *t)
{
	json_t *items = json_array();
	size_t at = 0;
	const char *uid;
	struct pod *p;
	(void)t;
	while (map_next(a->pods, &at, &uid, &p)) {
		json_t *containers = json_array();
		for (size_t i = 0; i < p->state->n; i++) {
			const struct container_state *c = &p->state->containers[i];
			if (c->phase == PHASE_RUNNING)
				json_array_append_new(containers, json_pack("{s:s,s:s,s:{}}", "name", c->name, "image",
									    json_str_or(c->spec, "image", ""), "resources"));
		}
		if (!json_array_size(containers)) {
			json_decref(containers);
			continue;
		}
		json_array_append_new(items, json_pack("{s:{s:s,s:s,s:s},s:{s:o},s:{}}", "metadata", "name", p->state->name, "namespace",
						       p->state->ns, "uid", p->state->uid, "spec", "containers", containers, "status"));
	}
	AUTO_JSON *list = json_pack("{s:s,s:s,s:{},s:o}", "kind", "PodList", "apiVersion", "v1", "metadata", "items", items);
	server_json(x, 200, list);
}
