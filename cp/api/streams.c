/* Streams to a pod's node agent: log, exec, attach, port-forward. Purpose: pass a client through to the agent that runs
 * its pod. Happy path: the pod is bound, its node has an address, the agent answers. Fails with 400 (no such container,
 * several and none named), 404, 500 (no address), 502-like 500 when the agent cannot be reached. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/audit.h"
#include "cp/api/admit.h"
#include "cp/api/api_internal.h"
#include "io/http_tunnel.h"

struct agent {
	char *host; /* numeric */
	uint16_t port;
};

static json_t *find_pod(struct req *q, json_t **ret)
{
	struct cobj *o = bucket_get(q->res->bucket, q->route.ns, q->route.name);
	if (!o)
		return status_not_found("", "pods", q->route.name);
	*ret = cobj_parse(o);
	return NULL;
}

static json_t *find_agent(struct req *q, const char *node_name, struct agent *ret)
{
	const struct resource *nodes = api_resource(q->api, "", "v1", "nodes");
	struct cobj *o = nodes ? bucket_get(nodes->bucket, "", node_name) : NULL;
	if (!o)
		return status_not_found("", "nodes", node_name);
	AUTO_JSON *node = cobj_parse(o);
	size_t i;
	json_t *a;
	json_array_foreach(json_at(node, "status.addresses"), i,
			   a) if (!ret->host && str_eq(json_str_at(a, "type"), "InternalIP")) ret->host =
	    xstrdup(json_str_at(a, "address"));
	ret->port = (uint16_t)json_int_at(node, "status.daemonEndpoints.kubeletEndpoint.Port", 10250);
	if (!ret->host)
		return status_new(500, "InternalError",
				  "Internal error occurred: no preferred addresses found; known addresses: []");
	return NULL;
}

static const char *const lists[] = {"spec.containers", "spec.initContainers", "spec.ephemeralContainers"};

static bool has_container(const json_t *pod, const char *name)
{
	size_t i;
	json_t *c;
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		json_array_foreach(json_at(pod, lists[l]), i, c) if (str_eq(json_str_at(c, "name"), name)) return true;
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

static char *url_host(const struct agent *a)
{
	return xasprintf(strchr(a->host, ':') ? "[%s]:%u" : "%s:%u", a->host, a->port);
}

static void add_query(struct str *out, bool *first, const char *name, const char *value)
{
	str_addc(out, *first ? '?' : '&');
	*first = false;
	str_add(out, name);
	str_addc(out, '=');
	str_add_url(out, value);
}

/* A log on its way from the agent to the client. */
struct log_stream {
	struct req *q;
	struct http_call *call;
	bool paused;
};

static void log_end(struct log_stream *s)
{
	struct req *q = s->q;
	q->on_close = NULL;
	q->data = NULL;
	free(s);
	reply_done(q);
}

static void log_closed(struct req *q)
{
	struct log_stream *s = q->data;
	if (s->call)
		http_call_cancel(s->call);
	log_end(s);
}

static void log_status(void *arg, int status)
{
	struct log_stream *s = arg;
	struct http_header h[REPLY_HEADERS];
	if (!s->q->x || http_started(s->q->x))
		return;
	request_answered(s->q, status);
	audit_started(s->q, status);
	reply_headers(s->q, status == 200 ? "text/plain" : "application/json", h);
	http_start(s->q->x, status, h);
}

static void log_drained(void *arg, struct http_exchange *x)
{
	struct log_stream *s = arg;
	(void)x;
	if (s->paused && s->call)
		http_call_pause(s->call, 0);
	s->paused = false;
}

static void log_data(void *arg, const char *data, size_t len)
{
	struct log_stream *s = arg;
	if (!s->q->x)
		return;
	http_write(s->q->x, data, len);
	if (http_pending_bytes(s->q->x) > 65536 && !s->paused) {
		s->paused = true;
		http_call_pause(s->call, 1);
	}
}

static void log_done(void *arg, int status, const char *body, size_t len, const struct err *e)
{
	struct log_stream *s = arg;
	struct req *q = s->q;
	(void)status;
	(void)body;
	(void)len;
	s->call = NULL;
	if (q->x && !http_started(q->x)) {
		q->on_close = NULL;
		q->data = NULL;
		free(s);
		reply_status(q, status_new(500, "InternalError", "Internal error occurred: %s", err_text(e)));
		return;
	}
	if (q->x && e)
		http_abort(q->x);
	else if (q->x)
		http_end(q->x);
	log_end(s);
}

static char *log_url(struct req *q, const struct agent *a, const char *container)
{
	static const char *const passed[] = {"follow",     "previous",  "sinceSeconds", "sinceTime",
					     "timestamps", "tailLines", "limitBytes",   "insecureSkipTLSVerifyBackend",
					     "stream"};
	struct str url = STR_INIT;
	bool first = true;
	AUTO_FREE char *host = url_host(a);
	str_addf(&url, "https://%s/containerLogs/%s/%s/%s", host, q->route.ns, q->route.name, container);
	for (size_t i = 0; i < ARRAY_LEN(passed); i++)
		if (req_param(q, passed[i]))
			add_query(&url, &first, passed[i], req_param(q, passed[i]));
	return str_take(&url);
}

void stream_log(struct req *q)
{
	AUTO_JSON *pod = NULL;
	const char *container = NULL;
	struct agent a = {0};
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
		status = find_agent(q, node, &a);
	if (!status && !q->api->agent_http)
		status = status_new(500, "InternalError",
				    "Internal error occurred: no certificate for calls to node agents");
	if (status || !q->x) {
		free(a.host);
		reply_status(q, status ? status : status_bad_request("a log needs a connection"));
		return;
	}
	struct log_stream *s = xcalloc(1, sizeof(*s));
	AUTO_FREE char *url = log_url(q, &a, container);
	s->q = q;
	q->data = s;
	q->on_close = log_closed;
	http_on_drain(q->x, log_drained, s);
	s->call = http_call_start(q->api->agent_http, &(struct http_call_opts){.method = "GET",
									       .url = url,
									       .on_status = log_status,
									       .on_data = log_data,
									       .on_done = log_done,
									       .arg = s});
	free(a.host);
}

static void on_tunnel_error(void *arg, struct http_exchange *x, const struct err *e)
{
	struct req *q = arg;
	(void)x;
	reply_status(
	    q, status_new(500, "InternalError", "Internal error occurred: error dialing backend: %s", err_text(e)));
}

static void tunnel_closed(struct req *q)
{
	reply_done(q);
}

static void start_tunnel(struct req *q, const struct agent *a, const char *target)
{
	if (!q->api->agent_tls) {
		reply_status(q, status_new(500, "InternalError",
					   "Internal error occurred: no certificate for calls to node agents"));
		return;
	}
	request_answered(q, 101);
	audit_started(q, 101);
	q->on_close = tunnel_closed;
	http_tunnel(q->x, &(struct http_tunnel_opts){.host = a->host,
						     .port = a->port,
						     .tls = q->api->agent_tls,
						     .target = target,
						     .on_error = on_tunnel_error,
						     .arg = q});
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
static json_t *find_target(struct req *q, json_t **pod, struct agent *a)
{
	json_t *status = find_pod(q, pod);
	const char *node = json_str_or(*pod, "spec.nodeName", "");
	if (!status && !*node)
		status = status_bad_request("pod %s does not have a host assigned", q->route.name);
	if (!status && !q->x)
		status = status_bad_request("a stream needs a connection");
	return status ? status : find_agent(q, node, a);
}

static void exec_admitted(struct req *q, json_t *refused, json_t *options)
{
	(void)options;
	AUTO_JSON *pod = NULL;
	const char *container = NULL;
	struct agent a = {0};
	json_t *status = refused ? refused : find_target(q, &pod, &a);
	if (!status)
		status = choose_container(q, pod, &container);
	if (status) {
		reply_status(q, status);
	} else {
		AUTO_FREE char *target = exec_target(q, container);
		start_tunnel(q, &a, target);
	}
	free(a.host);
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
	struct agent a = {0};
	bool first = true;
	const char *port;
	json_t *status = refused ? refused : find_target(q, &pod, &a);
	if (status) {
		reply_status(q, status);
	} else {
		str_addf(&target, "/portForward/%s/%s", q->route.ns, q->route.name);
		for (size_t i = 0; (port = query_nth(&q->query, "ports", i)); i++)
			add_query(&target, &first, "port", port);
		start_tunnel(q, &a, str_text(&target));
	}
	free(a.host);
}

void stream_portforward(struct req *q)
{
	AUTO_JSON *options = admit_connect_options(q);
	admit_request(q, ADMIT_CONNECT, options, portforward_admitted);
}
