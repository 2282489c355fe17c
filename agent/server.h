/* The agent's HTTPS server: what the API server asks of a node. */
#ifndef KNARR_AGENT_SERVER_H
#define KNARR_AGENT_SERVER_H

#include "agent/pod.h"
#include "io/http_server.h"

struct server;

/* HTTPS on address:port where certificates are given, healthz plain on 127.0.0.1. */
int server_start(struct agent *a, struct server **ret, struct err *e);
/* Takes up the certificate that now stands in the file; connections that are there keep theirs. */
int server_reload(struct server *s, struct err *e);
void server_stop(struct server *s);

/* Pure: whether the verified client may use the server: system:masters, or the API server's own identity. */
bool server_allows(const char *common_name, char *const *organizations);

/* What the node has used of CPU since its start, in ns; and what of its memory is in use and cannot be had back. */
uint64_t server_node_cpu_ns(void);
uint64_t server_node_working_set_bytes(void);
/* {"time", "interfaces": [{"name", "rxBytes", "rxErrors", "txBytes", "txErrors"}] ...} of a sandbox; NULL: it has none.
 * Returns owned. */
json_t *server_pod_network(const struct pod *p);

/* A route's parts: "/containerLogs/{0}/{1}/{2}". Owned texts, NULL-terminated. */
struct target {
	char **parts; /* behind the first */
	struct pod *pod;
	struct container_state *container;
};

/* Handlers, in their own files. The pod and container have been looked up where the route has them. */
void server_logs(struct agent *a, struct http_exchange *x, const struct target *t);
/* /logs/: directories and files of --log-dir. Pure: the page of a directory; names end with "/" where they are one, and
 * are sorted. */
void server_files_page(char **names, struct str *out);
void server_files(struct agent *a, struct http_exchange *x, const struct target *t);
void server_exec(struct agent *a, struct http_exchange *x, const struct target *t);
void server_attach(struct agent *a, struct http_exchange *x, const struct target *t);
void server_port_forward(struct agent *a, struct http_exchange *x, const struct target *t);
void server_stats(struct agent *a, struct http_exchange *x, const struct target *t);
/* /metrics, /metrics/resource, /metrics/cadvisor, /metrics/probes (Prometheus text format). */
void server_metrics(struct agent *a, struct http_exchange *x, const struct target *t);
void server_configz(struct agent *a, struct http_exchange *x, const struct target *t);
void server_running_pods(struct agent *a, struct http_exchange *x, const struct target *t);

void server_text(struct http_exchange *x, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* As Kubernetes reads booleans of a query: absent, "0" and "false" in any case are false, all else is true. */
bool server_flag(const struct http_exchange *x, const char *name);
void server_json(struct http_exchange *x, int status, const json_t *body);

#endif
