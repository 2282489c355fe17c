/* The worker's process and its conversation.
 *
 * Happy path: socket pair, fork, descriptors into place, exec; request, notifications, answer; the socket is shut, the
 * worker ends. What can fail: no such program, the worker's own errors, a worker that dies (the socket reads as closed).
 * What always holds: no worker outlives criu_done(); it inherits no descriptor that was not named. */
#include "runtime/criu.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd_pass.h"
#include "base/fs.h"
#include "base/mem.h"
#include "runtime/syscalls.h"

#define ANSWER_MAX (40 << 10)
#define SOCKET_FD 3

/* All to high numbers first, so that none covers another on its way down. */
static int place_fds(int sock, const struct criu_setup *s, int *report_fd)
{
	int past = CRIU_FIRST_FD + (int)s->n_fds, high[CRIU_FDS_MAX];
	sock = fcntl(sock, F_DUPFD_CLOEXEC, past);
	*report_fd = fcntl(*report_fd, F_DUPFD_CLOEXEC, past);
	for (size_t i = 0; i < s->n_fds; i++)
		high[i] = fcntl(s->fds[i], F_DUPFD_CLOEXEC, past);
	if (sock < 0 || *report_fd < 0 || dup2(sock, SOCKET_FD) < 0)
		return -errno;
	for (size_t i = 0; i < s->n_fds; i++)
		if (high[i] < 0 || dup2(high[i], CRIU_FIRST_FD + (int)i) < 0)
			return -errno;
	return sys_close_range((unsigned)past, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
}

/* The worker makes the socket itself: CRIU takes the numbers of descriptors in a request for those of whoever made it. */
static int offer_socket(int report_fd, int *ret, struct err *e)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "socketpair");
	int r = fd_pass_send(report_fd, "", 1, &pair[0], 1, 0);
	close(pair[0]);
	*ret = pair[1];
	return r < 0 ? err_code(e, r, "send socket") : 0;
}

static void __attribute__((noreturn)) run_worker(struct criu_setup s, int report_fd)
{
	struct err e = ERR_INIT;
	sigset_t none;
	int sock = -1;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int r = s.prepare ? s.prepare(s.arg, &s, &e) : 0;
	if (r == 0)
		r = offer_socket(report_fd, &sock, &e);
	if (r == 0 && (r = place_fds(sock, &s, &report_fd)) < 0)
		err_code(&e, r, "descriptors for criu");
	if (r == 0) {
		execlp("criu", "criu", "swrk", "3", (char *)NULL);
		errno == ENOENT ? err_set(&e, -ENOENT, "exec: \"criu\": executable file not found in $PATH")
				: err_sys(&e, "exec: \"criu\"");
	}
	fd_pass_send(report_fd, &e, sizeof(e), NULL, 0, 0);
	_exit(127);
}

/* One byte with the socket, then the end of the connection, which the exec makes; or an error at any time. */
static int await_exec(struct criu *c, int report_fd, struct err *e)
{
	for (;;) {
		struct err why = ERR_INIT;
		AUTO_FD int fd = -1;
		ssize_t n = fd_pass_receive(report_fd, &why, sizeof(why), &fd, 1, 0);
		if (n == 0 && c->sock >= 0)
			return 0;
		if (n == 1 && fd >= 0 && c->sock < 0) {
			c->sock = TAKE_FD(fd);
			continue;
		}
		return err_set(e, n == (ssize_t)sizeof(why) && why.code < 0 ? why.code : -EIO, "%s", err_text(&why));
	}
}

int criu_start(struct criu *c, const struct criu_setup *setup, struct err *e)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "socketpair");
	AUTO_FD int ours = pair[0], theirs = pair[1];
	c->pid = fork();
	if (c->pid < 0)
		return err_sys(e, "fork");
	if (c->pid == 0)
		run_worker(*setup, theirs);
	close(TAKE_FD(theirs));
	int r = await_exec(c, ours, e);
	if (r < 0)
		criu_done(c);
	return r;
}

static int send_request(struct criu *c, const struct str *request, struct err *e)
{
	int r = fd_pass_send(c->sock, request->p, request->len, NULL, 0, 0);
	if (r == -EPIPE || r == -ECONNRESET)
		return err_set(e, r, "criu ended unexpectedly");
	return r < 0 ? err_code(e, r, "send to criu") : 0;
}

static int failure(const struct criu_answer *a, struct err *e)
{
	return err_set(e, -EIO, "criu failed: type %s errno %d", criu_type_name(a->type), a->cr_errno);
}

int criu_ask(struct criu *c, const struct str *request, criu_notify_fn *notify, void *arg, struct criu_answer *ret,
	     struct err *e)
{
	AUTO_FREE char *buf = xmalloc(ANSWER_MAX);
	int r = send_request(c, request, e);
	while (r == 0) {
		AUTO_STR done = STR_INIT;
		AUTO_FD int fd = -1;
		ssize_t n = fd_pass_receive(c->sock, buf, ANSWER_MAX, &fd, 1, 0);
		if (n <= 0)
			return err_set(e, n < 0 ? (int)n : -EPIPE, "criu ended unexpectedly");
		r = criu_answer_parse(buf, (size_t)n, ret);
		if (r < 0)
			return err_set(e, r, "criu's answer cannot be read");
		if (!ret->success)
			return failure(ret, e);
		if (ret->type != CRIU_NOTIFY)
			return 0;
		r = notify ? notify(arg, ret, &fd, e) : 0;
		criu_notify_done(&done);
		if (r == 0)
			r = send_request(c, &done, e);
	}
	return r;
}

int criu_finish(struct criu *c, struct err *e)
{
	int status = 0;
	shutdown(c->sock, SHUT_WR);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
	close_fd(&c->sock);
	c->sock = -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(e, -EIO, "criu failed: %s %d", WIFEXITED(status) ? "exit status" : "signal",
		       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

void criu_done(struct criu *c)
{
	close_fd(&c->sock);
	c->sock = -1;
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	c->pid = 0;
}

static int ask_alone(const struct str *request, struct criu_answer *ret, struct err *e)
{
	AUTO_CRIU c = CRIU_INIT;
	int r = criu_start(&c, &(struct criu_setup){ 0 }, e);
	return r < 0 ? r : criu_ask(&c, request, NULL, NULL, ret, e);
}

int criu_version(struct err *e)
{
	AUTO_STR request = STR_INIT;
	struct criu_answer a;
	criu_request(CRIU_VERSION, NULL, &request);
	int r = ask_alone(&request, &a, e);
	return r < 0 ? err_wrap(e, r, "CRIU version check failed") : a.version;
}

int criu_features(struct criu_answer *ret, struct err *e)
{
	AUTO_STR request = STR_INIT;
	criu_ask_features(&request);
	int r = ask_alone(&request, ret, e);
	return r < 0 ? err_wrap(e, r, "CRIU feature check failed") : 0;
}
