/* knarr init: a control plane that other machines can join, with a node on this machine unless --no-node is given. As
 * `up`, and then what joining needs is published and a token for a day is made. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/address.h"
#include "api/bootstrap_secret.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/join_info.h"
#include "cli/node_setup.h"

enum { TOKEN_SECONDS = 86400 };

static const char usage[] =
	"Usage: knarr init [--no-node] [--token TOKEN] [flags]\n\n"
	"Starts the API server, controllers and scheduler on this machine (and a node, as `knarr up` does, unless --no-node is\n"
	"given), and prints the command with which other machines join within a day.\n\n";

static char token[BOOTSTRAP_TOKEN_LEN + 1];

static int publish(struct node_options *o, struct err *e)
{
	AUTO_FREE char *conf = xasprintf("%s/admin.conf", o->config_dir);
	struct node_api *a = NULL;
	struct join_token t = { .text = o->token, .description = "The first token of this cluster.", .ttl_s = TOKEN_SECONDS,
				.signing = true, .authentication = true };
	int r = node_api_open(conf, &a, e);
	if (r == 0)
		r = join_info_publish(a, o, e);
	if (r == 0)
		r = join_token_create(a, &t, token, e);
	node_api_close(a);
	return r;
}

static int check(struct node_options *o, struct err *e)
{
	if (node_is_joined(o))
		return err_set(e, -EEXIST, "this machine has joined another cluster; knarr reset makes it leave");
	return node_prepare(o, e);
}

static const struct node_step steps[] = {
	{ "certificates and configuration", check },
	{ "starting the daemons", node_start },
	{ "waiting for the API", node_wait },
	{ "publishing what joining needs", publish },
};

int cmd_init(int argc, char **argv)
{
	struct node_options o = { 0 };
	struct err e = ERR_INIT;
	AUTO_FREE char *command = NULL;
	int r = node_options_begin(&o, argc, argv, usage, &e);
	if (r > 0)
		return 0;
	if (r == 0)
		r = node_run_steps(&o, steps, ARRAY_LEN(steps), &e);
	if (r == 0)
		r = join_command(&o, token, &command, &e);
	if (r < 0)
		fprintf(stderr, "knarr init: %s\n", err_text(&e));
	AUTO_FREE char *host = address_host(o.node_ip);
	if (r == 0)
		printf("The cluster is up: API https://%s:%s, kubeconfig %s/admin.conf\nOther machines join, as root, with\n\n  %s\n\n",
		       host, o.secure_port, o.config_dir, command);
	node_options_done(&o);
	return r < 0;
}
