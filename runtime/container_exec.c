/* container_exec().
 *
 * Happy path: complete the process object from the container's own, have the child born in the container (exec_enter.c), let
 * it become the process and exec; the socket closes at exec. What can fail: state, attach, everything in the
 * child. What always holds: what the object does not say is as restricted as the container's first process. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "runtime/container.h"
#include "runtime/cpu_affinity.h"
#include "runtime/exec_enter.h"
#include "runtime/intel_rdt.h"
#include "runtime/launch.h"
#include "runtime/process_label.h"
#include "runtime/rootless.h"
#include "runtime/spawn.h"
#include "runtime/state.h"
#include "runtime/sync.h"

struct execution {
	const struct container_opts *o;
	json_t *config_json, *process_json;
	struct process_conf process;
	struct seccomp_program seccomp;
	struct container_info info;
	struct cgroup *cgroup;
	struct launch launch;
	int init_fd, sync_child, cgroup_fd, agent_sock;
	uint64_t ns_flags;
	struct cgroup_doors doors;
	struct exec_enter enter;
	bool cloned;
};

static void execution_done(struct execution *x)
{
	launch_done(&x->launch);
	close_fd(&x->init_fd);
	close_fd(&x->sync_child);
	close_fd(&x->cgroup_fd);
	cgroup_doors_done(&x->doors);
	exec_enter_done(&x->enter);
	close_fd(&x->agent_sock);
	cgroup_free(x->cgroup);
	seccomp_program_done(&x->seccomp);
	process_conf_done(&x->process);
	container_info_done(&x->info);
	json_decref(x->process_json);
	json_decref(x->config_json);
}

static const char *const inherited[] = { "env", "capabilities", "noNewPrivileges", "rlimits", "apparmorProfile",
					 "selinuxLabel", "oomScoreAdj", "scheduler", "ioPriority",
					 "execCPUAffinity" };

static json_t *complete(const json_t *process, const json_t *config)
{
	json_t *p = json_copy((json_t *)process);
	json_t *own = json_object_get(config, "process");
	for (size_t i = 0; i < ARRAY_LEN(inherited); i++)
		if (!json_object_get(p, inherited[i]) && json_object_get(own, inherited[i]))
			json_object_set(p, inherited[i], json_object_get(own, inherited[i]));
	json_t *mask = json_at(own, "user.umask");
	if (mask && !json_at(p, "user.umask")) {
		json_object_set_new(p, "user", json_copy(json_object_at(p, "user")));
		json_object_set(json_object_get(p, "user"), "umask", mask);
	}
	if (!json_object_get(p, "cwd"))
		json_object_set_new(p, "cwd", json_string("/"));
	return p;
}

static int check_status(struct execution *x, struct err *e)
{
	int r = state_read(x->o->root, x->o->id, &x->info, e);
	if (r < 0)
		return r;
	if (x->info.status == CONTAINER_STOPPED)
		return err_set(e, -ESRCH, "cannot exec in a stopped container");
	if (x->info.status == CONTAINER_PAUSED && !x->o->ignore_paused)
		return err_set(e, -EBUSY, "cannot exec in a paused container (use --ignore-paused to override)");
	x->init_fd = state_open_init(&x->info, e);
	if (x->init_fd < 0)
		return x->init_fd;
	if (!x->o->config)
		return state_read_config(x->o->root, x->o->id, &x->config_json, e);
	x->config_json = json_incref((json_t *)x->o->config);
	return 0;
}

static uint64_t namespaces_of(const json_t *config)
{
	uint64_t flags = CLONE_NEWNS;
	size_t i;
	json_t *n;
	json_array_foreach(json_at(config, "linux.namespaces"), i, n)
	{
		for (int k = 0; k < NS_COUNT; k++)
			if (str_eq(ns_kinds[k].oci, json_str_at(n, "type")))
				flags |= ns_kinds[k].flag;
	}
	return flags;
}

static int open_cgroup(struct execution *x, struct err *e)
{
	AUTO_CGROUP *own = NULL;
	int r = state_open_cgroup(&x->info, &own, e);
	if (r == 0)
		r = cgroup_open_below(own, x->o->cgroups, &x->cgroup, e);
	if (r == 0 && x->o->cgroups)
		r = cgroup_check_exists(x->cgroup, e);
	return r < 0 ? r : launch_clone_cgroup(x->cgroup, &x->cgroup_fd, e);
}

static int prepare(struct execution *x, struct err *e)
{
	int r = check_status(x, e);
	if (r < 0)
		return r;
	x->process_json = complete(x->o->process, x->config_json);
	r = process_parse(x->process_json, &x->process, e);
	if (r == 0)
		r = process_parse_linux(json_object_get(x->config_json, "linux"), &x->process, e);
	if (r == 0)
		r = process_label_check(&x->process, e);
	if (r == 0)
		launch_warn(&x->process);
	if (r == 0 && geteuid() != 0)
		r = rootless_check_groups(&x->process, e);
	if (r == 0 && x->process.terminal && x->o->detached && !x->o->console_socket)
		r = err_set(e, -EINVAL, "cannot allocate tty if the runtime will detach without setting console socket");
	if (r == 0)
		r = seccomp_compile(json_at(x->config_json, "linux.seccomp"), &x->seccomp, e);
	if (r == 0)
		r = open_cgroup(x, e);
	if (r == 0)
		r = launch_connect_agent(&x->seccomp, &x->agent_sock, e);
	x->ns_flags = namespaces_of(x->config_json);
	return r;
}

/* Once the container's program has enabled controllers below its own cgroup, that one takes no processes any more; then the
 * place is where the first process went. */
static pid_t clone_into(struct execution *x, struct spawn *s, struct err *e)
{
	struct err why = ERR_INIT;
	AUTO_CGROUP *cg = NULL;
	pid_t pid = spawn_clone(s, &x->launch.pidfd, &why);
	if (pid == -EBUSY && s->cgroup_fd >= 0 && !x->o->cgroups && cgroup_open_of(x->cgroup, x->info.pid, &cg, NULL) == 0) {
		int fd = cgroup_clone_fd(cg, e);
		if (fd < 0)
			return fd;
		close_fd(&x->cgroup_fd);
		s->cgroup_fd = x->cgroup_fd = fd;
		return spawn_clone(s, &x->launch.pidfd, e);
	}
	if (pid < 0 && e)
		*e = why;
	return pid;
}

static int join_rdt(const struct execution *x, pid_t pid, struct err *e)
{
	struct intel_rdt rdt;
	const json_t *j = json_at(x->config_json, "linux.intelRdt");
	int r = j ? intel_rdt_parse(j, &rdt, e) : 0;
	return j && r == 0 ? intel_rdt_join(&rdt, intel_rdt_root(), x->o->id, pid, e) : r;
}

/* The go-between, for whom an ordinary user's creator has found a place in the meantime. */
static int settle(void *arg, struct err *e)
{
	struct execution *x = arg;
	int r = geteuid() != 0 ? sync_await_go(x->sync_child, e) : 0;
	if (r == 0)
		r = launch_set_oom_score(&x->process, getpid(), e);
	if (r == 0)
		r = join_rdt(x, getpid(), e);
	if (r < 0)
		return r;
	r = cgroup_doors_enter(&x->doors);
	return r < 0 ? err_code(e, r, "enter the cgroup") : cpu_affinity_settle(&x->process, e);
}

static int await_between(struct execution *x, struct err *e)
{
	struct cgroup_doors none = { 0 };
	if (geteuid() != 0) {
		cgroup_attach_unprivileged(x->cgroup, x->launch.pid, NULL); /* or stay outside */
		int r = sync_send_go(x->launch.sync_fd, x->launch.pid, &none);
		if (r < 0)
			return r;
	}
	return exec_enter_await(&x->enter, &x->launch, e);
}

static int clone_child(struct execution *x, struct err *e)
{
	int pair[2], r = sync_pair(pair, e);
	if (r < 0)
		return r;
	x->launch.sync_fd = pair[0];
	x->sync_child = pair[1];
	x->launch.ours = !x->o->clone_parent;
	struct spawn s = SPAWN_INIT;
	s.clone_parent = x->o->clone_parent;
	s.cgroup_fd = x->cgroup_fd;
	struct cpu_affinity_before cpus;
	x->enter.settle = settle;
	x->enter.arg = x;
	r = exec_enter_init(&x->enter, e);
	if (r == 0)
		r = cgroup_doors_open(x->cgroup, &x->doors, e);
	if (r == 0)
		r = cpu_affinity_enter(&x->process, &cpus, e);
	if (r < 0)
		return r;
	pid_t pid = clone_into(x, &s, e);
	if (pid == 0) {
		struct init_args a = { .opts = x->o,
				       .process = &x->process,
				       .seccomp = &x->seccomp,
				       .info = &x->info,
				       .sync_fd = pair[1],
				       .gate_fd = -1,
				       .lock_fd = -1,
				       .target_pidfd = x->init_fd,
				       .target_flags = x->ns_flags };
		close(pair[0]);
		exec_enter_between(&x->enter, &a);
	}
	cpu_affinity_leave(&cpus);
	if (pid < 0)
		return pid;
	x->cloned = true;
	x->launch.pid = pid;
	close_fd(&x->sync_child);
	x->sync_child = -1;
	cgroup_doors_done(&x->doors);
	return await_between(x, e);
}

/* Until the socket closes, which exec does. */
static int attend(struct execution *x, struct err *e)
{
	for (;;) {
		enum sync_type type;
		AUTO_FD int fd = -1;
		struct err mine = ERR_INIT;
		int r = sync_receive(x->launch.sync_fd, &type, NULL, &fd, &mine);
		if (r == -EPIPE)
			return 0;
		if (r == 0 && type == SYNC_CONSOLE) {
			x->launch.console_fd = TAKE_FD(fd);
			r = launch_hand_console(&x->launch, x->o, &mine);
		}
		if (r == 0 && type == SYNC_LISTENER)
			r = launch_send_listener(x->agent_sock, fd, &x->seccomp, &x->info, x->launch.pid, &mine);
		if (r == 0 && type == SYNC_LIMITS)
			r = launch_set_limits(&x->launch, &x->process, &mine);
		if (r < 0) {
			if (e)
				*e = mine;
			return r;
		}
	}
}

int container_exec(const struct container_opts *o, struct container_proc *ret, struct err *e)
{
	AUTO(execution_done) struct execution x = { .o = o,
						    .launch = LAUNCH_INIT,
						    .init_fd = -1,
						    .sync_child = -1,
						    .cgroup_fd = -1,
						    .agent_sock = -1 };
	int r = launch_check_preserved(o->preserve_fds, e);
	if (r == 0)
		r = prepare(&x, e);
	if (r == 0)
		r = clone_child(&x, e);
	if (r == 0)
		r = attend(&x, e);
	if (r == 0)
		r = launch_finish(&x.launch, o, o->pid_file, ret, e);
	if (r < 0 && x.cloned)
		return err_wrap(e, r, "unable to start container process");
	return r;
}
