/* What the files of the API server share: the server, its resources, and a request on its way. */
#ifndef KNARR_CP_API_API_INTERNAL_H
#define KNARR_CP_API_API_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/api/api.h"
#include "cp/api/negotiate.h"
#include "cp/api/route.h"
#include "cp/auth/authenticate.h"
#include "cp/auth/authorize.h"
#include "cp/auth/user.h"
#include "cp/flow/flow_queues.h"
#include "cp/flow/flow_schema.h"
#include "cp/kinds/kind_ops.h"
#include "cp/schema/status.h"
#include "io/http_client.h"
#include "io/http_server.h"

/* One stored resource and what serving it needs. */
struct resource {
	const struct kind *kind;
	const struct kind *stored; /* the kind in whose form it is stored; another one for views (view.h) */
	const struct kind_ops *ops;
	struct bucket *bucket;
	char
	    *lead; /* the beginning of each stored object that list items go without: "kind":"Pod","apiVersion":"v1", */
	size_t lead_len;
	struct custom *custom; /* NULL: a built-in kind (custom.h) */
};

struct admission;
struct flow;
struct flow_level;
struct deadlines;
struct metrics;
struct metric;
struct custom;
struct customs;
struct apiservices;

struct api {
	int refs; /* api_free()'s and one for each request: a late one still looks whether it may go on */
	struct loop *loop;
	struct admission *admission;
	struct schema *schema;
	struct cache *cache;
	struct resource *resources;
	size_t n_resources;
	struct customs *customs; /* resources of CustomResourceDefinitions */
	struct kind_listener {
		void (*fn)(void *arg, struct bucket *b);
		void *arg;
	} * listeners;
	size_t n_listeners;
	struct apiservices *apiservices; /* extension servers */
	struct http_client *webhook_http; /* conversion webhooks; made when first needed */
	struct kind_env env;
	char *service_cidr, *advertise_address, *cluster_domain, *cluster_dns, *ca_file, *jwks_uri;
	uint16_t secure_port;
	struct tls_ctx *agent_tls;
	struct http_client *agent_http;
	struct proxies *proxies; /* proxy.h */
	struct list requests;  /* struct req.link: those not yet over */
	struct rbac_source *rbac;
	struct node_source *nodes;
	struct authn *authn;
	struct audit *audit; /* NULL: nothing is told */
	struct auth_objects objects; /* the cache, as authentication looks at it */
	bool extend_tokens;          /* pods' tokens live longer than they say (service_account.h) */
	int64_t token_seconds_max;   /* 0: no limit */
	bool node_network;           /* as in api.h */
	struct map *documents; /* name -> struct buf: discovery and OpenAPI, built once when first asked for */
	struct metrics *numbers, *slis; /* what /metrics and /metrics/slis tell */
	struct map *request_rows;       /* labels -> rows of requests (metrics.c) */
	struct metric *fixed_rows[8];
	struct flow *flow;
	struct deadlines *deadlines;
	int64_t request_timeout_ms;
	bool terminating; /* told to end: serves, but is not ready any more */
	bool ready, stopping, gone; /* gone: only what requests point to is left */
};

/* A request from arrival to answer. It lives until it was answered and, when it came over HTTP, until the exchange is
 * over; req_ref() keeps it longer. */
struct req {
	int refs;
	struct list link;
	struct api *api;
	struct http_exchange *x; /* NULL for calls from within and once the peer has gone */
	bool local, answered, closed;
	bool owes_answer; /* answered by its deadline: the handler's answer is dropped, with its reference */
	int64_t timeout_ms, deadline_ms; /* how long it may take; when that is over (monotonic), 0: not watched */
	int retry_after; /* seconds, for the header of the same name; 0: none */
	char retry_text[12];
	int code;                 /* of the answer; 0: none yet */
	size_t answer_bytes;
	int64_t arrived_us;       /* monotonic */
	struct metric *streaming; /* counts it while it streams; NULL: it does not */
	api_local_done done;
	void *done_arg;
	const char *method; /* upper case, static or the exchange's */
	char *method_text;
	char *selected_name; /* what the field selector narrows a collection down to; NULL: nothing */
	struct query query;
	struct route route;
	const struct resource *res; /* NULL for what is not a stored resource */
	struct auth_user user;
	struct answer_type answer;
	char *content_type;
	char *etag; /* of the answer; NULL: none */
	json_t *local_body;
	char **repeats;    /* lines about members that stand twice in a YAML body (strict.h) */
	bool repeats_json; /* a JSON body may have some */
	char **warnings;
	char audit_id[65];
	struct audit_event *audit; /* NULL: nothing is told */
	json_t *annotations; /* of the audit event: texts by key; NULL: none */
	int64_t started_us;
	struct flow_ticket {
		struct flow_item item;
		struct flow_level *level; /* NULL: not classified, or released */
		struct flow_schema *schema;
		bool counted; /* in the limits that hold without levels */
	} flow;
	void (*on_close)(struct req *q); /* the peer has gone or the answer is out: stop what streams */
	void *data;                      /* the handler's, with on_close */
};

void api_unref(struct api *a);
struct req *req_ref(struct req *q);
void req_unref(struct req *q);
void req_warn(struct req *q, const char *text);
/* An annotation of the request's audit event. */
void req_annotate(struct req *q, const char *key, const char *value);
const char *req_param(const struct req *q, const char *name);
bool req_dry_run(const struct req *q);

/* Answers: each may be called once per request, also after the peer has gone. */
void reply_status(struct req *q, json_t *status);        /* takes */
void reply_json(struct req *q, int code, json_t *value); /* takes */
void reply_text(struct req *q, int code, const char *text);
/* bytes of any type; gzip as accepted. */
void reply_typed(struct req *q, int code, const char *type, struct buf *body);
/* bytes of a complete JSON answer; yaml and gzip as accepted. */
void reply_buf(struct req *q, int code, struct buf *json);
/* An object of q->res in the form that was asked for. */
void reply_object(struct req *q, int code, struct buf *json);
void reply_cobj(struct req *q, int code, const struct cobj *o);
/* Headers of every answer (content type, audit id, warnings), ended by {NULL, NULL}; at most cap. */
#define REPLY_HEADERS 24
void reply_headers(struct req *q, const char *content_type, struct http_header h[REPLY_HEADERS]);
void reply_done(struct req *q); /* marks it answered and drops the handler's reference; for streams */

/* Answers every call from within that is not answered yet with a 503. */
void requests_refuse_local(struct api *a);

/* Ends the watches of a definition's objects. */
void watches_end(struct api *a, const struct custom *c);

/* dispatch.c: a routed, authenticated request goes to its handler. */
void request_run(struct req *q);
const struct resource *api_resource(const struct api *a, const char *group, const char *version, const char *plural);
const struct resource *api_resource_of_kind(const struct api *a, const char *group, const char *kind);
/* access.c. Whether the request's user may do what it asks for: NULL, or the 403; told to the audit log. */
json_t *api_authorize(struct req *q);
bool api_may(const struct req *q, const struct auth_attributes *what);
/* The same for any user; reason gets the words about what allows it. */
bool api_user_may(const struct api *a, const struct auth_user *u, const struct auth_attributes *what, struct str *reason);
/* What a request asks for, and the 403 of a user who may not. */
struct auth_attributes api_attributes(const struct req *q);
json_t *api_forbidden(const struct auth_user *u, const struct auth_attributes *what, const char *reason);

/* body.c: the request's body as a JSON value (an empty one gives NULL). Returns a Status or NULL with *ret owned. */
json_t *body_parse(struct req *q, enum body_type type, json_t **ret);
/* An object of the request's kind: apiVersion and kind checked or filled in, decoded by the schema. */
json_t *body_object(struct req *q, const struct kind *k, json_t **ret);
/* Options of writes in query or body: dryRun, fieldManager, fieldValidation. kind: "CreateOptions" ... */
json_t *options_check(struct req *q, const char *kind);

/* Handlers of verbs on stored resources. */
void verb_get(struct req *q);
void verb_list(struct req *q);
void verb_watch(struct req *q);
void verb_create(struct req *q);
void verb_update(struct req *q);
void verb_patch(struct req *q);
void verb_delete(struct req *q);
void verb_deletecollection(struct req *q);

/* Handlers beside them. */
void scale_get(struct req *q);
void scale_update(struct req *q);
void scale_patch(struct req *q);
void binding_create(struct req *q);
void eviction_create(struct req *q);
void finalize_update(struct req *q);
void stream_log(struct req *q);
void stream_exec(struct req *q); /* exec and attach */
void stream_portforward(struct req *q);
void review_access_self(struct req *q);
void review_access(struct req *q);
void review_self(struct req *q);
void review_rules(struct req *q);
void review_token(struct req *q);
void token_create(struct req *q);

bool plain_run(struct req *q);     /* health, version, metrics, index: whether the path is one of them */
bool discovery_run(struct req *q); /* /api, /apis ... */
bool openapi_run(struct req *q);
bool openid_run(struct req *q); /* the issuer of tokens and its keys */
/* metrics.c: the code of the answer is known. */
void request_answered(struct req *q, int code);
void api_write_metrics(struct api *a, struct str *out);
void process_metrics_start(struct api *a); /* metrics_process.c */

#endif
