/* knarr: the command people type. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "cli/cli.h"

static int cmd_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("knarr " KNARR_VERSION " (Kubernetes v1.36)");
	return 0;
}

static int cmd_help(int argc, char **argv);

static const struct {
	const char *name, *help;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "up", "start a cluster on this machine and wait until its node is ready", cmd_up },
	{ "init", "start a cluster that other machines can join", cmd_init },
	{ "join", "make this machine a node of a cluster", cmd_join },
	{ "token", "create, list and delete the tokens by which machines join", cmd_token },
	{ "reset", "leave the cluster: stop everything and remove its data", cmd_reset },
	{ "down", "stop it and leave nothing behind (--purge: its data, too)", cmd_down },
	{ "status", "what runs on this machine", cmd_status },
	{ "image", "import, list and remove local images", cmd_image },
	{ "backup", "write the cluster's objects and certificates into a file", cmd_backup },
	{ "restore", "put a backup in place", cmd_restore },
	{ "version", "print the version", cmd_version },
	{ "help", "print this text", cmd_help },
};

static int cmd_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("Usage: knarr COMMAND [flags]\n\nKubernetes in C: a node and a compact control plane.\n");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].help);
	puts("\nknarr COMMAND --help tells the flags of a command.");
	return 0;
}

int main(int argc, char **argv)
{
	log_init("knarr", LOG_LEVEL_WARN);
	const char *name = argc > 1 ? argv[1] : "help";
	if (!strcmp(name, "--version"))
		name = "version";
	if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		name = "help";
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (!strcmp(commands[i].name, name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "knarr: unknown command \"%s\"; see knarr help\n", name);
	return 2;
}
