/* The configuration of knarr-proxy.
 *
 * Happy path: flags, then for what no flag told, the file (KubeProxyConfiguration), then the defaults. What can fail: an
 * unknown flag, a file that cannot be read, no way to an API server. Members of the file that mean nothing here are
 * ignored, as they are about other ways to program the kernel. */
#include "cmd/proxy_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/yaml.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/options.h"

#define POD_FILES "/var/run/secrets/kubernetes.io/serviceaccount/"
#define CONFIG_MAX (1 << 20)
#define ROW(member, kind, name, letter, help)                                                                          \
	{                                                                                                              \
		name, letter, kind, offsetof(struct proxy_options, member), help, NULL, false                          \
	}

static const struct option_row rows[] = {
    ROW(config, OPTION_TEXT, "config", 0, "file with a KubeProxyConfiguration; flags win"),
    ROW(kubeconfig, OPTION_TEXT, "kubeconfig", 0, "how to reach the API server"),
    ROW(master, OPTION_TEXT, "master", 0, "address of the API server, over the kubeconfig's"),
    ROW(node_name, OPTION_TEXT, "hostname-override", 0, "name of the node (default: the host's name)"),
    ROW(cluster_cidrs, OPTION_LIST, "cluster-cidr", 0,
	"networks of all pods, one a family; other sources are masqueraded"),
    ROW(nodeport_nets, OPTION_LIST, "nodeport-addresses", 0,
	"networks whose addresses answer node ports, \"primary\" for the node's own (default: primary)"),
    ROW(masquerade_all, OPTION_FLAG, "masquerade-all", 0, "masquerade all traffic to services' addresses"),
    ROW(healthz, OPTION_TEXT, "healthz-bind-address", 0, "address and port of /healthz and /livez (0.0.0.0:10256)"),
    ROW(figures, OPTION_TEXT, "metrics-bind-address", 0, "address and port of /metrics (127.0.0.1:10249)"),
    ROW(beside_others, OPTION_FLAG, "beside-others", 0, "start although rules of another proxy are there"),
    ROW(cleanup, OPTION_FLAG, "cleanup", 0, "remove the proxy's rules and exit"),
    ROW(verbosity, OPTION_INT, "v", 0, "verbosity: 0 errors, 1 warnings, 2 information, 4 everything"),
    ROW(version, OPTION_FLAG, "version", 0, "print the version"),
};

static const struct {
	const char *key;
	size_t at;
} file_texts[] = {
    {"clientConnection.kubeconfig", offsetof(struct proxy_options, kubeconfig)},
    {"hostnameOverride", offsetof(struct proxy_options, node_name)},
    {"healthzBindAddress", offsetof(struct proxy_options, healthz)},
    {"metricsBindAddress", offsetof(struct proxy_options, figures)},
};

static void add_pieces(char ***list, const char *text)
{
	AUTO_STRV char **some = str_split(text ? text : "", ',');
	for (size_t i = 0; some && some[i]; i++)
		strv_add(list, some[i]);
}

static int read_config(struct proxy_options *o, struct err *e)
{
	json_t *file = NULL, *v;
	size_t i;
	int r = yaml_read_file(o->config, CONFIG_MAX, &file, e);
	if (r < 0)
		return err_wrap(e, r, "--config %s", o->config);
	o->file = file;
	for (i = 0; i < ARRAY_LEN(file_texts); i++) {
		const char **to = (const char **)((char *)o + file_texts[i].at);
		if (!*to)
			*to = json_str_at(file, file_texts[i].key);
	}
	if (!o->cluster_cidrs)
		add_pieces(&o->cluster_cidrs, json_str_at(file, "clusterCIDR"));
	bool given = o->nodeport_nets;
	json_array_foreach(json_at(file, "nodePortAddresses"), i, v) if (!given)
	    add_pieces(&o->nodeport_nets, json_string_value(v));
	o->masquerade_all |= json_bool_at(file, "nftables.masqueradeAll", false) ||
			     json_bool_at(file, "iptables.masqueradeAll", false);
	return 0;
}

/* A host's name in lower case, as nodes are named. */
static char *host_name(void)
{
	char name[256] = "";
	(void)gethostname(name, sizeof(name) - 1);
	for (char *c = name; *c; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 'a' - 'A' : *c);
	return xstrdup(name);
}

static void complete(struct proxy_options *o)
{
	if (str_empty(o->node_name))
		o->node_name = o->own_name = host_name();
	if (!o->healthz)
		o->healthz = "0.0.0.0:10256";
	if (!o->figures)
		o->figures = "127.0.0.1:10249";
}

int proxy_options_parse(int argc, char **argv, struct proxy_options *ret, struct err *e)
{
	int others = 0;
	*ret = (struct proxy_options){.verbosity = 2};
	int r = options_parse(rows, ARRAY_LEN(rows), OPTIONS_ANYWHERE, argc - 1, argv + 1, ret, &others, e);
	if (r == OPTIONS_HELP)
		return PROXY_OPTIONS_HELP;
	if (r >= 0 && others)
		r = err_set(e, -EINVAL, "unexpected argument %s", argv[1]);
	if (r >= 0 && ret->config)
		r = read_config(ret, e);
	if (r < 0)
		return r;
	complete(ret);
	return 0;
}

void proxy_options_done(struct proxy_options *o)
{
	options_free(rows, ARRAY_LEN(rows), o);
	json_decref(o->file);
	free(o->own_name);
}

void proxy_options_help(struct str *out)
{
	options_help(rows, ARRAY_LEN(rows), out);
}

static int connect_as_pod(struct kubeconfig *ret, struct err *e)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
	if (str_empty(host))
		return err_set(e, -EINVAL, "no API server: --kubeconfig or --master is needed");
	bool six = strchr(host, ':');
	*ret = (struct kubeconfig){
	    .server = xasprintf("https://%s%s%s:%s", six ? "[" : "", host, six ? "]" : "", port ? port : "443"),
	    .ca_file = xstrdup(POD_FILES "ca.crt"),
	    .token_file = xstrdup(POD_FILES "token"),
	    .namespace_ = xstrdup("kube-system")};
	return 0;
}

int proxy_options_connect(const struct proxy_options *o, struct kubeconfig *ret, struct err *e)
{
	int r = 0;
	if (str_empty(o->kubeconfig) && str_empty(o->master))
		return connect_as_pod(ret, e);
	*ret = (struct kubeconfig){0};
	if (!str_empty(o->kubeconfig))
		r = kubeconfig_load(o->kubeconfig, ret, e);
	if (r == 0 && !str_empty(o->master)) {
		free(ret->server);
		ret->server = strstr(o->master, "://") ? xstrdup(o->master) : xasprintf("http://%s", o->master);
	}
	return r;
}
