/* knarr-oci restore. */
#include <sys/prctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/oci/checkpoint.h"

static int finish(const struct globals *g, const struct container_opts *o, struct container_proc *p, bool detach)
{
	struct err e = ERR_INIT;
	if (detach && p->console_fd >= 0) { /* the terminal would hang up with us */
		container_delete(g->root, o->id, true, NULL);
		return report_text(g, 1, "cannot allocate tty if runc will detach without setting console socket");
	}
	if (detach)
		return 0;
	int status = session_run(p, NULL);
	if (container_delete(g->root, o->id, true, &e) < 0)
		oci_log(OCI_WARNING, "%s", err_text(&e));
	return status;
}

static int run_restore(const struct globals *g, const struct call *c)
{
	const struct checkpoint_flags *f = c->values;
	struct checkpoint_opts k = CHECKPOINT_OPTS_INIT;
	struct container_opts o = CONTAINER_OPTS_INIT;
	AUTO_CONTAINER_PROC p = CONTAINER_PROC_INIT;
	struct err e = ERR_INIT;
	o.root = g->root;
	o.id = c->argv[0];
	o.bundle = str_empty(f->bundle) ? NULL : f->bundle;
	o.console_socket = f->console_socket;
	o.pid_file = f->pid_file;
	o.rootless = g->rootless;
	int r = checkpoint_prepare(f, &k, &e);
	if (r == 0 && !f->no_subreaper && !f->detach)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (r == 0)
		r = container_restore(&o, &k, &p, &e);
	return r < 0 ? report(g, 1, NULL, &e) : finish(g, &o, &p, f->detach);
}

static const struct option_row restore_rows[] = {
	CHECKPOINT_SHARED_ROWS,
	CHECKPOINT_ROW(console_socket, OPTION_TEXT, "console-socket", 0, "AF_UNIX socket that receives the pty master"),
	CHECKPOINT_ROW(bundle, OPTION_TEXT, "bundle", 'b', "path to the root of the bundle directory (default: \".\")"),
	CHECKPOINT_ROW(detach, OPTION_FLAG, "detach", 'd', "detach from the container's process"),
	CHECKPOINT_ROW(pid_file, OPTION_TEXT, "pid-file", 0, "file to write the process id to"),
	CHECKPOINT_ROW(no_subreaper, OPTION_FLAG, "no-subreaper", 0, "do not reap processes that lose their parents"),
	CHECKPOINT_ROW(no_pivot, OPTION_FLAG, "no-pivot", 0, "accepted: criu changes the root in its own way"),
	CHECKPOINT_ROW(lsm_profile, OPTION_TEXT, "lsm-profile", 0, "LSM profile to be used during restore, as TYPE:NAME"),
	CHECKPOINT_ROW(lsm_mount_context, OPTION_TEXT, "lsm-mount-context", 0, "LSM mount context to be used during restore"),
};

const struct verb verb_restore = {
	.name = "restore",
	.brief = "restore a container from a previous checkpoint",
	.args = "<container-id>",
	.about = "The bundle is that of the container that was saved; the id may be another.",
	VERB_OPTIONS(struct checkpoint_flags, restore_rows),
	.order = OPTIONS_ANYWHERE,
	.min_args = 1,
	.max_args = 1,
	.run = run_restore,
};
