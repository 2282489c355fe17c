/* A pod's sandbox: volumes, cgroup, supervisor, network namespace, network, pause.
 *
 * Happy path of making one: each step's end starts the next; the last sets SANDBOX_READY. Taking down: the supervisor
 * ends all processes, the network namespace is let go of, the plugins free the address, mounts and directories go. What
 * can fail: any step; then an event tells, everything made is taken down, and the plan tries again. What always holds:
 * every step may be done twice. */
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
#include "agent/pod.h"
#include "agent/pod_plan.h"
#include "agent/tokens.h"
#include "agent/volumes.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cni/chain/chain.h"

enum { RETRY_FIRST_MS = 1000, RETRY_MAX_MS = 60000 };

/* The sandbox could not be made or taken down: event, tried again later. */
static void sandbox_failed(struct pod *p, const char *reason, const char *text)
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

static int load_chain(struct pod *p, struct err *e)
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
		r = load_chain(p, &e);
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

static void on_shim_exit(void *arg, const struct shim_exit *x)
{
	struct pod *p = arg;
	struct pod_state *s = p->state;
	if (*x->exec) {
		exec_on_exit(p, x);
		return;
	}
	if (!strcmp(x->container, "pause")) {
		if (s->sandbox == SANDBOX_READY)
			s->sandbox = SANDBOX_LOST;
		pod_kick(p);
		return;
	}
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->containers[i].id, x->container) &&
		    (s->containers[i].phase == PHASE_RUNNING || s->containers[i].phase == PHASE_STARTING))
			container_exited(p, &s->containers[i], x);
}

static struct shim_config shim_config_of(const struct pod *p)
{
	return (struct shim_config){p->agent->loop, p->agent->config->shim_path, p->dir, p->cgroup};
}

/* What the supervisor still wrote down counts; the rest has been killed with it. */
static void collect_exits(struct pod *p)
{
	struct pod_state *s = p->state;
	for (size_t i = 0; i < s->n; i++) {
		struct container_state *c = &s->containers[i];
		AUTO_FREE char *bundle = container_bundle(p, c), *path = xasprintf("%s/exit.json", bundle);
		AUTO_JSON *o = NULL;
		if ((c->phase != PHASE_RUNNING && c->phase != PHASE_STARTING) || json_read_file(path, &o, NULL) < 0 ||
		    !str_eq(json_str_at(o, "container"), c->id))
			continue;
		struct shim_exit x = {c->id,
				      "",
				      (int)json_int_at(o, "exit_code", 137),
				      (int)json_int_at(o, "signal", 0),
				      json_bool_at(o, "oom", false),
				      json_int_at(o, "finished", 0)};
		if (!c->started_ms)
			c->started_ms = json_int_at(o, "started", 0) / 1000000;
		container_exited(p, c, &x);
	}
}

static void supervisor_lost(struct pod *p)
{
	struct err e = ERR_INIT;
	struct shim_config sc = shim_config_of(p);
	shim_free(TAKE(p->shim));
	exec_all_gone(p);
	collect_exits(p);
	pod_sandbox_lost(p->state, clock_wall_ms(), clock_mono_ms());
	for (size_t i = 0; i < p->n_work; i++)
		container_work_stop(&p->work[i]);
	if (shim_clean_dead(&sc, &e) < 0)
		log_warn("supervisor's remains not removed, tried again pod=%s/%s error=\"%s\"", p->state->ns,
			 p->state->name, err_text(&e));
}

static void teardown_network(struct pod *p);

static void on_shim_gone(void *arg)
{
	struct pod *p = arg;
	if (p->state->sandbox == SANDBOX_STOPPING) {
		shim_free(TAKE(p->shim));
		exec_all_gone(p);
		collect_exits(p);
		pod_sandbox_lost(p->state, clock_wall_ms(), clock_mono_ms());
		p->state->sandbox = SANDBOX_STOPPING;
		teardown_network(p);
		return;
	}
	log_warn("a pod's supervisor died pod=%s/%s", p->state->ns, p->state->name);
	events_pod(p->agent->events, p->state, NULL, false, "SandboxChanged",
		   "Pod sandbox changed, it will be killed and re-created.");
	if (p->state->sandbox == SANDBOX_CREATING && p->cni)
		chain_cancel(TAKE(p->cni));
	supervisor_lost(p);
	pod_kick(p);
}

static const struct shim_ops shim_callbacks = {.on_exit = on_shim_exit, .on_gone = on_shim_gone};

static int make_dirs(struct pod *p, struct err *e)
{
	struct pod_state *s = p->state;
	AUTO_FREE char *logs = xasprintf("%s/pods/%s_%s_%s", p->agent->config->log_dir, s->ns, s->name, s->uid);
	int r = fs_mkdir_p(p->dir, 0700, e);
	if (r == 0)
		r = fs_mkdir_p(p->volumes_dir, 0750, e);
	return r < 0 ? r : fs_mkdir_p(logs, 0755, e);
}

static int start_supervisor(struct pod *p, struct err *e)
{
	struct shim_config sc = shim_config_of(p);
	if (p->shim)
		return 0;
	int r = shim_connect(&sc, &shim_callbacks, p, &p->shim, NULL);
	return r == 0 ? 0 : shim_start(&sc, &shim_callbacks, p, &p->shim, e);
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
		r = start_supervisor(p, &e);
	if (r < 0)
		creation_failed(p, &e);
	else
		start_network(p);
}

/* The end of the teardown: what the plan needs next. */
static void torn_down(struct pod *p)
{
	struct err e = ERR_INIT;
	struct pod_state *s = p->state;
	AUTO_FREE char *shm = xasprintf("%s/shm", p->dir);
	AUTO_CGROUP *cg = NULL;
	bool over = s->deleting || s->fail_reason || pod_is_over(s);
	int r = mounts_detach_below(shm, &e);
	if (r == 0)
		r = cgroup_open(p->agent->cgroups, p->cgroup, &cg, &e);
	if (r == 0)
		r = cgroup_kill(cg, NULL) < 0 ? 0 : cgroup_destroy(cg, &e);
	for (size_t i = 0; i < s->n; i++)
		container_clean(p, &s->containers[i]);
	if (r == 0 && over)
		r = volumes_teardown(p, &e);
	s->sandbox = r < 0 ? SANDBOX_LOST : SANDBOX_NONE;
	s->cleaned = r == 0 && over;
	if (r < 0) {
		sandbox_failed(p, "FailedKillPod", err_text(&e));
		timer_start(p->timer, s->sandbox_delay_ms);
		pod_save(p);
		return;
	}
	pod_kick(p);
}

static void on_network_gone(void *arg, const json_t *result, const struct err *e)
{
	(void)result;
	struct pod *p = arg;
	p->cni = NULL;
	chain_free(TAKE(p->chain));
	if (e)
		log_warn("address not freed, ignoring pod=%s/%s error=\"%s\"", p->state->ns, p->state->name,
			 err_text(e));
	network_policy_pod_removed(p);
	torn_down(p);
}

/* The namespace is let go of first: with its last process gone the kernel drops the veth pair in the background. */
static void teardown_network(struct pod *p)
{
	struct err e = ERR_INIT;
	p->pause_pid = 0;
	if (pod_host_network(p->state)) {
		torn_down(p);
		return;
	}
	if (netns_drop(p->netns, &e) < 0)
		log_warn("network namespace not removed, ignoring pod=%s/%s error=\"%s\"", p->state->ns, p->state->name,
			 err_text(&e));
	if (load_chain(p, &e) < 0) {
		on_network_gone(p, NULL, &e);
		return;
	}
	struct chain_attachment a = {.container_id = p->state->uid,
				     .pod_namespace = p->state->ns,
				     .pod_name = p->state->name,
				     .pod_uid = p->state->uid};
	p->cni = chain_del(p->chain, &a, on_network_gone, p);
}

static void on_shutdown_failed(void *arg, int r, const struct shim_answer *a, const struct err *e)
{
	(void)a;
	struct pod *p = arg;
	if (r < 0 && r != -ECONNRESET) /* its end comes as on_gone */
		log_warn("supervisor would not shut down pod=%s/%s error=\"%s\"", p->state->ns, p->state->name,
			 err_text(e));
}

void sandbox_teardown(struct pod *p)
{
	p->state->sandbox = SANDBOX_STOPPING;
	pod_save(p);
	for (size_t i = 0; i < p->n_work; i++)
		container_work_stop(&p->work[i]);
	if (p->shim) {
		shim_shutdown(p->shim, on_shutdown_failed, p);
		return;
	}
	struct shim_config sc = shim_config_of(p);
	struct err e = ERR_INIT;
	if (fs_exists(p->dir) && shim_clean_dead(&sc, &e) < 0)
		log_warn("supervisor's remains not removed, ignoring pod=%s/%s error=\"%s\"", p->state->ns,
			 p->state->name, err_text(&e));
	teardown_network(p);
}

/* One container as the supervisor of a restored pod has it. */
static void compare(struct pod *p, const struct shim_status *st)
{
	struct pod_state *s = p->state;
	if (!strcmp(st->id, "pause")) {
		p->pause_pid = st->pid;
		if (st->state == SHIM_IS_STOPPED || !st->pid)
			s->sandbox = SANDBOX_LOST;
	}
	for (size_t i = 0; i < s->n; i++) {
		struct container_state *c = &s->containers[i];
		if (strcmp(c->id, st->id) || (c->phase != PHASE_RUNNING && c->phase != PHASE_STARTING))
			continue;
		struct container_work *w = pod_work(p, c);
		w->pre_stop_done = true; /* marks it as seen until the list has ended */
		if (!c->started_ms && st->started_ns) {
			c->started_ms = st->started_ns / 1000000;
			c->started_mono = clock_mono_ms() - (clock_wall_ms() - c->started_ms);
		}
		struct shim_exit x = {c->id, "", st->exit_code, st->signal, st->oom, st->finished_ns};
		if (st->state == SHIM_IS_STOPPED)
			container_exited(p, c, &x);
		else if (st->state == SHIM_IS_RUNNING)
			container_is_running(p, c, false);
		else
			c->phase = PHASE_STARTING, w->pre_stop_done = false;
	}
}

/* What the supervisor does not know, or has not started, has not run: it begins again. */
static void settle_unknown(struct pod *p)
{
	struct pod_state *s = p->state;
	for (size_t i = 0; i < s->n; i++) {
		struct container_state *c = &s->containers[i];
		struct container_work *w = pod_work(p, c);
		bool seen = w->pre_stop_done;
		w->pre_stop_done = false;
		if (seen || (c->phase != PHASE_RUNNING && c->phase != PHASE_STARTING))
			continue;
		shim_remove(p->shim, c->id, NULL, NULL);
		container_clean(p, c);
		if (c->phase == PHASE_STARTING && !c->started_ms) {
			c->phase = PHASE_WAITING;
			continue;
		}
		struct shim_exit x = {c->id, "", 137, 9, false, 0};
		container_exited(p, c, &x);
	}
}

static void on_state(void *arg, const struct shim_status *st, int r, const struct err *e)
{
	struct pod *p = arg;
	if (st) {
		compare(p, st);
		return;
	}
	p->busy_restore = false;
	if (r < 0) {
		log_warn("supervisor did not tell its state pod=%s/%s error=\"%s\"", p->state->ns, p->state->name,
			 err_text(e));
		return; /* on_gone follows */
	}
	settle_unknown(p);
	if (!p->pause_pid && p->state->sandbox == SANDBOX_READY)
		p->state->sandbox = SANDBOX_LOST;
	pod_kick(p);
}

void sandbox_restore(struct pod *p)
{
	struct shim_config sc = shim_config_of(p);
	struct pod_state *s = p->state;
	if (s->sandbox == SANDBOX_NONE)
		return;
	bool whole = s->sandbox == SANDBOX_READY;
	if (!whole)
		s->sandbox = SANDBOX_LOST; /* half made or half taken down: taken down now */
	if (shim_connect(&sc, &shim_callbacks, p, &p->shim, NULL) == 0 && whole) {
		p->busy_restore = true;
		shim_state(p->shim, on_state, p);
	} else if (!p->shim) {
		supervisor_lost(p);
	}
}
