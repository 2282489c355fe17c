/* The controllers that give each namespace its "default" ServiceAccount and its copy of the cluster's CA certificate.
 *
 * Both plans are one line: what is missing is created, what differs is put right. A namespace that is going away
 * refuses the write, which is fine. The CA file is read once, at the start; without one nothing is published. */
#include <stdlib.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "cp/controllers/object.h"
#include "cp/controllers/serviceaccount_plan.h"
#include "cp/controllers/table.h"

static json_t *live_namespace(struct sync *s)
{
	struct cobj *o = bucket_get(api_bucket(s->api, "", "namespaces"), "", s->name);
	return o && !o->deleting ? runner_parse(s->runner, o) : NULL;
}

static void map_namespace(struct runner *r, const struct cache_event *ev)
{
	if (ev->type == CACHE_ADDED)
		runner_add(r, "", ev->obj->name);
}

static void map_account(struct runner *r, const struct cache_event *ev)
{
	if (ev->type == CACHE_DELETED && str_eq(ev->obj->name, "default"))
		runner_add(r, "", ev->obj->ns);
}

static void sync_account(struct sync *s)
{
	AUTO_JSON *ns = live_namespace(s);
	AUTO_JSON *have =
	    runner_parse(s->runner, bucket_get(api_bucket(s->api, "", "serviceaccounts"), s->name, "default"));
	serviceaccount_plan(ns, have, s->plan);
}

const struct controller serviceaccount_controller = {
    .name = "serviceaccount-controller",
    .component = "service-account-controller",
    .workers = 1,
    .sources = {{"", "namespaces", map_namespace}, {"", "serviceaccounts", map_account}},
    .sync = sync_account,
};

static void map_ca(struct runner *r, const struct cache_event *ev)
{
	if (str_eq(ev->obj->name, ROOT_CA_NAME))
		runner_add(r, "", ev->obj->ns);
}

static void *ca_load(struct api *a)
{
	enum { CA_MAX = 1 << 20 };
	const char *file = api_ca_file(a);
	AUTO_STR text = STR_INIT;
	struct err e = ERR_INIT;
	if (!file || fs_read_file(file, CA_MAX, &text, &e) < 0) {
		log_warn("cluster CA is not published file=%s error=%s", file ? file : "", err_text(&e));
		return NULL;
	}
	return str_take(&text);
}

static void sync_ca(struct sync *s)
{
	AUTO_JSON *ns = live_namespace(s);
	AUTO_JSON *have =
	    runner_parse(s->runner, bucket_get(api_bucket(s->api, "", "configmaps"), s->name, ROOT_CA_NAME));
	root_ca_plan(ns, have, s->state, s->plan);
}

const struct controller root_ca_controller = {
    .name = "root-ca-certificate-publisher-controller",
    .component = "root-ca-cert-publisher",
    .workers = 1,
    .sources = {{"", "namespaces", map_namespace}, {"", "configmaps", map_ca}},
    .sync = sync_ca,
    .state_new = ca_load,
    .state_free = free,
};
