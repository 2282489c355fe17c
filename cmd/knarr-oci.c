/* knarr-oci: the OCI runtime on the command line. Parses the global options, finds the verb, runs it. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/oci/help.h"
#include "cmd/oci/oci.h"
#include "runtime/rootless.h"
#include "runtime/self_protect.h"

#define EXIT_UNKNOWN_COMMAND 3

static const struct verb *const verbs[] = {
	&verb_checkpoint, &verb_create, &verb_delete,  &verb_events, &verb_exec, &verb_features, &verb_kill,   &verb_list,
	&verb_pause,	  &verb_ps,	&verb_restore, &verb_resume, &verb_run,	 &verb_spec,	 &verb_start,  &verb_state,
	&verb_update,
};

static const struct option_row global_rows[] = {
	ROW(struct globals, debug, OPTION_FLAG, "debug", 0, "enable debug logging"),
	ROW(struct globals, log, OPTION_TEXT, "log", 0, "file that the log is appended to (default: standard error)"),
	{ "log-format", 0, OPTION_TEXT, offsetof(struct globals, log_format), "form of the log, text or json", "text", false },
	ROW(struct globals, root, OPTION_TEXT, "root", 0, "directory of the containers' state (should be on a tmpfs)"),
	{ "criu", 0, OPTION_TEXT, offsetof(struct globals, criu), "ignored", NULL, true },
	ROW(struct globals, systemd_cgroup, OPTION_FLAG, "systemd-cgroup", 0,
	    "let systemd make the cgroups; cgroupsPath is then slice:prefix:name"),
	ROW(struct globals, cgroup_manager, OPTION_TEXT, "cgroup-manager", 0, "who makes the cgroups, cgroupfs or systemd"),
	{ "rootless", 0, OPTION_TEXT, offsetof(struct globals, rootless_text),
	  "ignore cgroup permission errors: true, false or auto", "auto", false },
	ROW(struct globals, version, OPTION_FLAG, "version", 'v', "print the version"),
};

/* The XDG specification has what is to last in $XDG_RUNTIME_DIR marked by the sticky bit. */
static int default_root(const struct globals *g, const char **ret)
{
	struct err e = ERR_INIT;
	*ret = rootless_state_root();
	if (str_eq(*ret, CONTAINER_ROOT_DEFAULT))
		return 0;
	if (fs_mkdir_p(*ret, 0700, &e) < 0)
		return report(g, 1, "the path in $XDG_RUNTIME_DIR must be writable by the user", &e);
	return chmod(*ret, 0700 | S_ISVTX) < 0 ? report_text(g, 1, "chmod %s: %m", *ret) : 0;
}

/* Absolute and without ".", ".." and doubled slashes, by the text alone; owned. */
static char *clean_path(const char *path)
{
	char cwd[PATH_MAX] = "";
	AUTO_STR out = STR_INIT;
	if (*path != '/' && !getcwd(cwd, sizeof(cwd)))
		cwd[0] = '\0';
	AUTO_FREE char *whole = xasprintf("%s/%s", cwd, path);
	AUTO_STRV char **parts = str_split(whole, '/');
	for (size_t i = 0; i < strv_len(parts); i++) {
		if (str_eq(parts[i], "..")) {
			char *slash = out.len ? strrchr(out.p, '/') : NULL;
			out.len = slash ? (size_t)(slash - out.p) : 0;
			if (out.p)
				out.p[out.len] = '\0';
		} else if (*parts[i] && !str_eq(parts[i], ".")) {
			str_addf(&out, "/%s", parts[i]);
		}
	}
	if (!out.len)
		str_addc(&out, '/');
	return str_take(&out);
}

static int understand_root(struct globals *g)
{
	if (!g->root)
		return default_root(g, &g->root);
	g->root = clean_path(g->root); /* kept until the end */
	return str_eq(g->root, "/") ? report_text(g, 1, "Option --root argument should not be set to /") : 0;
}

/* What the texts mean; 0, or an exit status after a report. */
static int understand(struct globals *g)
{
	struct err e = ERR_INIT;
	if (!str_eq(g->log_format, "json") && !str_eq(g->log_format, "text") && !str_empty(g->log_format))
		return report_text(g, 1, "invalid log-format: %s", g->log_format);
	if (oci_log_open(g->log, str_eq(g->log_format, "json"), g->debug, &e) < 0)
		return report(g, 1, NULL, &e);
	if (g->criu)
		fprintf(stderr, "WARNING: --criu ignored (criu binary from $PATH is used); do not use\n");
	if (rootless_mode_parse(g->rootless_text, &g->rootless, &e) < 0)
		return report(g, 1, NULL, &e);
	if (str_eq(g->cgroup_manager, "systemd"))
		g->systemd_cgroup = true;
	else if (g->cgroup_manager && !str_eq(g->cgroup_manager, "cgroupfs"))
		return report_text(g, 1, "unknown cgroup manager \"%s\"", g->cgroup_manager);
	return understand_root(g);
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_eq(verbs[i]->name, name))
			return verbs[i];
	return NULL;
}

static int unknown_verb(const struct globals *g, const char *name)
{
	return report_text(g, EXIT_UNKNOWN_COMMAND, "No help topic for '%s'", name);
}

static int program_help(const struct globals *g, const char *topic)
{
	const struct verb *v = topic ? find_verb(topic) : NULL;
	if (topic && !v)
		return unknown_verb(g, topic);
	if (v)
		help_verb(g, v);
	else
		help_program(g, verbs, ARRAY_LEN(verbs), global_rows, ARRAY_LEN(global_rows));
	return 0;
}

static int check_count(const struct globals *g, const struct verb *v, int n)
{
	const char *what = v->min_args == v->max_args ? "exactly" : n < v->min_args ? "a minimum of" : "a maximum of";
	if (n >= v->min_args && (v->max_args < 0 || n <= v->max_args))
		return 0;
	printf("Incorrect Usage.\n\n");
	help_verb(g, v);
	return report_text(g, 1, "%s: \"%s\" requires %s %d argument(s)", g->name, v->name, what,
			   n < v->min_args ? v->min_args : v->max_args);
}

static int run_verb(const struct globals *g, const struct verb *v, int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct call c = { .verb = v, .argv = argv, .values = xcalloc(1, v->values_size + 1) };
	int r = options_parse(v->rows, v->n_rows, v->order, argc, argv, c.values, &c.argc, &e), status;
	if (r == OPTIONS_HELP) {
		help_verb(g, v);
		status = 0;
	} else if (r < 0) {
		printf("Incorrect Usage: %s\n\n", err_text(&e));
		help_verb(g, v);
		status = report(g, 1, NULL, &e);
	} else {
		argv[c.argc] = NULL;
		status = check_count(g, v, c.argc);
		if (status == 0)
			status = v->run(g, &c);
	}
	options_free(v->rows, v->n_rows, c.values);
	free(c.values);
	return status;
}

/* "knarr-oci --generate-bash-completion", "knarr-oci VERB --generate-bash-completion". */
static bool complete(int n, char **args)
{
	if (n < 1 || n > 2 || !str_eq(args[n - 1], "--generate-bash-completion"))
		return false;
	help_words(verbs, ARRAY_LEN(verbs), n == 2 ? find_verb(args[0]) : NULL);
	return true;
}

/* A descriptor that we open must not become the container's standard input or output by its number. */
static void fill_standard_descriptors(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < 3 && fcntl(fd, F_SETFD, 0) == 0);
	close_fd(&fd);
}

int main(int argc, char **argv)
{
	struct globals g = { .name = "knarr-oci" };
	struct err e = ERR_INIT;
	fill_standard_descriptors();
	if (argc && *argv[0])
		g.name = str_base_name(argv[0]);
	if (complete(argc - 1, argv + 1))
		return 0;
	/* The verb's own arguments must survive as they are for the second run that self_protect() makes. */
	AUTO_FREE char **args = xmemdup(argv, ((size_t)argc + 1) * sizeof(*argv));
	int n = 0, r = argc ? options_parse(global_rows, ARRAY_LEN(global_rows), OPTIONS_FIRST, argc - 1, args + 1, &g, &n, &e) : 0;
	if (r < 0) {
		printf("Incorrect Usage: %s\n\n", err_text(&e));
		program_help(&g, NULL);
		return report(&g, 1, NULL, &e);
	}
	if (r == OPTIONS_HELP)
		return program_help(&g, NULL);
	if (g.version) {
		help_version(&g);
		return 0;
	}
	args[1 + n] = NULL;
	int status = understand(&g);
	if (status)
		return status;
	if (n == 0 || str_eq(args[1], "help") || str_eq(args[1], "h"))
		return program_help(&g, n > 1 ? args[2] : NULL);
	const struct verb *v = find_verb(args[1]);
	if (!v)
		return unknown_verb(&g, args[1]);
	if (v->enters && self_protect(argv, &e) < 0)
		return report(&g, 1, "protect the runtime's own binary", &e);
	container_notices_to(oci_log_notice, NULL, g.debug);
	return run_verb(&g, v, n - 1, args + 2);
}
