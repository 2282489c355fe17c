/* /exec and /attach: what they begin once the client's connection stands (exec_session.c). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent/exec_session.h"
#include "base/json.h"
#include "base/mem.h"

/* The container, where it still runs. */
static struct pod *find_target(struct session *s, const struct container_state **ret)
{
	struct pod *p = map_get(s->agent->pods, s->uid);
	*ret = p && p->shim ? pod_state_find(p->state, s->container) : NULL;
	return *ret && (*ret)->phase == PHASE_RUNNING ? p : NULL;
}

/* Pipes for what the client asked for; theirs[] are the other ends, /dev/null for the rest. */
static int make_pipes(struct session *s, int theirs[3])
{
	for (int i = 0; i < 3; i++) {
		int pair[2];
		theirs[i] = -1;
		if (!s->want[i]) {
			theirs[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
			continue;
		}
		if (pipe2(pair, O_CLOEXEC) < 0)
			return -errno;
		theirs[i] = pair[i == 0 ? 0 : 1];
		int ours = pair[i == 0 ? 1 : 0];
		if (i == 0) {
			(void)fcntl(ours, F_SETFL, O_NONBLOCK);
			s->in_fd = ours;
		} else {
			session_read(s, i - 1, (uint8_t)i, ours);
		}
	}
	return 0;
}

static void close_three(int fds[3])
{
	for (int i = 0; i < 3; i++)
		close_fd(&fds[i]);
}

static void begin_exec(struct session *s)
{
	int fds[3] = {-1, -1, -1};
	const struct container_state *c;
	struct pod *p = find_target(s, &c);
	if (!p) {
		session_fail(s, "container is not running");
		return;
	}
	if (!s->tty && make_pipes(s, fds) < 0) {
		close_three(fds);
		session_fail(s, "no more descriptors");
		return;
	}
	s->exec = exec_start(p, c, s->argv, s->tty, fds, session_on_started, session_on_ended, s);
	close_three(fds);
}

void server_exec(struct agent *a, struct http_exchange *x, const struct target *t)
{
	AUTO_STRV char **argv = NULL;
	const char *arg;
	const bool want[3] = {session_flag(x, "input", "stdin"), session_flag(x, "output", "stdout"), session_flag(x, "error", "stderr")};
	for (size_t i = 0; (arg = http_query_nth(x, "command", i)); i++)
		strv_add(&argv, arg);
	if (!argv) {
		server_text(x, 400, "you must specify at least one command\n");
		return;
	}
	session_start(a, x, t, begin_exec, session_flag(x, "tty", "tty"), false, TAKE(argv), want);
}

static void on_attached(void *arg, int r, const struct shim_answer *a, const struct err *e)
{
	(void)arg; /* a failure closes the pipes, which ends the session */
	(void)r;
	(void)a;
	(void)e;
}

static void begin_attach(struct session *s)
{
	int fds[3] = {-1, -1, -1};
	const struct container_state *c;
	struct pod *p = find_target(s, &c);
	if (!p)
		session_fail(s, "container is not running");
	else if (make_pipes(s, fds) < 0)
		session_fail(s, "no more descriptors");
	else
		shim_attach(p->shim, c->id, fds, on_attached, s);
	close_three(fds);
}

void server_attach(struct agent *a, struct http_exchange *x, const struct target *t)
{
	bool tty = json_bool_at(t->container->spec, "tty", false);
	const bool want[3] = {session_flag(x, "input", "stdin") && json_bool_at(t->container->spec, "stdin", false),
			      session_flag(x, "output", "stdout") || tty, session_flag(x, "error", "stderr") && !tty};
	session_start(a, x, t, begin_attach, tty, true, NULL, want);
}
