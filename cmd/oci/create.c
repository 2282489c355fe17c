/* knarr-oci create and run. */
#include <errno.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/oci/oci.h"

#define NOT_STARTED 1

int parse_create(const struct globals *g, int argc, char **argv, bool run, struct create_flags *ret)
{
	static const char *bundle, *console, *pid_file, *pidfd, *preserve;
	struct create_flags f = { .opts = CONTAINER_OPTS_INIT };
	bool ignored = false;
	const struct option_row rows[] = {
		{ "bundle", 'b', &bundle, NULL, NULL, "path to the root of the bundle directory" },
		{ "console-socket", 0, &console, NULL, NULL, "AF_UNIX socket that receives the pty master" },
		{ "pid-file", 0, &pid_file, NULL, NULL, "file to write the process id to" },
		{ "pidfd-socket", 0, &pidfd, NULL, NULL, "AF_UNIX socket that receives the pidfd" },
		{ "preserve-fds", 0, &preserve, NULL, NULL, "number of additional descriptors to pass" },
		{ "no-pivot", 0, NULL, &f.opts.no_pivot, NULL, "do not use pivot_root" },
		{ "no-new-keyring", 0, NULL, &f.opts.no_new_keyring, NULL, "keep the session keyring" },
		{ "no-subreaper", 0, NULL, &ignored, NULL, "accepted for compatibility" },
		{ "detach", 'd', NULL, &f.detach, NULL, "detach from the container's process (run)" },
		{ "keep", 0, NULL, &f.keep, NULL, "do not delete the container after it exits (run)" },
	};
	int at = parse_options(g, argc, argv, rows, ARRAY_LEN(rows) - (run ? 0 : 2), false,
			       run ? "run [options] <container-id>" : "create [options] <container-id>");
	uint32_t n = 0;
	if (at < 0)
		return at;
	if (preserve && (str_to_u32(preserve, &n) < 0 || n > 65536))
		return report_text(g, -1, "invalid value \"%s\" for --preserve-fds", preserve);
	f.opts.root = g->root;
	f.opts.rootless = g->rootless;
	f.opts.id = only_id(g, argc, argv, at);
	f.opts.bundle = bundle;
	f.opts.console_socket = console;
	f.opts.console_bare = !console;
	f.opts.pid_file = pid_file;
	f.opts.pidfd_socket = pidfd;
	f.opts.preserve_fds = (int)n;
	*ret = f;
	return f.opts.id ? at : -1;
}

int verb_create(const struct globals *g, int argc, char **argv)
{
	struct create_flags f = { 0 };
	struct err e = ERR_INIT;
	AUTO_CONTAINER_PROC p = CONTAINER_PROC_INIT;
	int at = parse_create(g, argc, argv, false, &f);
	if (at < 0)
		return PARSE_EXIT(at);
	f.opts.detached = true; /* the terminal would hang up with us */
	int r = container_create(&f.opts, &p, &e);
	return r < 0 ? report(g, NOT_STARTED, "knarr-oci create failed", &e) : 0;
}

int verb_run(const struct globals *g, int argc, char **argv)
{
	struct create_flags f = { 0 };
	struct err e = ERR_INIT;
	AUTO_CONTAINER_PROC p = CONTAINER_PROC_INIT;
	int at = parse_create(g, argc, argv, true, &f);
	if (at < 0)
		return PARSE_EXIT(at);
	f.opts.detached = f.detach;
	int r = container_run(&f.opts, &p, &e);
	if (r < 0)
		return report(g, NOT_STARTED, "knarr-oci run failed", &e);
	if (f.detach)
		return 0;
	int status = session_run(&p);
	if (!f.keep && container_delete(g->root, f.opts.id, true, &e) < 0)
		report(g, 1, NULL, &e);
	return status;
}
