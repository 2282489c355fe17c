/* Resizing a pod that runs: its cgroups get the requests and limits that its object has now.
 *
 * Happy path: the pod's cgroup, the containers', and the pod's again: on the way up the pod has to have room first, on the way down
 * its containers have to be small first. What can fail: the kernel refuses, for instance a limit below what is in use; that is
 * logged and told as an event. What always holds: a container whose resizePolicy wants a restart for what has changed gets one. */
#include "agent/events.h"
#include "agent/oci_spec.h"
#include "agent/pod.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

static const char *const lists[] = {"spec.initContainers", "spec.containers"};

static int apply(struct pod *p, const char *container, const json_t *resources, struct err *e)
{
	AUTO_CGROUP *cg = NULL;
	AUTO_FREE char *path = container ? xasprintf("%s/%s", p->cgroup, container) : xstrdup(p->cgroup);
	int r = cgroup_open(p->agent->cgroups, path, &cg, e);
	return r < 0 ? r : cgroup_apply(cg, resources, e);
}

static bool differs(const json_t *a, const json_t *b, const char *resource)
{
	static const char *const parts[] = {"requests", "limits"};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (!str_eq(json_member(json_object_get(a, parts[i]), resource), json_member(json_object_get(b, parts[i]), resource)))
			return true;
	return false;
}

/* Whether one of the resources that have changed is to be changed by a restart. */
static bool wants_restart(const json_t *spec, const json_t *now, const json_t *before)
{
	size_t i;
	json_t *policy;
	json_array_foreach(json_object_get(spec, "resizePolicy"), i, policy)
	{
		if (str_eq(json_member(policy, "restartPolicy"), "RestartContainer") &&
		    differs(now, before, json_str_or(policy, "resourceName", "")))
			return true;
	}
	return false;
}

static void resize_container(struct pod *p, struct container_state *c, const json_t *before, struct err *e)
{
	const json_t *now = json_object_get(c->spec, "resources");
	if (!now || json_equal(now, before) || c->phase != PHASE_RUNNING)
		return;
	if (wants_restart(c->spec, now, before)) {
		AUTO_FREE char *text = xasprintf("Container %s resize requires restart", c->name);
		text_set(&c->kill_reason, text);
		return;
	}
	AUTO_JSON *resources = oci_resources(c->spec);
	if (apply(p, c->name, resources, e) < 0) {
		log_warn("container not resized pod=%s/%s container=%s error=\"%s\"", p->state->ns, p->state->name, c->name, err_text(e));
		events_pod(p->agent->events, p->state, c->name, true, "ResizeError", "%s", err_text(e));
	}
}

void pod_resize(struct pod *p, const json_t *before)
{
	bool any = false;
	size_t i;
	json_t *old;
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		json_array_foreach(json_at(before, lists[l]), i, old)
		{
			const json_t *now = json_find(json_at(p->state->pod, lists[l]), "name", json_str_or(old, "name", ""));
			any |= now && !json_equal(json_object_get(now, "resources"), json_object_get(old, "resources"));
		}
	if (!any || p->state->sandbox != SANDBOX_READY)
		return;
	struct err e = ERR_INIT;
	AUTO_JSON *resources = oci_pod_resources(p->state->pod);
	(void)apply(p, NULL, resources, NULL); /* ignoring: too small for its containers as they are, see below */
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		json_array_foreach(json_at(before, lists[l]), i, old)
		{
			struct container_state *c = pod_state_find(p->state, json_str_or(old, "name", ""));
			if (c)
				resize_container(p, c, json_object_get(old, "resources"), &e);
		}
	if (apply(p, NULL, resources, &e) < 0)
		log_warn("pod not resized pod=%s/%s error=\"%s\"", p->state->ns, p->state->name, err_text(&e));
}
