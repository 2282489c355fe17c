/* Settings. Purpose: one table from a flag's name to where its value goes. Happy path: defaults, then the file named by
 * --config, then the command line. Fails on unknown names and on values that do not parse. */
#include "cmd/server_config.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/yaml.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/controllers/node_ipam_plan.h"

static const struct flag {
	const char *name;
	size_t offset;
	const char *value; /* the default */
	const char *help;
} flags[] = {
#define FLAG(name_, field_, default_, help_)                                                                           \
	{                                                                                                              \
		name_, offsetof(struct server_config, field_), default_, help_                                         \
	}
    FLAG("data-dir", data_dir, "/var/lib/knarr/server", "where the database and the certificates are kept"),
    FLAG("bind-address", bind_address, "0.0.0.0", "address to listen on"),
    FLAG("secure-port", secure_port, "6443", "port to listen on; 0 picks one and prints it"),
    FLAG("advertise-address", advertise_address, NULL, "address of this server as members of the cluster reach it"),
    FLAG("service-cluster-ip-range", service_cidr, "10.96.0.0/16", "addresses of services: a range, or one of each family"),
    FLAG("service-node-port-range", node_port_range, "30000-32767", "ports of NodePort services"),
    FLAG("cluster-domain", cluster_domain, "cluster.local", "DNS domain of the cluster"),
    FLAG("cluster-dns", cluster_dns, NULL, "address of the kube-dns Service, made where missing; without it there is none"),
    FLAG("client-ca-file", client_ca_file, NULL, "CA of client certificates (default: CERT-DIR/ca.crt)"),
    FLAG("tls-cert-file", tls_cert_file, NULL, "serving certificate (default: CERT-DIR/apiserver.crt)"),
    FLAG("tls-private-key-file", tls_key_file, NULL, "its key (default: CERT-DIR/apiserver.key)"),
    FLAG("cert-dir", cert_dir, NULL, "certificates, made where missing (default: DATA-DIR/pki)"),
    FLAG("service-account-issuer", sa_issuers, NULL,
	 "issuers of service accounts' tokens, the first one issues (default: https://kubernetes.default.svc.CLUSTER-DOMAIN)"),
    FLAG("service-account-signing-key-file", sa_signing_key_file, NULL,
	 "private key that signs these tokens (default: CERT-DIR/sa.key)"),
    FLAG("service-account-key-file", sa_key_files, NULL,
	 "further keys that they may be signed with, a list (default: CERT-DIR/sa.pub)"),
    FLAG("service-account-jwks-uri", sa_jwks_uri, NULL,
	 "where the keys are published, for /.well-known/openid-configuration (default: this server's)"),
    FLAG("service-account-extend-token-expiration", sa_extend, "true",
	 "tokens that pods get by default work for a year"),
    FLAG("service-account-max-token-expiration", sa_max_expiration, NULL, "longest life of a token, like 24h"),
    FLAG("api-audiences", api_audiences, NULL, "audiences of this API, a list (default: the issuers)"),
    FLAG("token-auth-file", token_file, NULL, "static tokens: lines of token,user,uid[,\"group1,group2\"]"),
    FLAG("enable-bootstrap-token-auth", bootstrap_tokens, "true", "whether bootstrap tokens authenticate"),
    FLAG("anonymous-auth", anonymous, "true", "whether requests without credentials are let through as system:anonymous"),
    FLAG("requestheader-client-ca-file", proxy_ca_file, NULL,
	 "CA of proxies that name users in headers (default: CERT-DIR/front-proxy-ca.crt)"),
    FLAG("requestheader-allowed-names", proxy_names, "front-proxy-client",
	 "names of such proxies' certificates, a list; empty: any"),
    FLAG("requestheader-username-headers", proxy_users, "X-Remote-User", "headers of the user's name, a list"),
    FLAG("requestheader-uid-headers", proxy_uids, "X-Remote-Uid", "headers of the user's uid, a list"),
    FLAG("requestheader-group-headers", proxy_groups, "X-Remote-Group", "headers of the user's groups, a list"),
    FLAG("requestheader-extra-headers-prefix", proxy_extras, "X-Remote-Extra-",
	 "beginnings of headers of what else is known, a list"),
    FLAG("audit-policy-file", audit_policy_file, NULL, "YAML file that says what is told in the audit log"),
    FLAG("audit-log-path", audit_log_path, NULL, "the audit log; - is standard output"),
    FLAG("audit-log-maxsize", audit_max_mb, "100", "megabytes before it is changed for a new file; 0: no limit"),
    FLAG("audit-log-maxbackup", audit_max_backups, "0", "how many older files are kept; 0: all"),
    FLAG("audit-log-maxage", audit_max_age, "0", "how many days they are kept; 0: for ever"),
    FLAG("enable-priority-and-fairness", fairness, "true",
	 "requests wait their turn by priority levels and flows; false: only the two limits below hold"),
    FLAG("max-requests-inflight", max_requests, "400", "requests that only read, at once; 0: no limit"),
    FLAG("max-mutating-requests-inflight", max_changing, "200",
	 "requests that change something, at once; the sum is divided between the priority levels"),
    FLAG("request-timeout", request_timeout, "1m0s", "longest time of a request that does not stream"),
    FLAG("shutdown-delay-duration", shutdown_delay, "0s",
	 "how long the server goes on serving, no longer ready, once it was told to end"),
    FLAG("controllers", controllers, "*", "controllers to run: a list, * for all, none"),
    FLAG("cluster-signing-cert-file", signing_cert_file, NULL,
	 "CA that signs certificate requests (default: CERT-DIR/ca.crt)"),
    FLAG("cluster-signing-key-file", signing_key_file, NULL, "its key (default: CERT-DIR/ca.key)"),
    FLAG("cluster-signing-duration", signing_duration, "8760h0m0s", "longest life of what it signs"),
    FLAG("allocate-node-cidrs", allocate_cidrs, "true", "whether nodes get parts of --cluster-cidr for their pods"),
    FLAG("cluster-cidr", cluster_cidr, "10.244.0.0/16", "addresses of pods: a range, or one of each family"),
    FLAG("node-cidr-mask-size", node_mask, NULL, "prefix length of a node's part (one family)"),
    FLAG("node-cidr-mask-size-ipv4", node_mask4, "24", "the same for IPv4"),
    FLAG("node-cidr-mask-size-ipv6", node_mask6, "64", "the same for IPv6"),
    FLAG("scheduler", scheduler, "default", "default or none"),
    FLAG("kubeconfig-out", kubeconfig_out, NULL,
	 "where to write the administrator's kubeconfig (default: DATA-DIR/admin.conf)"),
    FLAG("etcd-servers", etcd_servers, NULL, "etcd's URLs, separated by commas (default: a database in DATA-DIR)"),
    FLAG("etcd-cafile", etcd_ca_file, NULL, "CA of etcd's certificates"),
    FLAG("etcd-certfile", etcd_cert_file, NULL, "client certificate for etcd"),
    FLAG("etcd-keyfile", etcd_key_file, NULL, "its key"),
    FLAG("etcd-prefix", etcd_prefix, "/registry", "what etcd's keys begin with"),
    FLAG("etcd-compaction-interval", etcd_compaction, "5m0s", "how often etcd's history is dropped; 0: never"),
    FLAG("encryption-provider-config", encryption_config, NULL, "EncryptionConfiguration: keys for what is stored"),
    FLAG("leader-elect", leader_elect, NULL,
	 "true: controllers and scheduler run where they hold their lease (default: with etcd)"),
    FLAG("v", verbosity, "2", "log level: 0 errors, 1 warnings, 2 what happens, 4 everything"),
#undef FLAG
};

static char **slot(struct server_config *c, const struct flag *f)
{
	return (char **)((char *)c + f->offset);
}

static int set(struct server_config *c, const char *name, const char *value, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (strcmp(flags[i].name, name) != 0)
			continue;
		char **at = slot(c, &flags[i]);
		free(*at);
		*at = xstrdup(value);
		return 0;
	}
	return err_set(e, -EINVAL, "unknown flag: --%s", name);
}

static int read_file(struct server_config *c, const char *path, struct err *e)
{
	AUTO_JSON *j = NULL;
	int r = yaml_read_file(path, 1 << 20, &j, e);
	if (r < 0)
		return r;
	const char *key;
	json_t *value;
	json_object_foreach(j, key, value)
	{
		AUTO_FREE char *shown = json_is_string(value) ? xstrdup(json_string_value(value)) : json_text(value);
		if ((r = set(c, key, shown, e)) < 0)
			return err_wrap(e, r, "%s", path);
	}
	return 0;
}

/* Splits one argument: --name=value, or --name with the value behind it. */
static int next_flag(int argc, char **argv, int *at, char **ret_name, const char **ret_value, struct err *e)
{
	char *arg = argv[(*at)++];
	if (arg[0] != '-')
		return err_set(e, -EINVAL, "unexpected argument: %s", arg);
	char *name = arg + (arg[1] == '-' ? 2 : 1), *equals = strchr(name, '=');
	*ret_name = equals ? xstrndup(name, (size_t)(equals - name)) : xstrdup(name);
	*ret_value = equals ? equals + 1 : NULL;
	if (*ret_value || strcmp(*ret_name, "help") == 0 || strcmp(*ret_name, "h") == 0 ||
	    strcmp(*ret_name, "version") == 0)
		return 0;
	if (*at >= argc)
		return err_set(e, -EINVAL, "flag needs a value: --%s", *ret_name);
	*ret_value = argv[(*at)++];
	return 0;
}

/* One pass over the command line: only --config (files), or all but it. */
static int read_line(struct server_config *c, int argc, char **argv, bool files, struct err *e)
{
	for (int at = 1; at < argc;) {
		AUTO_FREE char *name = NULL;
		const char *value = NULL;
		int r = next_flag(argc, argv, &at, &name, &value, e);
		if (r < 0)
			return r;
		bool is_file = strcmp(name, "config") == 0;
		if (strcmp(name, "help") == 0 || strcmp(name, "h") == 0)
			c->help = true;
		else if (strcmp(name, "version") == 0)
			c->version = true;
		else if (is_file != files)
			continue;
		else if ((r = is_file ? read_file(c, value, e) : set(c, name, value, e)) < 0)
			return r;
	}
	return 0;
}

static int check_bool(const char *name, const char *value, struct err *e)
{
	if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)
		return 0;
	return err_set(e, -EINVAL, "--%s: true or false, not %s", name, value);
}

static int check_auth(struct server_config *c, struct err *e)
{
	int64_t ns = 0;
	int r = check_bool("anonymous-auth", c->anonymous, e);
	if (r == 0)
		r = check_bool("enable-bootstrap-token-auth", c->bootstrap_tokens, e);
	if (r == 0)
		r = check_bool("service-account-extend-token-expiration", c->sa_extend, e);
	if (r == 0 && c->sa_max_expiration && (duration_parse(c->sa_max_expiration, &ns) < 0 || ns < 3600LL * 1000000000))
		r = err_set(e, -EINVAL, "--service-account-max-token-expiration: not a duration of at least 1h: %s",
			    c->sa_max_expiration);
	c->sa_max_seconds = ns / 1000000000;
	if (r == 0 && (str_to_u32(c->audit_max_mb, &c->audit_mb) < 0 || str_to_u32(c->audit_max_backups, &c->audit_backups) < 0 ||
		       str_to_u32(c->audit_max_age, &c->audit_days) < 0 || c->audit_backups > INT_MAX || c->audit_days > INT_MAX))
		r = err_set(e, -EINVAL, "--audit-log-maxsize, --audit-log-maxbackup and --audit-log-maxage are numbers");
	if (r == 0 && !c->audit_policy_file && c->audit_log_path)
		r = err_set(e, -EINVAL, "--audit-log-path needs --audit-policy-file");
	if (!c->sa_issuers)
		c->sa_issuers = xasprintf("https://kubernetes.default.svc.%s", c->cluster_domain);
	if (!c->sa_signing_key_file)
		c->sa_signing_key_file = xasprintf("%s/sa.key", c->cert_dir);
	if (!c->sa_key_files)
		c->sa_key_files = xasprintf("%s/sa.pub", c->cert_dir);
	if (!c->proxy_ca_file)
		c->proxy_ca_file = xasprintf("%s/front-proxy-ca.crt", c->cert_dir);
	return r;
}

/* What the controllers of certificates and node addresses are told. */
static int check_controllers(struct server_config *c, struct err *e)
{
	int64_t ns = 0;
	struct node_ranges ranges;
	if (duration_parse(c->signing_duration, &ns) < 0 || ns < 600LL * 1000000000)
		return err_set(e, -EINVAL, "--cluster-signing-duration: not a duration of at least 10m: %s", c->signing_duration);
	c->signing_seconds = ns / 1000000000;
	if (!c->signing_cert_file != !c->signing_key_file)
		return err_set(e, -EINVAL, "--cluster-signing-cert-file and --cluster-signing-key-file go together");
	if (!c->signing_cert_file) {
		c->signing_cert_file = xasprintf("%s/ca.crt", c->cert_dir);
		c->signing_key_file = xasprintf("%s/ca.key", c->cert_dir);
	}
	const char *mask4 = c->node_mask && !strchr(c->cluster_cidr, ':') ? c->node_mask : c->node_mask4;
	const char *mask6 = c->node_mask && strchr(c->cluster_cidr, ':') ? c->node_mask : c->node_mask6;
	if (str_to_u32(mask4, &c->node_bits4) < 0 || c->node_bits4 > 32)
		return err_set(e, -EINVAL, "--node-cidr-mask-size-ipv4: not a prefix length: %s", mask4);
	if (str_to_u32(mask6, &c->node_bits6) < 0 || c->node_bits6 > 128)
		return err_set(e, -EINVAL, "--node-cidr-mask-size-ipv6: not a prefix length: %s", mask6);
	int r = check_bool("allocate-node-cidrs", c->allocate_cidrs, e);
	if (r == 0)
		r = node_ranges_parse(c->cluster_cidr, (int)c->node_bits4, (int)c->node_bits6, &ranges, e);
	return r < 0 ? err_wrap(e, r, "--cluster-cidr") : 0;
}

static int check_limits(struct server_config *c, struct err *e)
{
	int64_t timeout = 0, delay = 0;
	uint32_t requests, changing;
	int r = check_bool("enable-priority-and-fairness", c->fairness, e);
	if (r < 0)
		return r;
	if (str_to_u32(c->max_requests, &requests) < 0 || str_to_u32(c->max_changing, &changing) < 0 || requests > 1000000 ||
	    changing > 1000000)
		return err_set(e, -EINVAL, "--max-requests-inflight and --max-mutating-requests-inflight are numbers up to 1000000");
	if (strcmp(c->fairness, "true") == 0 && requests + changing == 0)
		return err_set(e, -EINVAL, "--max-requests-inflight and --max-mutating-requests-inflight: their sum is to be above 0");
	if (duration_parse(c->request_timeout, &timeout) < 0 || timeout <= 0)
		return err_set(e, -EINVAL, "--request-timeout: not a duration above 0: %s", c->request_timeout);
	if (duration_parse(c->shutdown_delay, &delay) < 0 || delay < 0)
		return err_set(e, -EINVAL, "--shutdown-delay-duration: not a duration: %s", c->shutdown_delay);
	c->max_requests_n = (int)requests;
	c->max_changing_n = (int)changing;
	c->request_timeout_ms = MAX(timeout / 1000000, 1);
	c->shutdown_delay_ms = delay / 1000000;
	return 0;
}

static int check_etcd(struct server_config *c, struct err *e)
{
	int64_t ns = 0;
	if (!c->etcd_cert_file != !c->etcd_key_file)
		return err_set(e, -EINVAL, "--etcd-certfile and --etcd-keyfile go together");
	if (strcmp(c->etcd_compaction, "0") != 0 && (duration_parse(c->etcd_compaction, &ns) < 0 || ns < 0))
		return err_set(e, -EINVAL, "--etcd-compaction-interval: not a duration: %s", c->etcd_compaction);
	c->etcd_compact_s = (int)(ns / 1000000000);
	c->elects = c->leader_elect ? strcmp(c->leader_elect, "true") == 0 : c->etcd_servers != NULL;
	return c->leader_elect ? check_bool("leader-elect", c->leader_elect, e) : 0;
}

static int check(struct server_config *c, struct err *e)
{
	uint32_t port, low, high;
	char *dash = strchr(c->node_port_range, '-');
	if (str_to_u32(c->secure_port, &port) < 0 || port > 65535)
		return err_set(e, -EINVAL, "--secure-port: not a port: %s", c->secure_port);
	c->port = (uint16_t)port;
	AUTO_FREE char *first = dash ? xstrndup(c->node_port_range, (size_t)(dash - c->node_port_range)) : NULL;
	if (!dash || str_to_u32(first, &low) < 0 || str_to_u32(dash + 1, &high) < 0 || !low || low > high ||
	    high > 65535)
		return err_set(e, -EINVAL, "--service-node-port-range: not a range of ports: %s", c->node_port_range);
	c->node_port_min = (uint16_t)low;
	c->node_port_max = (uint16_t)high;
	if (strcmp(c->scheduler, "none") != 0 && strcmp(c->scheduler, "default") != 0)
		return err_set(e, -EINVAL, "--scheduler: none or default, not %s", c->scheduler);
	if (!c->cert_dir)
		c->cert_dir = xasprintf("%s/pki", c->data_dir);
	int r = check_auth(c, e);
	if (r == 0)
		r = check_controllers(c, e);
	if (r == 0)
		r = check_etcd(c, e);
	if (r == 0)
		r = check_limits(c, e);
	if (r < 0)
		return r;
	if (!c->client_ca_file)
		c->client_ca_file = xasprintf("%s/ca.crt", c->cert_dir);
	if (!c->kubeconfig_out)
		c->kubeconfig_out = xasprintf("%s/admin.conf", c->data_dir);
	if (!c->tls_cert_file != !c->tls_key_file)
		return err_set(e, -EINVAL, "--tls-cert-file and --tls-private-key-file go together");
	return 0;
}

int server_config_read(struct server_config *c, int argc, char **argv, struct err *e)
{
	*c = (struct server_config){0};
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		*slot(c, &flags[i]) = xstrdup(flags[i].value);
	int r = read_line(c, argc, argv, true, e);
	if (r >= 0)
		r = read_line(c, argc, argv, false, e);
	return r < 0 || c->help || c->version ? r : check(c, e);
}

void server_config_done(struct server_config *c)
{
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		free(*slot(c, &flags[i]));
	*c = (struct server_config){0};
}

void server_config_usage(void)
{
	printf("knarr-server: the control plane of a cluster: API server, controllers and scheduler\n\nusage: "
	       "knarr-server [--FLAG=VALUE ...]\n\n");
	printf("  --%-26s %s\n", "config", "YAML file with the same names");
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		printf("  --%-26s %s%s%s%s\n", flags[i].name, flags[i].help, flags[i].value ? " [" : "",
		       flags[i].value ? flags[i].value : "", flags[i].value ? "]" : "");
}
