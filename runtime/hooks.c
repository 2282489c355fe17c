/* Hooks.
 *
 * Happy path: fork, exec, wait on the pidfd. State and output go through memory files, so that no hook can block the
 * runtime by not reading or by writing much. What can fail: start, exit status, timeout. What always holds: a hook that
 * ran into its timeout is dead and reaped when hooks_run() returns. */
#include "runtime/hooks.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "runtime/syscalls.h"

static char **strings(const json_t *list)
{
	char **out = xcalloc(1, sizeof(char *));
	size_t i;
	json_t *v;
	json_array_foreach(list, i, v) if (json_is_string(v)) strv_add(&out, json_string_value(v));
	return out;
}

static int state_file(const char *state, struct err *e)
{
	AUTO_FD int fd = memfd_create("state", MFD_CLOEXEC);
	if (fd < 0 || fs_write_all(fd, state, strlen(state)) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "hook state");
	return TAKE_FD(fd);
}

static void __attribute__((noreturn)) run_child(const char *path, char **argv, char **envp, int in, int out)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(127);
	sys_close_range(3, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
	execve(path, argv, envp);
	dprintf(2, "%s", strerror(errno));
	_exit(127);
}

/* Waits for the exit; kills after timeout_s (0: never). Returns the wait status or -ETIMEDOUT. */
static int wait_exit(pid_t pid, int64_t timeout_s)
{
	AUTO_FD int pidfd = sys_pidfd_open(pid);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int n = 1, status = 0;
	if (timeout_s > 0 && pidfd >= 0)
		do
			n = poll(&p, 1, (int)MIN(timeout_s * 1000, 1 << 30));
		while (n < 0 && errno == EINTR);
	if (n == 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return n == 0 ? -ETIMEDOUT : status;
}

static int run_one(const json_t *hook, const char *state, struct err *e)
{
	const char *path = json_str_or(hook, "path", "");
	json_t *env = json_object_get(hook, "env");
	if (*path != '/')
		return err_set(e, -EINVAL, "hook path \"%.200s\" is not absolute", path);
	AUTO_STRV char **argv = strings(json_object_get(hook, "args"));
	AUTO_STRV char **envp = strings(env);
	if (!argv[0])
		strv_add(&argv, path);
	AUTO_FD int in = state_file(state, e);
	AUTO_FD int out = memfd_create("output", MFD_CLOEXEC);
	if (in < 0 || out < 0)
		return in < 0 ? in : err_sys(e, "hook output");
	pid_t pid = fork();
	if (pid < 0)
		return err_sys(e, "fork");
	if (pid == 0)
		run_child(path, argv, envp, in, out);
	int status = wait_exit(pid, json_int_at(hook, "timeout", 0));
	if (status == 0)
		return 0;
	AUTO_STR text = STR_INIT;
	lseek(out, 0, SEEK_SET);
	fs_read_fd(out, 1 << 20, &text, NULL);
	if (status == -ETIMEDOUT)
		return err_set(e, -ETIMEDOUT, "%s: timeout", path);
	if (WIFSIGNALED(status)) {
		AUTO_FREE char *name = xstrdup(strsignal(WTERMSIG(status)));
		name[0] = (char)tolower((unsigned char)name[0]);
		return err_set(e, -ECANCELED, "%s: signal: %s, output: %.500s", path, name, str_text(&text));
	}
	return err_set(e, -ECANCELED, "%s: exit status %d, output: %.500s", path, WEXITSTATUS(status), str_text(&text));
}

int hooks_run(const json_t *hooks, const char *kind, const char *state, struct err *e)
{
	size_t i;
	json_t *hook;
	json_array_foreach(json_object_get(hooks, kind), i, hook)
	{
		int r = run_one(hook, state, e);
		if (r < 0)
			return err_wrap(e, r, "error running %s hook #%zu", kind, i);
	}
	return 0;
}
