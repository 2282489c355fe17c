/* The OpenAPI of extension servers. Purpose: clients find the kinds of extension servers where they find all others. Happy
 * path: whenever a service has answered that it is there it is asked for its index of version 3, whose entry for the
 * service's group and version goes into ours (the document itself is passed on when somebody asks), and for version 2, unless
 * that is as before; it is kept and merged into ours. What can fail: a server that has neither is listed in neither; one that
 * cannot be read now keeps what it had. What always holds: at most one question of a service is on its way; what is larger
 * than DOCUMENT_MAX is not taken. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/apiservice.h"
#include "cp/schema/openapi.h"

enum { FETCH_MS = 10000, DOCUMENT_MAX = 16 << 20 };

static bool ask(struct apiservice *v, const char *path, const char *etag,
		void (*on_done)(void *arg, int status, const char *body, size_t len, const struct err *e))
{
	struct err e = ERR_INIT;
	AUTO_FREE char *match = xasprintf("If-None-Match: %s", etag ? etag : "");
	const char *const headers[] = {"Accept: application/json", "X-Remote-User: system:aggregator",
				       "X-Remote-Group: system:masters", etag ? match : NULL, NULL};
	v->refs++;
	v->openapi = apiservice_call(
	    v, path, headers, &(struct http_call_opts){.method = "GET", .timeout_ms = FETCH_MS, .on_done = on_done, .arg = v}, &e);
	if (!v->openapi)
		v->refs--;
	return v->openapi;
}

static json_t *parse(int status, const char *body, size_t len, const struct err *e)
{
	json_t *o = NULL;
	if (status != 200 || e || len > DOCUMENT_MAX || json_parse(body, len, &o, NULL) < 0)
		return NULL;
	return o;
}

static void on_v2(void *arg, int status, const char *body, size_t len, const struct err *e)
{
	struct apiservice *v = arg;
	json_t *document = v->gone ? NULL : parse(status, body, len, e);
	bool none = status == 404 && v->openapi_v2;
	if (!v->gone && (document || none)) {
		const char *etag = document ? http_call_header(v->openapi, "etag") : NULL;
		json_decref(v->openapi_v2);
		v->openapi_v2 = document;
		free(v->openapi_etag);
		v->openapi_etag = etag ? xstrdup(etag) : NULL;
		apiservice_forget_documents(v);
	}
	v->openapi = NULL;
	apiservice_unref(v);
}

static void on_v3(void *arg, int status, const char *body, size_t len, const struct err *e)
{
	struct apiservice *v = arg;
	AUTO_JSON *index = v->gone ? NULL : parse(status, body, len, e);
	AUTO_FREE char *path = openapi_path(v->group, v->version);
	const char *url =
	    json_member(json_object_get(json_object_get(index, "paths"), path), "serverRelativeURL");
	v->openapi = NULL;
	if (!v->gone && (index || status == 404)) {
		free(v->openapi_url);
		v->openapi_url = url ? xstrdup(url) : NULL;
	}
	if (!v->gone)
		(void)ask(v, "/openapi/v2", v->openapi_etag, on_v2); /* ignoring: asked again after the next check */
	apiservice_unref(v);
}

void apiservice_openapi_fetch(struct apiservice *v)
{
	if (!v->openapi)
		(void)ask(v, "/openapi/v3", NULL, on_v3); /* ignoring: asked again after the next check */
}

void apiservice_openapi_done(struct apiservice *v)
{
	json_decref(v->openapi_v2);
	free(v->openapi_url);
	free(v->openapi_etag);
}

void apiservices_openapi_merge(const struct apiservices *s, json_t *document)
{
	struct apiservice *v;
	for (size_t i = 0; (v = apiservices_nth(s, i)); i++)
		if (v->available && v->openapi_v2)
			openapi_v2_merge(document, v->openapi_v2, v->group, v->version);
}

void apiservices_openapi_index(const struct apiservices *s, json_t *index)
{
	struct apiservice *v;
	for (size_t i = 0; (v = apiservices_nth(s, i)); i++) {
		AUTO_FREE char *path = openapi_path(v->group, v->version);
		if (v->available && v->openapi_url)
			json_object_set_new(json_object_at(index, "paths"), path,
					    json_pack("{s:s}", "serverRelativeURL", v->openapi_url));
	}
}
