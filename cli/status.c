/* knarr status: which daemons run, what they take, whether API and node are well. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/node_api.h"

static const char usage[] = "Usage: knarr status [flags of up]\n\n"
			    "Tells which daemons run on this machine, what they take, and whether API and node are well.\n\n";

/* Resident memory in kB, 0 when unknown. */
static long resident_kb(int pid)
{
	AUTO_FREE char *path = xasprintf("/proc/%d/status", pid);
	AUTO_STR text = STR_INIT;
	if (fs_read_file(path, 1 << 16, &text, NULL) < 0)
		return 0;
	const char *at = strstr(str_text(&text), "VmRSS:");
	return at ? strtol(at + 6, NULL, 10) : 0;
}

static bool print_daemon(const struct node_options *o, const char *name)
{
	int pid = daemon_pid(o, name);
	if (pid)
		printf("%-10s running   pid %-8d %6.1f MB\n", name, pid, (double)resident_kb(pid) / 1024);
	else
		printf("%-10s stopped\n", name);
	return pid;
}

static const char *ready_word(const json_t *node)
{
	const json_t *c = json_find(json_at(node, "status.conditions"), "type", "Ready");
	return !c ? "Unknown" : str_eq(json_member(c, "status"), "True") ? "Ready" : "NotReady";
}

static int print_api(const struct node_options *o)
{
	AUTO_FREE char *path = xasprintf("%s/admin.conf", o->config_dir);
	AUTO_JSON *nodes = NULL;
	struct node_api *a = NULL;
	struct err e = ERR_INIT;
	int r = node_api_open(path, &a, &e);
	if (r == 0)
		r = node_api_get(a, "/api/v1/nodes", &nodes, &e);
	node_api_close(a);
	printf("%-10s %s\n", "api", r == 0 ? "ok" : err_text(&e));
	size_t i;
	json_t *n;
	json_array_foreach(json_object_get(nodes, "items"), i, n)
		printf("%-10s %-9s %s\n", "node", ready_word(n), json_str_or(n, "metadata.name", ""));
	return r;
}

int cmd_status(int argc, char **argv)
{
	struct node_options o = { 0 };
	struct err e = ERR_INIT;
	int r = node_options_begin(&o, argc, argv, usage, &e);
	if (r > 0)
		return 0;
	if (r < 0) {
		fprintf(stderr, "knarr status: %s\n", err_text(&e));
		node_options_done(&o);
		return 2;
	}
	bool all = print_daemon(&o, "server");
	all &= print_daemon(&o, "agent");
	(void)print_daemon(&o, "supervise"); /* absent where systemd does its work */
	r = all ? print_api(&o) : -ESRCH;
	node_options_done(&o);
	return r < 0;
}
