/* The commands of knarr, one file each, and what they share. */
#ifndef KNARR_CLI_CLI_H
#define KNARR_CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Where a node keeps its things and what its cluster looks like; flags of `up`, remembered for the other commands. */
struct node_options {
	char *data_dir, *run_dir, *config_dir, *log_dir, *root_dir; /* root_dir: the volumes' (/var/lib/kubelet) */
	char *node_name, *node_ip, *cluster_cidr, *pod_cidr, *service_cidr, *cluster_dns, *overlay, *cluster_domain, *cgroup_root;
	char *cni_conf_dir, *cni_bin_dir;
	char *secure_port, *timeout;
	char *etcd_servers, *etcd_ca_file, *etcd_cert_file, *etcd_key_file, *etcd_data_dir, *encryption_config;
	char *token, *ca_hash;
	char *node_ips; /* as --node-ip has them (NULL: not given); node_ip is the first, of the server and its certificates */
	bool no_systemd, purge, quiet, no_node, no_ca_check;
};

/* Parses flags of a command into o (defaults first): "--name value" or "--name=value". Returns the index of the first
 * operand, -EINVAL with a message. A remembered configuration (<run dir>/up.json) is loaded by node_options_load(). */
int node_options_parse(struct node_options *o, int argc, char **argv, struct err *e);
void node_options_done(struct node_options *o);
int node_options_save(const struct node_options *o, struct err *e);
/* How a command without operands begins: 1 when --help was asked for (usage and the flags are printed), 0 when o holds the
 * flags, -EINVAL. node_options_done() either way. */
int node_options_begin(struct node_options *o, int argc, char **argv, const char *usage, struct err *e);

/* The same for a command with one operand, called what in messages, before or between flags; with --help the program ends. */
int node_options_operand(struct node_options *o, int argc, char **argv, const char *usage, const char *what, const char **ret,
			 struct err *e);

/* Each returns the exit status of the program. argv[0] is the command's name. */
int cmd_up(int argc, char **argv);
int cmd_init(int argc, char **argv);
int cmd_join(int argc, char **argv);
int cmd_token(int argc, char **argv);
int cmd_reset(int argc, char **argv);
int cmd_down(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_image(int argc, char **argv);
int cmd_backup(int argc, char **argv);
int cmd_restore(int argc, char **argv);

/* Removes what the node's pods and network have left in the kernel and in the run directory, after its daemons have
 * stopped: processes (by cgroup), mounts, network namespaces, links, nf_tables tables, cgroups, run files. Doing it
 * again changes nothing. Goes on after an error and returns the first. */
int node_cleanup(const struct node_options *o, struct err *e);

/* The pid in <run dir>/<name>.pid when that process runs, else 0. */
int daemon_pid(const struct node_options *o, const char *name);
/* The directory of the running program, where its siblings are. Returns owned. */
char *program_dir(void);
/* Whether systemd is the init of this machine. */
bool systemd_is_running(void);
/* Either vector may be NULL: that daemon does not run here. */
int systemd_up(const struct node_options *o, char *const *server_argv, char *const *agent_argv, struct err *e);
int systemd_down(struct err *e);
/* Runs a program to its end with our standard output and error. Returns its exit status or -errno. */
int run_program(char *const *argv, struct err *e);

/* Progress on a terminal: "  [..] what" overwritten by "  [ok] what (12 ms)"; plain lines elsewhere. */
void progress_begin(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void progress_end(bool ok, const char *detail);

#endif
