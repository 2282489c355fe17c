/* One attempt of a container, from its image to its process.
 *
 * Happy path: image, environment, root filesystem, user, mounts, config.json, then create and start by the supervisor.
 * What can fail: each step in its own way, see the waiting reasons; the plan tries again after the container's own
 * delay. What always holds: an attempt has an id and a log of its own, and what failed half-way is cleaned before the
 * next. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/env.h"
#include "agent/events.h"
#include "agent/image_check.h"
#include "agent/net_files.h"
#include "agent/objects.h"
#include "agent/oci_spec.h"
#include "agent/pod.h"
#include "agent/service_links.h"
#include "agent/shim/shim_proto.h"
#include "agent/volumes.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"

char *container_bundle(const struct pod *p, const struct container_state *c)
{
	return xasprintf("%s/containers/%s/%d", p->dir, c->name, c->restart_count);
}

static char *container_rootfs_dir(const struct pod *p, const struct container_state *c)
{
	return xasprintf("%s/containers/%s", p->agent->config->data_dir, c->id);
}

char *container_log_path(const struct pod *p, const struct container_state *c, int attempt)
{
	const struct pod_state *s = p->state;
	return xasprintf("%s/pods/%s_%s_%s/%s/%d.log", p->agent->config->log_dir, s->ns, s->name, s->uid, c->name,
			 attempt);
}

char *container_termination_log(const struct pod *p, const struct container_state *c)
{
	return xasprintf("%s/containers/%s/termination-log", p->volumes_dir, c->name);
}

json_t *container_config(const struct pod *p, const struct container_state *c)
{
	AUTO_FREE char *bundle = container_bundle(p, c), *path = xasprintf("%s/config.json", bundle);
	json_t *config = NULL;
	return json_read_file(path, &config, NULL) < 0 ? NULL : config;
}

static void random_id(char id[CONTAINER_ID_LEN + 1])
{
	unsigned char bytes[CONTAINER_ID_LEN / 2];
	rand_bytes(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}

struct attempt {
	struct pod *p;
	struct container_state *c;
	struct image *image;
	struct map *env;
	json_t *mounts;
	struct rootfs_user user;
	char *rootfs, *bundle, *cgroup, *hostname;
};

static void attempt_done(struct attempt *a)
{
	image_free(a->image);
	map_free(a->env);
	json_decref(a->mounts);
	rootfs_user_done(&a->user);
	free(a->rootfs);
	free(a->bundle);
	free(a->cgroup);
	free(a->hostname);
}

static const json_t *find_object(void *arg, const char *resource, const char *name)
{
	const struct pod *p = arg;
	return objects_get(p->agent->objects, resource, p->state->ns, name);
}

static int make_env(struct attempt *a, struct err *e)
{
	struct agent *ag = a->p->agent;
	AUTO_JSON *services = ag->service_links ? service_links_of(ag->service_links, a->p->state->ns) : NULL;
	struct env_in in = {.container = a->c->spec, .object = find_object, .services = services, .arg = a->p};
	agent_facts(ag, a->p->state->pod, a->p->state->ips, &in.facts);
	return env_build(&in, &a->env, e);
}

static int make_rootfs(struct attempt *a, struct err *e)
{
	AUTO_FREE char *dir = container_rootfs_dir(a->p, a->c);
	const json_t *pod = a->p->state->pod, *image = json_object_get(a->image->config, "config");
	AUTO_FREE char *user = oci_user(pod, a->c->spec, image);
	int r = rootfs_mount(a->p->agent->images, a->image, dir, a->c->id, e);
	if (r < 0)
		return r;
	a->rootfs = xasprintf("%s/rootfs", dir);
	r = rootfs_user_resolve(a->rootfs, user, &a->user, e);
	return r < 0 ? r : oci_check_nonroot(pod, a->c->spec, user, a->user.uid, e);
}

static bool mounts_over(const json_t *container, const char *path)
{
	return json_find(json_object_get(container, "volumeMounts"), "mountPath", path) != NULL;
}

static int make_termination_log(struct attempt *a, struct err *e)
{
	AUTO_FREE char *path = container_termination_log(a->p, a->c);
	AUTO_FREE char *dir = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	int r = fs_mkdir_p(dir, 0750, e);
	if (r < 0)
		return r;
	AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0 || fchmod(fd, 0666) < 0)
		return err_sys(e, "create %s", path);
	const char *at = json_str_or(a->c->spec, "terminationMessagePath", "/dev/termination-log");
	if (*at)
		json_array_append_new(a->mounts, volume_bind(path, at, false, "rprivate"));
	return 0;
}

/* What the agent itself gives to every container, unless a volume is mounted there. */
static int make_mounts(struct attempt *a, struct err *e)
{
	struct pod *p = a->p;
	AUTO_FREE char *hosts = xasprintf("%s/etc-hosts", p->volumes_dir), *hostname = xasprintf("%s/hostname", p->dir);
	AUTO_FREE char *resolv = xasprintf("%s/resolv.conf", p->dir), *shm = xasprintf("%s/shm", p->dir);
	const struct {
		const char *source, *destination;
	} own[] = {{hosts, "/etc/hosts"}, {hostname, "/etc/hostname"}, {resolv, "/etc/resolv.conf"}, {shm, "/dev/shm"}};
	bool host_ipc = json_bool_at(p->state->pod, "spec.hostIPC", false);
	a->mounts = json_array();
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (!mounts_over(a->c->spec, own[i].destination))
			json_array_append_new(a->mounts,
					      volume_bind(host_ipc && own[i].source == shm ? "/dev/shm" : own[i].source,
							  own[i].destination, false, "rprivate"));
	int r = make_termination_log(a, e);
	return r < 0 ? r : volumes_mounts(p, a->c, a->env, a->mounts, e);
}

/* The process of the container that an ephemeral one wants to look into; 0: none, or it does not run. */
static pid_t target_pid(const struct pod *p, const struct container_state *c)
{
	const char *target = json_str_at(c->spec, "targetContainerName");
	const struct container_state *t = c->kind == CONTAINER_EPHEMERAL && target ? pod_state_find(p->state, target) : NULL;
	AUTO_JSON *state = NULL;
	if (!t || t->phase != PHASE_RUNNING)
		return 0;
	AUTO_FREE char *path = xasprintf("%s/" SHIM_RUNTIME_DIR "/%s/state.json", p->dir, t->id);
	return json_read_file(path, &state, NULL) < 0 ? 0 : (pid_t)json_int_at(state, "pid", 0);
}

static int write_config(struct attempt *a, struct err *e)
{
	struct pod *p = a->p;
	const struct agent *ag = p->agent;
	AUTO_FREE char *path = xasprintf("%s/config.json", a->bundle), *old_exit = xasprintf("%s/exit.json", a->bundle);
	struct oci_in in = {.pod = p->state->pod,
			    .container = a->c->spec,
			    .image = json_object_get(a->image->config, "config"),
			    .env = a->env,
			    .mounts = a->mounts,
			    .uid = a->user.uid,
			    .gid = a->user.gid,
			    .groups = a->user.groups,
			    .n_groups = a->user.n_groups,
			    .home = a->user.home,
			    .rootfs = a->rootfs,
			    .cgroup = a->cgroup,
			    .netns = pod_host_network(p->state) ? NULL : p->netns,
			    .pause_pid = p->pause_pid,
			    .target_pid = target_pid(p, a->c),
			    .hostname = a->hostname,
			    .cgroup_ns = cgroup_host_mode(ag->cgroups) == CGROUP_V2,
			    .oom_floor = ag->oom_floor,
			    .node_memory_bytes = ag->memory_bytes};
	AUTO_JSON *spec = NULL;
	int r = oci_spec_container(&in, &spec, e);
	if (r == 0)
		r = fs_mkdir_p(a->bundle, 0700, e);
	if (r < 0)
		return r;
	unlink(old_exit);
	return json_write_file(path, spec, 0600, e);
}

/* The log's directory, and its link for collectors: <pod>_<namespace>_<container>-<id>.log */
static int make_log(struct attempt *a, char **ret_path, struct err *e)
{
	const struct pod_state *s = a->p->state;
	const char *root = a->p->agent->config->log_dir;
	AUTO_FREE char *path = container_log_path(a->p, a->c, a->c->restart_count);
	AUTO_FREE char *dir = xstrndup(path, (size_t)(strrchr(path, '/') - path)),
		       *links = xasprintf("%s/containers", root);
	AUTO_FREE char *link = xasprintf("%s/%s_%s_%s-%s.log", links, s->name, s->ns, a->c->name, a->c->id);
	int r = fs_mkdir_p(dir, 0755, e);
	if (r == 0)
		r = fs_mkdir_p(links, 0755, e);
	if (r < 0)
		return r;
	if (symlink(path, link) < 0 && errno != EEXIST)
		return err_sys(e, "link %s", link);
	if (a->c->restart_count >= 2) { /* the one before the previous */
		AUTO_FREE char *old = container_log_path(a->p, a->c, a->c->restart_count - 2);
		AUTO_FREE char *bundle =
		    xasprintf("%s/containers/%s/%d", a->p->dir, a->c->name, a->c->restart_count - 2);
		unlink(old);
		(void)fs_remove_tree(bundle, NULL); /* ignoring: it goes with the pod */
	}
	*ret_path = TAKE(path);
	return 0;
}

struct launch {
	struct pod *p;
	char name[64], id[CONTAINER_ID_LEN + 1];
};

/* The container that the answer is about; NULL when it has gone on meanwhile. Frees l. */
static struct container_state *launched(struct launch *l, struct pod **ret_pod)
{
	struct container_state *c = pod_state_find(l->p->state, l->name);
	bool same = c && !strcmp(c->id, l->id);
	*ret_pod = l->p;
	free(l);
	return same && c->phase == PHASE_STARTING ? c : NULL;
}

/* It could not be made: nothing of it has run. */
static void blocked(struct pod *p, struct container_state *c, const char *reason, const char *text)
{
	events_pod(p->agent->events, p->state, c->name, true, "Failed", "Error: %s", text);
	log_warn("container not started pod=%s/%s container=%s reason=%s error=\"%s\"", p->state->ns, p->state->name,
		 c->name, reason, text);
	c->id[0] = '\0';
	c->phase = PHASE_WAITING; /* the next attempt is this one again */
	container_blocked(c, reason, text, clock_mono_ms());
	pod_kick(p);
}

static void start_failed(struct pod *p, struct container_state *c, const char *text)
{
	AUTO_FREE char *message = xasprintf("failed to start container \"%s\": %s", c->name, text);
	events_pod(p->agent->events, p->state, c->name, true, "Failed", "Error: %s", message);
	text_set(&c->reason, "StartError");
	text_set(&c->message, message);
	container_ended(c, 128, 0, false, clock_wall_ms(), clock_mono_ms());
	shim_remove(p->shim, c->id, NULL, NULL);
	container_clean(p, c);
	pod_kick(p);
}

static void on_started(void *arg, int r, const struct shim_answer *a, const struct err *e)
{
	struct pod *p;
	struct container_state *c = launched(arg, &p);
	if (!c)
		return;
	if (r < 0) {
		start_failed(p, c, err_text(e));
		return;
	}
	c->started_ms = a->started_ns ? a->started_ns / 1000000 : clock_wall_ms();
	c->started_mono = clock_mono_ms();
	events_pod(p->agent->events, p->state, c->name, false, "Started", "Started container %s", c->name);
	container_is_running(p, c, true);
	pod_kick(p);
}

static void on_created(void *arg, int r, const struct shim_answer *a, const struct err *e)
{
	struct launch *l = arg;
	AUTO_FREE struct launch *next = r < 0 ? NULL : xmemdup(l, sizeof(*l));
	struct pod *p;
	struct container_state *c = launched(l, &p);
	if (!c)
		return;
	if (r < 0 && a->exec_error) {
		start_failed(p, c, err_text(e));
	} else if (r == -ECONNRESET) {
		return; /* on_gone settles it */
	} else if (r < 0) {
		container_clean(p, c);
		blocked(p, c, "CreateContainerError", err_text(e));
	} else {
		events_pod(p->agent->events, p->state, c->name, false, "Created", "Created container: %s", c->name);
		shim_start_container(p->shim, c->id, on_started, TAKE(next));
	}
}

/* The steps before the supervisor's turn. *ret_reason: the waiting reason of a failure. */
static int prepare(struct attempt *a, const char **ret_reason, struct err *e)
{
	*ret_reason = "CreateContainerConfigError";
	int r = make_env(a, e);
	if (r < 0)
		return r;
	r = make_rootfs(a, e);
	if (r < 0) {
		*ret_reason = r == -EACCES ? *ret_reason : "CreateContainerError";
		return r;
	}
	r = make_mounts(a, e);
	if (r < 0)
		return r;
	*ret_reason = "CreateContainerError";
	return write_config(a, e);
}

static void hand_over(struct attempt *a)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *log = NULL;
	struct container_state *c = a->c;
	if (make_log(a, &log, &e) < 0) {
		container_clean(a->p, c);
		blocked(a->p, c, "CreateContainerError", err_text(&e));
		return;
	}
	struct launch *l = xcalloc(1, sizeof(*l));
	l->p = a->p;
	snprintf(l->name, sizeof(l->name), "%s", c->name);
	memcpy(l->id, c->id, sizeof(l->id));
	struct shim_container sc = {.id = c->id,
				    .bundle = a->bundle,
				    .log = log,
				    .tty = json_bool_at(c->spec, "tty", false),
				    .stdin_ = json_bool_at(c->spec, "stdin", false),
				    .stdin_once = json_bool_at(c->spec, "stdinOnce", false)};
	shim_create(a->p->shim, &sc, on_created, l);
}

void container_start(struct pod *p, struct container_state *c)
{
	struct attempt a = {.p = p, .c = c};
	struct err e = ERR_INIT;
	const char *reason;
	char id[CONTAINER_ID_LEN + 1];
	const struct agent *ag = p->agent;
	if (ag->service_links && !service_links_synced(ag->service_links) && !p->state->is_static)
		return; /* its sync kicks every pod */
	a.image = image_check(p, c);
	if (!a.image) {
		pod_kick(p);
		return;
	}
	random_id(id);
	container_clean(p, c);
	container_begin(c, id, clock_mono_ms());
	text_set(&c->image_id, a.image->id);
	a.bundle = container_bundle(p, c);
	a.cgroup = xasprintf("%s/%s", p->cgroup, c->name);
	a.hostname = pod_hostname(p->state->pod, ag->config->node_name);
	if (prepare(&a, &reason, &e) < 0) {
		container_clean(p, c);
		blocked(p, c, reason, err_text(&e));
	} else {
		text_set(&c->wait_reason, NULL);
		text_set(&c->wait_message, NULL);
		c->retry_delay_ms = 0;
		pod_save(p);
		hand_over(&a);
	}
	attempt_done(&a);
}
