/* A process is born inside a running container.
 *
 * A process of the container with CAP_SYS_PTRACE may look into whoever it sees, so nobody may come into its view who still
 * has something of the host. Happy path: the go-between, which has its number outside only, settles (cgroup, limits), closes what
 * is not the program's, joins every namespace (with the mount namespace root and working directory become the container's),
 * clones the real process as its sibling and ends; the creator reads the number from a page that the sibling does not have.
 * What can fail: each step, told through the socket. What always holds: what the sibling could be made to say is never taken
 * for the go-between's word. */
#include "runtime/exec_enter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"
#include "runtime/syscalls.h"

#define PAGE 4096

int exec_enter_init(struct exec_enter *x, struct err *e)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return err_sys(e, "map a page");
	x->told = page;
	return 0;
}

void exec_enter_done(struct exec_enter *x)
{
	if (x->told)
		munmap(x->told, PAGE);
	x->told = NULL;
}

/* The caller's terminal or files are not the program's where it gets a terminal of its own. */
static int own_stdio(const struct init_args *a, struct err *e)
{
	if (!a->process->terminal)
		return process_stdio(a->opts->stdio, e);
	AUTO_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return err_sys(e, "open /dev/null");
	return process_stdio((int[3]){ null, null, null }, e);
}

/* Puts the two that are needed onto the first numbers after the program's, and closes all others. */
static int close_the_rest(struct init_args *a, struct err *e)
{
	int first = 3 + a->opts->preserve_fds;
	int target = fcntl(a->target_pidfd, F_DUPFD_CLOEXEC, first + 2);
	int sync = fcntl(a->sync_fd, F_DUPFD_CLOEXEC, first + 2);
	if (target < 0 || sync < 0 || dup3(sync, first, O_CLOEXEC) < 0 || dup3(target, first + 1, O_CLOEXEC) < 0)
		return err_sys(e, "move descriptors");
	a->sync_fd = first;
	a->target_pidfd = first + 1;
	int r = sys_close_range((unsigned)first + 2, ~0u, 0);
	return r < 0 ? err_code(e, r, "close descriptors") : 0;
}

static int join(struct init_args *a, struct err *e)
{
	if (setns(a->target_pidfd, (int)a->target_flags) < 0)
		return err_sys(e, "join the container's namespaces");
	close(a->target_pidfd);
	a->target_pidfd = -1;
	return a->target_flags & CLONE_NEWUSER ? spawn_become_root(e) : 0;
}

/* A supervisor reaps its children at once, also one that ends before the creator has got hold of it: such a child waits. */
static void __attribute__((noreturn)) be_born(const struct init_args *a)
{
	struct err e = ERR_INIT;
	if (a->opts->clone_parent && sync_expect(a->sync_fd, SYNC_GO, NULL, &e) < 0)
		_exit(1);
	init_exec(a);
}

void exec_enter_between(const struct exec_enter *x, const struct init_args *args)
{
	struct err e = ERR_INIT;
	struct init_args a = *args;
	struct spawn s = SPAWN_INIT;
	int pidfd = -1;
	s.clone_parent = true;
	int r = x->settle(x->arg, &e); /* while its files in /proc are an ordinary user's own */
	prctl(PR_SET_DUMPABLE, 0);
	if (r == 0)
		r = own_stdio(&a, &e);
	if (r == 0)
		r = close_the_rest(&a, &e);
	if (r == 0)
		r = join(&a, &e);
	if (r == 0 && (prctl(PR_SET_DUMPABLE, 0) < 0 || madvise(x->told, PAGE, MADV_DONTFORK) < 0))
		r = err_sys(&e, "withdraw from view");
	if (r == 0)
		r = spawn_clone(&s, &pidfd, &e);
	if (r == 0 && !e.code)
		be_born(&a);
	if (r > 0)
		__atomic_store_n(x->told, r, __ATOMIC_RELEASE);
	if (r < 0)
		sync_send_error(a.sync_fd, &e);
	_exit(r < 0);
}

/* By its pidfd: it is not always our child. */
static void await_end(struct launch *l)
{
	struct pollfd p = { .fd = l->pidfd, .events = POLLIN };
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	if (l->ours)
		while (waitpid(l->pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	close_fd(&l->pidfd);
	l->pidfd = -1;
	l->pid = 0;
}

int exec_enter_await(const struct exec_enter *x, struct launch *l, struct err *e)
{
	enum sync_type type;
	await_end(l);
	pid_t pid = __atomic_load_n(x->told, __ATOMIC_ACQUIRE);
	if (pid <= 0) {
		int r = sync_receive(l->sync_fd, &type, NULL, NULL, e);
		return r < 0 ? r : err_set(e, -EBADMSG, "no process from the go-between");
	}
	int fd = sys_pidfd_open(pid);
	if (fd < 0)
		return err_code(e, fd, "open process %d", pid);
	l->pid = pid;
	l->pidfd = fd;
	return l->ours ? 0 : sync_send(l->sync_fd, SYNC_GO, 0, -1);
}
