/* knarr-supervise: keeps the daemons of a node running where there is no systemd.
 *
 * Happy path: daemonises, starts each program, waits. A program that ends is started again after a delay that doubles
 * from 100 ms to 10 s and is forgotten after a minute of good running. What can fail: the lock (another supervisor of
 * the same run directory: status 3). What always holds: a program that an earlier supervisor started and that still
 * runs is adopted, not started twice; SIGTERM stops the programs in reverse order and then the supervisor. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"

enum { PROGRAMS_MAX = 8, DELAY_MIN_MS = 100, DELAY_MAX_MS = 10000, GOOD_MS = 60000, STOP_MS = 20000, LOG_MAX_BYTES = 10 << 20 };

struct program {
	const char *name;
	char **argv;
	pid_t pid;
	int pidfd; /* -1: not running */
	int64_t started_ms, next_ms, delay_ms;
};

static struct program programs[PROGRAMS_MAX];
static size_t n_programs;
static const char *run_dir = "/run/knarr", *log_dir = "/var/log/knarr";

static const char help[] =
	"Usage: knarr-supervise [--run-dir DIR] [--log-dir DIR] -- NAME PROGRAM [ARG...] [-- NAME PROGRAM [ARG...]]...\n"
	"Starts the programs in the background and starts again each that ends. Their output goes to LOGDIR/NAME.log,\n"
	"their process numbers to RUNDIR/NAME.pid, the supervisor's own to RUNDIR/supervise.pid. SIGTERM stops all.\n";

static char *pid_path(const char *name)
{
	return xasprintf("%s/%s.pid", run_dir, name);
}

static void write_pid(const char *name, pid_t pid)
{
	AUTO_FREE char *path = pid_path(name), *text = xasprintf("%d\n", pid);
	(void)fs_write_atomic(path, text, strlen(text), 0644, NULL); /* ignoring: it is found by name no more, but runs */
}

/* The log, set aside once as NAME.log.1 when it has grown large. */
static int open_log(const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s.log", log_dir, name), *old = xasprintf("%s.1", path);
	struct stat st;
	if (stat(path, &st) == 0 && st.st_size > LOG_MAX_BYTES)
		rename(path, old);
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

static _Noreturn void exec_program(struct program *p)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int log = open_log(p->name);
	if (log >= 0) {
		dup2(log, 1);
		dup2(log, 2);
	}
	setsid();
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC); /* whatever our own caller has left open in us */
	execv(p->argv[0], p->argv);
	log_error("cannot execute program=%s error=%s", p->argv[0], strerror(errno));
	_exit(127);
}

static void start(struct program *p)
{
	p->started_ms = clock_mono_ms();
	p->pid = fork();
	if (p->pid == 0)
		exec_program(p);
	p->pidfd = p->pid < 0 ? -1 : pidfd_open(p->pid, 0);
	if (p->pidfd < 0) {
		p->next_ms = p->started_ms + DELAY_MAX_MS;
		return;
	}
	(void)fcntl(p->pidfd, F_SETFD, FD_CLOEXEC);
	write_pid(p->name, p->pid);
}

/* Takes over what an earlier supervisor has left running: the process in the pid file, if it is that program. */
static bool adopt(struct program *p)
{
	AUTO_FREE char *path = pid_path(p->name), *exe = NULL;
	char target[4096];
	pid_t pid = proc_read_pid_file(path);
	if (pid < 0)
		return false;
	AUTO_FD int fd = pidfd_open(pid, 0);
	exe = xasprintf("/proc/%d/exe", pid);
	ssize_t n = fd < 0 ? -1 : readlink(exe, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	if (str_has_suffix(target, " (deleted)"))
		target[n - 10] = '\0';
	const char *a = strrchr(target, '/'), *b = strrchr(p->argv[0], '/');
	if (!a || !b || strcmp(a, b))
		return false;
	p->pid = pid;
	p->pidfd = TAKE_FD(fd);
	p->started_ms = clock_mono_ms();
	log_info("adopted program=%s pid=%d", p->name, p->pid);
	return true;
}

static void ended(struct program *p)
{
	int status = 0;
	pid_t got = waitpid(p->pid, &status, WNOHANG); /* an adopted one is not ours to wait for */
	int64_t now = clock_mono_ms(), ran = now - p->started_ms;
	close_fd(&p->pidfd);
	p->delay_ms = ran > GOOD_MS || !p->delay_ms ? DELAY_MIN_MS : MIN(p->delay_ms * 2, DELAY_MAX_MS);
	p->next_ms = now + p->delay_ms;
	log_warn("ended program=%s pid=%d status=%d ran_ms=%lld again_in_ms=%lld", p->name, p->pid, got > 0 ? status : -1,
		 (long long)ran, (long long)p->delay_ms);
	p->pid = 0;
}

static bool wait_end(struct program *p, int64_t until_ms)
{
	while (p->pidfd >= 0) {
		struct pollfd f = { .fd = p->pidfd, .events = POLLIN };
		int64_t left = until_ms - clock_mono_ms();
		if (left <= 0)
			return false;
		if (poll(&f, 1, (int)left) > 0) {
			(void)waitpid(p->pid, NULL, WNOHANG);
			close_fd(&p->pidfd);
		}
	}
	return true;
}

static void stop_all(void)
{
	for (size_t i = n_programs; i-- > 0;) {
		struct program *p = &programs[i];
		AUTO_FREE char *path = pid_path(p->name);
		if (p->pidfd >= 0)
			(void)pidfd_send_signal(p->pidfd, SIGTERM, NULL, 0);
		if (!wait_end(p, clock_mono_ms() + STOP_MS)) {
			log_warn("does not stop, killed program=%s pid=%d", p->name, p->pid);
			(void)pidfd_send_signal(p->pidfd, SIGKILL, NULL, 0);
			(void)wait_end(p, clock_mono_ms() + STOP_MS);
		}
		unlink(path);
	}
}

/* Milliseconds until the next start, -1 when all run. */
static int next_start(void)
{
	int64_t now = clock_mono_ms(), best = -1;
	for (size_t i = 0; i < n_programs; i++)
		if (programs[i].pidfd < 0 && (best < 0 || programs[i].next_ms - now < best))
			best = MAX(programs[i].next_ms - now, 0);
	return (int)best;
}

static void loop(int signal_fd)
{
	for (;;) {
		struct pollfd f[PROGRAMS_MAX + 1] = { { .fd = signal_fd, .events = POLLIN } };
		for (size_t i = 0; i < n_programs; i++)
			f[i + 1] = (struct pollfd){ .fd = programs[i].pidfd, .events = POLLIN };
		(void)poll(f, (nfds_t)n_programs + 1, next_start());
		if (f[0].revents)
			return;
		for (size_t i = 0; i < n_programs; i++) {
			struct program *p = &programs[i];
			if (p->pidfd >= 0 && f[i + 1].revents)
				ended(p);
			else if (p->pidfd < 0 && clock_mono_ms() >= p->next_ms)
				start(p);
		}
	}
}

static int take_lock(void)
{
	AUTO_FREE char *path = xasprintf("%s/supervise.lock", run_dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	return fd;
}

static int supervise(int ready)
{
	sigset_t set;
	int log = open_log("supervise"), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	setsid();
	if (chdir("/") < 0 || null < 0 || log < 0)
		return EXIT_FAILURE;
	dup2(null, 0);
	dup2(log, 1);
	dup2(log, 2);
	close(log);
	close(null);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	AUTO_FD int signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	write_pid("supervise", getpid());
	for (size_t i = 0; i < n_programs; i++) {
		programs[i].pidfd = -1;
		if (!adopt(&programs[i]))
			start(&programs[i]);
	}
	(void)!write(ready, "+", 1);
	close(ready);
	loop(signal_fd);
	stop_all();
	AUTO_FREE char *path = pid_path("supervise"), *lock = xasprintf("%s/supervise.lock", run_dir);
	unlink(path);
	unlink(lock);
	return EXIT_SUCCESS;
}

/* Cuts the rest of the command line at each "--" into NAME PROGRAM ARG... */
static int parse_programs(char **argv, int argc, int at)
{
	while (at < argc) {
		if (n_programs == PROGRAMS_MAX)
			return -E2BIG;
		struct program *p = &programs[n_programs++];
		p->name = argv[at++];
		p->argv = argv + at;
		while (at < argc && strcmp(argv[at], "--"))
			at++;
		if (p->argv == argv + at || *p->argv[0] != '/')
			return -EINVAL;
		argv[at++] = NULL;
	}
	return n_programs ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	int at = 1, ready[2];
	for (; at < argc && strcmp(argv[at], "--"); at++) {
		if (!strcmp(argv[at], "--run-dir") && at + 1 < argc)
			run_dir = argv[++at];
		else if (!strcmp(argv[at], "--log-dir") && at + 1 < argc)
			log_dir = argv[++at];
		else if (!strcmp(argv[at], "--version"))
			return puts("knarr-supervise " KNARR_VERSION), 0;
		else
			return fputs(help, !strcmp(argv[at], "--help") ? stdout : stderr), strcmp(argv[at], "--help") ? 2 : 0;
	}
	log_init("knarr-supervise", LOG_LEVEL_INFO);
	if (parse_programs(argv, argc, at + 1) < 0)
		return fputs(help, stderr), 2;
	AUTO_FD int lock = take_lock();
	if (lock < 0) {
		fprintf(stderr, "knarr-supervise: another one runs in %s (%s)\n", run_dir, strerror(-lock));
		return 3;
	}
	if (pipe2(ready, O_CLOEXEC) < 0)
		return EXIT_FAILURE;
	pid_t pid = fork();
	if (pid == 0) {
		close(ready[0]);
		return supervise(ready[1]);
	}
	char c;
	close(ready[1]);
	return pid > 0 && read(ready[0], &c, 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
