/* A pod's status on its way to the API server.
 *
 * Happy path: what changed since the last answer is patched; one patch is under way at a time, later states wait for
 * it. What can fail: the API server (tried again after a while), a pod that is no longer there (forgotten when it
 * ends). What always holds: the final status of a deleted pod is out before its object is deleted. */
#include <errno.h>
#include <string.h>

#include "agent/pod.h"
#include "agent/pod_status.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

enum { RETRY_MS = 2000 };

static void on_retry(void *arg)
{
	pod_sync(arg);
}

static void retry_later(struct pod *p)
{
	if (!p->report_timer)
		p->report_timer = timer_new(p->agent->loop, on_retry, p);
	timer_start_slack(p->report_timer, RETRY_MS, 500);
}

static void on_patched(void *arg, int status, json_t *body, const struct err *e)
{
	(void)body;
	struct pod *p = arg;
	p->report_call = NULL;
	if (e && e->code != -ENOENT && e->code != -ESTALE) {
		log_warn("status not reported, tried again pod=%s/%s status=%d error=\"%s\"", p->state->ns,
			 p->state->name, status, err_text(e));
		json_decref(TAKE(p->reported));
		retry_later(p);
		return;
	}
	if (e && p->state->deleting)
		p->gone_from_api = true;
	pod_sync(p); /* what changed meanwhile */
}

/* A static pod is shown by its mirror, which has a uid of its own. */
static json_t *mirror_of(const struct pod *p)
{
	AUTO_FREE char *key = xasprintf("%s/%s", p->state->ns, p->state->name);
	return map_get(p->agent->mirrors, key);
}

static json_t *make_status(struct pod *p)
{
	const json_t *mirror = p->state->is_static ? mirror_of(p) : NULL;
	const json_t *seen = json_object_get(mirror ? mirror : p->state->pod, "status");
	struct pod_status_in in = {.host_ips = p->agent->node_ips,
				   .previous = p->reported ? p->reported : seen,
				   .now_ms = clock_wall_ms(),
				   .now_mono = clock_mono_ms()};
	return pod_status(p->state, &in);
}

void pod_report(struct pod *p)
{
	if (!p->agent->api || p->report_call || p->gone_from_api)
		return;
	const json_t *mirror = mirror_of(p);
	if (p->state->is_static && !mirror)
		return;
	AUTO_JSON *status = make_status(p);
	if (p->reported && json_equal(p->reported, status))
		return;
	json_decref(p->reported);
	p->reported = json_incref(status);
	AUTO_FREE char *path = xasprintf("/api/v1/namespaces/%s/pods/%s/status", p->state->ns, p->state->name);
	AUTO_JSON *patch = pod_status_patch(p->state, status);
	if (mirror)
		json_set_str(patch, "metadata.uid", json_str_or(mirror, "metadata.uid", ""));
	p->report_call = api_patch(p->agent->api, path, API_PATCH_STRATEGIC, patch, on_patched, p);
}

static void on_deleted(void *arg, int status, json_t *body, const struct err *e)
{
	(void)body;
	struct pod *p = arg;
	p->delete_call = NULL;
	if (e && e->code != -ENOENT && e->code != -ESTALE) {
		log_warn("pod not deleted, tried again pod=%s/%s status=%d error=\"%s\"", p->state->ns, p->state->name,
			 status, err_text(e));
		retry_later(p);
		return;
	}
	pod_forget(p);
}

void pod_report_deleted(struct pod *p)
{
	pod_report(p);
	if (p->report_call || p->delete_call)
		return; /* its end comes back here through the plan */
	AUTO_FREE char *path = xasprintf("/api/v1/namespaces/%s/pods/%s", p->state->ns, p->state->name);
	AUTO_JSON *options = json_pack("{s:s, s:s, s:i, s:{s:s}}", "kind", "DeleteOptions", "apiVersion", "v1",
				       "gracePeriodSeconds", 0, "preconditions", "uid", p->state->uid);
	p->delete_call = api_delete(p->agent->api, path, options, on_deleted, p);
}
