/* container_create() and container_run().
 *
 * Happy path: state directory and lock, configuration, filter, gate, clone; while the child begins, cgroup with its limits,
 * map, record the state; let the child go into the cgroup and build the container, hooks, until it says that it waits at
 * the gate; run does not wait there, and goes on until the child's socket closes, which its exec does. What can fail: any of
 * it; then the child is killed, the cgroup removed if it was made here, and the directory removed. What always holds:
 * state.json stands before the child does anything that has to be undone, so that a creator killed at any instant leaves a
 * container that delete --force removes. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/proc.h"
#include "runtime/config_read.h"
#include "runtime/container.h"
#include "runtime/cpu_affinity.h"
#include "runtime/default_devices.h"
#include "runtime/idmap.h"
#include "runtime/launch.h"
#include "runtime/net_devices.h"
#include "runtime/mounts_source.h"
#include "runtime/process_label.h"
#include "runtime/rootless.h"
#include "runtime/spawn.h"
#include "runtime/state.h"
#include "runtime/sync.h"
#include "runtime/sysctl.h"
#include "runtime/syscalls.h"
#include "runtime/tight_memory.h"

struct creation {
	const struct container_opts *o;
	struct config config;
	struct str text; /* of the bundle's file, empty where the configuration came as JSON */
	struct seccomp_program seccomp;
	struct cgroup *cgroup;
	bool run, made_cgroup, made_pid_file, made_rdt, finished;
	struct state_dir dir;
	struct container_info info;
	struct init_args args;
	struct launch launch;
	int sync_child, gate_fd, agent_sock, cgroup_fd;
	struct cgroup_doors doors;
};

static void creation_done(struct creation *c)
{
	launch_done(&c->launch);
	if (!c->finished && !c->o->keep) {
		if (c->made_cgroup)
			cgroup_kill_and_destroy(c->cgroup, NULL);
		else if (c->cgroup) /* it is another's */
			cgroup_unmake(c->cgroup);
		if (c->made_rdt)
			intel_rdt_leave(&c->config.intel_rdt, intel_rdt_root(), c->o->id);
		if (c->dir.path)
			state_dir_remove(&c->dir, NULL);
		if (c->made_pid_file)
			unlink(c->o->pid_file);
	}
	for (int i = 0; i < NS_COUNT; i++)
		close_fd(&c->args.ns_fds[i]);
	close_fd(&c->sync_child);
	close_fd(&c->gate_fd);
	close_fd(&c->agent_sock);
	close_fd(&c->cgroup_fd);
	cgroup_doors_done(&c->doors);
	cgroup_free(c->cgroup);
	seccomp_program_done(&c->seccomp);
	container_info_done(&c->info);
	config_done(&c->config);
	str_done(&c->text);
	state_dir_done(&c->dir);
}

/* What the configuration says about this machine rather than about itself. */
static int check_config(const struct config *c, struct err *e)
{
	int host_net = sysctl_host_net(c, e);
	int r = host_net < 0 ? host_net : sysctl_check(c, host_net, e);
	if (r == 0)
		r = process_label_check(&c->process, e);
	if (r == 0)
		r = c->intel_rdt.given ? intel_rdt_check(&c->intel_rdt, intel_rdt_root(), e) : 0;
	if (r == 0)
		launch_warn(&c->process);
	return r == 0 && geteuid() != 0 ? rootless_check(c, e) : r;
}

static int load_config(struct creation *c, struct err *e)
{
	char bundle[PATH_MAX];
	AUTO_JSON *json = NULL;
	if (!realpath(c->o->bundle ? c->o->bundle : ".", bundle))
		return err_sys(e, "bundle %s", c->o->bundle ? c->o->bundle : ".");
	int r = c->o->config ? 0 : config_read(bundle, &json, &c->text, e);
	if (r < 0)
		return r;
	if (!json)
		json = json_incref((json_t *)c->o->config);
	r = config_parse(json, bundle, &c->config, e);
	if (r == 0)
		r = check_config(&c->config, e);
	return r < 0 ? r : seccomp_compile(c->config.seccomp, &c->seccomp, e);
}

/* A cgroup that is there already may be used as long as nothing runs in it. */
static int make_cgroup(struct creation *c, struct err *e)
{
	AUTO_CGROUP_HOST *host = NULL;
	int r = cgroup_host_open(&host, e);
	if (r == 0)
		r = c->o->systemd_cgroup
			    ? cgroup_resolve_unit(host, c->config.cgroups_path, c->o->id, json_object_get(c->config.json, "annotations"),
						  &c->cgroup, e)
			    : cgroup_resolve(host, c->config.cgroups_path, c->o->id, &c->cgroup, e);
	if (r < 0)
		return r;
	tight_memory_begin(c->cgroup, c->config.resources);
	cgroup_set_lenient(c->cgroup, c->o->rootless == ROOTLESS_TRUE ? 1 : c->o->rootless == ROOTLESS_FALSE ? -1 : 0);
	return cgroup_create_early(c->cgroup, e);
}

/* The host's uid of the process, -1 where it is not mapped. */
static int64_t host_uid(const struct config *c)
{
	for (size_t i = 0; i < c->n_uid_maps; i++)
		if (c->process.uid >= c->uid_maps[i].inside && c->process.uid - c->uid_maps[i].inside < c->uid_maps[i].count)
			return (int64_t)c->uid_maps[i].outside + (c->process.uid - c->uid_maps[i].inside);
	return -1;
}

/* A user namespace's own, writable view of its cgroup is given to the user that runs in it. */
static int delegate_cgroup(struct creation *c, struct err *e)
{
	const struct config *f = &c->config;
	int64_t uid = host_uid(f);
	if (uid < 0 || !f->ns[NS_CGROUP].wanted || f->ns[NS_CGROUP].path)
		return 0;
	for (size_t i = 0; i < f->n_mounts; i++) {
		const struct mount_conf *m = &f->mounts[i];
		if ((str_eq(m->type, "cgroup") || str_eq(m->type, "cgroup2")) && str_eq(m->destination, "/sys/fs/cgroup") &&
		    !(m->options.attr_set & MOUNT_ATTR_RDONLY))
			return cgroup_delegate(c->cgroup, (uid_t)uid, e);
	}
	return 0;
}

/* While the child has begun with what does not depend on it. */
static int furnish_cgroup(struct creation *c, struct err *e)
{
	AUTO_JSON *resources = default_devices_add(c->config.resources);
	tight_memory_first(resources);
	cgroup_introduce(c->cgroup, c->launch.pid, resources);
	int r = cgroup_create_vacant(c->cgroup, e);
	c->made_cgroup = r == 0;
	if (r == 0)
		r = cgroup_attach_unprivileged(c->cgroup, c->launch.pid, e);
	if (r == 0)
		r = cgroup_apply(c->cgroup, resources, e);
	if (r == 0)
		rootless_warn_loose(&c->config, cgroup_exists(c->cgroup));
	if (r == 0)
		r = delegate_cgroup(c, e);
	json_decref(c->info.cgroup);
	c->info.cgroup = cgroup_save(c->cgroup); /* without what could not be made */
	return r == 0 ? cgroup_doors_open(c->cgroup, &c->doors, e) : r;
}

/* For run too, where nobody waits at it: as long as the child has it open, which is until exec, the container is "created". */
static int make_gate(struct creation *c, struct err *e)
{
	int r = mkfifoat(c->dir.fd, STATE_GATE, 0600);
	if (r < 0 && errno == EEXIST && unlinkat(c->dir.fd, STATE_GATE, 0) == 0)
		r = mkfifoat(c->dir.fd, STATE_GATE, 0600);
	if (r < 0)
		return err_sys(e, "make gate %s/" STATE_GATE, c->dir.path);
	c->gate_fd = openat(c->dir.fd, STATE_GATE, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return c->gate_fd < 0 ? err_sys(e, "open gate %s/" STATE_GATE, c->dir.path) : 0;
}

static int prepare(struct creation *c, struct err *e)
{
	int r = load_config(c, e);
	if (r == 0)
		r = idmap_open_all(&c->config, e);
	if (r == 0)
		r = spawn_open_namespaces(&c->config, c->args.ns_fds, e);
	if (r == 0)
		r = idmap_check_joined(&c->config, c->args.ns_fds[NS_USER], e);
	/* First, because what was made of the cgroup is found by it when state.json is missing. */
	if (r == 0)
		r = c->text.len ? state_write_config_text(&c->dir, &c->text, e) : state_write_config(&c->dir, c->config.json, e);
	if (r == 0)
		r = make_cgroup(c, e);
	if (r == 0)
		r = make_gate(c, e);
	if (r < 0)
		return r;
	c->info = state_of_new(c->o->id, &c->config, c->cgroup);
	return launch_connect_agent(&c->seccomp, &c->agent_sock, e);
}

/* With no ids to map and nobody's namespaces to join the child needs us only for its cgroups. */
static bool is_independent(const struct config *c)
{
	bool paths = false;
	for (int i = 0; i < NS_COUNT; i++)
		paths |= c->ns[i].path != NULL;
	return !paths && !c->ns[NS_USER].wanted;
}

static void fill_args(struct creation *c, int sync_fd)
{
	c->args.opts = c->o;
	c->args.config = &c->config;
	c->args.process = &c->config.process;
	c->args.seccomp = &c->seccomp;
	c->args.cgroup = c->cgroup;
	c->args.info = &c->info;
	c->args.sync_fd = sync_fd;
	c->args.gate_fd = c->run ? -1 : c->gate_fd;
	c->args.lock_fd = c->dir.fd;
	c->args.early = is_independent(&c->config);
}

/* Joining some namespaces and making a user namespace, or making some inside a joined one, takes an order that one
 * clone cannot express: a go-between joins, then clones the real child as its sibling. */
static bool needs_go_between(const struct config *c)
{
	bool paths = false;
	for (int i = 0; i < NS_COUNT; i++)
		paths |= c->ns[i].path != NULL;
	return c->ns[NS_USER].wanted && paths;
}

static struct spawn new_spawn(struct creation *c)
{
	struct spawn s = SPAWN_INIT;
	s.flags = spawn_new_flags(&c->config);
	s.new_time = c->config.ns[NS_TIME].wanted && !c->config.ns[NS_TIME].path && !rootless_late_time(&c->config, geteuid());
	s.time_offsets = c->config.time_offsets;
	return s;
}

static void __attribute__((noreturn)) go_between(struct creation *c)
{
	struct err e = ERR_INIT;
	int pidfd = -1, r = spawn_join(c->args.ns_fds, &e);
	struct spawn s = new_spawn(c);
	s.clone_parent = true;
	if (r == 0)
		r = spawn_clone(&s, &pidfd, &e);
	if (r < 0) {
		sync_send_error(c->args.sync_fd, &e);
		_exit(1);
	}
	if (r == 0) {
		for (int i = 0; i < NS_COUNT; i++)
			close_fd(&c->args.ns_fds[i]);
		for (int i = 0; i < NS_COUNT; i++)
			c->args.ns_fds[i] = -1;
		init_create(&c->args);
	}
	_exit(sync_send(c->args.sync_fd, SYNC_PID, r, pidfd) < 0);
}

static int await_real_child(struct creation *c, pid_t between, struct err *e)
{
	enum sync_type type;
	int r = sync_receive(c->launch.sync_fd, &type, &c->launch.pid, &c->launch.pidfd, e);
	if (!c->o->clone_parent)
		waitpid(between, NULL, __WALL);
	if (r == 0 && (type != SYNC_PID || c->launch.pidfd < 0))
		r = err_set(e, -EBADMSG, "no process from the go-between");
	return r;
}

static int clone_child(struct creation *c, struct err *e)
{
	int pair[2], r = sync_pair(pair, e);
	if (r < 0)
		return r;
	c->launch.sync_fd = pair[0];
	c->sync_child = pair[1];
	c->launch.ours = !c->o->clone_parent;
	fill_args(c, pair[1]);
	bool between = needs_go_between(&c->config);
	struct spawn s = between ? SPAWN_INIT : new_spawn(c);
	s.clone_parent = c->o->clone_parent;
	r = launch_clone_cgroup(c->cgroup, &c->cgroup_fd, e);
	if (r < 0)
		return r;
	s.cgroup_fd = c->cgroup_fd;
	/* Takes long enough to be done beside our own work; not where devices are waiting to be moved into it. */
	if (c->args.early && !json_object_size(c->config.net_devices)) {
		c->args.own_flags = s.flags & CLONE_NEWNET;
		s.flags &= ~(uint64_t)CLONE_NEWNET;
	}
	if (!between)
		s.pid_ns_fd = c->args.ns_fds[NS_PID];
	int pidfd = -1;
	pid_t pid = spawn_clone(&s, &pidfd, e);
	if (pid == 0) {
		close(c->launch.sync_fd);
		if (!between)
			c->args.ns_fds[NS_PID] = -1; /* born into it */
		between ? go_between(c) : init_create(&c->args);
	}
	if (pid < 0)
		return pid;
	close_fd(&c->sync_child);
	close_fd(&c->gate_fd);
	c->sync_child = c->gate_fd = -1;
	if (between) {
		close_fd(&pidfd);
		return await_real_child(c, pid, e);
	}
	c->launch.pid = pid;
	c->launch.pidfd = pidfd;
	return 0;
}

static int enter_rdt(struct creation *c, struct err *e)
{
	if (!c->config.intel_rdt.given)
		return 0;
	c->made_rdt = true;
	return intel_rdt_enter(&c->config.intel_rdt, intel_rdt_root(), c->o->id, c->launch.pid, e);
}

static int move_net_devices(const struct creation *c, struct err *e)
{
	if (!json_object_size(c->config.net_devices))
		return 0;
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/net", c->launch.pid);
	AUTO_FD int own = c->args.ns_fds[NS_NET] >= 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	if (own < 0 && c->args.ns_fds[NS_NET] < 0)
		return err_sys(e, "open %s", path);
	return net_devices_move(c->config.net_devices, own >= 0 ? own : c->args.ns_fds[NS_NET], e);
}

/* What only the creator may do for the child, before the child goes on. */
static int admit(struct creation *c, struct err *e)
{
	char letter;
	pid_t pid = c->launch.pid;
	int r = spawn_map_ids(&c->config, pid, e);
	if (r == 0)
		r = furnish_cgroup(c, e);
	if (r == 0)
		r = launch_set_oom_score(&c->config.process, pid, e);
	if (r == 0)
		r = enter_rdt(c, e);
	if (r == 0)
		r = move_net_devices(c, e);
	c->info.pid = pid;
	if (r == 0 && proc_stat(pid, &letter, &c->info.start_time) < 0)
		r = err_set(e, -ESRCH, "the container's process ended unexpectedly");
	c->launch.start_time = c->info.start_time;
	if (r == 0)
		r = state_write(&c->dir, &c->info, e);
	/* Of a process that will not wait at the gate the number must be known before it runs. */
	if (r == 0 && c->run && c->o->pid_file) {
		r = launch_write_pid_file(c->o->pid_file, pid, e);
		c->made_pid_file = r == 0;
	}
	return r == 0 ? sync_send_go(c->launch.sync_fd, pid, &c->doors) : r;
}

static int run_runtime_hooks(struct creation *c, struct err *e)
{
	int r = state_run_hooks(c->config.json, "prestart", &c->info, e);
	if (r == 0)
		r = state_run_hooks(c->config.json, "createRuntime", &c->info, e);
	return r == 0 ? sync_send(c->launch.sync_fd, SYNC_GO, 0, -1) : r;
}

static int hand_source(struct creation *c, int index, struct err *e)
{
	AUTO_FD int fd = mounts_source_open_for(&c->config, index, c->launch.pid, c->launch.pidfd, e);
	return fd < 0 ? fd : sync_send(c->launch.sync_fd, SYNC_MOUNT, index, fd);
}

static int answer(struct creation *c, enum sync_type type, int value, int *fd, struct err *e)
{
	if (type == SYNC_CONSOLE) {
		c->launch.console_fd = TAKE_FD(*fd);
		return launch_hand_console(&c->launch, c->o, e);
	}
	if (type == SYNC_LISTENER)
		return launch_send_listener(c->agent_sock, *fd, &c->seccomp, &c->info, c->launch.pid, e);
	if (type == SYNC_MOUNT)
		return hand_source(c, value, e);
	if (type == SYNC_HOOKS)
		return run_runtime_hooks(c, e);
	if (type == SYNC_LIMITS)
		return launch_set_limits(&c->launch, &c->config.process, e);
	return err_set(e, -EBADMSG, "unexpected message %d", (int)type);
}

static int attend(struct creation *c, struct err *e)
{
	for (;;) {
		enum sync_type type;
		int value;
		AUTO_FD int fd = -1;
		int r = sync_receive(c->launch.sync_fd, &type, &value, &fd, e);
		if (r < 0 || type == SYNC_READY)
			return r;
		r = answer(c, type, value, &fd, e);
		if (r < 0)
			return r;
	}
}

/* Where nobody waits at the gate: the socket closes at exec, or says why there was none. */
static int await_exec(struct creation *c, struct err *e)
{
	struct err mine = ERR_INIT;
	enum sync_type type;
	int r = sync_receive(c->launch.sync_fd, &type, NULL, NULL, &mine);
	if (r == -EPIPE) {
		c->info.status = CONTAINER_RUNNING;
		unlinkat(c->dir.fd, STATE_GATE, 0);
		return state_run_hooks(c->config.json, "poststart", &c->info, e);
	}
	if (e)
		*e = mine;
	return r < 0 ? r : err_set(e, -EBADMSG, "unexpected message %d", (int)type);
}

/* What fails here because the child has ended has its reason in the message that the child left. */
static int prefer_childs_reason(struct creation *c, int r, struct err *e)
{
	struct err theirs = ERR_INIT;
	enum sync_type type;
	struct pollfd p = { .fd = c->launch.sync_fd, .events = POLLIN };
	if (poll(&p, 1, 0) != 1 || sync_receive(c->launch.sync_fd, &type, NULL, NULL, &theirs) >= 0 || theirs.code == -EPIPE)
		return r;
	if (e)
		*e = theirs;
	return theirs.code;
}

static int check_console(const struct creation *c, struct err *e)
{
	if (!c->config.process.terminal && c->o->console_socket)
		return err_set(e, -EINVAL, "cannot use console socket if the runtime will not detach or allocate tty");
	if (c->config.process.terminal && !c->o->console_socket && c->o->detached)
		return err_set(e, -EINVAL, "cannot allocate tty if the runtime will detach without setting console socket");
	return 0;
}

static int create(const struct container_opts *o, bool run, struct container_proc *ret, struct err *e)
{
	AUTO(creation_done) struct creation c = { .o = o,
						  .run = run,
						  .dir = { .fd = -1 },
						  .launch = LAUNCH_INIT,
						  .sync_child = -1,
						  .gate_fd = -1,
						  .agent_sock = -1,
						  .cgroup_fd = -1 };
	for (int i = 0; i < NS_COUNT; i++)
		c.args.ns_fds[i] = -1;
	int r = launch_check_preserved(o->preserve_fds, e);
	if (r == 0)
		r = state_dir_make(o->root, o->id, &c.dir, e);
	if (r == 0 && o->notify_dir)
		r = state_make_notify_dir(&c.dir, e);
	if (r == 0)
		r = prepare(&c, e);
	if (r == 0)
		r = check_console(&c, e);
	if (r == 0)
		r = clone_child(&c, e);
	if (r == 0)
		r = admit(&c, e);
	if (r < 0 && c.launch.pid)
		r = prefer_childs_reason(&c, r, e);
	if (r == 0)
		r = attend(&c, e);
	if (r == 0 && run)
		r = await_exec(&c, e);
	if (r == 0)
		r = tight_memory_settle(c.cgroup, c.config.resources, e);
	if (r == 0)
		r = launch_finish(&c.launch, o, c.made_pid_file ? NULL : o->pid_file, ret, e);
	c.finished = r == 0;
	if (r < 0 && c.launch.pid)
		return err_wrap(e, r, "unable to start container process");
	return r;
}

int container_create(const struct container_opts *o, struct container_proc *ret, struct err *e)
{
	return create(o, false, ret, e);
}

int container_run(const struct container_opts *o, struct container_proc *ret, struct err *e)
{
	return create(o, true, ret, e);
}
