/* Configuration of the agent: one table for flags, file and help.
 *
 * Happy path: defaults, then the file, then flags. What can fail: an unknown name, a value of the wrong type. What
 * always holds: each setting has one row in the table. */
#include "agent/agent_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "api/address.h"
#include "api/yaml.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "io/net/ip.h"

enum type { T_TEXT, T_LIST, T_PORT, T_INT, T_BOOL };

#define S(flag, key, member, type, otherwise, help)                                                                    \
	{                                                                                                              \
		flag, key, type, offsetof(struct agent_config, member), otherwise, help                                \
	}
static const struct setting {
	const char *flag, *key; /* key: in KubeletConfiguration; NULL: the flag's name */
	enum type type;
	size_t at;
	const char *otherwise, *help;
} settings[] = {
    S("kubeconfig", NULL, kubeconfig, T_TEXT, NULL, "how to reach the API server; without it only static pods run"),
    S("hostname-override", NULL, node_name, T_TEXT, NULL, "name of the node (default: the host's name)"),
    S("node-name", NULL, node_name, T_TEXT, NULL, "the same"),
    S("node-ip", NULL, node_ip, T_TEXT, NULL, "address of the node, or one of each family (default: that of the default route)"),
    S("node-labels", NULL, node_labels, T_LIST, NULL, "key=value,... set when the node is registered"),
    S("pod-manifest-path", "staticPodPath", pod_manifest_path, T_TEXT, "/etc/kubernetes/manifests",
      "directory of static pods"),
    S("cluster-dns", "clusterDNS", cluster_dns, T_LIST, NULL, "name servers of pods"),
    S("cluster-domain", "clusterDomain", cluster_domain, T_TEXT, "cluster.local", "domain of the cluster"),
    S("pod-cidr", "podCIDR", pod_cidr, T_TEXT, NULL, "network of this node's pods (default: the node object's)"),
    S("cluster-cidr", NULL, cluster_cidr, T_TEXT, "10.244.0.0/16", "network of all pods, or one of each family"),
    S("service-cluster-ip-range", NULL, service_cidr, T_TEXT, "10.96.0.0/16", "network of services, or one of each family"),
    S("root-dir", NULL, root_dir, T_TEXT, "/var/lib/kubelet", "volumes"),
    S("data-dir", NULL, data_dir, T_TEXT, "/var/lib/knarr", "images and root filesystems"),
    S("run-dir", NULL, run_dir, T_TEXT, "/run/knarr", "records of running pods"),
    S("log-dir", "podLogsDir", log_dir, T_TEXT, "/var/log", "holds pods/ and containers/"),
    S("cni-conf-dir", NULL, cni_conf_dir, T_TEXT, "/etc/cni/net.d", "network configuration"),
    S("cni-bin-dir", NULL, cni_bin_dir, T_TEXT, "/opt/cni/bin", "network plugins"),
    S("cgroup-root", "cgroupRoot", cgroup_root, T_TEXT, "knarr", "parent of all pods' cgroups"),
    S("resolv-conf", "resolvConf", resolv_conf, T_TEXT, "/etc/resolv.conf", "the host's name servers"),
    S("address", "address", address, T_TEXT, "0.0.0.0", "address of the HTTPS server"),
    S("port", "port", port, T_PORT, "10250", "port of the HTTPS server, 0: none"),
    S("healthz-port", "healthzPort", healthz_port, T_PORT, "10248", "port of healthz on 127.0.0.1, 0: none"),
    S("tls-cert-file", "tlsCertFile", tls_cert_file, T_TEXT, NULL, "certificate of the HTTPS server"),
    S("tls-private-key-file", "tlsPrivateKeyFile", tls_key_file, T_TEXT, NULL, "its key"),
    S("client-ca-file", NULL, client_ca_file, T_TEXT, NULL, "authority of its clients"),
    S("rotate-certificates", "rotateCertificates", rotate_certificates, T_BOOL, "false",
      "renew the kubeconfig's certificate before it ends (certificate and key in one file)"),
    S("rotate-server-certificates", "serverTLSBootstrap", rotate_server_certificates, T_BOOL, "false",
      "renew the HTTPS server's certificate before it ends (certificate and key in one file)"),
    S("shim-path", NULL, shim_path, T_TEXT, NULL, "knarr-shim (default: beside this program)"),
    S("pause-path", NULL, pause_path, T_TEXT, NULL, "pause (default: beside this program)"),
    S("max-pods", "maxPods", max_pods, T_INT, "110", "pods that the node takes"),
    S("proxy", NULL, proxy, T_BOOL, "true", "run the service proxy"),
    S("proxy-healthz-bind-address", NULL, proxy_healthz, T_TEXT, "0.0.0.0:10256", "where the proxy tells its health, empty: nowhere"),
    S("proxy-metrics-bind-address", NULL, proxy_metrics, T_TEXT, "127.0.0.1:10249", "where the proxy tells its figures, empty: nowhere"),
    S("overlay", NULL, overlay, T_TEXT, "none", "ways to other nodes' pods: auto, host-gw, vxlan, wireguard or none"),
    S("dns", NULL, dns, T_BOOL, "false", "answer at the --cluster-dns addresses for the cluster's names"),
    S("network-policy", NULL, network_policy, T_BOOL, "true", "enforce NetworkPolicies"),
    S("register-node", "registerNode", register_node, T_BOOL, "true", "make the node object"),
    S("v", NULL, verbosity, T_INT, "2", "verbosity: 0 errors, 1 warnings, 2 information, 4 everything"),
};

static void *member(const struct agent_config *c, const struct setting *s)
{
	return (char *)c + s->at;
}

static void set_text(char **to, const char *value)
{
	free(*to);
	*to = xstrdup(value);
}

static int set_number(const struct agent_config *c, const struct setting *s, const char *value, struct err *e)
{
	int64_t n;
	if (str_to_i64(value, &n) < 0 || n < 0 || n > (s->type == T_PORT ? 65535 : 1000000))
		return err_set(e, -EINVAL, "--%s: %s is no number for it", s->flag, value);
	if (s->type == T_PORT)
		*(uint16_t *)member(c, s) = (uint16_t)n;
	else
		*(int *)member(c, s) = (int)n;
	return 0;
}

static int set(struct agent_config *c, const struct setting *s, const char *value, struct err *e)
{
	if (s->type == T_TEXT) {
		set_text(member(c, s), value);
	} else if (s->type == T_LIST) {
		free_strv(member(c, s));
		*(char ***)member(c, s) = str_split(value, ',');
	} else if (s->type == T_BOOL) {
		if (strcmp(value, "true") && strcmp(value, "false"))
			return err_set(e, -EINVAL, "--%s: true or false, not %s", s->flag, value);
		*(bool *)member(c, s) = !strcmp(value, "true");
	} else {
		return set_number(c, s, value, e);
	}
	return 0;
}

void agent_config_init(struct agent_config *c)
{
	*c = (struct agent_config){0};
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (settings[i].otherwise)
			(void)set(c, &settings[i], settings[i].otherwise, NULL);
}

void agent_config_done(struct agent_config *c)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		if (settings[i].type == T_TEXT)
			set_text(member(c, &settings[i]), NULL);
		else if (settings[i].type == T_LIST)
			free_strv(member(c, &settings[i]));
	}
}

int agent_config_set(struct agent_config *c, const char *name, const char *value, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (!strcmp(settings[i].flag, name))
			return set(c, &settings[i], value ? value : "true", e);
	return err_set(e, -ENOENT, "unknown flag --%s", name);
}

static int set_json(struct agent_config *c, const struct setting *s, const json_t *v, struct err *e)
{
	AUTO_STR text = STR_INIT;
	size_t i;
	json_t *item;
	if (json_is_array(v)) {
		json_array_foreach(v, i, item)
		    str_addf(&text, "%s%s", i ? "," : "", json_string_value(item) ? json_string_value(item) : "");
	} else if (json_is_string(v)) {
		str_add(&text, json_string_value(v));
	} else if (json_is_integer(v)) {
		str_addf(&text, "%lld", (long long)json_integer_value(v));
	} else {
		str_add(&text, json_is_true(v) ? "true" : "false");
	}
	return set(c, s, str_text(&text), e);
}

int agent_config_load(struct agent_config *c, const char *path, struct err *e)
{
	AUTO_JSON *o = NULL;
	int r = yaml_read_file(path, 1 << 20, &o, e);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(settings); i++) {
		const struct setting *s = &settings[i];
		const json_t *v = json_object_get(o, s->flag);
		if (!v && s->key)
			v = json_object_get(o, s->key);
		if (v)
			r = set_json(c, s, v, e);
	}
	const char *ca = r == 0 ? json_str_at(o, "authentication.x509.clientCAFile") : NULL;
	if (ca)
		set_text(&c->client_ca_file, ca);
	return r < 0 ? err_wrap(e, r, "%s", path) : 0;
}

static void beside(char **path, const char *program)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (*path || n <= 0)
		return;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	*path = xasprintf("%s/%s", self, program);
	if (!fs_exists(*path)) {
		free(*path);
		*path = xasprintf("%s/../libexec/knarr/%s", self, program);
	}
}

static int check_node_ips(const char *text, struct err *e)
{
	AUTO_STRV char **ips = str_split(text, ',');
	bool have[2] = {false, false};
	for (char **s = ips; s && *s; s++) {
		struct ip ip;
		if (ip_parse(*s, &ip) < 0)
			return err_set(e, -EINVAL, "--node-ip: \"%s\" is no address", *s);
		if (have[ip.family == AF_INET6])
			return err_set(e, -EINVAL, "--node-ip: at most one address of each family, not %s", text);
		have[ip.family == AF_INET6] = true;
	}
	return ips && ips[0] ? 0 : err_set(e, -EINVAL, "--node-ip: no address");
}

int agent_config_complete(struct agent_config *c, struct err *e)
{
	struct utsname u;
	if (!c->node_name && uname(&u) == 0)
		c->node_name = xstrdup(u.nodename);
	for (char *p = c->node_name; p && *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? *p | 0x20 : *p;
	if (!c->node_ip)
		c->node_ip = address_default();
	beside(&c->shim_path, "knarr-shim");
	beside(&c->pause_path, "pause");
	for (size_t i = 0; i < strlen(c->cgroup_root); i++)
		if (c->cgroup_root[0] == '/')
			memmove(c->cgroup_root, c->cgroup_root + 1, strlen(c->cgroup_root));
	if (!c->node_ip)
		return err_set(e, -EADDRNOTAVAIL, "no address of this node found; give --node-ip");
	int r = check_node_ips(c->node_ip, e);
	if (r < 0)
		return r;
	return str_empty(c->node_name) ? err_set(e, -EINVAL, "no node name; give --node-name") : 0;
}

void agent_config_help(struct str *out)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		str_addf(out, "  --%-26s %s%s%s%s\n", settings[i].flag, settings[i].help,
			 settings[i].otherwise ? " (" : "", settings[i].otherwise ? settings[i].otherwise : "",
			 settings[i].otherwise ? ")" : "");
}
