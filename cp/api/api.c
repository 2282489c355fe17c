/* The API server as an object. Purpose: hold what its requests share. Happy path: buckets are declared before the cache
 * loads, then the server is made and answers. Making it fails only for bad certificate files. */
#include "cp/api/api.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cp/api/admit.h"
#include "cp/api/api_internal.h"
#include "cp/api/apiservice.h"
#include "cp/api/audit.h"
#include "cp/api/custom.h"
#include "cp/api/deadline.h"
#include "cp/api/flow.h"
#include "cp/api/metrics.h"
#include "cp/api/node_source.h"
#include "cp/api/proxy.h"
#include "cp/api/rbac_source.h"
#include "cp/kinds/service_alloc.h"

enum { MAX_FIELD_LABELS = 32 };

static const char *const pod_index[] = {"spec.nodeName", NULL};

/* What an absent field counts as in selectors: a switch that is off, a count of none. */
static const char *absent_value(const struct type *t)
{
	if (!t || (t->class != TYPE_BOOLEAN && t->class != TYPE_INTEGER))
		return NULL;
	return t->class == TYPE_BOOLEAN ? "false" : "0";
}

static void field_details(const struct kind *k, struct bucket_field *ret, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; k->field_labels && k->field_labels[i] && n + 1 < max; i++)
		ret[n++] = (struct bucket_field){k->field_labels[i], k->field_paths[i],
						 absent_value(type_at(k->type, k->field_paths[i]))};
	ret[n] = (struct bucket_field){0};
}

/* One bucket a prefix; kinds that share a prefix show the same objects. */
void api_declare_buckets(struct cache *c, struct schema *s)
{
	const struct kind *k;
	for (size_t i = 0; (k = schema_kind_nth(s, i)); i++) {
		if (str_empty(k->storage_prefix) || cache_bucket(c, k->storage_prefix))
			continue;
		bool pods = strcmp(k->plural, "pods") == 0 && !*k->group;
		struct bucket_field details[MAX_FIELD_LABELS];
		field_details(k, details, ARRAY_LEN(details));
		cache_add_bucket(c, &(struct bucket_config){.prefix = k->storage_prefix,
							    .namespaced = k->namespaced,
							    .fields = k->field_labels,
							    .details = details,
							    .by_field = pods ? pod_index : NULL});
	}
}

/* The first kind of a prefix that is not stored as another version is the one that is stored. */
static const struct kind *stored_kind(const struct schema *s, const struct kind *k)
{
	const struct kind *other;
	for (size_t i = 0; (other = schema_kind_nth(s, i)); i++)
		if (!other->stored_version && str_eq(other->storage_prefix, k->storage_prefix))
			return other;
	return k;
}

static void add_resources(struct api *a)
{
	const struct kind *k;
	for (size_t i = 0; (k = schema_kind_nth(a->schema, i)); i++) {
		struct bucket *b = str_empty(k->storage_prefix) ? NULL : cache_bucket(a->cache, k->storage_prefix);
		if (!b)
			continue;
		a->resources = xreallocarray(a->resources, a->n_resources + 1, sizeof(*a->resources));
		struct resource *r = &a->resources[a->n_resources++];
		*r = (struct resource){
		    .kind = k, .stored = stored_kind(a->schema, k), .ops = kind_ops_find(k), .bucket = b};
		r->lead = xasprintf("\"kind\":\"%s\",\"apiVersion\":\"%s%s%s\",", k->kind, k->group,
				    *k->group ? "/" : "", k->version);
		r->lead_len = strlen(r->lead);
	}
}

static int connect_agents(struct api *a, const struct api_config *c, struct err *e)
{
	if (!c->agent_cert_file)
		return 0;
	/* Agents' certificates are checked against the cluster's CA by default; their names are node names. */
	struct tls_config tls = {
	    .cert_file = c->agent_cert_file, .key_file = c->agent_key_file, .ca_file = c->agent_ca_file};
	struct http_client_config http = {.loop = c->loop,
					  .ca_file = c->agent_ca_file,
					  .cert_file = c->agent_cert_file,
					  .key_file = c->agent_key_file};
	int r = tls_client_new(&tls, &a->agent_tls, e);
	return r < 0 ? r : http_client_new(&http, &a->agent_http, e);
}

static void free_document(void *b)
{
	buf_unref(b);
}

static json_t *find_object(void *arg, const char *resource, const char *ns, const char *name)
{
	struct bucket *b = api_bucket(arg, "", resource);
	struct cobj *o = b ? bucket_get(b, ns, name) : NULL;
	return o ? cobj_parse(o) : NULL;
}

static int start_services(struct api *a, const struct api_config *c, struct err *e)
{
	struct bucket *services = api_bucket(a, "", "services");
	return services ? service_alloc_new(services, api_bucket(a, "networking.k8s.io", "ipaddresses"),
					    api_bucket(a, "networking.k8s.io", "servicecidrs"), a->service_cidr, c->node_port_min, c->node_port_max, &a->env.service_alloc, e)
			: 0;
}

static int start_authn(struct api *a, const struct api_config *c, struct err *e)
{
	struct authn_config authn = c->authn;
	authn.objects = a->objects;
	return authn_new(&authn, &a->authn, e);
}

static int start_audit(struct api *a, const struct api_config *c, struct err *e)
{
	return audit_new(&c->audit, &a->audit, e);
}

static int start_rbac(struct api *a, const struct api_config *c, struct err *e)
{
	(void)c;
	return rbac_source_new(a, &a->rbac, e);
}

static int start_nodes(struct api *a, const struct api_config *c, struct err *e)
{
	(void)c;
	return node_source_new(a, &a->nodes, e);
}

static int start_admission(struct api *a, const struct api_config *c, struct err *e)
{
	(void)c;
	return admit_init(a, e);
}

/* Each part builds on those before it. */
static int start_parts(struct api *a, const struct api_config *c, struct err *e)
{
	static const struct {
		const char *what;
		int (*start)(struct api *a, const struct api_config *c, struct err *e);
	} parts[] = {
	    {"calls to node agents", connect_agents}, {"audit log", start_audit}, {"authentication", start_authn}, {"roles", start_rbac},
	    {"nodes", start_nodes},		      {"admission", start_admission}, {"service addresses", start_services},
	};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		int r = parts[i].start(a, c, e);
		if (r < 0)
			return err_wrap(e, r, "%s", parts[i].what);
	}
	return 0;
}

int api_new(const struct api_config *c, struct api **ret, struct err *e)
{
	struct api *a = xcalloc(1, sizeof(*a));
	a->refs = 1;
	a->loop = c->loop;
	a->schema = c->schema;
	a->cache = c->cache;
	a->service_cidr = xstrdup(c->service_cidr);
	a->cluster_dns = xstrdup(c->cluster_dns);
	a->advertise_address = xstrdup(c->advertise_address);
	a->cluster_domain = xstrdup(c->cluster_domain);
	a->ca_file = xstrdup(c->ca_file);
	a->jwks_uri = xstrdup(c->jwks_uri);
	a->secure_port = c->secure_port;
	a->documents = map_new(free_document);
	list_init(&a->requests);
	a->numbers = metrics_new();
	api_metrics_start(a);
	a->request_timeout_ms = c->flow.request_timeout_ms;
	a->env = (struct kind_env){.cache = a->cache,
				   .service_cidr = a->service_cidr,
				   .node_port_min = c->node_port_min,
				   .node_port_max = c->node_port_max};
	a->proxies = proxies_new(a->loop);
	add_resources(a);
	a->objects = (struct auth_objects){find_object, a};
	a->extend_tokens = c->extend_tokens;
	a->token_seconds_max = c->token_seconds_max;
	a->node_network = c->node_network;
	int r = start_parts(a, c, e);
	if (r < 0) {
		api_free(a);
		return r;
	}
	customs_start(a);
	apiservices_start(a, c);
	a->flow = flow_new(a, &c->flow);
	a->deadlines = deadlines_new(a);
	*ret = a;
	return 0;
}

/* What requests may still look at goes with the last of them. */
void api_unref(struct api *a)
{
	if (--a->refs)
		return;
	for (size_t i = 0; i < a->n_resources; i++)
		free(a->resources[i].lead);
	free(a->resources);
	free(a);
}

static void end_requests(struct api *a)
{
	requests_refuse_local(a);
	admission_free(a->admission);
	a->admission = NULL;
	LIST_FOR_EACH(q, &a->requests, struct req, link)
	{
		req_ref(q);
		if (q->on_close)
			q->on_close(q);
		if (a->flow)
			flow_release(q);
		req_unref(q);
	}
}

static void free_parts(struct api *a)
{
	flow_free(a->flow);
	deadlines_free(a->deadlines);
	free(a->listeners);
	http_client_free(a->webhook_http);
	customs_free(a->customs);
	apiservices_free(a->apiservices);
	rbac_source_free(a->rbac);
	node_source_free(a->nodes);
	authn_free(a->authn);
	audit_free(a->audit);
	service_alloc_free(a->env.service_alloc);
	map_free(a->documents);
	metrics_free(a->numbers);
	metrics_free(a->slis);
	map_free(a->request_rows);
	http_client_free(a->agent_http);
	proxies_free(a->proxies);
	tls_unref(a->agent_tls);
	free(a->service_cidr);
	free(a->cluster_dns);
	free(a->advertise_address);
	free(a->cluster_domain);
	free(a->ca_file);
	free(a->jwks_uri);
}

void api_free(struct api *a)
{
	if (!a)
		return;
	a->stopping = true;
	end_requests(a);
	free_parts(a);
	a->gone = true;
	api_unref(a);
}

void api_terminate(struct api *a)
{
	a->terminating = true;
}

struct metrics *api_metrics(struct api *a)
{
	return a->numbers;
}

struct cache *api_cache(struct api *a)
{
	return a->cache;
}

struct schema *api_schema(struct api *a)
{
	return a->schema;
}

struct loop *api_loop(struct api *a)
{
	return a->loop;
}

struct bucket *api_bucket(struct api *a, const char *group, const char *plural)
{
	const struct resource *r = api_resource(a, group, NULL, plural);
	return r ? r->bucket : NULL;
}

char *api_secret_token(struct api *a, const char *ns, const char *account, const char *uid, const char *secret)
{
	json_t *claims = sa_secret_claims(ns, account, uid, secret);
	char *token = NULL;
	if (authn_signing_key(a->authn))
		(void)jwt_sign(authn_signing_key(a->authn), claims, &token, NULL); /* NULL tells it */
	json_decref(claims);
	return token;
}

const char *api_ca_file(const struct api *a)
{
	return a->ca_file;
}

void api_watch_kinds(struct api *a, void (*fn)(void *arg, struct bucket *b), void *arg)
{
	a->listeners = xreallocarray(a->listeners, a->n_listeners + 1, sizeof(*a->listeners));
	a->listeners[a->n_listeners++] = (struct kind_listener){fn, arg};
}

void api_unwatch_kinds(struct api *a, void *arg)
{
	size_t n = 0;
	for (size_t i = 0; i < a->n_listeners; i++)
		if (a->listeners[i].arg != arg)
			a->listeners[n++] = a->listeners[i];
	a->n_listeners = n;
}

static bool has_bucket(const struct resource *res, void *arg)
{
	return res->bucket == arg;
}

const struct kind *api_kind_of_bucket(struct api *a, const struct bucket *b)
{
	const struct resource *custom;
	for (size_t i = 0; i < a->n_resources; i++)
		if (a->resources[i].bucket == b)
			return a->resources[i].kind;
	custom = customs_each(a->customs, has_bucket, (void *)b);
	return custom ? custom->kind : NULL;
}

const struct kind *api_kind_named(struct api *a, const char *group, const char *kind)
{
	const struct resource *res = api_resource_of_kind(a, group, kind);
	return res ? res->kind : NULL;
}
