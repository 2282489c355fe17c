/* The end of a definition. Purpose: no object outlives its kind. Happy path: every object is deleted through the request
 * path, so that finalizers are waited for; when the last has gone, the definition loses its finalizer and goes. What
 * always holds: a server that starts again in the middle begins anew and ends in the same place. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cp/api/custom.h"
#include "cp/kinds/crd_names.h"

#define USER "system:apiserver"

struct custom_cleanup {
	struct api *api;
	struct custom *custom; /* NULL: it was never served */
	char *name;
	struct cache_watch *watch;
	bool released;
};

static void on_answer(void *arg, int status, json_t *answer, const struct err *e)
{
	AUTO_FREE char *path = arg;
	(void)answer;
	if (e && status != 404 && status != 409)
		log_warn("cannot clean up after a definition path=%s error=\"%s\"", path, err_text(e));
}

static void delete_object(void *arg, struct cobj *o)
{
	struct custom_cleanup *d = arg;
	const struct kind *k = &d->custom->stored->kind;
	const char *version = NULL;
	for (size_t i = 0; i < d->custom->n && !version; i++)
		if (d->custom->v[i].served)
			version = d->custom->v[i].kind.version;
	if (!version || o->deleting)
		return;
	AUTO_FREE char *where = k->namespaced ? xasprintf("namespaces/%s/", o->ns) : xstrdup("");
	AUTO_FREE char *path = xasprintf("/apis/%s/%s/%s%s/%s", k->group, version, where, k->plural, o->name);
	api_local(d->api, USER, "DELETE", path, NULL, NULL, on_answer, xstrdup(path));
}

/* The definition without our finalizer. */
static void release(struct custom_cleanup *d)
{
	struct bucket *b = api_bucket(d->api, "apiextensions.k8s.io", "customresourcedefinitions");
	struct cobj *o = bucket_get(b, "", d->name);
	if (!o || d->released)
		return;
	d->released = true;
	AUTO_JSON *crd = cobj_parse(o);
	json_t *left = json_without_text(json_at(crd, "metadata.finalizers"), CRD_FINALIZER);
	AUTO_JSON *patch = json_pack("{s:{s:o}}", "metadata", "finalizers", left);
	AUTO_FREE char *path =
	    xasprintf("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/%s?fieldManager=kube-apiserver", d->name);
	api_local(d->api, USER, "PATCH", path, "application/merge-patch+json", patch, on_answer, xstrdup(path));
}

static void on_event(void *arg, const struct cache_event *ev)
{
	struct custom_cleanup *d = arg;
	if (ev->type == CACHE_ADDED)
		delete_object(d, ev->obj);
	else if (ev->type == CACHE_DELETED && !bucket_len(d->custom->stored->resource.bucket))
		release(d);
}

struct custom_cleanup *custom_cleanup_start(struct api *a, const json_t *crd, struct custom *c)
{
	struct custom_cleanup *d = xcalloc(1, sizeof(*d));
	d->api = a;
	d->custom = c ? custom_ref(c) : NULL;
	d->name = xstrdup(json_str_or(crd, "metadata.name", ""));
	if (!c || !bucket_len(c->stored->resource.bucket)) {
		release(d);
		return d;
	}
	bucket_watch(c->stored->resource.bucket, UINT64_MAX, NULL, on_event, d, &d->watch, NULL);
	bucket_list(c->stored->resource.bucket, &(struct bucket_query){0}, delete_object, d);
	return d;
}

void custom_cleanup_stop(struct custom_cleanup *d)
{
	if (!d)
		return;
	cache_watch_stop(d->watch);
	custom_unref(d->custom);
	free(d->name);
	free(d);
}
