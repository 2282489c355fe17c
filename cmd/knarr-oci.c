/* knarr-oci: the OCI runtime on the command line. Parses the global options, finds the verb, runs it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/oci/oci.h"
#include "runtime/rootless.h"
#include "runtime/self_protect.h"

#define EXIT_UNKNOWN_COMMAND 3

static const struct {
	const char *name;
	verb_fn *run;
	bool enters; /* makes processes in containers: the binary must be out of their reach */
	const char *help;
} verbs[] = {
	{ "create", verb_create, true, "create a container" },
	{ "delete", verb_delete, false, "delete any resources held by the container" },
	{ "exec", verb_exec, true, "execute a new process inside the container" },
	{ "features", verb_features, false, "show the enabled features" },
	{ "kill", verb_kill, false, "send a signal (default: SIGTERM) to the container's init process" },
	{ "list", verb_list, false, "list the containers of this root" },
	{ "pause", verb_pause, false, "suspend all processes inside the container" },
	{ "ps", verb_ps, false, "show the processes running inside a container" },
	{ "resume", verb_resume, false, "resume all processes that have been paused" },
	{ "run", verb_run, true, "create and start a container" },
	{ "spec", verb_spec, false, "create a new specification file" },
	{ "start", verb_start, false, "start a created container" },
	{ "state", verb_state, false, "output the state of a container" },
	{ "update", verb_update, false, "update container resource constraints" },
};

static void print_help(void)
{
	puts("NAME:\n   knarr-oci - Open Container Initiative runtime\n\nUSAGE:\n   knarr-oci [global options] command [command "
	     "options] [arguments...]\n\nCOMMANDS:");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		printf("   %-10s %s\n", verbs[i].name, verbs[i].help);
	puts("\nGLOBAL OPTIONS:\n   --debug             enable debug logging\n   --log value         set the log file\n   "
	     "--log-format value  'text' or 'json'\n   --root value        root directory for storage of container state\n   --rootless value    do without cgroups: 'true', 'false' or 'auto'\n   "
	     "--help, -h          show help\n   --version, -v       print the version");
}

static void print_version(void)
{
	printf("knarr-oci version " KNARR_VERSION "\nspec: 1.2.0\n");
}

/* Index of the verb in argv, or -1 with an exit status. */
static int parse_globals(int argc, char **argv, struct globals *g, int *ret_status)
{
	static const struct option options[] = {
		{ "root", 1, NULL, 'r' },	     { "log", 1, NULL, 'l' },	  { "log-format", 1, NULL, 'F' },
		{ "debug", 0, NULL, 'd' },	     { "help", 0, NULL, 'h' },	  { "version", 0, NULL, 'v' },
		{ "systemd-cgroup", 0, NULL, 's' },  { "rootless", 1, NULL, 'R' }, { "cgroup-manager", 1, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	*ret_status = 1;
	for (int o; (o = getopt_long_only(argc, argv, "+hv", options, NULL)) != -1;) {
		if (o == 'r')
			g->root = optarg;
		else if (o == 'l')
			g->log = optarg;
		else if (o == 'F' && (!strcmp(optarg, "json") || !strcmp(optarg, "text")))
			g->log_json = !strcmp(optarg, "json");
		else if (o == 'd')
			g->debug = true;
		else if (o == 'R') {
			struct err e = ERR_INIT;
			if (rootless_mode_parse(optarg, &g->rootless, &e) < 0)
				return report(g, -1, NULL, &e);
		} else if ((o == 'c' && !strcmp(optarg, "cgroupfs")))
			continue;
		else if (o == 's' || o == 'c')
			return report_text(g, -1, "the systemd cgroup manager is not available");
		else if (o == 'h' || o == 'v') {
			o == 'h' ? print_help() : print_version();
			*ret_status = 0;
			return -1;
		} else
			return o == 'F' ? report_text(g, -1, "invalid log-format: %s", optarg) : -1;
	}
	return optind;
}

int main(int argc, char **argv)
{
	struct globals g = { .root = rootless_state_root() };
	int status, at = parse_globals(argc, argv, &g, &status);
	if (at < 0)
		return status;
	const char *name = argv[at];
	if (!name || !strcmp(name, "help") || !strcmp(name, "version")) {
		name && *name == 'v' ? print_version() : print_help();
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (strcmp(verbs[i].name, name))
			continue;
		struct err e = ERR_INIT;
		if (verbs[i].enters && self_protect(argv, &e) < 0)
			return report(&g, 1, "protect the runtime's own binary", &e);
		optind = 0;
		report_notices(&g);
		return verbs[i].run(&g, argc - at, argv + at);
	}
	fprintf(stderr, "No help topic for '%s'\n", name);
	return EXIT_UNKNOWN_COMMAND;
}
