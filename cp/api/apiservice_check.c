/* Whether extension servers answer. Purpose: the condition Available of every APIService with a service is true. Happy path: the
 * server is asked for its resources as the aggregator; what it says is kept for discovery, and the condition written where it
 * changed. What can fail is what the condition tells: no service, no port, no endpoint, no answer. At most one question of a
 * service is on its way. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cp/api/apiservice_internal.h"

#define GROUP "apiregistration.k8s.io"
#define USER "system:apiserver"
enum { CHECK_MS = 5000 };

json_t *apiservice_condition(const json_t *object)
{
	return json_find(json_at(object, "status.conditions"), "type", "Available");
}

static void on_written(void *arg, int status, json_t *answer, const struct err *e)
{
	AUTO_FREE char *name = arg;
	(void)answer;
	if (e && status != 409 && status != 404)
		log_warn("cannot write the condition of an API service name=%s error=\"%s\"", name, err_text(e));
}

/* The condition, where it is not so already; those of others stay. */
static void write_condition(struct apiservice *v, bool fine, const char *reason, const char *message)
{
	struct cobj *o = bucket_get(v->all->bucket, "", v->name);
	char now[RFC3339_MAX];
	if (!o)
		return;
	AUTO_JSON *object = cobj_parse(o);
	json_t *c = apiservice_condition(object);
	const char *status = fine ? "True" : "False", *time = rfc3339(clock_wall_ms(), now);
	bool same = str_eq(json_member(c, "status"), status);
	if (same && str_eq(json_member(c, "reason"), reason) && str_eq(json_member(c, "message"), message))
		return;
	if (same && json_member(c, "lastTransitionTime"))
		time = json_member(c, "lastTransitionTime");
	AUTO_JSON *new = json_pack("{s:s,s:s,s:s,s:s,s:s}", "lastTransitionTime", time, "message", message, "reason", reason,
				   "status", status, "type", "Available");
	if (c)
		json_object_update(c, new);
	else
		json_array_append(json_array_at(json_object_at(object, "status"), "conditions"), new);
	AUTO_FREE char *path =
	    xasprintf("/apis/" GROUP "/v1/apiservices/%s/status?fieldManager=kube-apiserver", v->name);
	api_local(v->all->api, USER, "PUT", path, NULL, object, on_written, xstrdup(v->name));
}

static const char *reason_of(int error)
{
	return error == -ENOENT		 ? "ServiceNotFound"
	       : error == -EADDRNOTAVAIL ? "ServicePortError"
	       : error == -ENODATA	 ? "EndpointsNotFound"
	       : error == -EHOSTUNREACH	 ? "MissingEndpoints"
					 : "FailedDiscoveryCheck";
}

static void settle(struct apiservice *v, bool fine, const char *reason, const char *message)
{
	write_condition(v, fine, reason, message);
	apiservice_settle(v, fine);
}

/* Where a server tells its resources; the first group of all has no name. Owned. */
static char *resources_path(const struct apiservice *v)
{
	return *v->group ? xasprintf("/apis/%s/%s", v->group, v->version) : xasprintf("/api/%s", v->version);
}

/* NULL, or why the server counts as gone; owned. */
static char *complaint(const struct apiservice *v, int status, const struct err *e)
{
	AUTO_FREE char *path = resources_path(v), *url = xasprintf("https://%s.%s.svc:%d%s", v->service, v->ns, v->port, path);
	if (e)
		return xasprintf("failing or missing response from %s: %s", url, err_text(e));
	return status >= 200 && status < 300 ? NULL : xasprintf("failing or missing response from %s: bad status from %s: %d", url, url, status);
}

static void keep_resources(struct apiservice *v, const char *body, size_t len)
{
	AUTO_JSON *list = NULL;
	if (json_parse(body, len, &list, NULL) < 0 || !json_is_object(list) ||
	    (v->resources && json_equal(v->resources, json_object_get(list, "resources"))))
		return;
	json_decref(v->resources);
	v->resources = json_incref(json_object_get(list, "resources"));
	apiservice_forget_documents(v);
}

static void on_checked(void *arg, int status, const char *body, size_t len, const struct err *e)
{
	struct apiservice *v = arg;
	v->check = NULL;
	if (v->gone) {
		apiservice_unref(v);
		return;
	}
	AUTO_FREE char *why = complaint(v, status, e);
	if (!why)
		keep_resources(v, body, len);
	settle(v, !why, why ? "FailedDiscoveryCheck" : "Passed", why ? why : "all checks passed");
	if (!why)
		apiservice_openapi_fetch(v);
	apiservice_unref(v);
}

void apiservice_check(struct apiservice *v)
{
	struct err e = ERR_INIT;
	static const char *const headers[] = {"Accept: application/json", "X-Remote-User: system:kube-aggregator",
					      "X-Remote-Group: system:masters", NULL};
	AUTO_FREE char *path = resources_path(v);
	if (v->check)
		return;
	v->refs++;
	v->check = apiservice_call(
	    v, path, headers,
	    &(struct http_call_opts){.method = "GET", .timeout_ms = CHECK_MS, .on_done = on_checked, .arg = v}, &e);
	if (v->check)
		return;
	settle(v, false, reason_of(e.code), err_text(&e));
	apiservice_unref(v);
}
