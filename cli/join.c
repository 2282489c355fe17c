/* knarr join: this machine becomes a node of a cluster whose server is elsewhere.
 *
 * Happy path: cluster-info is fetched from whoever answers at the address and believed because the token has signed it and
 * its CA is the one that was told; with the token a client certificate is asked for, with that a serving certificate; the
 * agent is started and the node is waited for. What can fail: a wrong token or CA, a server that does not answer, a request
 * that nobody approves. What always holds: the token is written nowhere but into a file that is removed before the end, and
 * nothing is sent with it to a server whose certificate the CA has not signed. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/bootstrap_secret.h"
#include "api/kubeconfig.h"
#include "api/pki.h"
#include "api/yaml.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/join_info.h"
#include "cli/node_api.h"
#include "cli/node_setup.h"

static const char usage[] =
	"Usage: knarr join ADDRESS[:PORT] --token TOKEN --ca-hash sha256:HEX [flags]\n\n"
	"Makes this machine a node of the cluster whose API server is at ADDRESS (port 6443 where none is given). Token and hash\n"
	"are told by `knarr init` and `knarr token create --print-join-command` there.\n\n";

/* What the steps hand on to each other. */
static struct {
	char *url;	  /* where the server is said to be, then where it says that it is */
	char *token_file; /* while the token is needed */
} join;

static int64_t timeout_ms(const struct node_options *o)
{
	int64_t seconds = 60;
	(void)str_to_i64(o->timeout, &seconds);
	return seconds * 1000;
}

static char *pki_path(const struct node_options *o, const char *file)
{
	return xasprintf("%s/pki/%s", o->config_dir, file);
}

/* --- discovery ------------------------------------------------------------------------------------------------------------ */

static int check_signature(const struct node_options *o, const json_t *info, struct err *e)
{
	AUTO_FREE char *id = xstrndup(o->token, BOOTSTRAP_ID_LEN), *key = xasprintf("jws-kubeconfig-%s", id);
	const char *kubeconfig = json_str_or(info, "data.kubeconfig", "");
	const char *given = json_member(json_object_get(info, "data"), key);
	AUTO_FREE char *own = bootstrap_sign(kubeconfig, id, o->token + BOOTSTRAP_ID_LEN + 1);
	if (!given)
		return err_set(e, -EACCES, "token id \"%s\" is invalid for this cluster or it has expired", id);
	if (strlen(own) != strlen(given) || CRYPTO_memcmp(own, given, strlen(own)) != 0)
		return err_set(e, -EACCES, "failed to verify JWS signature of received cluster info object: the token's secret is another");
	return 0;
}

/* CA and server of the kubeconfig without credentials; the CA must be the one whose hash was told. */
static int take_cluster(struct node_options *o, const json_t *info, struct err *e)
{
	AUTO_JSON *config = NULL;
	AUTO_STR pem = STR_INIT;
	AUTO_FREE char *ca = pki_path(o, "ca.crt"), *fresh = pki_path(o, "ca.crt.new");
	char hash[72];
	const char *text = json_str_or(info, "data.kubeconfig", "");
	int r = yaml_parse_texts(text, strlen(text), &config, e);
	if (r < 0)
		return err_wrap(e, r, "cluster-info");
	const json_t *cluster = json_object_get(json_array_get(json_object_get(config, "clusters"), 0), "cluster");
	const char *data = json_str_or(cluster, "certificate-authority-data", ""), *server = json_str_or(cluster, "server", "");
	if (base64_decode(&pem, data, strlen(data)) < 0 || !pem.len || !str_has_prefix(server, "https://"))
		return err_set(e, -EINVAL, "cluster-info has no CA or no server");
	if ((r = fs_write_atomic(fresh, pem.p, pem.len, 0644, e)) < 0 || (r = pki_ca_hash(fresh, hash, e)) < 0)
		return r;
	if (!o->no_ca_check && !str_eq(hash, o->ca_hash)) {
		unlink(fresh);
		return err_set(e, -EACCES, "cluster CA found in cluster-info ConfigMap is invalid: its public key is %s, not %s", hash, o->ca_hash);
	}
	free(join.url);
	join.url = xstrdup(server);
	return rename(fresh, ca) < 0 ? err_sys(e, "%s", ca) : 0;
}

/* Until the token's signature is there: the server signs soon after the token was made. */
static int fetch_info(struct node_options *o, struct node_api *a, json_t **ret, struct err *e)
{
	for (int64_t until = clock_mono_ms() + timeout_ms(o);;) {
		AUTO_JSON *info = NULL;
		struct err now = ERR_INIT;
		int r = node_api_get(a, JOIN_INFO_PATH, &info, &now);
		if (r == 0)
			r = check_signature(o, info, &now);
		if (r == 0) {
			*ret = TAKE(info);
			return 0;
		}
		if (clock_mono_ms() >= until)
			return err_set(e, r, "%s: %s", join.url, err_text(&now));
		usleep(200000);
	}
}

static int discover(struct node_options *o, struct err *e)
{
	struct node_api *a = NULL;
	AUTO_JSON *info = NULL;
	AUTO_FREE char *dir = pki_path(o, "node");
	int r = node_make_dirs(o, e);
	if (r == 0)
		r = fs_mkdir_p(dir, 0700, e);
	if (r == 0)
		r = node_api_open_server(join.url, NULL, NULL, &a, e);
	if (r == 0)
		r = fetch_info(o, a, &info, e);
	node_api_close(a);
	return r < 0 ? r : take_cluster(o, info, e);
}

/* --- certificates --------------------------------------------------------------------------------------------------------- */

static int ask(const struct node_options *o, struct node_api *a, bool server, struct err *e)
{
	static const char *const nodes[] = { "system:nodes", NULL };
	AUTO_FREE char *user = xasprintf("system:node:%s", o->node_name), *file = pki_path(o, server ? "node/server.pem" : "node/client.pem");
	AUTO_STRV char **ips = str_split(o->node_ips ? o->node_ips : o->node_ip, ',');
	const char *dns[] = { o->node_name, NULL };
	struct cert_request_opts opts = { .subject = { .common_name = user, .organizations = nodes, .server = server, .client = !server },
					  .pem_file = file,
					  .timeout_ms = (int)timeout_ms(o) };
	if (server) {
		opts.subject.dns = dns;
		opts.subject.ips = (const char *const *)ips;
	}
	return node_api_certificate(a, &opts, e);
}

static int write_token(const struct node_options *o, struct err *e)
{
	join.token_file = xasprintf("%s/join-token", o->run_dir);
	return fs_write_atomic(join.token_file, o->token, strlen(o->token), 0600, e);
}

static int write_kubeconfig(const struct node_options *o, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/agent.conf", o->config_dir), *ca = pki_path(o, "ca.crt"), *pem = pki_path(o, "node/client.pem");
	AUTO_FREE char *user = xasprintf("system:node:%s", o->node_name);
	return kubeconfig_write_paths(path, "knarr", join.url, ca, user, pem, pem, e);
}

static int get_client_certificate(struct node_options *o, struct err *e)
{
	AUTO_FREE char *ca = pki_path(o, "ca.crt");
	struct node_api *a = NULL;
	int r = write_token(o, e);
	if (r == 0)
		r = node_api_open_server(join.url, ca, join.token_file, &a, e);
	if (r == 0)
		r = ask(o, a, false, e);
	node_api_close(a);
	unlink(join.token_file);
	return r < 0 ? r : write_kubeconfig(o, e);
}

/* As the node that this machine is now. */
static int get_settings(struct node_options *o, struct err *e)
{
	AUTO_FREE char *conf = xasprintf("%s/agent.conf", o->config_dir);
	AUTO_JSON *config = NULL;
	struct node_api *a = NULL;
	int r = node_api_open(conf, &a, e);
	if (r == 0)
		r = node_api_get(a, JOIN_CONFIG_PATH, &config, e);
	if (r == 0) {
		join_info_take_settings(o, config);
		r = ask(o, a, true, e);
	}
	node_api_close(a);
	return r < 0 ? r : node_options_save(o, e);
}

static const struct node_step steps[] = {
	{ "finding the cluster", discover },
	{ "getting the node's certificate", get_client_certificate },
	{ "getting settings and serving certificate", get_settings },
	{ "starting the agent", node_start },
	{ "waiting for the node", node_wait },
};

/* "https://HOST:PORT" of HOST, HOST:PORT, an IPv6 address, or one in brackets. Owned. */
static char *server_url(const char *address)
{
	const char *colon = strchr(address, ':'), *bracket = strchr(address, ']');
	if (!bracket && colon && strchr(colon + 1, ':'))
		return xasprintf("https://[%s]:6443", address);
	bool port = bracket ? bracket[1] == ':' : colon != NULL;
	return xasprintf("https://%s%s", address, port ? "" : ":6443");
}

static int check(const struct node_options *o, const char *address, struct err *e)
{
	AUTO_FREE char *conf = xasprintf("%s/agent.conf", o->config_dir), *key = pki_path(o, "ca.key");
	if (str_empty(o->token) || !bootstrap_token_has_form(o->token))
		return err_set(e, -EINVAL, "--token: want a token of the form [a-z0-9]{6}.[a-z0-9]{16}");
	if (!o->no_ca_check && !str_has_prefix(o->ca_hash ? o->ca_hash : "", "sha256:"))
		return err_set(e, -EINVAL, "--ca-hash: want sha256:HEX of the CA's public key (or --unsafe-skip-ca-verification)");
	if (fs_exists(conf) || fs_exists(key))
		return err_set(e, -EEXIST, "this machine is a node already (%s); knarr reset makes it leave", fs_exists(conf) ? conf : key);
	if (strspn(address, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:[]") != strlen(address))
		return err_set(e, -EINVAL, "not an address: %s", address);
	join.url = server_url(address);
	return 0;
}

int cmd_join(int argc, char **argv)
{
	struct node_options o = { 0 };
	struct err e = ERR_INIT;
	const char *address = NULL;
	int r = node_options_operand(&o, argc, argv, usage, "ADDRESS", &address, &e);
	o.no_node = false;
	if (r == 0)
		r = check(&o, address, &e);
	if (r == 0)
		r = node_run_steps(&o, steps, ARRAY_LEN(steps), &e);
	if (r < 0)
		fprintf(stderr, "knarr join: %s\n", err_text(&e));
	else
		printf("This machine has joined the cluster at %s as node %s\n", join.url, o.node_name);
	free(join.url);
	free(join.token_file);
	node_options_done(&o);
	return r < 0;
}
