/* From a request whose user is known to its handler. Purpose: which verb, which subresource, or which page. Happy path: the
 * user may, the resource is there and knows the verb, an answer's form is agreed on, the handler runs. Each step answers with
 * its Status when it fails (403, 404, 405, 406). */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/api_internal.h"
#include "cp/api/apiservice.h"
#include "cp/api/catalog.h"
#include "cp/api/custom.h"
#include "cp/api/proxy.h"
#include "cp/api/traits.h"
#include "cp/api/write.h"
#include "cp/store/store.h"

static bool api_kind_has_verb(const struct kind *k, const char *verb)
{
	for (size_t i = 0; k->verbs && k->verbs[i]; i++)
		if (strcmp(k->verbs[i], verb) == 0)
			return true;
	return false;
}

const struct resource *api_resource(const struct api *a, const char *group, const char *version, const char *plural)
{
	for (size_t i = 0; i < a->n_resources; i++) {
		const struct kind *k = a->resources[i].kind;
		if (strcmp(k->plural, plural) == 0 && strcmp(k->group, group) == 0 &&
		    (!version || strcmp(k->version, version) == 0))
			return &a->resources[i];
	}
	return customs_resource(a->customs, group, version, plural);
}

static bool is_kind(const struct resource *res, void *arg)
{
	const char *const *names = arg;
	return strcmp(res->kind->group, names[0]) == 0 && strcmp(res->kind->kind, names[1]) == 0;
}

const struct resource *api_resource_of_kind(const struct api *a, const char *group, const char *kind)
{
	for (size_t i = 0; i < a->n_resources; i++)
		if (strcmp(a->resources[i].kind->kind, kind) == 0 && strcmp(a->resources[i].kind->group, group) == 0)
			return &a->resources[i];
	return customs_each(a->customs, is_kind, (void *)(const char *const[]){group, kind});
}

/* Verbs of whole objects. */
static const struct {
	const char *verb;
	void (*run)(struct req *q);
	bool named; /* wants a name in the path */
} verbs[] = {
    {"get", verb_get, true},       {"list", verb_list, false},
    {"watch", verb_watch, false},  {"create", verb_create, false},
    {"update", verb_update, true}, {"patch", verb_patch, true},
    {"delete", verb_delete, true}, {"deletecollection", verb_deletecollection, false},
};

/* Subresources, and resources without storage (sub NULL then). "*": any that declares it; any verb. */
static const struct {
	const char *group, *resource, *sub, *verb;
	void (*run)(struct req *q);
} extras[] = {
    {"*", "*", "status", "get", verb_get},
    {"*", "*", "status", "update", verb_update},
    {"*", "*", "status", "patch", verb_patch},
    {"*", "*", "scale", "get", scale_get},
    {"*", "*", "scale", "update", scale_update},
    {"*", "*", "scale", "patch", scale_patch},
    {"", "pods", "ephemeralcontainers", "get", verb_get},
    {"", "pods", "ephemeralcontainers", "update", verb_update},
    {"", "pods", "ephemeralcontainers", "patch", verb_patch},
    {"", "pods", "resize", "get", verb_get},
    {"", "pods", "resize", "update", verb_update},
    {"", "pods", "resize", "patch", verb_patch},
    {"certificates.k8s.io", "certificatesigningrequests", "approval", "get", verb_get},
    {"certificates.k8s.io", "certificatesigningrequests", "approval", "update", verb_update},
    {"certificates.k8s.io", "certificatesigningrequests", "approval", "patch", verb_patch},
    {"", "pods", "binding", "create", binding_create},
    {"", "pods", "eviction", "create", eviction_create},
    {"", "pods", "log", "get", stream_log},
    {"", "pods", "exec", "get", stream_exec},
    {"", "pods", "exec", "create", stream_exec},
    {"", "pods", "attach", "get", stream_exec},
    {"", "pods", "attach", "create", stream_exec},
    {"", "pods", "portforward", "get", stream_portforward},
    {"", "pods", "portforward", "create", stream_portforward},
    {"", "pods", "proxy", "*", proxy_connect},
    {"", "services", "proxy", "*", proxy_connect},
    {"", "nodes", "proxy", "*", proxy_connect},
    {"", "namespaces", "finalize", "update", finalize_update},
    {"", "bindings", NULL, "create", binding_create},
    {"authorization.k8s.io", "selfsubjectaccessreviews", NULL, "create", review_access_self},
    {"authorization.k8s.io", "subjectaccessreviews", NULL, "create", review_access},
    {"authorization.k8s.io", "localsubjectaccessreviews", NULL, "create", review_access},
    {"authorization.k8s.io", "selfsubjectrulesreviews", NULL, "create", review_rules},
    {"authentication.k8s.io", "selfsubjectreviews", NULL, "create", review_self},
    {"authentication.k8s.io", "tokenreviews", NULL, "create", review_token},
    {"", "serviceaccounts", "token", "create", token_create},
};

static bool is_or_any(const char *pattern, const char *s)
{
	return strcmp(pattern, "*") == 0 || strcmp(pattern, s) == 0;
}

/* Resources without storage are collections that take objects: of a namespace, or of the cluster. */
static bool is_virtual_path(const struct req *q)
{
	const struct route *r = &q->route;
	const struct kind *k = schema_find(q->api->schema, r->group, r->version, r->resource);
	return k && !*r->name && k->namespaced == (*r->ns != '\0');
}

static json_t *run_extra(struct req *q)
{
	const struct route *r = &q->route;
	bool known = false;
	if (!q->res && !*r->subresource && !is_virtual_path(q))
		return status_unknown_resource();
	if (*r->rest && strcmp(r->subresource, "proxy") != 0)
		return status_unknown_resource();
	if (*r->subresource && q->res) {
		bool declared = false;
		for (size_t i = 0; q->res->kind->subresources && q->res->kind->subresources[i]; i++)
			declared = declared || strcmp(q->res->kind->subresources[i], r->subresource) == 0;
		if (!declared && q->res->custom)
			return status_not_found(r->group, r->resource, r->name);
		if (!declared)
			return status_unknown_resource();
	}
	for (size_t i = 0; i < ARRAY_LEN(extras); i++) {
		bool sub = extras[i].sub ? q->res && strcmp(extras[i].sub, r->subresource) == 0 : !*r->subresource;
		if (!sub || !is_or_any(extras[i].group, r->group) || !is_or_any(extras[i].resource, r->resource))
			continue;
		known = true;
		if (is_or_any(extras[i].verb, r->verb))
			return extras[i].run(q), NULL;
	}
	return known ? status_method_not_allowed() : status_unknown_resource();
}

/* A list that is asked to be a watch. */
static json_t *no_watch(const struct kind *k)
{
	json_t *s = status_new(405, "MethodNotAllowed", "watch is not supported on resources of kind \"%s\"", k->plural);
	json_t *details = json_pack("{s:s}", "kind", k->plural);
	if (*k->group)
		json_set_str(details, "group", k->group);
	json_object_set_new(s, "details", details);
	return s;
}

/* Warnings belong to what is served: another method is refused without. */
static bool is_served(const struct req *q)
{
	const struct kind *k = q->res->kind;
	const char *verb = strcmp(q->route.verb, "watch") == 0 ? "list" : q->route.verb;
	return *q->route.subresource || api_kind_has_verb(k, verb);
}

static json_t *run_verb(struct req *q)
{
	const struct route *r = &q->route;
	const struct kind *k = q->res->kind;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (strcmp(verbs[i].verb, r->verb) != 0)
			continue;
		if (strcmp(r->verb, "watch") != 0 && verbs[i].named != (*r->name != '\0'))
			return status_method_not_allowed();
		if (strcmp(r->verb, "watch") == 0 && !api_kind_has_verb(k, "watch") && api_kind_has_verb(k, "list"))
			return no_watch(k);
		if (!api_kind_has_verb(k, r->verb))
			return status_method_not_allowed();
		return verbs[i].run(q), NULL;
	}
	return status_method_not_allowed();
}

/* A namespaced kind needs its namespace in the path for everything but lists and watches across all. */
static bool scope_fits(const struct route *r, const struct kind *k)
{
	bool in_ns = *r->ns != '\0';
	if (!k->namespaced)
		return !in_ns || strcmp(r->resource, "namespaces") == 0;
	return in_ns || (!*r->name && (strcmp(r->verb, "list") == 0 || strcmp(r->verb, "watch") == 0 ||
				       strcmp(r->verb, "create") == 0 || strcmp(r->verb, "deletecollection") == 0));
}

/* What a definition that is going, or that has rules which nobody here can evaluate, does not take. */
static json_t *check_custom(struct req *q)
{
	const struct route *r = &q->route;
	const struct custom_kind *k = q->res->kind->custom;
	if (q->res->custom->terminating && strcmp(r->verb, "create") == 0) {
		json_t *s = status_method_not_allowed();
		json_set_str(s, "message", "create not allowed while custom resource definition is terminating");
		return s;
	}
	if (k->warning)
		req_warn(q, k->warning);
	return NULL;
}

static void free_kinds(const struct kind ***kinds)
{
	free((void *)*kinds);
}

static json_t *run(struct req *q)
{
	return *q->route.subresource || !q->res ? run_extra(q) : run_verb(q);
}

static void on_prepared(void *arg, json_t *status)
{
	struct req *q = arg;
	if (!status)
		status = run(q);
	if (status)
		reply_status(q, status);
	req_unref(q);
}

/* A delete does not look into the object: it works on what is stored, but where fields select. */
static void take_stored_form(struct req *q)
{
	if (q->res->custom && str_has_prefix(q->route.verb, "delete") && str_empty(query_get(&q->query, "fieldSelector")))
		q->res = &q->res->custom->stored->resource;
}

/* Subresources that lead elsewhere: the answer's form is not ours to choose. */
static bool is_stream(const struct route *r)
{
	static const char *const streams[] = {"log", "exec", "attach", "portforward", "proxy"};
	for (size_t i = 0; i < ARRAY_LEN(streams); i++)
		if (strcmp(streams[i], r->subresource) == 0)
			return true;
	return false;
}

/* What a table's rows are to carry beside their cells. */
static json_t *check_table(const struct req *q)
{
	static const char *const words[] = {"", "None", "Metadata", "Object", NULL};
	const char *include = req_param(q, "includeObject");
	if (q->answer.form != FORM_TABLE || !include || strv_has((char *const *)words, include))
		return NULL;
	AUTO_STR quoted = STR_INIT;
	str_add_json(&quoted, include);
	return status_bad_request("Unable to convert to Table as requested: includeObject: Invalid value: %s: must be 'Metadata', "
				  "'Object', 'None', or empty",
				  str_text(&quoted));
}

static json_t *dispatch(struct req *q)
{
	const struct route *r = &q->route;
	json_t *status;
	q->res = api_resource(q->api, r->group, r->version, r->resource);
	if (q->res && q->res->custom)
		custom_ref(q->res->custom);
	if (!q->local && strcmp(q->method, "HEAD") == 0 && strcmp(r->subresource, "proxy") != 0)
		return status_method_not_allowed();
	if (q->res && !scope_fits(r, q->res->kind))
		return status_unknown_resource();
	if (q->res && q->res->kind->namespaced && !*r->ns && strcmp(r->verb, "list") != 0 &&
	    strcmp(r->verb, "watch") != 0)
		return status_method_not_allowed();
	if (q->res && q->res->custom && (status = check_custom(q)))
		return status;
	if (q->res && traits_of(q->res->kind)->warning && is_served(q))
		req_warn(q, traits_of(q->res->kind)->warning);
	const char *accept = q->x ? http_header_get(q->x, "accept") : NULL;
	if (!is_stream(r) && negotiate_accept(accept, true, false, &q->answer) < 0)
		return status_not_acceptable();
	if ((status = check_table(q)))
		return status;
	if (!q->res && q->answer.form == FORM_TABLE) /* what is never stored has no columns */
		return status_not_acceptable();
	if (q->res && q->res->custom && custom_reads_by_webhook(q->res)) {
		take_stored_form(q);
		custom_prepare_request(req_ref(q), on_prepared);
		return NULL;
	}
	return run(q);
}

/* Whether a group is one of ours: those of definitions know nothing but what is served. */
static bool is_built_in(const struct api *a, const char *group)
{
	AUTO_STRV char **versions = catalog_versions(a->schema, group);
	for (size_t i = 0; versions && versions[i]; i++) {
		AUTO(free_kinds) const struct kind **kinds = catalog_kinds(a->schema, group, versions[i]);
		if (kinds[0] && !kinds[0]->custom)
			return true;
	}
	return false;
}

/* What is not there is, outside of our own groups, not even a kind of answer. */
static bool is_nowhere(const struct req *q)
{
	const struct route *r = &q->route;
	const struct resource *res = api_resource(q->api, r->group, r->version, r->resource);
	if (q->local || strcmp(r->prefix, "apis") != 0)
		return false;
	if (res && res->custom && res->kind->namespaced && !*r->ns) /* only lists and watches go across namespaces */
		return strcmp(r->verb, "list") != 0 && strcmp(r->verb, "watch") != 0;
	return res ? res->custom && !scope_fits(r, res->kind) : !is_built_in(q->api, r->group);
}

static void request_go(struct req *q)
{
	json_t *status = api_authorize(q);
	struct apiservice *remote = strcmp(q->route.prefix, "apis") == 0 && *q->route.version
					? apiservices_find(q->api->apiservices, q->route.group, q->route.version)
					: NULL;
	if (!status && remote) {
		apiservice_proxy(q, remote);
		return;
	}
	if (!status && q->route.is_resource && is_nowhere(q)) {
		reply_text(q, 404, "404 page not found\n");
		return;
	}
	if (!status && q->route.is_resource) {
		status = dispatch(q);
	} else if (!status && !plain_run(q) && !discovery_run(q) && !openapi_run(q) && !openid_run(q)) {
		bool api = strcmp(q->route.prefix, "api") == 0;
		if (api)
			status = status_unknown_resource();
		else
			reply_text(q, 404, "404 page not found\n");
	}
	if (status)
		reply_status(q, status);
}

static void on_synced(void *arg, int r, const struct err *e)
{
	struct req *q = arg;
	if (q->closed)
		reply_done(q);
	else if (r < 0)
		reply_status(q, write_store_failed(e));
	else
		request_go(q);
	req_unref(q);
}

/* Where other servers write as well, a client gets to see what it was told by any of them. */
void request_run(struct req *q)
{
	struct store *s = cache_store(q->api->cache);
	if (q->local || !q->route.is_resource || !store_is_shared(s))
		request_go(q);
	else
		store_sync(s, on_synced, req_ref(q));
}
