/* The foreground: knarr-oci run and exec without --detach.
 *
 * Happy path: signals come through a signalfd and go on to the process; with a terminal, bytes go both ways and the window
 * size follows; the end is the pidfd's. What always holds: the caller's terminal gets its settings back. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cmd/oci/notify.h"
#include "cmd/oci/oci.h"
#include "runtime/syscalls.h"

static bool set_raw(struct termios *ret_old)
{
	struct termios raw;
	if (tcgetattr(STDIN_FILENO, ret_old) < 0)
		return false;
	raw = *ret_old;
	cfmakeraw(&raw);
	raw.c_oflag |= OPOST; /* the container's terminal leaves line ends to us (console_bare) */
	return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static void copy_size(int console_fd)
{
	struct winsize size;
	if (console_fd >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		ioctl(console_fd, TIOCSWINSZ, &size);
}

/* One read and write; false at the end. */
static bool pump(int from, int to)
{
	char buf[16384];
	ssize_t n = read(from, buf, sizeof(buf));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	return n > 0 && fs_write_all(to, buf, (size_t)n) == 0;
}

/* Orphans of a container without a pid namespace; the process itself is left for exit_status(). */
static void reap_others(pid_t pid)
{
	siginfo_t info = { 0 };
	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 && info.si_pid && info.si_pid != pid) {
		waitpid(info.si_pid, NULL, WNOHANG | __WALL);
		info.si_pid = 0;
	}
}

static void pass_signal(int sig_fd, const struct container_proc *p)
{
	struct signalfd_siginfo s;
	if (read(sig_fd, &s, sizeof(s)) != (ssize_t)sizeof(s))
		return;
	int sig = (int)s.ssi_signo;
	if (sig == SIGCHLD)
		reap_others(p->pid);
	else if (sig == SIGWINCH && p->console_fd >= 0)
		copy_size(p->console_fd);
	else if (sig != SIGPIPE || (pid_t)s.ssi_pid != getpid()) /* ours comes of a reader that has gone */
		sys_pidfd_send_signal(p->pidfd, sig);
}

static int exit_status(pid_t pid)
{
	int status = 0;
	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void loop(struct container_proc *p, struct notify *notify, int sig_fd)
{
	enum { EXIT, SIGNAL, CONSOLE, INPUT, NOTIFY };
	struct pollfd f[] = { [EXIT] = { .fd = p->pidfd, .events = POLLIN },
			      [SIGNAL] = { .fd = sig_fd, .events = POLLIN },
			      [CONSOLE] = { .fd = p->console_fd, .events = POLLIN },
			      [INPUT] = { .fd = p->console_fd >= 0 ? STDIN_FILENO : -1, .events = POLLIN },
			      [NOTIFY] = { .fd = notify ? notify->fd : -1, .events = POLLIN } };
	for (;;) {
		if (poll(f, ARRAY_LEN(f), -1) < 0 && errno != EINTR)
			return;
		if (f[SIGNAL].revents)
			pass_signal(sig_fd, p);
		if ((f[CONSOLE].revents & (POLLIN | POLLHUP)) && !pump(p->console_fd, STDOUT_FILENO))
			f[CONSOLE].fd = -1;
		if (f[INPUT].revents && !pump(STDIN_FILENO, p->console_fd))
			f[INPUT].fd = -1;
		if (f[NOTIFY].revents)
			notify_pass(notify, getpid()); /* we stay, so we are the main process of the service */
		/* What the process wrote last is read before its end counts. */
		if (f[EXIT].revents && !(f[CONSOLE].fd >= 0 && f[CONSOLE].revents & POLLIN))
			return;
	}
}

int session_run(struct container_proc *p, struct notify *notify)
{
	struct termios old;
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	AUTO_FD int sig_fd = signalfd(-1, &all, SFD_CLOEXEC);
	bool raw = p->console_fd >= 0 && set_raw(&old);
	copy_size(p->console_fd);
	loop(p, notify, sig_fd);
	if (raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &old);
	return exit_status(p->pid);
}
