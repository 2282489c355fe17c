/* Which extension servers there are. Purpose: every APIService with a service is known, and asked in time. Happy path: the bucket
 * is watched; each one is asked for its resources (apiservice_check.c) at once and then every half minute (every second while
 * it fails). A server that does not answer fails nobody but its own paths. */
#include "cp/api/apiservice_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cp/api/forward.h"
#include "cp/api/service_resolve.h"

#define GROUP "apiregistration.k8s.io"
enum { GOOD_MS = 30000, BAD_MS = 1000 };

/* --- objects ------------------------------------------------------------------------------------------------------ */

void apiservice_unref(struct apiservice *v)
{
	if (--v->refs)
		return;
	free(v->name);
	free(v->group);
	free(v->version);
	free(v->ns);
	free(v->service);
	free(v->ca);
	json_decref(v->resources);
	apiservice_openapi_done(v);
	if (v->tls)
		tls_unref(v->tls);
	free(v);
}

static char *pem_of(const json_t *crd)
{
	const char *text = json_str_at(crd, "spec.caBundle");
	AUTO_STR out = STR_INIT;
	if (str_empty(text) || base64_decode(&out, text, strlen(text)) < 0)
		return NULL;
	return str_take(&out);
}

static struct apiservice *service_new(struct apiservices *s, const json_t *o)
{
	struct apiservice *v = xcalloc(1, sizeof(*v));
	v->all = s;
	v->refs = 1;
	v->name = xstrdup(json_str_or(o, "metadata.name", ""));
	v->group = xstrdup(json_str_or(o, "spec.group", ""));
	v->version = xstrdup(json_str_or(o, "spec.version", ""));
	v->ns = xstrdup(json_str_or(o, "spec.service.namespace", ""));
	v->service = xstrdup(json_str_or(o, "spec.service.name", ""));
	v->ca = pem_of(o);
	v->port = (int)json_int_at(o, "spec.service.port", 443);
	v->group_priority = (int)json_int_at(o, "spec.groupPriorityMinimum", 0);
	v->version_priority = (int)json_int_at(o, "spec.versionPriority", 0);
	v->insecure = json_bool_at(o, "spec.insecureSkipTLSVerify", false);
	return v;
}

static void forget_documents(struct api *a)
{
	size_t at = 0;
	const char *key;
	void *value;
	while (map_next(a->documents, &at, &key, &value))
		if (str_has_prefix(key, "apis ") || str_has_prefix(key, "openapi v2 "))
			map_remove(a->documents, key);
}

void apiservice_forget_documents(const struct apiservice *v)
{
	forget_documents(v->all->api);
}

/* A call under way holds a reference. */
static void cancel(struct http_call **call, struct apiservice *v)
{
	if (*call) {
		http_call_cancel(TAKE(*call));
		v->refs--;
	}
}

static void drop(struct apiservices *s, const char *name)
{
	struct apiservice *v = map_steal(s->remote, name);
	if (!v)
		return;
	cancel(&v->check, v);
	cancel(&v->openapi, v);
	v->gone = true;
	apiservice_unref(v);
	forget_documents(s->api);
}

static bool is_same(const struct apiservice *a, const struct apiservice *b)
{
	return str_eq(a->ns, b->ns) && str_eq(a->service, b->service) && str_eq(a->ca, b->ca) && a->port == b->port &&
	       a->group_priority == b->group_priority && a->version_priority == b->version_priority &&
	       a->insecure == b->insecure;
}

static void take(struct apiservices *s, const struct cobj *o)
{
	AUTO_JSON *object = cobj_parse(o);
	struct apiservice *have = map_get(s->remote, o->name), *v;
	if (!json_at(object, "spec.service")) {
		drop(s, o->name);
		return;
	}
	v = service_new(s, object);
	if (have && is_same(have, v)) {
		apiservice_unref(v);
		if (!apiservice_condition(object)) /* somebody took it away */
			apiservice_check(have);
		return;
	}
	drop(s, o->name);
	map_set(s->remote, o->name, v);
	forget_documents(s->api);
	apiservice_check(v);
}

/* --- their state --------------------------------------------------------------------------------------------------- */

static void arm(struct apiservices *s)
{
	size_t at = 0;
	const char *key;
	struct apiservice *v;
	bool any = false, bad = false;
	while (map_next(s->remote, &at, &key, &v)) {
		any = true;
		bad = bad || !v->available;
	}
	if (any)
		timer_start_slack(s->timer, bad ? BAD_MS : GOOD_MS, bad ? BAD_MS / 2 : GOOD_MS / 10);
}

void apiservice_settle(struct apiservice *v, bool available)
{
	if (v->available != available)
		forget_documents(v->all->api);
	v->available = available;
	arm(v->all);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

struct http_call *apiservice_call(struct apiservice *v, const char *path, const char *const *headers,
				  const struct http_call_opts *o, struct err *e)
{
	struct apiservices *s = v->all;
	struct http_call_opts opts = *o;
	AUTO_FREE char *address = NULL, *url = xasprintf("https://%s.%s.svc:%d%s", v->service, v->ns, v->port, path);
	if (service_resolve(s->api, v->ns, v->service, v->port, &address, e) < 0)
		return NULL;
	opts.url = url;
	opts.headers = headers;
	opts.connect_to = address;
	opts.ca_pem = v->ca;
	return http_call_start(v->insecure ? s->insecure : s->secure, &opts);
}

/* "host:port" and "[host]:port" taken apart. */
static uint16_t split_address(const char *address, char **ret_host)
{
	const char *colon = strrchr(address, ':');
	bool six = *address == '[';
	*ret_host = xstrndup(address + six, (size_t)(colon - address) - 2 * six);
	return (uint16_t)atoi(colon + 1);
}

int apiservice_place(struct apiservice *v, struct forward_opts *o, char **ret_host, char **ret_name, struct err *e)
{
	struct apiservices *s = v->all;
	AUTO_FREE char *address = NULL, *name = xasprintf("%s.%s.svc", v->service, v->ns);
	struct tls_config tls = {.cert_file = s->cert_file,
				 .key_file = s->key_file,
				 .ca_file = v->ca ? NULL : s->ca_file,
				 .ca_pem = v->ca,
				 .server_name = name,
				 .insecure = v->insecure};
	int r = service_resolve(s->api, v->ns, v->service, v->port, &address, e);
	if (r == 0 && !v->tls)
		r = tls_client_new(&tls, &v->tls, e);
	if (r < 0)
		return r;
	o->tls = v->tls;
	o->http = v->insecure ? s->insecure : s->secure;
	o->port = split_address(address, ret_host);
	o->host = *ret_host;
	*ret_name = TAKE(name);
	o->server_name = *ret_name;
	return 0;
}

static void on_event(void *arg, const struct cache_event *ev)
{
	struct apiservices *s = arg;
	if (s->api->stopping)
		return;
	if (ev->type == CACHE_DELETED)
		drop(s, ev->obj->name);
	else
		take(s, ev->obj);
}

static void on_timer(void *arg)
{
	struct apiservices *s = arg;
	size_t at = 0;
	const char *key;
	struct apiservice *v;
	while (map_next(s->remote, &at, &key, &v))
		apiservice_check(v);
}

static void take_each(void *arg, struct cobj *o)
{
	take(arg, o);
}

void apiservices_start(struct api *a, const struct api_config *c)
{
	struct apiservices *s = xcalloc(1, sizeof(*s));
	struct http_client_config http = {
	    .loop = a->loop, .cert_file = c->proxy_client_cert_file, .key_file = c->proxy_client_key_file, .ca_file = c->ca_file};
	struct err e = ERR_INIT;
	s->api = a;
	s->remote = map_new(NULL);
	s->bucket = api_bucket(a, GROUP, "apiservices");
	s->timer = timer_new(a->loop, on_timer, s);
	s->ca_file = xstrdup(c->ca_file);
	s->cert_file = xstrdup(c->proxy_client_cert_file);
	s->key_file = xstrdup(c->proxy_client_key_file);
	a->apiservices = s;
	int r = http_client_new(&http, &s->secure, &e);
	http.insecure = 1;
	if (r < 0 || http_client_new(&http, &s->insecure, &e) < 0)
		log_warn("no calls of extension servers error=\"%s\"", err_text(&e));
	if (!s->bucket || !s->secure || !s->insecure)
		return;
	bucket_list(s->bucket, &(struct bucket_query){0}, take_each, s);
	bucket_watch(s->bucket, UINT64_MAX, NULL, on_event, s, &s->watch, NULL);
}

void apiservices_free(struct apiservices *s)
{
	size_t at = 0;
	const char *key;
	struct apiservice *v;
	if (!s)
		return;
	cache_watch_stop(s->watch);
	timer_free(s->timer);
	while (map_next(s->remote, &at, &key, &v)) {
		cancel(&v->check, v);
		cancel(&v->openapi, v);
		apiservice_unref(v);
	}
	map_free(s->remote);
	http_client_free(s->secure);
	http_client_free(s->insecure);
	free(s->ca_file);
	free(s->cert_file);
	free(s->key_file);
	free(s);
}

bool apiservices_any(const struct apiservices *s)
{
	return s && map_len(s->remote);
}

struct apiservice *apiservices_find(const struct apiservices *s, const char *group, const char *version)
{
	if (!s || !map_len(s->remote))
		return NULL;
	AUTO_FREE char *name = xasprintf("%s.%s", version, group);
	return map_get(s->remote, name);
}
