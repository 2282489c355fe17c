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
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/proc.h"
#include "runtime/config_read.h"
#include "runtime/creation.h"
#include "runtime/idmap.h"
#include "runtime/net_devices.h"
#include "runtime/process_label.h"
#include "runtime/rootless.h"
#include "runtime/sysctl.h"
#include "runtime/tight_memory.h"

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
		r = creation_make_cgroup(c, e);
	if (r == 0)
		r = make_gate(c, e);
	if (r < 0)
		return r;
	c->info = state_of_new(c->o->id, &c->config, c->cgroup);
	return launch_connect_agent(&c->seccomp, &c->agent_sock, e);
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
		r = creation_furnish_cgroup(c, e);
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
		r = creation_clone(&c, e);
	if (r == 0)
		r = admit(&c, e);
	if (r < 0 && c.launch.pid)
		r = creation_reason(&c, r, e);
	if (r == 0)
		r = creation_attend(&c, e);
	if (r == 0 && run)
		r = creation_await_exec(&c, e);
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
