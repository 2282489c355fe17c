/* knarr-oci start, kill, pause, resume. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/oci/notify.h"
#include "cmd/oci/oci.h"
#include "runtime/syscalls.h"

static int done(const struct globals *g, int r, const struct err *e)
{
	return r < 0 ? report(g, 1, NULL, e) : 0;
}

/* With a supervisor that listens, start stays until the container has told that it is ready. */
static int run_start(const struct globals *g, const struct call *c)
{
	AUTO_NOTIFY n = NOTIFY_INIT;
	AUTO_CONTAINER_INFO i = { 0 };
	struct err e = ERR_INIT;
	const char *id = c->argv[0];
	AUTO_FD int init_fd = -1;
	int r = notify_wanted() ? container_state(g->root, id, &i, &e) : 0;
	if (r == 0 && i.status == CONTAINER_CREATED) {
		init_fd = sys_pidfd_open(i.pid);
		r = notify_bind(&n, g->root, id, &e);
	}
	if (r == 0)
		r = container_start(g->root, id, &e);
	if (r == 0)
		r = notify_relay(&n, i.pid, init_fd, &e);
	return done(g, r, &e);
}

const struct verb verb_start = {
	.name = "start",
	.brief = "start the process of a created container",
	.args = "<container-id>",
	.min_args = 1,
	.max_args = 1,
	.run = run_start,
};

static int run_pause(const struct globals *g, const struct call *c)
{
	struct err e = ERR_INIT;
	return done(g, container_pause(g->root, c->argv[0], &e), &e);
}

const struct verb verb_pause = {
	.name = "pause",
	.brief = "suspend all processes inside the container",
	.args = "<container-id>",
	.min_args = 1,
	.max_args = 1,
	.run = run_pause,
};

static int run_resume(const struct globals *g, const struct call *c)
{
	struct err e = ERR_INIT;
	return done(g, container_resume(g->root, c->argv[0], &e), &e);
}

const struct verb verb_resume = {
	.name = "resume",
	.brief = "resume all processes that have been paused",
	.args = "<container-id>",
	.min_args = 1,
	.max_args = 1,
	.run = run_resume,
};

/* "9", "KILL", "SIGKILL", "sigrtmin+2"; -1 for what is neither number nor name. */
static int signal_number(const char *s)
{
	int64_t whole;
	uint32_t n;
	if (str_to_i64(s, &whole) == 0)
		return whole >= 0 && whole < NSIG ? (int)whole : NSIG;
	if (!strncasecmp(s, "SIG", 3))
		s += 3;
	if (!strncasecmp(s, "RTMIN", 5))
		return s[5] == '\0' ? SIGRTMIN : s[5] == '+' && str_to_u32(s + 6, &n) == 0 && n <= 30 ? SIGRTMIN + (int)n : -1;
	if (!strncasecmp(s, "RTMAX", 5))
		return s[5] == '\0' ? SIGRTMAX : s[5] == '-' && str_to_u32(s + 6, &n) == 0 && n <= 30 ? SIGRTMAX - (int)n : -1;
	for (int i = 1; i < NSIG; i++) {
		const char *name = sigabbrev_np(i);
		if (name && !strcasecmp(name, s))
			return i;
	}
	return !strcasecmp(s, "IO") ? SIGIO : -1;
}

struct kill_flags {
	bool all;
};

static const struct option_row kill_rows[] = {
	ROW(struct kill_flags, all, OPTION_FLAG, "all", 'a', "send the signal to all processes of the container"),
};

static int run_kill(const struct globals *g, const struct call *c)
{
	const struct kill_flags *f = c->values;
	AUTO_CONTAINER_INFO i = { 0 };
	struct err e = ERR_INIT;
	const char *name = c->argc == 2 && *c->argv[1] ? c->argv[1] : "SIGTERM";
	if (container_state(g->root, c->argv[0], &i, &e) < 0)
		return report(g, 1, NULL, &e);
	int sig = signal_number(name);
	if (sig < 0)
		return report_text(g, 1, "unknown signal \"%s\"", name);
	int r = container_kill(g->root, c->argv[0], sig, f->all, &e);
	return f->all && r == -ESRCH ? 0 : done(g, r, &e);
}

const struct verb verb_kill = {
	.name = "kill",
	.brief = "send a signal (default: SIGTERM) to the container's init process",
	.args = "<container-id> [signal]",
	.about = "The signal is a number or a name, with or without SIG: 9, KILL, SIGRTMIN+2.",
	VERB_OPTIONS(struct kill_flags, kill_rows),
	.order = OPTIONS_ANYWHERE,
	.min_args = 1,
	.max_args = 2,
	.run = run_kill,
};
