/* The API server: the request path from route to answer, over the cache and the store.
 *
 * route -> authenticate -> authorise -> decode -> prepare/default/validate -> store -> encode. In-process callers
 * (controllers, scheduler) take the same path without a socket. */
#ifndef KNARR_CP_API_API_H
#define KNARR_CP_API_API_H

#include <jansson.h>

#include "base/err.h"
#include "cp/auth/authenticate.h"
#include "cp/cache/cache.h"
#include "cp/schema/schema.h"
#include "io/http_server.h"
#include "io/loop.h"

struct api;

/* The audit log; policy_file and log_path NULL: nothing is told. */
struct api_audit_config {
	const char *policy_file, *log_path; /* log_path "-": standard output */
	int64_t max_bytes;                  /* of the log before it is changed for a new file; 0: no limit */
	int max_backups, max_age_days;      /* of older files; 0: no limit */
};

/* How many requests are served at once. */
struct api_flow_config {
	bool off;                       /* no priority and fairness: only the two limits */
	int max_requests, max_changing; /* that read, that change; together the seats of all priority levels */
	int64_t request_timeout_ms;     /* of requests that do not stream */
};

struct api_config {
	struct loop *loop;
	struct schema *schema;
	struct cache *cache;      /* loaded; api_declare_buckets() came before cache_load() */
	const char *service_cidr; /* "10.96.0.0/16" */
	uint16_t node_port_min, node_port_max;
	const char *advertise_address; /* numeric; what the kubernetes Service's endpoints say */
	uint16_t secure_port;
	const char *cluster_domain; /* "cluster.local" */
	const char *cluster_dns;    /* address of the kube-dns Service; NULL or "": none is made */
	const char *agent_ca_file, *agent_cert_file,
	    *agent_key_file; /* for calls to agents (log, exec, attach, proxy) */
	struct api_audit_config audit;
	struct authn_config authn;   /* without objects */
	const char *jwks_uri;        /* where the keys are said to be; NULL: on this server */
	bool extend_tokens;          /* a pod's token of the usual life works for a year */
	int64_t token_seconds_max;   /* 0: no limit */
	bool node_network;           /* nodes may watch what the agent's network parts need (role knarr:node-network) */
	const char *proxy_client_cert_file, *proxy_client_key_file; /* for calls of extension servers; may be NULL */
	const char *ca_file; /* the cluster CA, published as kube-root-ca.crt */
	struct api_flow_config flow;
};

/* One bucket per kind that is stored. */
void api_declare_buckets(struct cache *c, struct schema *s);
int api_new(const struct api_config *c, struct api **ret, struct err *e);
/* Ends every watch and stream. Calls from within that are not answered yet are told that they will not be (-EAGAIN) before it
 * returns, and so are those that their callbacks make; none is told after. The store is closed before, the loop freed
 * after. */
void api_free(struct api *a);
/* The handler for http_server_config.on_request (arg is the struct api). */
void api_on_request(void *arg, struct http_exchange *x);
/* The answer for http_server_config.streams: bodies for other servers (proxy subresources, extension servers) go through
 * as they come. */
bool api_streams(void *arg, const char *method, const char *path);
/* Makes the default namespaces, the kubernetes Service with its endpoints, and what else a fresh cluster holds, where
 * missing; done comes when they are stored. Readiness (/readyz) follows it. */
void api_bootstrap(struct api *a, void (*done)(void *arg, int r, const struct err *e), void *arg);

/* From now on the server says that it is not ready, so that clients go elsewhere; it serves as before. */
void api_terminate(struct api *a);
/* Ends every watch, as the first step of stopping: their clients ask again elsewhere or later. */
void api_drain(struct api *a);

struct metrics;
/* The server's counters, for whoever runs beside it; valid until api_free(). */
struct metrics *api_metrics(struct api *a);
struct cache *api_cache(struct api *a);
struct schema *api_schema(struct api *a);
struct loop *api_loop(struct api *a);
/* A token without end for an account, bound to a secret that is to hold it; owned, NULL where there is no signing key. */
char *api_secret_token(struct api *a, const char *ns, const char *account, const char *uid, const char *secret);
const char *api_ca_file(const struct api *a); /* the cluster CA; NULL when none was given */
/* The bucket of a built-in resource ("", "pods"), NULL when unknown. */
struct bucket *api_bucket(struct api *a, const char *group, const char *plural);

/* Whether a subject (username, uid, groups, extra: as requests for certificates name who made them) may do something at
 * the scope of the cluster, as a SubjectAccessReview would tell. */
bool api_subject_may(struct api *a, const json_t *subject, const char *verb, const char *group, const char *resource,
		     const char *subresource);

/* Whether quotas of a namespace may count what is not stored yet (cp/admission). */
bool api_quota_is_busy(const struct api *a, const char *ns);
/* Kinds of custom resources come and go while the server runs: fn is called whenever a bucket of theirs begins to be
 * served. One listener for each arg. */
void api_watch_kinds(struct api *a, void (*fn)(void *arg, struct bucket *b), void *arg);
void api_unwatch_kinds(struct api *a, void *arg);
/* The kind of a bucket's objects, or the one of a group and name; NULL when there is none. Borrowed until the loop runs
 * again. */
const struct kind *api_kind_of_bucket(struct api *a, const struct bucket *b);
const struct kind *api_kind_named(struct api *a, const char *group, const char *kind);

/* A call from within the process, as user (a member of system:masters is not implied: the authoriser is asked).
 * method, path (with query) and content_type as over HTTP ("application/json", "application/merge-patch+json",
 * "application/strategic-merge-patch+json", "application/json-patch+json"); body is borrowed for the call, may be NULL.
 * done is called once, from the loop or from api_free(), and never before api_local() has returned; answer (object or Status) is borrowed;
 * e is NULL for 2xx and else has the Status' message and the codes of api/client.h. The cache already shows a
 * successful write when done is called. */
typedef void (*api_local_done)(void *arg, int status, json_t *answer, const struct err *e);
void api_local(struct api *a, const char *user, const char *method, const char *path, const char *content_type,
	       const json_t *body, api_local_done done, void *arg);

#endif
