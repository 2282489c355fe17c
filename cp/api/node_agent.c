/* Calls of nodes' agents. Purpose: one place that knows where they answer and with what certificate they are asked.
 * Happy path: the node has an internal address, the agent listens on the port that its status names. Fails with 404 (no
 * node), 500 (no address, no certificate, not reached). */
#include "cp/api/node_agent.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"

enum { AGENT_PORT = 10250 };

void node_agent_done(struct node_agent *a)
{
	free(a->host);
	a->host = NULL;
}

json_t *node_agent_find(struct api *a, const char *name, struct node_agent *ret)
{
	struct cobj *o = bucket_get(api_bucket(a, "", "nodes"), "", name);
	if (!o)
		return status_not_found("", "nodes", name);
	AUTO_JSON *node = cobj_parse(o);
	size_t i;
	json_t *address;
	json_array_foreach(json_at(node, "status.addresses"), i, address)
	{
		if (!ret->host && str_eq(json_str_at(address, "type"), "InternalIP"))
			ret->host = xstrdup(json_str_at(address, "address"));
	}
	ret->port = (uint16_t)json_int_at(node, "status.daemonEndpoints.kubeletEndpoint.Port", 0);
	if (!ret->port)
		ret->port = AGENT_PORT;
	if (!ret->host)
		return status_new(500, "InternalError",
				  "Internal error occurred: no preferred addresses found; known addresses: []");
	return NULL;
}

static void on_unreachable(struct req *q, const struct err *e, bool upgrade)
{
	reply_status(q, status_new(500, "InternalError", "Internal error occurred: %s%s",
				   upgrade ? "error dialing backend: " : "", err_text(e)));
}

/* As the original tells what agents refuse. */
static void on_refused(struct req *q, int status, const char *text)
{
	static const struct {
		int status;
		const char *reason, *message;
	} generic[] = {
	    {401, "Unauthorized", "the server has asked for the client to provide credentials"},
	    {403, "Forbidden", "the server does not allow access to the requested resource"},
	    {404, "NotFound", "the server could not find the requested resource"},
	    {405, "MethodNotAllowed", "the server does not allow this method on the requested resource"},
	    {503, "ServiceUnavailable", "the server is currently unable to handle the request"},
	};
	if (status == 400) {
		reply_status(q, status_bad_request("%s", text));
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(generic); i++) {
		if (generic[i].status == status) {
			reply_status(q, status_new(status, generic[i].reason, "%s", generic[i].message));
			return;
		}
	}
	reply_status(q, status_new(status, "InternalError", "Internal error occurred: %s", text));
}

void node_agent_forward(struct req *q, const struct node_agent *a, const char *target, const char *prefix)
{
	struct api *api = q->api;
	if (!api->agent_tls || !api->agent_http) {
		reply_status(q, status_new(500, "InternalError",
					   "Internal error occurred: no certificate for calls to node agents"));
		return;
	}
	forward_request(q, &(struct forward_opts){.http = api->agent_http,
						  .tls = api->agent_tls,
						  .host = a->host,
						  .port = a->port,
						  .target = target,
						  .prefix = prefix,
						  .own_host = !prefix,
						  .on_refused = prefix ? NULL : on_refused,
						  .on_unreachable = prefix ? forward_unreachable : on_unreachable});
}
