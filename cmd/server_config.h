/* knarr-server's settings: flags under Kubernetes' names, a YAML file with the same names. */
#ifndef KNARR_CMD_SERVER_CONFIG_H
#define KNARR_CMD_SERVER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Every text owned. */
struct server_config {
	char *data_dir, *bind_address, *advertise_address, *service_cidr, *node_port_range, *cluster_domain, *cluster_dns;
	char *client_ca_file, *tls_cert_file, *tls_key_file, *cert_dir, *kubeconfig_out;
	char *sa_issuers, *sa_key_files, *sa_signing_key_file, *sa_jwks_uri, *sa_extend, *sa_max_expiration, *api_audiences;
	char *token_file, *bootstrap_tokens, *anonymous;
	char *proxy_ca_file, *proxy_names, *proxy_users, *proxy_uids, *proxy_groups, *proxy_extras;
	char *audit_policy_file, *audit_log_path, *audit_max_mb, *audit_max_backups, *audit_max_age;
	char *fairness, *max_requests, *max_changing, *request_timeout, *shutdown_delay;
	char *controllers, *scheduler, *secure_port;
	char *signing_cert_file, *signing_key_file, *signing_duration;
	char *cluster_cidr, *allocate_cidrs, *node_mask, *node_mask4, *node_mask6;
	char *etcd_servers, *etcd_ca_file, *etcd_cert_file, *etcd_key_file, *etcd_prefix, *etcd_compaction;
	char *encryption_config, *leader_elect;
	char *verbosity;
	uint16_t port, node_port_min, node_port_max; /* of the texts above */
	uint32_t audit_mb, audit_backups, audit_days; /* 0: no limit */
	int64_t signing_seconds;
	uint32_t node_bits4, node_bits6;
	int64_t sa_max_seconds;                      /* 0: no limit */
	int64_t request_timeout_ms, shutdown_delay_ms;
	int max_requests_n, max_changing_n;
	int etcd_compact_s;
	bool elects; /* controllers and scheduler need their lease */
	bool help, version;
};

/* Defaults, then --config FILE, then flags. -EINVAL names the flag. */
int server_config_read(struct server_config *c, int argc, char **argv, struct err *e);
void server_config_done(struct server_config *c);
void server_config_usage(void);

#endif
