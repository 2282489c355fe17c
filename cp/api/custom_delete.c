/* The end of a definition. Purpose: no object outlives its kind. Happy path: every object is deleted through the request
 * path, so that finalizers are waited for; when the last has gone, the definition loses its finalizer and goes. Its
 * condition Terminating tells how far that is. What always holds: a server that starts again in the middle begins anew and ends in the same place. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
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
	if (o->deleting)
		return;
	AUTO_FREE char *where = k->namespaced ? xasprintf("namespaces/%s/", o->ns) : xstrdup("");
	AUTO_FREE char *path = xasprintf("/apis/%s/%s/%s%s/%s", k->group, k->version, where, k->plural, o->name);
	api_local(d->api, USER, "DELETE", path, NULL, NULL, on_answer, xstrdup(path));
}

/* What is told of the definition's end; with the last word it loses our finalizer. */
static void tell(struct custom_cleanup *d, const char *status, const char *reason, const char *message)
{
	struct cobj *o = bucket_get(api_bucket(d->api, "apiextensions.k8s.io", "customresourcedefinitions"), "", d->name);
	if (!o)
		return;
	AUTO_JSON *crd = cobj_parse(o);
	crd_set_condition(crd, "Terminating", status, reason, message, clock_wall_ms());
	AUTO_JSON *patch = json_pack("{s:{s:O}}", "status", "conditions", json_at(crd, "status.conditions"));
	if (!strcmp(status, "False"))
		json_set_at(patch, "metadata.finalizers", json_without_text(json_at(crd, "metadata.finalizers"), CRD_FINALIZER));
	AUTO_FREE char *path =
	    xasprintf("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/%s/status?fieldManager=kube-apiserver", d->name);
	api_local(d->api, USER, "PATCH", path, "application/merge-patch+json", patch, on_answer, xstrdup(path));
}

static void release(struct custom_cleanup *d)
{
	if (d->released)
		return;
	d->released = true;
	if (d->custom)
		tell(d, "False", "InstanceDeletionCompleted", "removed all instances");
	else
		tell(d, "False", "NeverEstablished", "resource was never established");
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
	tell(d, "True", "InstanceDeletionInProgress", "CustomResource deletion is in progress");
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
