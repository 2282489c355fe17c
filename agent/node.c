/* The Node object and its Lease.
 *
 * Happy path: the node is looked up, made where it is missing, its status is patched; every 10 s the lease is renewed
 * and the conditions are looked at (the network's answer comes by itself: node_network.c), the status is sent only when it
 * changed or after five minutes. What can fail: the API server is away (tried again each second until the first success,
 * then with the next beat). What always holds: at most one request of each sort is under way. */
#include "agent/node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/events.h"
#include "agent/node_info.h"
#include "agent/node_network.h"
#include "agent/pod_source.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

enum { BEAT_MS = 10000, RETRY_MIN_MS = 20, RETRY_MS = 1000, REPORT_MS = 300000, ADDRESSES_MS = 10000, LEASE_SECONDS = 40 };

struct node {
	struct agent *agent;
	char *uid;
	void (*on_ready)(void *arg);
	void *arg;
	struct timer *timer;
	struct api_call *call, *lease_call;
	json_t *capacity, *info, *sent;
	int64_t sent_mono, retry_ms, made_mono;
	bool registered, lease_made, was_ready, told;
	bool stale; /* the network has changed while a report was on its way */
	struct node_network *network;
	char *pod_cidr;
};

static void look(struct node *n);
static void report(struct node *n);
static void renew(struct node *n);

static void set_pod_cidr(struct node *n, const json_t *node)
{
	const char *cidr = json_str_at(node, "spec.podCIDR");
	size_t i;
	json_t *v;
	AUTO_STR all = STR_INIT;
	json_array_foreach(json_at(node, "spec.podCIDRs"), i, v)
	    str_addf(&all, "%s%s", i ? "," : "", json_string_value(v));
	if (n->pod_cidr || str_empty(cidr))
		return;
	n->pod_cidr = xstrdup(all.len ? all.p : cidr);
	log_info("pods' network of this node cidr=%s", n->pod_cidr);
}

/* The cluster gives each node the addresses of its pods soon after it was made, and the answer to a report tells them; a
 * cluster that does not leaves it to the network configuration that is found. */
static bool awaits_addresses(const struct node *n)
{
	const struct agent_config *c = n->agent->config;
	return n->agent->api && !n->pod_cidr && str_empty(c->pod_cidr) && !cni_config_is_given(c->cni_conf_dir) &&
	       (node_network_error(n->network) || !n->made_mono || clock_mono_ms() - n->made_mono < ADDRESSES_MS);
}

static void check_network(struct node *n, bool again)
{
	const struct agent_config *c = n->agent->config;
	bool early = !n->made_mono || clock_mono_ms() - n->made_mono < ADDRESSES_MS;
	if (early && awaits_addresses(n))
		node_network_wait(n->network, "the node has no addresses for pods yet (spec.podCIDR)");
	else
		node_network_check(n->network, !str_empty(c->pod_cidr) ? c->pod_cidr : n->pod_cidr, again);
}

static void schedule(struct node *n, int64_t ms)
{
	timer_start_slack(n->timer, ms, ms / 10);
}

/* Soon at first (server and agent are often started together), then each second. */
static void retry(struct node *n)
{
	n->retry_ms = n->retry_ms ? MIN(n->retry_ms * 2, RETRY_MS) : RETRY_MIN_MS;
	schedule(n, n->retry_ms);
}

static void note_ready(struct node *n)
{
	bool ready = !node_network_error(n->network);
	if (ready != n->was_ready)
		events_node(n->agent->events, !ready, ready ? "NodeReady" : "NodeNotReady", "Node %s status is now: %s",
			    n->agent->config->node_name, ready ? "NodeReady" : "NodeNotReady");
	n->was_ready = ready;
	if (ready && !n->told) {
		n->told = true;
		log_info("node ready name=%s", n->agent->config->node_name);
		n->on_ready(n->arg);
	}
}

static void on_status(void *arg, int status, json_t *body, const struct err *e)
{
	struct node *n = arg;
	n->call = NULL;
	if (e) {
		log_warn("node status not reported, tried again status=%d error=\"%s\"", status, err_text(e));
		json_decref(TAKE(n->sent));
		n->registered = e->code != -ENOENT && n->registered;
		retry(n);
		return;
	}
	bool had = n->pod_cidr;
	if (!n->made_mono)
		n->made_mono = clock_mono_ms();
	set_pod_cidr(n, body);
	note_ready(n);
	if (!n->lease_made)
		renew(n);
	if (awaits_addresses(n)) {
		retry(n);
	} else {
		n->retry_ms = 0;
		schedule(n, BEAT_MS);
	}
	if (!had && n->pod_cidr)
		look(n);
	else if (n->stale)
		report(n);
}

static json_t *make_status(struct node *n)
{
	struct node_status_in in = {n->agent, n->capacity, n->info, n->sent, node_network_error(n->network), clock_wall_ms()};
	return node_status(&in);
}

static void report(struct node *n)
{
	AUTO_JSON *status = make_status(n);
	bool due = clock_mono_ms() - n->sent_mono >= REPORT_MS || awaits_addresses(n);
	if (n->call)
		return;
	n->stale = false;
	if (!node_network_settled(n->network)) {
		schedule(n, BEAT_MS); /* on_network() is sooner */
		return;
	}
	if (n->sent && !due && !node_status_differs(n->sent, status)) {
		schedule(n, BEAT_MS);
		return;
	}
	json_decref(n->sent);
	n->sent = json_incref(status);
	n->sent_mono = clock_mono_ms();
	AUTO_JSON *patch = json_pack("{s:o}", "status", json_copy(status));
	/* Addresses are merged by their type, of which there may be two: the list is replaced whole. */
	json_t *addresses = json_copy(json_at(status, "addresses"));
	json_array_append_new(addresses, json_pack("{s:s}", "$patch", "replace"));
	json_set_at(patch, "status.addresses", addresses);
	AUTO_FREE char *path = xasprintf("/api/v1/nodes/%s/status", n->agent->config->node_name);
	n->call = api_patch(n->agent->api, path, API_PATCH_STRATEGIC, patch, on_status, n);
}

/* Mirrors of static pods name their node by its uid. */
static void set_uid(struct node *n, const json_t *node)
{
	free(n->uid);
	n->uid = xstrdup(json_str_or(node, "metadata.uid", ""));
	pod_source_mirrors(n->agent);
}

const char *node_uid(const struct node *n)
{
	return n && n->uid ? n->uid : "";
}

static void on_registered(void *arg, int status, json_t *body, const struct err *e)
{
	struct node *n = arg;
	n->call = NULL;
	if (e && e->code != -EEXIST) {
		log_warn("node not registered, tried again status=%d error=\"%s\"", status, err_text(e));
		retry(n);
		return;
	}
	n->registered = true;
	set_uid(n, body);
	set_pod_cidr(n, body);
	look(n);
}

static void create(struct node *n)
{
	const struct agent_config *c = n->agent->config;
	AUTO_JSON *status = make_status(n);
	AUTO_JSON *o =
	    json_pack("{s:s, s:s, s:{s:s, s:o, s:{s:s}}, s:{}, s:O}", "apiVersion", "v1", "kind", "Node", "metadata",
		      "name", c->node_name, "labels", node_labels(c), "annotations",
		      "volumes.kubernetes.io/controller-managed-attach-detach", "true", "spec", "status", status);
	if (!str_empty(c->pod_cidr)) {
		AUTO_STRV char **cidrs = str_split(c->pod_cidr, ',');
		json_set_str(o, "spec.podCIDR", cidrs[0]);
		for (char **s = cidrs; *s; s++)
			json_array_append_new(json_array_at(o, "spec.podCIDRs"), json_string(*s));
	}
	n->call = api_create(n->agent->api, "/api/v1/nodes", o, on_registered, n);
}

/* An existing node keeps labels and taints that others gave it; ours are set again. */
static void adopt(struct node *n, const json_t *node)
{
	AUTO_JSON *labels = node_labels(n->agent->config);
	const char *key;
	json_t *v;
	bool same = true;
	json_object_foreach(labels, key, v) same &=
	    json_equal(v, json_object_get(json_at(node, "metadata.labels"), key));
	set_uid(n, node);
	set_pod_cidr(n, node);
	json_decref(n->sent);
	n->sent = json_deep_copy(json_object_get(node, "status"));
	n->sent_mono = -REPORT_MS; /* due at once, even soon after boot */
	if (same) {
		n->registered = true;
		look(n);
		return;
	}
	AUTO_JSON *patch = json_pack("{s:{s:O}}", "metadata", "labels", labels);
	AUTO_FREE char *path = xasprintf("/api/v1/nodes/%s", n->agent->config->node_name);
	n->call = api_patch(n->agent->api, path, API_PATCH_MERGE, patch, on_registered, n);
}

static void on_found(void *arg, int status, json_t *body, const struct err *e)
{
	struct node *n = arg;
	n->call = NULL;
	if (!e) {
		adopt(n, body);
	} else if (e->code == -ENOENT && n->agent->config->register_node) {
		create(n);
	} else {
		log_warn("node not found, tried again status=%d error=\"%s\"", status, err_text(e));
		retry(n);
	}
}

static char *lease_path(const struct node *n, bool named)
{
	return xasprintf("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases%s%s", named ? "/" : "",
			 named ? n->agent->config->node_name : "");
}

static void on_lease(void *arg, int status, json_t *body, const struct err *e)
{
	(void)body;
	struct node *n = arg;
	n->lease_call = NULL;
	n->lease_made = !e || (n->lease_made && e->code != -ENOENT) || e->code == -EEXIST;
	if (e && e->code != -ENOENT && e->code != -EEXIST)
		log_warn("lease not renewed, tried again status=%d error=\"%s\"", status, err_text(e));
	else if (e)
		retry(n);
}

static void renew(struct node *n)
{
	char now[RFC3339_MAX];
	const char *name = n->agent->config->node_name;
	rfc3339_micro(clock_wall_us(), now);
	if (n->lease_call)
		return;
	AUTO_FREE char *path = lease_path(n, n->lease_made);
	AUTO_JSON *o = json_pack("{s:{s:s, s:i, s:s}}", "spec", "holderIdentity", name, "leaseDurationSeconds",
				 LEASE_SECONDS, "renewTime", now);
	if (n->lease_made) {
		n->lease_call = api_patch(n->agent->api, path, API_PATCH_MERGE, o, on_lease, n);
		return;
	}
	json_set_str(o, "apiVersion", "coordination.k8s.io/v1");
	json_set_str(o, "kind", "Lease");
	json_set_str(o, "metadata.name", name);
	json_set_str(o, "metadata.namespace", "kube-node-lease");
	n->lease_call = api_create(n->agent->api, path, o, on_lease, n);
}

static void look(struct node *n)
{
	check_network(n, false);
	if (!n->agent->api) {
		schedule(n, BEAT_MS);
		if (node_network_settled(n->network))
			note_ready(n);
		return;
	}
	if (n->call)
		return;
	if (!n->registered) {
		AUTO_FREE char *path = xasprintf("/api/v1/nodes/%s", n->agent->config->node_name);
		n->call = api_get(n->agent->api, path, on_found, n);
		return;
	}
	report(n);
}

static void on_timer(void *arg)
{
	struct node *n = arg;
	look(n);
	if (n->agent->api && n->registered)
		renew(n);
}

/* The status is sent with the beat where it would be the same otherwise: here it is not. */
static void on_network(void *arg)
{
	struct node *n = arg;
	const char *error = node_network_error(n->network);
	if (error)
		log_warn("network of pods not ready error=\"%s\"", error);
	if (!n->agent->api)
		note_ready(n);
	else if (n->call)
		n->stale = true;
	else if (n->registered)
		report(n);
}

static void on_config(void *arg)
{
	struct node *n = arg;
	AUTO_FREE char *before = xstrdup(node_network_error(n->network));
	check_network(n, true);
	if (node_network_settled(n->network) && !str_eq(before, node_network_error(n->network)))
		on_network(n);
}

struct node *node_start(struct agent *a, void (*on_ready)(void *arg), void *arg)
{
	struct node *n = xcalloc(1, sizeof(*n));
	*n = (struct node){.agent = a, .on_ready = on_ready, .arg = arg};
	n->capacity = node_capacity(a);
	n->info = node_system_info();
	n->timer = timer_new(a->loop, on_timer, n);
	n->network = node_network_new(a, on_config, on_network, n);
	timer_start(n->timer, 0);
	return n;
}

void node_stop(struct node *n)
{
	if (!n)
		return;
	if (n->call)
		api_cancel(n->call);
	if (n->lease_call)
		api_cancel(n->lease_call);
	timer_free(n->timer);
	node_network_free(n->network);
	json_decref(n->capacity);
	json_decref(n->info);
	json_decref(n->sent);
	free(n->pod_cidr);
	free(n->uid);
	free(n);
}
