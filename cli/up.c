/* knarr up: a cluster on this machine, from certificates to a node that is ready. On a machine that has joined another's
 * cluster it starts the agent again. */
#include <stdio.h>

#include "api/address.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/node_setup.h"

static const char usage[] =
	"Usage: knarr up [flags]\n\n"
	"Starts the API server, controllers, scheduler and node agent on this machine and waits until its node is Ready.\n"
	"With systemd as units, else under knarr-supervise. Run again it changes nothing.\n\n";

static int prepare(struct node_options *o, struct err *e)
{
	return node_is_joined(o) ? node_make_dirs(o, e) : node_prepare(o, e);
}

static const struct node_step steps[] = {
	{ "certificates and configuration", prepare },
	{ "starting the daemons", node_start },
	{ "waiting for the node", node_wait },
};

static void tell(const struct node_options *o)
{
	AUTO_FREE char *host = address_host(o->node_ip);
	if (node_is_joined(o))
		printf("The node is up: %s\n", o->node_name);
	else
		printf("The cluster is up: node %s, API https://%s:%s, kubeconfig %s/admin.conf\n", o->node_name, host, o->secure_port,
		       o->config_dir);
}

int cmd_up(int argc, char **argv)
{
	struct node_options o = { 0 };
	struct err e = ERR_INIT;
	int r = node_options_begin(&o, argc, argv, usage, &e);
	if (r > 0)
		return 0;
	if (r == 0)
		r = node_run_steps(&o, steps, ARRAY_LEN(steps), &e);
	if (r < 0)
		fprintf(stderr, "knarr up: %s\n", err_text(&e));
	else
		tell(&o);
	node_options_done(&o);
	return r < 0;
}
