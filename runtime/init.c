/* The child: from the clone to exec.
 *
 * Happy path of create: wait for SYNC_GO (cgroup and id maps are in place; what depends on neither is done before), go into
 * the cgroup, join namespaces, mounts, hooks, new root,
 * become the process, SYNC_READY, wait at the gate (run: goes on), startContainer hooks, exec. Of exec: it is born in
 * the container (exec_enter.c), becomes the process and calls exec. What can fail: every step; the reason goes to the creator.
 * What always holds: a creator that dies takes a new container's child with it (the socket reads as closed), and nobody in the
 * container can look into this process (it is not dumpable) until it has become the container's program. */
#include "runtime/init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "runtime/cpu_affinity.h"
#include "runtime/mounts.h"
#include "runtime/notice.h"
#include "runtime/process_label.h"
#include "runtime/rootless.h"
#include "runtime/spawn.h"
#include "runtime/state.h"
#include "runtime/sync.h"
#include "runtime/syscalls.h"
#include "runtime/terminal.h"

#define EXIT_NOT_STARTED 255

static void __attribute__((noreturn)) fail(const struct init_args *a, struct err *e, int r)
{
	if (!e->code)
		err_code(e, r, "container setup");
	if (a->config)
		err_wrap(e, e->code, "error during container init");
	sync_send_error(a->sync_fd, e);
	_exit(1);
}

/* The first moments: signals as a new program expects them, no lock of the creator. */
static void begin(const struct init_args *a)
{
	sigset_t none;
	sys_close_range(3 + (unsigned)a->opts->preserve_fds, ~0u, CLOSE_RANGE_CLOEXEC);
	notice_through(a->sync_fd);
	notice_debug("nsexec container setup");
	if (a->lock_fd >= 0)
		close(a->lock_fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	/* An ordinary user may write the maps of this process only while it is dumpable; until it joins something, nobody in
	 * a container can see it. */
	if (a->info->owner_uid == 0 || !a->config || !a->config->ns[NS_USER].wanted || a->config->ns[NS_USER].path)
		prctl(PR_SET_DUMPABLE, 0);
}

/* Attached to its cgroup, whose processors it may use then. */
static int await_go(const struct init_args *a, struct err *e)
{
	int r = sync_await_go(a->sync_fd, e);
	if (r == 0)
		r = cpu_affinity_settle(NULL, e);
	/* While its files in /proc are its own. */
	if (r == 0 && rootless_late_time(a->config, a->info->owner_uid))
		r = spawn_own_time(a->config->time_offsets, e);
	prctl(PR_SET_DUMPABLE, 0);
	return r;
}

/* Of the container's namespaces, where the process has another number. */
static int run_hooks(const struct init_args *a, const char *kind, enum container_status status, const struct hooks_opts *o,
		     struct err *e)
{
	struct container_info i = *a->info;
	i.pid = getpid();
	i.status = status;
	return state_run_hooks_as(a->config->json, kind, &i, o, e);
}

static int run_create_hooks(const struct init_args *a, struct err *e)
{
	const struct hooks_opts o = { .dir = a->config->rootfs };
	return run_hooks(a, "createContainer", CONTAINER_CREATING, &o, e);
}

/* With the environment of the process where they have none. */
static int run_start_hooks(const struct init_args *a, const struct process_run *run, struct err *e)
{
	const struct hooks_opts o = { .envp = run->envp };
	return run_hooks(a, "startContainer", CONTAINER_CREATED, &o, e);
}

static int enter_namespaces(const struct init_args *a, struct err *e)
{
	const struct config *c = a->config;
	int r = 0;
	if (c->ns[NS_USER].wanted && !c->ns[NS_USER].path)
		r = spawn_become_root(e);
	if (r == 0)
		r = spawn_join(a->ns_fds, e);
	if (r == 0 && setsid() < 0)
		r = err_sys(e, "setsid");
	if (r == 0 && a->own_flags && unshare((int)a->own_flags) < 0)
		r = err_sys(e, "unshare namespaces");
	return r;
}

/* Only in its cgroup does the process see that one as the root. */
static int enter_cgroup_namespace(const struct init_args *a, struct err *e)
{
	const struct ns_conf *ns = &a->config->ns[NS_CGROUP];
	return ns->wanted && !ns->path && unshare(CLONE_NEWCGROUP) < 0 ? err_sys(e, "unshare cgroup namespace") : 0;
}

/* The mounts, and on the way the moment from which the process is limited. */
static int mount_all(const struct init_args *a, int root, struct err *e)
{
	struct mounts_job j = { a->config, a->cgroup, root, a->sync_fd, 0 };
	int r = a->early ? mounts_apply(&j, true, e) : 0;
	if (r == 0 && a->early)
		r = await_go(a, e);
	if (r == 0)
		r = enter_cgroup_namespace(a, e);
	return r == 0 ? mounts_apply(&j, false, e) : r;
}

static int set_up_keyring(const struct init_args *a, int proc_fd, struct err *e)
{
	if (a->opts->no_new_keyring)
		return 0;
	int r = process_label_keys(a->process, proc_fd, e);
	if (r < 0)
		return r;
	return a->config ? init_setup_new_keyring(a->config, a->info->id, e) : init_setup_keyring(a->info->id, NULL, e);
}

static int set_up_console(const struct init_args *a, int root_fd, struct err *e)
{
	struct terminal t;
	if (!a->process->terminal)
		return process_stdio(a->opts->stdio, e);
	int r = terminal_open(root_fd, a->process, a->opts->console_bare, &t, e);
	if (r < 0)
		return r;
	AUTO_FD int master = t.master_fd, slave = t.slave_fd;
	if (a->config)
		r = devices_bind_console(root_fd, slave, e);
	if (r == 0)
		r = sync_send(a->sync_fd, SYNC_CONSOLE, 0, master);
	return r < 0 ? r : terminal_take(slave, e);
}

static bool has_hooks(const struct config *c)
{
	return json_array_size(json_at(c->hooks, "prestart")) || json_array_size(json_at(c->hooks, "createRuntime"));
}

/* While the root can still be written, and never through a link that leads out of it. What could not be made is an error
 * of the chdir() that follows. */
static void make_cwd(const struct config *c, int root)
{
	int fd = fs_mkdir_in_root(root, c->process.cwd, 0755, NULL);
	close_fd(&fd);
}

static int build_root(const struct init_args *a, int proc_fd, struct err *e)
{
	const struct config *c = a->config;
	AUTO_FD int root = mounts_open_root(c, e);
	int r = root < 0 ? root : mount_all(a, root, e);
	if (r == 0)
		r = devices_make(c, root, e);
	if (r == 0)
		make_cwd(c, root);
	if (r == 0)
		r = set_up_console(a, root, e);
	if (r == 0 && has_hooks(c)) {
		r = sync_send(a->sync_fd, SYNC_HOOKS, 0, -1);
		if (r == 0)
			r = sync_expect(a->sync_fd, SYNC_GO, NULL, e);
	}
	if (r == 0)
		r = run_create_hooks(a, e);
	if (r == 0)
		r = init_setup_loopback(c, e);
	if (r == 0)
		r = init_setup_names(c, proc_fd, e);
	if (r == 0)
		r = masks_apply(c, root, e);
	if (r == 0)
		r = mounts_change_root(c, root, a->opts->no_pivot, e);
	return r < 0 ? r : devices_reopen_null(c, e);
}

/* What a process that may wait for long still needs; whatever else the caller had open is not to be held by it. */
static void close_the_rest(const struct init_args *a)
{
	int keep[] = { a->sync_fd, a->gate_fd };
	unsigned from = 3 + (unsigned)a->opts->preserve_fds;
	for (;;) {
		unsigned next = ~0u;
		for (size_t i = 0; i < ARRAY_LEN(keep); i++)
			if (keep[i] >= 0 && (unsigned)keep[i] >= from && (unsigned)keep[i] < next)
				next = (unsigned)keep[i];
		if (next > from)
			sys_close_range(from, next == ~0u ? next : next - 1, 0);
		if (next == ~0u)
			return;
		from = next + 1;
	}
}

/* The first process of a pid namespace ignores what it does not handle; a container that is not started can be ended. */
static void leave(int sig)
{
	_exit(128 + sig);
}

/* Blocks until container_start() writes one byte. Both ends are held here, so that it never reads as closed. */
static void wait_at_gate(int gate_fd)
{
	static const int fatal[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	char byte;
	ssize_t n;
	for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
		signal(fatal[i], leave);
	do
		n = read(gate_fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(1);
}

static struct process_run make_run(const struct init_args *a, int proc_fd)
{
	return (struct process_run){ .process = a->process,
				     .seccomp = a->seccomp,
				     .proc_fd = proc_fd,
				     .sync_fd = a->sync_fd,
				     .preserve_fds = a->opts->preserve_fds };
}

/* After the gate nobody listens on the socket any more; standard error is the place that is left. For run the same is
 * done when the kernel does not take the program as one. */
static void __attribute__((noreturn)) fail_late(struct err *e)
{
	dprintf(STDERR_FILENO, "%s\n", err_text(e));
	_exit(EXIT_NOT_STARTED);
}

void init_create(const struct init_args *a)
{
	struct err e = ERR_INIT;
	umask(022); /* the caller's is not the container's */
	begin(a);
	int r = a->early ? 0 : await_go(a, &e);
	int proc_fd = r < 0 ? -1 : process_open_proc(&e);
	if (r == 0 && proc_fd < 0)
		r = proc_fd;
	if (r == 0)
		r = enter_namespaces(a, &e);
	if (r == 0)
		r = set_up_keyring(a, proc_fd, &e);
	if (r == 0)
		r = build_root(a, proc_fd, &e);
	struct process_run run = make_run(a, proc_fd);
	notice_debug("child process in init()");
	if (r == 0)
		r = process_become(&run, &e);
	notice_debug("init: closing the pipe to signal completion");
	if (r == 0 && a->gate_fd >= 0)
		close_the_rest(a);
	/* An ordinary user's exec must see the waiting process to join it; it holds nothing by now that is not the
	 * container's. */
	if (r == 0 && a->gate_fd >= 0 && a->info->owner_uid != 0)
		prctl(PR_SET_DUMPABLE, 1);
	if (r == 0)
		r = sync_send(a->sync_fd, SYNC_READY, 0, -1);
	if (r < 0)
		fail(a, &e, r);
	notice_through(-1);
	if (a->gate_fd >= 0) {
		close(a->sync_fd);
		wait_at_gate(a->gate_fd);
	}
	/* Those hooks run under the container's own filter. */
	if (json_array_size(json_at(a->config->hooks, "startContainer")))
		r = process_confine(&run, &e);
	if (r == 0)
		r = run_start_hooks(a, &run, &e);
	if (r == 0)
		r = process_exec(&run, &e);
	if (a->gate_fd < 0 && !run.refused)
		fail(a, &e, r);
	fail_late(&e);
}

/* By what the container has: labels are written through its own procfs, and a terminal is one of its own. */
void init_exec(const struct init_args *a)
{
	struct err e = ERR_INIT;
	begin(a);
	int r = setsid() < 0 ? err_sys(&e, "setsid") : 0;
	int proc_fd = r == 0 && process_label_wanted(a->process) ? process_open_own_proc(&e) : -1;
	if (r == 0 && process_label_wanted(a->process) && proc_fd < 0)
		r = proc_fd;
	if (r == 0)
		r = set_up_keyring(a, proc_fd, &e);
	if (r == 0 && a->process->terminal) {
		AUTO_FD int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		r = root < 0 ? err_sys(&e, "open /") : set_up_console(a, root, &e);
	}
	struct process_run run = make_run(a, proc_fd);
	notice_debug("child process in init()");
	if (r == 0)
		r = process_become(&run, &e);
	notice_debug("setns_init: about to exec");
	if (r == 0)
		r = process_exec(&run, &e);
	fail(a, &e, r);
}
