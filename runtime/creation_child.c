/* The clone of a container's process.
 *
 * Happy path: one clone with all new namespaces; where an order of joining and making is needed, a go-between joins and clones
 * the real child as its sibling. What can fail: the clone, the go-between. What always holds: the ends of the socket pair, of
 * the gate and of pidfds are open in one process each. */
#include <errno.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "runtime/creation.h"
#include "runtime/rootless.h"

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

int creation_clone(struct creation *c, struct err *e)
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
