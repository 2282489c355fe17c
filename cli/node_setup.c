/* What `up`, `init` and `join` have in common: directories, certificates, daemons, the wait until the node is ready.
 *
 * Happy path: every file is made when missing, so that a second run changes nothing; daemons that run are left alone.
 * What can fail: a port in use, a broken configuration (the daemon's log is named). What always holds: certificates and
 * data are never overwritten by a second run. */
#include "cli/node_setup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/address.h"
#include "api/kubeconfig.h"
#include "api/pki.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/node_api.h"

bool node_is_joined(const struct node_options *o)
{
	AUTO_FREE char *conf = xasprintf("%s/agent.conf", o->config_dir), *key = xasprintf("%s/pki/ca.key", o->config_dir);
	return fs_exists(conf) && !fs_exists(key);
}

int node_make_dirs(struct node_options *o, struct err *e)
{
	if (!o->node_ip && !(o->node_ip = address_default()))
		return err_set(e, -ENOENT, "this machine has no address but loopback: give --node-ip");
	AUTO_FREE char *manifests = xasprintf("%s/manifests", o->config_dir);
	const struct {
		const char *path;
		unsigned mode;
	} dirs[] = { { o->data_dir, 0700 }, { o->run_dir, 0700 }, { o->config_dir, 0755 }, { o->log_dir, 0755 }, { manifests, 0755 }, { o->root_dir, 0750 } };
	int r = 0;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(dirs); i++)
		r = fs_mkdir_p(dirs[i].path, dirs[i].mode, e);
	return r;
}

static int make_certificates(const struct node_options *o, struct err *e)
{
	AUTO_FREE char *dir = xasprintf("%s/pki", o->config_dir), *service_ip = address_first(o->service_cidr);
	AUTO_STRV char **ips = str_split(o->node_ips ? o->node_ips : o->node_ip, ',');
	AUTO_STRV char **more = strv_dup(ips);
	strv_add(&more, o->node_name);
	struct pki_cluster c = { .dir = dir, .service_ip = service_ip, .cluster_domain = o->cluster_domain,
				 .advertise_address = o->node_ip, .more_names = (const char *const *)more };
	if (!service_ip)
		return err_set(e, -EINVAL, "--service-cluster-ip-range: \"%s\" is no range", o->service_cidr);
	int r = pki_cluster_ensure(&c, e);
	return r < 0 ? r : pki_node_ensure(dir, o->node_name, (const char *const *)ips, e);
}

static char *server_url(const struct node_options *o)
{
	AUTO_FREE char *host = address_host(o->node_ip);
	return xasprintf("https://%s:%s", host, o->secure_port);
}

static int make_admin_conf(const struct node_options *o, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/admin.conf", o->config_dir), *server = server_url(o);
	AUTO_FREE char *ca = xasprintf("%s/pki/ca.crt", o->config_dir), *crt = xasprintf("%s/pki/admin.crt", o->config_dir);
	AUTO_FREE char *key = xasprintf("%s/pki/admin.key", o->config_dir);
	return kubeconfig_write(path, "knarr", server, ca, "kubernetes-admin", crt, key, e);
}

/* Names the file of the node's certificate, which the agent exchanges in time. */
static int make_agent_conf(const struct node_options *o, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/agent.conf", o->config_dir), *server = server_url(o);
	AUTO_FREE char *ca = xasprintf("%s/pki/ca.crt", o->config_dir), *pem = xasprintf("%s/pki/node/client.pem", o->config_dir);
	AUTO_FREE char *user = xasprintf("system:node:%s", o->node_name);
	return kubeconfig_write_paths(path, "knarr", server, ca, user, pem, pem, e);
}

int node_prepare(struct node_options *o, struct err *e)
{
	int r = node_make_dirs(o, e);
	if (r == 0)
		r = make_certificates(o, e);
	if (r == 0)
		r = make_admin_conf(o, e);
	if (r == 0)
		r = make_agent_conf(o, e);
	return r < 0 ? r : node_options_save(o, e);
}

static void add_flag(char ***argv, const char *name, const char *value)
{
	AUTO_FREE char *flag = xasprintf("--%s=%s", name, value);
	strv_add(argv, flag);
}

static char **server_argv(const struct node_options *o)
{
	char **argv = NULL;
	AUTO_FREE char *bin = program_dir(), *program = xasprintf("%s/knarr-server", bin), *pki = xasprintf("%s/pki", o->config_dir);
	strv_add(&argv, program);
	add_flag(&argv, "data-dir", o->data_dir);
	add_flag(&argv, "cert-dir", pki);
	add_flag(&argv, "bind-address", "0.0.0.0");
	add_flag(&argv, "advertise-address", o->node_ip);
	add_flag(&argv, "secure-port", o->secure_port);
	add_flag(&argv, "service-cluster-ip-range", o->service_cidr);
	add_flag(&argv, "cluster-cidr", o->cluster_cidr);
	const char *const given[][2] = {
		{ "etcd-servers", o->etcd_servers }, { "etcd-cafile", o->etcd_ca_file }, { "etcd-certfile", o->etcd_cert_file },
		{ "etcd-keyfile", o->etcd_key_file }, { "cluster-dns", o->cluster_dns }, { "encryption-provider-config", o->encryption_config },
	};
	for (size_t i = 0; i < ARRAY_LEN(given); i++)
		if (!str_empty(given[i][1]))
			add_flag(&argv, given[i][0], given[i][1]);
	return argv;
}

static char **agent_argv(const struct node_options *o)
{
	char **argv = NULL;
	AUTO_FREE char *bin = program_dir(), *program = xasprintf("%s/knarr-agent", bin), *kubeconfig = xasprintf("%s/agent.conf", o->config_dir);
	AUTO_FREE char *manifests = xasprintf("%s/manifests", o->config_dir), *ca = xasprintf("%s/pki/ca.crt", o->config_dir);
	AUTO_FREE char *pem = xasprintf("%s/pki/node/server.pem", o->config_dir);
	const char *const flags[][2] = {
		{ "kubeconfig", kubeconfig }, { "node-name", o->node_name }, { "node-ip", o->node_ips ? o->node_ips : o->node_ip },
		{ "pod-manifest-path", manifests }, { "client-ca-file", ca }, { "tls-cert-file", pem },
		{ "tls-private-key-file", pem }, { "cluster-dns", o->cluster_dns }, { "cluster-domain", o->cluster_domain },
		{ "cluster-cidr", o->cluster_cidr }, { "pod-cidr", o->pod_cidr }, { "root-dir", o->root_dir },
		{ "data-dir", o->data_dir }, { "run-dir", o->run_dir }, { "cni-conf-dir", o->cni_conf_dir },
		{ "cni-bin-dir", o->cni_bin_dir }, { "cgroup-root", o->cgroup_root },
		{ "overlay", o->overlay }, { "service-cluster-ip-range", o->service_cidr }, { "dns", str_empty(o->cluster_dns) ? "false" : "true" },
		{ "rotate-certificates", "true" }, { "rotate-server-certificates", "true" },
	};
	strv_add(&argv, program);
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (flags[i][1])
			add_flag(&argv, flags[i][0], flags[i][1]);
	return argv;
}

static void add_program(char ***argv, const char *name, char *const *program)
{
	if (!program)
		return;
	strv_add(argv, "--");
	strv_add(argv, name);
	for (; *program; program++)
		strv_add(argv, *program);
}

static int supervise(const struct node_options *o, char *const *server, char *const *agent, struct err *e)
{
	AUTO_STRV char **argv = NULL;
	AUTO_FREE char *bin = program_dir(), *program = xasprintf("%s/knarr-supervise", bin);
	if (daemon_pid(o, "supervise"))
		return 0;
	const char *const head[] = { program, "--run-dir", o->run_dir, "--log-dir", o->log_dir };
	for (size_t i = 0; i < ARRAY_LEN(head); i++)
		strv_add(&argv, head[i]);
	add_program(&argv, "server", server);
	add_program(&argv, "agent", agent);
	int r = run_program(argv, e);
	return r > 0 ? err_set(e, -EIO, "knarr-supervise ended with status %d", r) : r;
}

static bool uses_systemd(const struct node_options *o)
{
	return systemd_is_running() && !o->no_systemd;
}

int node_start(struct node_options *o, struct err *e)
{
	AUTO_STRV char **server = node_is_joined(o) ? NULL : server_argv(o), **agent = o->no_node ? NULL : agent_argv(o);
	if (uses_systemd(o))
		return systemd_up(o, server, agent, e);
	return supervise(o, server, agent, e);
}

static int node_is_ready(const json_t *node)
{
	return str_eq(json_member(json_find(json_at(node, "status.conditions"), "type", "Ready"), "status"), "True");
}

int node_wait(struct node_options *o, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/%s.conf", o->config_dir, node_is_joined(o) ? "agent" : "admin"), *node = xasprintf("/api/v1/nodes/%s", o->node_name);
	struct node_api *a = NULL;
	int64_t seconds = 60;
	(void)str_to_i64(o->timeout, &seconds);
	int r = node_api_open(path, &a, e);
	if (r == 0)
		r = node_api_wait(a, "/readyz", NULL, (int)seconds * 1000, e);
	if (r == 0 && !o->no_node)
		r = node_api_wait(a, node, node_is_ready, (int)seconds * 1000, e);
	node_api_close(a);
	if (r < 0 && uses_systemd(o))
		return err_wrap(e, r, "see journalctl -u knarr-server -u knarr-agent");
	return r < 0 ? err_wrap(e, r, "see the logs in %s", o->log_dir) : 0;
}

int node_run_steps(struct node_options *o, const struct node_step *steps, size_t n, struct err *e)
{
	int r = geteuid() ? err_set(e, -EPERM, "must be run as root") : 0;
	for (size_t i = 0; r >= 0 && i < n; i++) {
		progress_begin("%s", steps[i].what);
		r = steps[i].run(o, e);
		progress_end(r >= 0, r < 0 ? err_text(e) : NULL);
	}
	return r;
}
