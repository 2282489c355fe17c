/* The flags of a node: a table of names, defaults and places. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"

static const struct option_row {
	const char *name, *otherwise, *help;
	size_t at;
	bool is_switch;
} rows[] = {
#define TEXT(field, name, otherwise, help) { name, otherwise, help, offsetof(struct node_options, field), false }
#define SWITCH(field, name, help) { name, NULL, help, offsetof(struct node_options, field), true }
	TEXT(data_dir, "data-dir", "/var/lib/knarr", "where the cluster's state and images are kept"),
	TEXT(run_dir, "run-dir", "/run/knarr", "sockets and records of running pods"),
	TEXT(config_dir, "config-dir", "/etc/kubernetes", "kubeconfigs, certificates (pki), static pods (manifests)"),
	TEXT(log_dir, "log-dir", "/var/log/knarr", "logs of the daemons"),
	TEXT(root_dir, "root-dir", "/var/lib/kubelet", "the pods' volumes"),
	TEXT(node_name, "node-name", NULL, "name of this node (default: the host's name)"),
	TEXT(node_ip, "node-ip", NULL, "address of this node, or one of each family (default: that of the default route)"),
	TEXT(secure_port, "secure-port", "6443", "port of the API server"),
	TEXT(cluster_cidr, "cluster-cidr", "10.244.0.0/16", "addresses of all pods: a range, or one of each family"),
	TEXT(pod_cidr, "pod-cidr", NULL, "addresses of this node's pods (default: what the cluster gives it)"),
	TEXT(service_cidr, "service-cluster-ip-range", "10.96.0.0/16", "addresses of services: a range, or one of each family"),
	TEXT(cluster_dns, "cluster-dns", "10.96.0.10", "name server that pods are given"),
	TEXT(overlay, "overlay", "auto", "ways to other nodes' pods: auto, host-gw, vxlan, wireguard or none"),
	TEXT(cluster_domain, "cluster-domain", "cluster.local", "DNS domain of the cluster"),
	TEXT(cgroup_root, "cgroup-root", "knarr", "cgroup below which pods live"),
	TEXT(cni_conf_dir, "cni-conf-dir", "/etc/cni/net.d", "network configuration"),
	TEXT(cni_bin_dir, "cni-bin-dir", "/opt/cni/bin", "network plugins"),
	TEXT(etcd_servers, "etcd-servers", NULL, "etcd's URLs, separated by commas (default: a database in the data directory)"),
	TEXT(etcd_ca_file, "etcd-cafile", NULL, "CA of etcd's certificates"),
	TEXT(etcd_cert_file, "etcd-certfile", NULL, "client certificate for etcd"),
	TEXT(etcd_key_file, "etcd-keyfile", NULL, "its key"),
	TEXT(etcd_data_dir, "etcd-data-dir", NULL, "restore: the new data directory of etcd"),
	TEXT(encryption_config, "encryption-provider-config", NULL, "EncryptionConfiguration: keys for what is stored"),
	TEXT(token, "token", NULL, "join, init: the bootstrap token"),
	TEXT(ca_hash, "ca-hash", NULL, "join: sha256:HEX of the cluster CA's public key"),
	SWITCH(no_ca_check, "unsafe-skip-ca-verification", "join: trust whatever CA the token vouches for"),
	SWITCH(no_node, "no-node", "init: run the server only"),
	TEXT(timeout, "timeout", "60", "seconds to wait for the node"),
	SWITCH(no_systemd, "no-systemd", "supervise the daemons without systemd even where it runs"),
	SWITCH(purge, "purge", "down: remove the data, too"),
	SWITCH(quiet, "quiet", "no progress display"),
};

static char **text_of(struct node_options *o, const struct option_row *r)
{
	return (char **)(void *)((char *)o + r->at);
}

static const struct option_row *find_row(const char *arg, const char **ret_value)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = strlen(rows[i].name);
		if (strncmp(arg + 2, rows[i].name, n) || (arg[2 + n] && arg[2 + n] != '='))
			continue;
		*ret_value = arg[2 + n] ? arg + 3 + n : NULL;
		return &rows[i];
	}
	return NULL;
}

static void fill_defaults(struct node_options *o)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!rows[i].is_switch && !*text_of(o, &rows[i]) && rows[i].otherwise)
			*text_of(o, &rows[i]) = xstrdup(rows[i].otherwise);
	if (!o->node_name) {
		char name[256] = "";
		gethostname(name, sizeof(name) - 1);
		o->node_name = xstrdup(name);
	}
}

/* Takes over what the running node was started with; absent is fine. Flags given now win. */
static int node_options_load(struct node_options *o, struct err *e)
{
	AUTO_JSON *j = NULL;
	AUTO_FREE char *path = xasprintf("%s/up.json", o->run_dir ? o->run_dir : rows[1].otherwise);
	if (!fs_exists(path))
		return 0;
	int r = json_read_file(path, &j, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!rows[i].is_switch && !*text_of(o, &rows[i]))
			*text_of(o, &rows[i]) = xstrdup(json_member(j, rows[i].name));
	o->no_systemd |= json_is_true(json_object_get(j, "no-systemd"));
	o->no_node |= json_is_true(json_object_get(j, "no-node"));
	return 0;
}

static void print_help(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		printf("  --%-26s %s%s%s%s\n", rows[i].name, rows[i].help, rows[i].otherwise ? " (default " : "",
		       rows[i].otherwise ? rows[i].otherwise : "", rows[i].otherwise ? ")" : "");
}

int node_options_begin(struct node_options *o, int argc, char **argv, const char *usage, struct err *e)
{
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage, stdout);
		print_help();
		return 1;
	}
	int r = node_options_parse(o, argc, argv, e);
	return r >= 0 && r < argc ? err_set(e, -EINVAL, "unexpected argument: %s", argv[r]) : MIN(r, 0);
}

int node_options_operand(struct node_options *o, int argc, char **argv, const char *usage, const char *what, const char **ret,
			 struct err *e)
{
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage, stdout);
		print_help();
		exit(0);
	}
	int at = node_options_parse(o, argc, argv, e);
	if (at < 0)
		return at;
	if (at >= argc)
		return err_set(e, -EINVAL, "%s is missing", what);
	*ret = argv[at];
	/* What follows the operand: flags again. */
	int r = node_options_parse(o, argc - at, argv + at, e);
	if (r >= 0 && r < argc - at)
		return err_set(e, -EINVAL, "unexpected argument: %s", argv[at + r]);
	return MIN(r, 0);
}

int node_options_parse(struct node_options *o, int argc, char **argv, struct err *e)
{
	int at = 1;
	for (; at < argc && str_has_prefix(argv[at], "--"); at++) {
		const char *value = NULL;
		const struct option_row *r = find_row(argv[at], &value);
		if (!r)
			return err_set(e, -EINVAL, "unknown flag: %s", argv[at]);
		if (r->is_switch) {
			*(bool *)((char *)o + r->at) = true;
			continue;
		}
		if (!value && ++at < argc)
			value = argv[at];
		if (!value)
			return err_set(e, -EINVAL, "flag needs an argument: --%s", r->name);
		free(*text_of(o, r));
		*text_of(o, r) = xstrdup(value);
	}
	int r = node_options_load(o, e);
	fill_defaults(o);
	if (o->node_ip) {
		o->node_ips = o->node_ip;
		o->node_ip = xstrndup(o->node_ips, strcspn(o->node_ips, ","));
	}
	return r < 0 ? r : at;
}

void node_options_done(struct node_options *o)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!rows[i].is_switch)
			free(*text_of(o, &rows[i]));
	free(o->node_ips);
	*o = (struct node_options){ 0 };
}

int node_options_save(const struct node_options *o, struct err *e)
{
	AUTO_JSON *j = json_object();
	AUTO_FREE char *path = xasprintf("%s/up.json", o->run_dir);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!rows[i].is_switch && strcmp(rows[i].name, "token") != 0)
			json_object_set_new(j, rows[i].name, json_string(*text_of((struct node_options *)o, &rows[i])));
	if (o->node_ips)
		json_set_str(j, "node-ip", o->node_ips);
	json_object_set_new(j, "no-systemd", json_boolean(o->no_systemd));
	json_object_set_new(j, "no-node", json_boolean(o->no_node));
	return json_write_file(path, j, 0644, e);
}
