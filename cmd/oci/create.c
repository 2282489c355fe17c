/* knarr-oci create and run. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/oci/notify.h"
#include "cmd/oci/oci.h"
#include "runtime/config_read.h"

#define NOT_STARTED 1
#define PRESERVE_MAX 65536
#define CONFIG_MAX (8 << 20)

#define CREATE_ROWS                                                                                                    \
	ROW(struct create_flags, bundle, OPTION_TEXT, "bundle", 'b', "path to the root of the bundle directory (default: \".\")"), \
		ROW(struct create_flags, config, OPTION_TEXT, "config", 'f',                                           \
		    "read this file instead of the bundle's config.json"),                                             \
		ROW(struct create_flags, console_socket, OPTION_TEXT, "console-socket", 0,                             \
		    "AF_UNIX socket that receives the pty master"),                                                    \
		ROW(struct create_flags, pidfd_socket, OPTION_TEXT, "pidfd-socket", 0,                                 \
		    "AF_UNIX socket that receives the pidfd of the init process"),                                     \
		ROW(struct create_flags, pid_file, OPTION_TEXT, "pid-file", 0, "file to write the process id to"),     \
		ROW(struct create_flags, no_pivot, OPTION_FLAG, "no-pivot", 0,                                         \
		    "do not use pivot_root: for root filesystems on a ramdisk"),                                       \
		ROW(struct create_flags, no_new_keyring, OPTION_FLAG, "no-new-keyring", 0, "keep the caller's session keyring"), \
		ROW(struct create_flags, preserve_fds, OPTION_INT, "preserve-fds", 0,                                  \
		    "number of additional descriptors to pass, behind stdio and $LISTEN_FDS")

/* What stands between the command line and container_create(). */
struct creating {
	struct container_opts opts;
	json_t *config; /* owned; NULL: the library reads it */
};

static void creating_done(struct creating *n)
{
	json_decref(n->config);
}

static int open_null_above(int first)
{
	AUTO_FD int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return null < 0 ? -1 : fcntl(null, F_DUPFD_CLOEXEC, first);
}

/* Numbers that nobody has opened are taken, so that nothing of ours comes to lie among those of the container. */
int check_preserved(int64_t n, struct err *e)
{
	if (n < 0 || n > PRESERVE_MAX)
		return err_set(e, -EINVAL, "invalid number of descriptors to preserve: %lld", (long long)n);
	int r = oci_log_move(3 + (int)n, e);
	AUTO_FD int filler = r < 0 || !n ? -1 : open_null_above(3 + (int)n);
	for (int fd = 3; r == 0 && fd < 3 + (int)n; fd++)
		if (fcntl(fd, F_GETFD) < 0 && dup3(filler, fd, O_CLOEXEC) < 0)
			r = err_sys(e, "unable to stat preserved-fd %d (of %d)", fd - 3, (int)n);
	return r;
}

/* Descriptors of socket activation, sd_listen_fds(3): not meant for us if LISTEN_PID says so. */
static int listen_fds(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint32_t n = 0, whose = (uint32_t)getpid();
	if (!fds || (pid && str_to_u32(pid, &whose) < 0) || (pid_t)whose != getpid() || str_to_u32(fds, &n) < 0)
		return 0;
	return n <= PRESERVE_MAX ? (int)n : 0;
}

static int read_config(const struct create_flags *f, json_t **ret, struct err *e)
{
	AUTO_STR text = STR_INIT;
	if (!f->config)
		return config_read(f->bundle ? f->bundle : ".", ret, NULL, e);
	int r = fs_read_file(f->config, CONFIG_MAX, &text, e);
	if (r == 0)
		r = config_read_text(text.p, text.len, ret, e);
	return r < 0 ? err_wrap(e, r, "%s", f->config) : 0;
}

/* Only what the environment adds makes us read the configuration ourselves. */
static int add_environment(struct creating *n, const struct create_flags *f, int activated, struct err *e)
{
	bool notify = notify_wanted();
	if (!f->config && !notify && !activated)
		return 0;
	int r = read_config(f, &n->config, e);
	if (r < 0)
		return r;
	if (activated) {
		AUTO_FREE char *count = xasprintf("LISTEN_FDS=%d", activated);
		json_array_append_new(json_array_at(n->config, "process.env"), json_string(count));
		json_array_append_new(json_array_at(n->config, "process.env"), json_string("LISTEN_PID=1"));
	}
	if (notify)
		notify_configure(n->config, n->opts.root, n->opts.id);
	n->opts.notify_dir = notify;
	n->opts.config = n->config;
	return 0;
}

static int prepare(const struct globals *g, const struct call *c, bool detached, struct creating *n, struct err *e)
{
	const struct create_flags *f = c->values;
	int activated = listen_fds();
	if (!detached && f->console_socket)
		return err_set(e, -EINVAL, "cannot use console socket if the runtime will not detach or allocate tty");
	int r = check_preserved(f->preserve_fds < 0 ? -1 : f->preserve_fds + activated, e);
	if (r < 0)
		return r;
	n->opts = CONTAINER_OPTS_INIT;
	n->opts.root = g->root;
	n->opts.id = c->argv[0];
	n->opts.bundle = f->bundle;
	n->opts.console_socket = f->console_socket;
	n->opts.console_bare = !f->console_socket;
	n->opts.pid_file = f->pid_file;
	n->opts.pidfd_socket = f->pidfd_socket;
	n->opts.preserve_fds = (int)f->preserve_fds + activated;
	n->opts.no_pivot = f->no_pivot;
	n->opts.no_new_keyring = f->no_new_keyring;
	n->opts.keep = f->keep;
	n->opts.detached = detached;
	n->opts.systemd_cgroup = g->systemd_cgroup;
	n->opts.rootless = g->rootless;
	return add_environment(n, f, activated, e);
}

static const struct option_row create_rows[] = { CREATE_ROWS };

/* The words before the reason are runc's own: callers look for them. */
static int run_create(const struct globals *g, const struct call *c)
{
	AUTO(creating_done) struct creating n = { 0 };
	AUTO_CONTAINER_PROC p = CONTAINER_PROC_INIT;
	struct err e = ERR_INIT;
	int r = prepare(g, c, true, &n, &e);
	if (r == 0)
		r = container_create(&n.opts, &p, &e);
	return r < 0 ? report(g, NOT_STARTED, "runc create failed", &e) : 0;
}

const struct verb verb_create = {
	.name = "create",
	.brief = "create a container",
	.args = "<container-id>",
	.about = "The bundle is a directory with a config.json and a root filesystem; the id must be unique below --root.",
	VERB_OPTIONS(struct create_flags, create_rows),
	.order = OPTIONS_ANYWHERE,
	.enters = true,
	.min_args = 1,
	.max_args = 1,
	.run = run_create,
};

static const struct option_row run_rows[] = {
	CREATE_ROWS,
	ROW(struct create_flags, detach, OPTION_FLAG, "detach", 'd', "detach from the container's process"),
	ROW(struct create_flags, keep, OPTION_FLAG, "keep", 0, "do not delete the container after it exits"),
	ROW(struct create_flags, no_subreaper, OPTION_FLAG, "no-subreaper", 0, "do not reap processes that lose their parents"),
};

/* A container that is to tell of its readiness needs the socket before it starts. */
static int create_and_start(const struct globals *g, const struct creating *n, struct notify *notify, struct container_proc *p,
			    struct err *e)
{
	if (!n->opts.notify_dir)
		return container_run(&n->opts, p, e);
	int r = container_create(&n->opts, p, e);
	if (r < 0)
		return r;
	r = notify_bind(notify, g->root, n->opts.id, e);
	if (r == 0)
		r = container_start(g->root, n->opts.id, e);
	if (r < 0 && !n->opts.keep)
		container_delete(g->root, n->opts.id, true, NULL);
	return r;
}

static int run_run(const struct globals *g, const struct call *c)
{
	const struct create_flags *f = c->values;
	AUTO(creating_done) struct creating n = { 0 };
	AUTO_NOTIFY notify = NOTIFY_INIT;
	AUTO_CONTAINER_PROC p = CONTAINER_PROC_INIT;
	struct err e = ERR_INIT;
	int r = prepare(g, c, f->detach, &n, &e);
	if (r == 0 && !f->no_subreaper && !f->detach)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (r == 0)
		r = create_and_start(g, &n, &notify, &p, &e);
	if (r < 0)
		return report(g, NOT_STARTED, "runc run failed", &e);
	if (f->detach) {
		notify_relay(&notify, p.pid, p.pidfd, NULL);
		return 0;
	}
	int status = session_run(&p, &notify);
	if (!f->keep && container_delete(g->root, n.opts.id, true, &e) < 0)
		oci_log(OCI_WARNING, "%s", err_text(&e));
	return status;
}

const struct verb verb_run = {
	.name = "run",
	.brief = "create and run a container",
	.args = "<container-id>",
	.about = "As create and start; stays until the process ends, and ends with its exit status, unless --detach is given.",
	VERB_OPTIONS(struct create_flags, run_rows),
	.order = OPTIONS_ANYWHERE,
	.enters = true,
	.min_args = 1,
	.max_args = 1,
	.run = run_run,
};
