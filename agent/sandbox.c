/* Making a pod's sandbox: volumes, cgroup, supervisor, network namespace, network, pause.
 *
 * Happy path: each step's end starts the next; the last sets SANDBOX_READY. What can fail: any step; then an event tells,
 * everything made is taken down, and the plan tries again. What always holds: every step may be done twice. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "agent/events.h"
#include "agent/mounts.h"
#include "agent/net_files.h"
#include "agent/netns.h"
#include "agent/network_policy.h"
#include "agent/objects.h"
#include "agent/oci_spec.h"
#include "agent/sandbox_internal.h"
#include "agent/tokens.h"
#include "agent/volumes.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cni/chain/chain.h"

enum { RETRY_FIRST_MS = 1000, RETRY_MAX_MS = 60000 };

void sandbox_failed(struct pod *p, const char *reason, const char *text)
{
	struct pod_state *s = p->state;
	events_pod(p->agent->events, s, NULL, true, reason, "%s", text);
	log_warn("sandbox not ready pod=%s/%s reason=%s error=\"%s\"", s->ns, s->name, reason, text);
	s->sandbox_delay_ms = s->sandbox_delay_ms ? MIN(s->sandbox_delay_ms * 2, RETRY_MAX_MS) : RETRY_FIRST_MS;
	s->sandbox_retry_mono = clock_mono_ms() + s->sandbox_delay_ms;
}

/* In the middle of making: what is there is taken down before the next try. */
static void creation_failed(struct pod *p, const struct err *e)
{
	AUTO_FREE char *text = xasprintf("Failed to create pod sandbox: %s", err_text(e));
	sandbox_failed(p, "FailedCreatePodSandBox", text);
	p->state->sandbox = SANDBOX_LOST;
	pod_kick(p);
}

/* etc-hosts, hostname and resolv.conf of the pod. */
static int sandbox_write_files(struct pod *p, struct err *e)
{
	const struct agent_config *cfg = p->agent->config;
	const json_t *pod = p->state->pod;
	AUTO_STR host_resolv = STR_INIT, host_hosts = STR_INIT, hosts = STR_INIT, resolv = STR_INIT;
	(void)fs_read_file(cfg->resolv_conf, 65536, &host_resolv, NULL); /* ignoring: none is an empty one */
	(void)fs_read_file("/etc/hosts", 1 << 20, &host_hosts, NULL);
	AUTO_FREE char *name = pod_hostname(pod, cfg->node_name);
	net_hosts(pod, name, cfg->cluster_domain, p->state->ips, str_text(&host_hosts), &hosts);
	net_resolv(pod, cfg->cluster_dns, cfg->cluster_domain, str_text(&host_resolv), &resolv);
	AUTO_FREE char *line = xasprintf("%s\n", name);
	struct {
		const char *dir, *file, *text;
	} files[] = {{p->volumes_dir, "etc-hosts", str_text(&hosts)},
		     {p->dir, "hostname", line},
		     {p->dir, "resolv.conf", str_text(&resolv)}};
	int r = 0;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(files); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", files[i].dir, files[i].file);
		r = fs_write_atomic(path, files[i].text, strlen(files[i].text), 0644, e);
	}
	return r;
}

static int make_shm(struct pod *p, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/shm", p->dir);
	int r = fs_mkdir_p(path, 01777, e);
	if (r < 0 || mounts_is_tmpfs(path) || json_bool_at(p->state->pod, "spec.hostIPC", false))
		return r;
	return mount("shm", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=64m") < 0
		   ? err_sys(e, "mount %s", path)
		   : 0;
}

static int make_cgroup(struct pod *p, struct err *e)
{
	AUTO_CGROUP *cg = NULL;
	AUTO_JSON *resources = oci_pod_resources(p->state->pod);
	int r = cgroup_open(p->agent->cgroups, p->cgroup, &cg, e);
	if (r == 0)
		r = cgroup_create(cg, e);
	return r < 0 ? r : cgroup_apply(cg, resources, e);
}

static void on_pause_started(void *arg, int r, const struct shim_answer *a, const struct err *e)
{
	(void)a;
	struct pod *p = arg;
	struct pod_state *s = p->state;
	if (r < 0) {
		creation_failed(p, e);
		return;
	}
	s->sandbox = SANDBOX_READY;
	s->sandbox_delay_ms = 0;
	/* The announcement at link-up may come before the bridge port forwards; an address that was another pod's just now
	 * would then be looked for at the old place for half a minute. */
	if (!pod_host_network(s))
		netns_announce(p->netns, "eth0");
	log_info("sandbox ready pod=%s/%s ip=%s", s->ns, s->name, s->ips ? s->ips[0] : "host");
	pod_kick(p);
}

static void on_pause_created(void *arg, int r, const struct shim_answer *a, const struct err *e)
{
	struct pod *p = arg;
	if (r < 0) {
		creation_failed(p, e);
		return;
	}
	p->pause_pid = a->pid;
	shim_start_container(p->shim, "pause", on_pause_started, p);
}

static void start_pause(struct pod *p)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *bundle = xasprintf("%s/pause", p->dir), *config = xasprintf("%s/config.json", bundle);
	AUTO_FREE char *cgroup = xasprintf("%s/pause", p->cgroup),
		       *rootfs = xasprintf("%s/pause", p->agent->config->run_dir);
	AUTO_FREE char *name = pod_hostname(p->state->pod, p->agent->config->node_name);
	struct oci_in in = {.pod = p->state->pod,
			    .rootfs = rootfs,
			    .cgroup = cgroup,
			    .hostname = name,
			    .oom_floor = p->agent->oom_floor,
			    .netns = pod_host_network(p->state) ? NULL : p->netns};
	AUTO_JSON *spec = oci_spec_pause(&in);
	AUTO_FREE char *old_exit = xasprintf("%s/exit.json", bundle);
	unlink(old_exit);
	int r = fs_mkdir_p(bundle, 0700, &e);
	if (r == 0)
		r = json_write_file(config, spec, 0600, &e);
	if (r == 0)
		r = sandbox_write_files(p, &e);
	if (r < 0) {
		creation_failed(p, &e);
		return;
	}
	struct shim_container c = {.id = "pause", .bundle = bundle};
	shim_create(p->shim, &c, on_pause_created, p);
}

static void on_network(void *arg, const json_t *result, const struct err *e)
{
	struct pod *p = arg;
	p->cni = NULL;
	chain_free(TAKE(p->chain));
	if (e) {
		AUTO_FREE char *text =
		    xasprintf("Failed to create pod sandbox: failed to setup network for sandbox: %s", err_text(e));
		sandbox_failed(p, "FailedCreatePodSandBox", text);
		p->state->sandbox = SANDBOX_LOST;
		pod_kick(p);
		return;
	}
	free_strv(&p->state->ips);
	p->state->ips = chain_result_ips(result);
	ips_order(p->state->ips, p->agent->boot_ip); /* a pod's first address is of the family of its node's */
	pod_save(p);
	struct err policy = ERR_INIT;
	if (network_policy_pod_added(p, &policy) < 0)
		creation_failed(p, &policy);
	else
		start_pause(p);
}

static json_t *port_mappings(const json_t *pod)
{
	json_t *list = json_array(), *c, *port;
	size_t i, j;
	json_array_foreach(json_at(pod, "spec.containers"), i, c)
	    json_array_foreach(json_object_get(c, "ports"), j, port)
	{
		if (!json_int_at(port, "hostPort", 0))
			continue;
		AUTO_FREE char *proto = xstrdup(json_str_or(port, "protocol", "TCP"));
		for (char *t = proto; *t; t++)
			*t |= 0x20;
		json_array_append_new(list, json_pack("{s:I, s:I, s:s, s:s}", "hostPort",
						      (json_int_t)json_int_at(port, "hostPort", 0), "containerPort",
						      (json_int_t)json_int_at(port, "containerPort", 0), "protocol",
						      proto, "hostIP", json_str_or(port, "hostIP", "")));
	}
	return json_pack("{s:o}", "portMappings", list);
}

int sandbox_load_chain(struct pod *p, struct err *e)
{
	const struct agent_config *c = p->agent->config;
	AUTO_FREE char *cache = xasprintf("%s/cni", c->data_dir);
	struct chain_config cc = {
	    .loop = p->agent->loop, .conf_dir = c->cni_conf_dir, .plugin_path = c->cni_bin_dir, .cache_dir = cache};
	chain_free(TAKE(p->chain));
	return chain_load(&cc, &p->chain, e);
}

static void start_network(struct pod *p)
{
	struct pod_state *s = p->state;
	struct err e = ERR_INIT;
	if (pod_host_network(s)) {
		start_pause(p);
		return;
	}
	int r = netns_make(p->netns, &e);
	if (r == 0)
		r = sandbox_load_chain(p, &e);
	if (r < 0) {
		on_network(p, NULL, &e);
		return;
	}
	AUTO_JSON *capabilities = port_mappings(s->pod);
	struct chain_attachment a = {.container_id = s->uid,
				     .netns = p->netns,
				     .pod_namespace = s->ns,
				     .pod_name = s->name,
				     .pod_uid = s->uid,
				     .capability_args = capabilities};
	p->cni = chain_add(p->chain, &a, on_network, p);
}

static int make_dirs(struct pod *p, struct err *e)
{
	struct pod_state *s = p->state;
	AUTO_FREE char *logs = xasprintf("%s/pods/%s_%s_%s", p->agent->config->log_dir, s->ns, s->name, s->uid);
	int r = fs_mkdir_p(p->dir, 0700, e);
	if (r == 0)
		r = fs_mkdir_p(p->volumes_dir, 0750, e);
	return r < 0 ? r : fs_mkdir_p(logs, 0755, e);
}

void sandbox_create(struct pod *p)
{
	struct err e = ERR_INIT;
	if (p->agent->sweep || !objects_ready(p->agent->objects, p->state->uid) || !tokens_ready(p->agent->tokens, p->state->uid) ||
	    !network_policy_ready(p))
		return; /* their end and arrival kick */
	int r = make_dirs(p, &e);
	if (r == 0) {
		r = volumes_setup(p, &e);
		if (r < 0) {
			sandbox_failed(p, "FailedMount", err_text(&e));
			pod_kick(p);
			return;
		}
	}
	p->volumes_ready = true;
	p->state->cleaned = false;
	p->state->sandbox = SANDBOX_CREATING;
	pod_save(p);
	if (r == 0)
		r = make_shm(p, &e);
	if (r == 0)
		r = make_cgroup(p, &e);
	if (r == 0)
		r = sandbox_start_supervisor(p, &e);
	if (r < 0)
		creation_failed(p, &e);
	else
		start_network(p);
}

