/* Versions of custom resources by webhook (apiextensions: ConversionReview v1). Purpose: an object is read and written in
 * versions that only its author can convert. Happy path: what a request needs is converted in one call before its verb
 * runs and kept by uid, revision and version, where the verb finds it. Fails with the 500 Status of the original when the
 * webhook cannot be reached or says no. What always holds: a conversion changes nothing of the metadata but labels and
 * annotations, and a definition that changed has converted nothing yet. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/rand.h"
#include "cp/api/custom.h"
#include "cp/api/custom_review.h"
#include "cp/api/service_resolve.h"

enum { TIMEOUT_MS = 30000, KEPT_MAX = 20000 };

/* --- what was converted ------------------------------------------------------------------------------------------- */

static void free_value(void *v)
{
	json_decref(v);
}

static char *key_of(const char *uid, uint64_t rev, const char *version)
{
	return xasprintf("%s/%llu/%s", uid, (unsigned long long)rev, version);
}

bool custom_needs_webhook(const struct resource *res)
{
	return res->custom && res->custom->webhook && res->kind != res->stored;
}

bool custom_reads_by_webhook(const struct resource *res)
{
	return res->custom && res->custom->webhook && res->custom->n > 1;
}

json_t *custom_converted(const struct resource *res, const char *uid, uint64_t rev)
{
	AUTO_FREE char *key = key_of(uid, rev, res->kind->version);
	return res->custom->converted ? map_get(res->custom->converted, key) : NULL;
}

bool custom_is_ready(const struct resource *res, const struct cobj *o)
{
	return !custom_reads_by_webhook(res) || custom_is_in_version(res, o->json) || custom_converted(res, o->uid, o->rev);
}

void custom_remember(const struct resource *res, uint64_t rev, const json_t *object)
{
	struct custom *c = res->custom;
	AUTO_FREE char *key = key_of(json_str_or(object, "metadata.uid", ""), rev, res->kind->version);
	if (!c->converted)
		c->converted = map_new(free_value);
	if (map_len(c->converted) >= KEPT_MAX)
		map_clear(c->converted);
	map_set(c->converted, key, json_clone(object));
}

/* --- the call ----------------------------------------------------------------------------------------------------- */

struct conversion {
	struct custom *custom;
	char *version, *uid, *ca;
	json_t *objects;
	convert_done done;
	void *arg;
};

/* why: "failed: ...", "returned ..."; NULL: nothing is wrong. The first object is named for all. */
static void conversion_end(struct conversion *v, json_t *converted, const char *why)
{
	const json_t *first = json_array_get(v->objects, 0);
	json_t *status = why ? status_plain_500("conversion webhook for %s, Kind=%s %s", json_str_or(first, "apiVersion", ""),
						json_str_or(first, "kind", ""), why)
			     : NULL;
	v->done(v->arg, status, why ? NULL : converted);
	custom_unref(v->custom);
	json_decref(v->objects);
	free(v->version);
	free(v->uid);
	free(v->ca);
	free(v);
}

static void conversion_fail(struct conversion *v, const char *why)
{
	AUTO_FREE char *text = xasprintf("failed: %s", why);
	conversion_end(v, NULL, text);
}

static const json_t *review_versions(const struct conversion *v)
{
	return json_at(v->custom->crd, "spec.conversion.webhook.conversionReviewVersions");
}

static void on_answer(void *arg, int status, const char *body, size_t len, const struct err *e)
{
	struct conversion *v = arg;
	AUTO_JSON *review = NULL;
	if (e || status != 200) {
		AUTO_FREE char *why = e ? xstrdup(err_text(e)) : xasprintf("the server answered with status %d", status);
		conversion_fail(v, why);
		return;
	}
	if (json_parse(body, len, &review, NULL) < 0) {
		conversion_fail(v, "the answer is no JSON");
		return;
	}
	AUTO_FREE char *wanted = xasprintf("%s/%s", v->custom->group, v->version);
	AUTO_FREE char *why = custom_review_check(review, review_versions(v), v->uid, wanted, v->objects);
	conversion_end(v, json_at(review, "response.convertedObjects"), why);
}

/* The address of the webhook; connect gets where to dial, NULL: what the URL says. */
static int target(struct api *a, const json_t *config, char **ret_url, char **ret_connect, struct err *e)
{
	const json_t *service = json_object_get(config, "service");
	const char *path = json_str_or(service, "path", "/"), *url = json_member(config, "url");
	if (url) {
		*ret_url = xstrdup(url);
		return 0;
	}
	const char *name = json_str_or(service, "name", ""), *ns = json_str_or(service, "namespace", "");
	int port = (int)json_int_at(service, "port", 443), r = service_resolve(a, ns, name, port, ret_connect, e);
	if (r >= 0)
		*ret_url = xasprintf("https://%s.%s.svc:%d%s%s", name, ns, port, *path == '/' ? "" : "/", path);
	return r;
}

static int ensure_client(struct api *a, struct err *e)
{
	return a->webhook_http ? 0 : http_client_new(&(struct http_client_config){.loop = a->loop}, &a->webhook_http, e);
}

void custom_convert(struct api *a, struct custom *c, const char *version, json_t *objects, convert_done done, void *arg)
{
	struct conversion *v = xcalloc(1, sizeof(*v));
	const json_t *config = json_at(c->crd, "spec.conversion.webhook.clientConfig");
	const char *bundle = json_str_or(config, "caBundle", "");
	static const char *const headers[] = {"Content-Type: application/json", "Accept: application/json", NULL};
	AUTO_STR pem = STR_INIT, text = STR_INIT;
	AUTO_FREE char *url = NULL, *connect = NULL;
	struct err e = ERR_INIT;
	char uid[37];
	*v = (struct conversion){.custom = custom_ref(c),
				 .version = xstrdup(version),
				 .uid = xstrdup(rand_uuid(uid)),
				 .objects = objects,
				 .done = done,
				 .arg = arg};
	if (ensure_client(a, &e) < 0 || target(a, config, &url, &connect, &e) < 0) {
		conversion_fail(v, err_text(&e));
		return;
	}
	if (*bundle && base64_decode(&pem, bundle, strlen(bundle)) == 0)
		v->ca = str_take(&pem);
	AUTO_FREE char *wanted = xasprintf("%s/%s", c->group, version);
	AUTO_JSON *review = custom_review(review_versions(v), v->uid, wanted, v->objects);
	str_add_jsonv(&text, review);
	http_call_start(a->webhook_http, &(struct http_call_opts){.method = "POST",
								  .url = url,
								  .headers = headers,
								  .body = text.p,
								  .body_len = text.len,
								  .timeout_ms = TIMEOUT_MS,
								  .connect_to = connect,
								  .ca_pem = v->ca,
								  .on_done = on_answer,
								  .arg = v});
}

/* --- before a verb runs ------------------------------------------------------------------------------------------- */

struct preparation {
	const struct resource *res;
	struct custom *custom;
	struct cobj **v;
	size_t n;
	void (*done)(void *arg, json_t *status);
	void *arg;
};

static void preparation_end(struct preparation *p, json_t *status)
{
	p->done(p->arg, status);
	for (size_t i = 0; i < p->n; i++)
		cobj_unref(p->v[i]);
	free(p->v);
	custom_unref(p->custom);
	free(p);
}

static void on_prepared(void *arg, json_t *status, json_t *converted)
{
	struct preparation *p = arg;
	for (size_t i = 0; !status && i < p->n; i++) {
		json_t *object = json_array_get(converted, i);
		(void)schema_decode(p->res->kind, object, NULL, NULL);
		custom_remember(p->res, p->v[i]->rev, object);
	}
	preparation_end(p, status);
}

void custom_prepare(struct api *a, const struct resource *res, struct cobj *const *v, size_t n,
		    void (*done)(void *arg, json_t *status), void *arg)
{
	struct preparation *p = xcalloc(1, sizeof(*p));
	json_t *objects = json_array();
	*p = (struct preparation){.res = res, .custom = custom_ref(res->custom), .done = done, .arg = arg};
	p->v = xcalloc(n + 1, sizeof(struct cobj *));
	for (size_t i = 0; i < n; i++) {
		if (custom_is_ready(res, v[i]))
			continue;
		p->v[p->n++] = cobj_ref(v[i]);
		json_array_append_new(objects, cobj_parse(v[i]));
	}
	if (p->n) {
		custom_convert(a, res->custom, res->kind->version, objects, on_prepared, p);
		return;
	}
	json_decref(objects);
	preparation_end(p, NULL);
}

struct gathering {
	struct cobj **v;
	size_t n;
};

static void gather(void *arg, struct cobj *o)
{
	struct gathering *g = arg;
	g->v = xreallocarray(g->v, g->n + 1, sizeof(struct cobj *));
	g->v[g->n++] = o;
}

void custom_prepare_request(struct req *q, void (*done)(void *arg, json_t *status))
{
	const char *ns = q->res->kind->namespaced ? q->route.ns : "";
	struct gathering g = {0};
	struct cobj *one = *q->route.name ? bucket_get(q->res->bucket, ns, q->route.name) : NULL;
	if (one)
		gather(&g, one);
	else if (!*q->route.name && strcmp(q->route.verb, "create") != 0)
		bucket_list(q->res->bucket, &(struct bucket_query){.ns = ns}, gather, &g);
	custom_prepare(q->api, q->res, g.v, g.n, done, q);
	free(g.v);
}
