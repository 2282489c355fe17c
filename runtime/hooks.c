/* Hooks.
 *
 * Happy path: fork, exec, wait on the pidfd. State and output go through memory files, so that no hook can block the
 * runtime by not reading or by writing much. What can fail: start, exit status, timeout. What always holds: a hook that
 * ran into its timeout is dead and reaped when hooks_run() returns; it gets the arguments and the environment that the
 * configuration names, and no other descriptors than the standard ones. */
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
#include "runtime/notice.h"
#include "runtime/syscalls.h"

#define OUTPUT_MAX (1 << 20)
#define OUTPUT_SHOWN 300

struct hook {
	const char *path;
	char **argv, **envp; /* owned */
	int64_t timeout_s;   /* 0: none */
	int in, out, err, failure[2];
};

static void hook_done(struct hook *h)
{
	free_strv(&h->argv);
	free_strv(&h->envp);
	close_fd(&h->in);
	close_fd(&h->out);
	close_fd(&h->err);
	close_fd(&h->failure[0]);
	close_fd(&h->failure[1]);
}

static char **strings(const json_t *list)
{
	char **out = xcalloc(1, sizeof(char *));
	size_t i;
	json_t *v;
	json_array_foreach(list, i, v) if (json_is_string(v)) strv_add(&out, json_string_value(v));
	return out;
}

static int parse(const json_t *j, const struct hooks_opts *o, struct hook *h, struct err *e)
{
	const json_t *env = json_object_get(j, "env");
	h->path = json_str_or(j, "path", "");
	h->timeout_s = MAX(json_int_at(j, "timeout", 0), 0);
	h->argv = strings(json_object_get(j, "args"));
	h->envp = !json_is_array(env) && o->envp ? strv_dup(o->envp) : strings(env);
	if (*h->path != '/')
		return err_set(e, -EINVAL, "hook path \"%.200s\" is not absolute", h->path);
	if (!h->argv[0])
		strv_add(&h->argv, h->path);
	return 0;
}

static int open_files(struct hook *h, const char *state, struct err *e)
{
	h->in = memfd_create("state", MFD_CLOEXEC);
	h->out = memfd_create("stdout", MFD_CLOEXEC);
	h->err = memfd_create("stderr", MFD_CLOEXEC);
	if (h->in < 0 || h->out < 0 || h->err < 0 || pipe2(h->failure, O_CLOEXEC) < 0)
		return err_sys(e, "files of a hook");
	if (fs_write_all(h->in, state, strlen(state)) < 0 || lseek(h->in, 0, SEEK_SET) < 0)
		return err_sys(e, "hook state");
	return 0;
}

static void __attribute__((noreturn)) run_child(const struct hook *h, const char *dir)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dir)
		(void)!chdir(dir);
	if (dup2(h->in, 0) >= 0 && dup2(h->out, 1) >= 0 && dup2(h->err, 2) >= 0) {
		sys_close_range(3, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
		execve(h->path, h->argv, h->envp);
	}
	int why = errno;
	(void)!write(h->failure[1], &why, sizeof(why));
	_exit(127);
}

/* Waits for the exit; kills after the timeout. Returns the wait status or -ETIMEDOUT. */
static int wait_exit(pid_t pid, int64_t timeout_s)
{
	AUTO_FD int pidfd = sys_pidfd_open(pid);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int n = 1, status = 0;
	if (timeout_s > 0 && pidfd >= 0)
		do
			n = poll(&p, 1, (int)MIN(timeout_s, 1 << 20) * 1000);
		while (n < 0 && errno == EINTR);
	if (n == 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return n == 0 ? -ETIMEDOUT : status;
}

static int describe(const struct hook *h, int status, struct err *e)
{
	AUTO_STR out = STR_INIT, err = STR_INIT;
	lseek(h->out, 0, SEEK_SET);
	lseek(h->err, 0, SEEK_SET);
	fs_read_fd(h->out, OUTPUT_MAX, &out, NULL);
	fs_read_fd(h->err, OUTPUT_MAX, &err, NULL);
	AUTO_FREE char *why = WIFEXITED(status) ? xasprintf("exit status %d", WEXITSTATUS(status))
						: xasprintf("signal: %s", strsignal(WTERMSIG(status)));
	if (!WIFEXITED(status))
		why[sizeof("signal: ") - 1] = (char)tolower((unsigned char)why[sizeof("signal: ") - 1]);
	return err_set(e, -ECANCELED, "%s, stdout: %.*s, stderr: %.*s", why, OUTPUT_SHOWN, str_text(&out), OUTPUT_SHOWN,
		       str_text(&err));
}

static int run_one(const json_t *j, const char *state, const struct hooks_opts *o, struct err *e)
{
	AUTO(hook_done) struct hook h = { .in = -1, .out = -1, .err = -1, .failure = { -1, -1 } };
	int why, r = parse(j, o, &h, e);
	if (r == 0)
		r = open_files(&h, state, e);
	if (r < 0)
		return r;
	pid_t pid = fork();
	if (pid < 0)
		return err_sys(e, "fork");
	if (pid == 0)
		run_child(&h, o->dir);
	close_fd(&h.failure[1]);
	h.failure[1] = -1;
	bool started = read(h.failure[0], &why, sizeof(why)) != (ssize_t)sizeof(why);
	int status = wait_exit(pid, h.timeout_s);
	if (!started)
		return err_set(e, -why, "fork/exec %s: %s", h.path, err_reason(why));
	if (status == -ETIMEDOUT)
		return err_set(e, -ETIMEDOUT, "hook ran past specified timeout of %lld.0s", (long long)h.timeout_s);
	return status == 0 ? 0 : describe(&h, status, e);
}

int hooks_run(const json_t *hooks, const char *kind, const char *state, const struct hooks_opts *o, struct err *e)
{
	size_t i;
	json_t *hook;
	json_array_foreach(json_object_get(hooks, kind), i, hook)
	{
		struct err mine = ERR_INIT;
		int r = run_one(hook, state, o, &mine);
		if (r < 0 && o->go_on) {
			notice_warn("ignoring: error running %s hook #%zu: %s", kind, i, err_text(&mine));
		} else if (r < 0) {
			if (e)
				*e = mine;
			return err_wrap(e, r, "error running %s hook #%zu", kind, i);
		}
	}
	return 0;
}
