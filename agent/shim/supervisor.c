/* The supervisor's loop.
 *
 * Happy path: epoll tells of a client's packet, a worker's report, output of a container or SIGCHLD; each source has its
 * handler. What can fail: a client that vanishes (its slot is closed), a worker that dies (its request fails). What
 * always holds: no allocation after supervisor_init(), no blocking call in the loop, and children are reaped only here. */
#include "agent/shim/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct supervisor sv;

int64_t wall_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int source_add(struct source *s, int fd, uint32_t events, void (*fn)(struct source *s, uint32_t events))
{
	struct epoll_event ev = { .events = events, .data.ptr = s };
	if (epoll_ctl(sv.epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -errno;
	*s = (struct source){ fd, events, fn };
	return 0;
}

void source_set(struct source *s, uint32_t events)
{
	if (s->fd < 0 || s->events == events)
		return;
	struct epoll_event ev = { .events = events, .data.ptr = s };
	int op = !events ? EPOLL_CTL_DEL : s->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	s->events = events;
	(void)epoll_ctl(sv.epoll_fd, op, s->fd, &ev);
}

void source_close(struct source *s)
{
	if (s->fd < 0)
		return;
	(void)epoll_ctl(sv.epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
	close(s->fd);
	s->fd = -1;
}

static void reap(void)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		int64_t now = wall_ns();
		worker_reaped(pid);
		if (container_exited(pid, status, now))
			continue;
		unsigned number = sv.next_early++, at = number % MAX_EARLY;
		sv.early[at].number = number;
		sv.early[at].pid = pid;
		sv.early[at].status = status;
		sv.early[at].ns = now;
	}
}

static void on_signal(struct source *s, uint32_t events)
{
	(void)events;
	struct signalfd_siginfo si;
	while (read(s->fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			continue;
		struct shim_request req = { .version = SHIM_PROTO_VERSION, .op = SHIM_OP_SHUTDOWN };
		request_handle(-1, &req, NULL, 0);
	}
	reap();
}

static int open_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : source_add(&sv.signals, fd, EPOLLIN, on_signal);
}

/* Unix socket paths are short: the directory is entered for the bind. */
static int open_listener(const char *dir)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", SHIM_SOCKET_NAME);
	if (chdir(dir) < 0)
		return -errno;
	unlink(SHIM_SOCKET_NAME);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mode_t mask = umask(0177);
	int r = bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, MAX_CONNS) < 0 ? -errno : 0;
	umask(mask);
	if (r < 0) {
		close(fd);
		return r;
	}
	return source_add(&sv.listener, fd, EPOLLIN, conn_accept);
}

static void init_tables(void)
{
	sv.listener.fd = sv.signals.fd = -1;
	for (int i = 0; i < MAX_CONNS; i++)
		sv.conns[i].src.fd = -1;
	for (int i = 0; i < MAX_WORKERS; i++)
		sv.workers[i].src.fd = -1;
}

int supervisor_init(const char *dir, const char *cgroup)
{
	init_tables();
	sv.dir = dir;
	sv.cgroup = cgroup;
	snprintf(sv.runtime_root, sizeof(sv.runtime_root), "%s/%s", dir, SHIM_RUNTIME_DIR);
	sv.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (sv.epoll_fd < 0)
		return -errno;
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	int r = open_signals();
	return r < 0 ? r : open_listener(dir);
}

int supervisor_run(void)
{
	while (!sv.stopping) {
		struct epoll_event ev[16];
		int n = epoll_wait(sv.epoll_fd, ev, 16, -1);
		if (n < 0 && errno != EINTR)
			return EXIT_FAILURE;
		for (int i = 0; i < n; i++) {
			struct source *s = ev[i].data.ptr;
			if (s->fd >= 0)
				s->fn(s, ev[i].events);
		}
	}
	unlink(SHIM_SOCKET_NAME);
	unlink(SHIM_PID_NAME);
	return EXIT_SUCCESS;
}
