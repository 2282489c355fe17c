/* Streams to a pod's node agent: log, exec, attach, port-forward. Purpose: pass a client through to the agent that runs
 * its pod. Happy path: the pod is bound, its node has an address, the agent answers. Fails with 400 (no such container,
 * several and none named), 404, 500 (no address), 502-like 500 when the agent cannot be reached. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/admit.h"
#include "cp/api/api_internal.h"
#include "cp/api/node_agent.h"

static json_t *find_pod(struct req *q, json_t **ret)
{
	struct cobj *o = bucket_get(q->res->bucket, q->route.ns, q->route.name);
	if (!o)
		return status_not_found("", "pods", q->route.name);
	*ret = cobj_parse(o);
	return NULL;
}

static const char *const lists[] = {"spec.containers", "spec.initContainers", "spec.ephemeralContainers"};

static bool has_container(const json_t *pod, const char *name)
{
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		if (json_find(json_at(pod, lists[l]), "name", name))
			return true;
	return false;
}

static char *container_names(const json_t *pod, const char *list)
{
	struct str out = STR_INIT;
	size_t i;
	json_t *c;
	json_array_foreach(json_at(pod, list), i, c) str_addf(&out, "%s%s", i ? " " : "", json_str_or(c, "name", ""));
	return str_take(&out);
}

/* The container meant: the one named, or the only one. *ret is borrowed from pod or the request. */
static json_t *choose_container(struct req *q, const json_t *pod, const char **ret)
{
	const char *name = req_param(q, "container");
	json_t *containers = json_at(pod, "spec.containers");
	if (!str_empty(name)) {
		*ret = name;
		return has_container(pod, name)
			   ? NULL
			   : status_bad_request("container %s is not valid for pod %s", name, q->route.name);
	}
	const char *annotated =
	    json_member(json_at(pod, "metadata.annotations"), "kubectl.kubernetes.io/default-container");
	if (json_array_size(containers) == 1) {
		*ret = json_str_or(json_array_get(containers, 0), "name", "");
		return NULL;
	}
	if (annotated && strcmp(q->route.subresource, "log") != 0 && has_container(pod, annotated)) {
		*ret = annotated;
		return NULL;
	}
	if (!json_array_size(containers))
		return status_bad_request("a container name must be specified for pod %s", q->route.name);
	AUTO_FREE char *plain = container_names(pod, lists[0]);
	AUTO_FREE char *init = container_names(pod, lists[1]);
	if (*init)
		return status_bad_request(
		    "a container name must be specified for pod %s, choose one of: [%s] or one of the init "
		    "containers: [%s]",
		    q->route.name, plain, init);
	return status_bad_request("a container name must be specified for pod %s, choose one of: [%s]", q->route.name,
				  plain);
}

static void add_query(struct str *out, bool *first, const char *name, const char *value)
{
	str_addc(out, *first ? '?' : '&');
	*first = false;
	str_add(out, name);
	str_addc(out, '=');
	str_add_url(out, value);
}

static char *log_target(struct req *q, const char *container)
{
	static const char *const passed[] = {"follow",     "previous",  "sinceSeconds", "sinceTime",
					     "timestamps", "tailLines", "limitBytes",   "insecureSkipTLSVerifyBackend",
					     "stream"};
	struct str url = STR_INIT;
	bool first = true;
	str_addf(&url, "/containerLogs/%s/%s/%s", q->route.ns, q->route.name, container);
	for (size_t i = 0; i < ARRAY_LEN(passed); i++)
		if (req_param(q, passed[i]))
			add_query(&url, &first, passed[i], req_param(q, passed[i]));
	return str_take(&url);
}

void stream_log(struct req *q)
{
	AUTO_JSON *pod = NULL;
	AUTO_NODE_AGENT agent = {0};
	const char *container = NULL;
	json_t *status = find_pod(q, &pod);
	if (!status)
		status = choose_container(q, pod, &container);
	const char *node = json_str_or(pod, "spec.nodeName", "");
	if (!status && !*node) {
		/* Nothing has run yet: there is no log, and that is no error. */
		reply_text(q, 204, "");
		return;
	}
	if (!status)
		status = node_agent_find(q->api, node, &agent);
	if (!status && !q->x)
		status = status_bad_request("a log needs a connection");
	if (status) {
		reply_status(q, status);
		return;
	}
	AUTO_FREE char *target = log_target(q, container);
	node_agent_forward(q, &agent, target, NULL);
}

static char *exec_target(struct req *q, const char *container)
{
	static const struct {
		const char *client, *agent;
	} flags[] = {{"stdin", "input"}, {"stdout", "output"}, {"stderr", "error"}, {"tty", "tty"}};
	struct str out = STR_INIT;
	bool first = true;
	const char *command;
	str_addf(&out, "/%s/%s/%s/%s", q->route.subresource, q->route.ns, q->route.name, container);
	for (size_t i = 0; (command = query_nth(&q->query, "command", i)); i++)
		add_query(&out, &first, "command", command);
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (query_bool(&q->query, flags[i].client))
			add_query(&out, &first, flags[i].agent, "1");
	return str_take(&out);
}

/* The pod and the agent of its node; a pod without one gives the original's 400. */
static json_t *find_target(struct req *q, json_t **pod, struct node_agent *a)
{
	json_t *status = find_pod(q, pod);
	const char *node = json_str_or(*pod, "spec.nodeName", "");
	if (!status && !*node)
		status = status_bad_request("pod %s does not have a host assigned", q->route.name);
	if (!status && !q->x)
		status = status_bad_request("a stream needs a connection");
	if (!status && !forward_is_upgrade(q))
		status = status_bad_request("Upgrade request required");
	return status ? status : node_agent_find(q->api, node, a);
}

static void exec_admitted(struct req *q, json_t *refused, json_t *options)
{
	(void)options;
	AUTO_JSON *pod = NULL;
	const char *container = NULL;
	AUTO_NODE_AGENT agent = {0};
	json_t *status = refused ? refused : find_target(q, &pod, &agent);
	if (!status)
		status = choose_container(q, pod, &container);
	if (status) {
		reply_status(q, status);
	} else {
		AUTO_FREE char *target = exec_target(q, container);
		node_agent_forward(q, &agent, target, NULL);
	}
}

void stream_exec(struct req *q)
{
	AUTO_JSON *options = admit_connect_options(q);
	admit_request(q, ADMIT_CONNECT, options, exec_admitted);
}

static void portforward_admitted(struct req *q, json_t *refused, json_t *options)
{
	(void)options;
	AUTO_JSON *pod = NULL;
	AUTO_STR target = STR_INIT;
	AUTO_NODE_AGENT agent = {0};
	bool first = true;
	const char *port;
	json_t *status = refused ? refused : find_target(q, &pod, &agent);
	if (status) {
		reply_status(q, status);
	} else {
		str_addf(&target, "/portForward/%s/%s", q->route.ns, q->route.name);
		for (size_t i = 0; (port = query_nth(&q->query, "ports", i)); i++)
			add_query(&target, &first, "port", port);
		node_agent_forward(q, &agent, str_text(&target), NULL);
	}
}

void stream_portforward(struct req *q)
{
	AUTO_JSON *options = admit_connect_options(q);
	admit_request(q, ADMIT_CONNECT, options, portforward_admitted);
}
