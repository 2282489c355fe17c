/* knarr-agent: the node agent. Parses flags, wires the agent to the loop, runs. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/agent_config.h"
#include "base/json_pool.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/loop.h"

static void on_signal(void *arg, int signo)
{
	log_info("stopping, pods go on signal=%d", signo);
	loop_stop(arg);
}

static void print_help(void)
{
	AUTO_STR text = STR_INIT;
	agent_config_help(&text);
	printf(
	    "Usage: knarr-agent [--config FILE.yaml] [--FLAG VALUE | --FLAG=VALUE]...\nRuns the pods of one node.\n\n"
	    "  --%-26s %s\n%s  --version, --help\n",
	    "config", "file with the same settings; flags win", str_text(&text));
}

static bool is_flag(const char *arg)
{
	return arg[0] == '-' && arg[1];
}

/* One flag at argv[*i]; its value may be the next argument. */
static int parse_one(struct agent_config *c, int argc, char **argv, int *i, bool config_pass, struct err *e)
{
	const char *arg = argv[*i];
	if (!is_flag(arg))
		return err_set(e, -EINVAL, "unexpected argument %s", arg);
	arg += arg[1] == '-' ? 2 : 1;
	const char *eq = strchr(arg, '=');
	AUTO_FREE char *name = xstrndup(arg, eq ? (size_t)(eq - arg) : strlen(arg));
	const char *value = eq ? eq + 1 : NULL;
	if (!value && *i + 1 < argc && !is_flag(argv[*i + 1]))
		value = argv[++*i];
	if (!strcmp(name, "config"))
		return config_pass && value ? agent_config_load(c, value, e) : 0;
	return config_pass ? 0 : agent_config_set(c, name, value, e);
}

static int parse(struct agent_config *c, int argc, char **argv, struct err *e)
{
	for (int pass = 0; pass < 2; pass++)
		for (int i = 1; i < argc; i++) {
			int r = parse_one(c, argc, argv, &i, pass == 0, e);
			if (r < 0)
				return r;
		}
	return agent_config_complete(c, e);
}

static enum log_level level_of(int verbosity)
{
	return verbosity <= 0   ? LOG_LEVEL_ERROR
	       : verbosity == 1 ? LOG_LEVEL_WARN
	       : verbosity < 4  ? LOG_LEVEL_INFO
				: LOG_LEVEL_DEBUG;
}

static int run(struct agent_config *c)
{
	struct err e = ERR_INIT;
	struct loop *loop = NULL;
	struct agent *agent = NULL;
	int r = loop_new(&loop, &e);
	if (r == 0)
		r = agent_new(loop, c, &agent, &e);
	if (r < 0) {
		log_error("not started error=\"%s\"", err_text(&e));
		loop_free(loop);
		return EXIT_FAILURE;
	}
	struct signal_watch *term = signal_watch_new(loop, SIGTERM, on_signal, loop),
			    *intr = signal_watch_new(loop, SIGINT, on_signal, loop);
	loop_run(loop);
	signal_watch_free(term);
	signal_watch_free(intr);
	agent_free(agent);
	loop_free(loop);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct agent_config c;
	struct err e = ERR_INIT;
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		print_help();
		return EXIT_SUCCESS;
	}
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts("knarr-agent " KNARR_VERSION);
		return EXIT_SUCCESS;
	}
	json_pool_use(); /* trees that come and go leave no holes between what stays */
	agent_config_init(&c);
	int r = parse(&c, argc, argv, &e);
	log_init("knarr-agent", level_of(c.verbosity));
	if (r < 0)
		fprintf(stderr, "knarr-agent: %s\n", err_text(&e));
	int code = r < 0 ? 2 : run(&c);
	agent_config_done(&c);
	return code;
}
