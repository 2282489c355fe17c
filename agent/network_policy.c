/* NetworkPolicies of the API server in force on this node.
 *
 * Happy path: policies are asked of the feed; from the first one on namespaces and all pods are, too; when everything is
 * listed the table is programmed, and later changes are gathered for a moment and follow in one transaction. A new pod's
 * address goes in at once, before anything runs there. What can fail: the API server does not let us list (pods wait,
 * what is in the kernel stays in force), the kernel refuses (the sandbox fails; changes are tried again). What always
 * holds: addresses of this node's pods are those that the network plugins gave, not those that a status tells. */
#include "agent/network_policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/pod.h"
#include "agent/pod_source.h"
#include "api/feed.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "netfilter/policy_sync.h"
#include "netfilter/proxy.h"

enum { GATHER_MS = 5, REPAIR_MS = 100, RETRY_FIRST_MS = 500, RETRY_MAX_MS = 30000 };

struct network_policy {
	struct agent *agent;
	struct policy_sync *sync;
	struct feed_sub *policies, *namespaces, *pods; /* the latter two: NULL before the first policy */
	struct map *live; /* uid -> char **, the addresses of pods here that have a network */
	struct map *uids; /* "namespace/name" -> what the pod was last known as in sync */
	struct map *own;  /* the same -> its object, of this node's pods */
	struct timer *timer;
	struct fd_watch *watch; /* of what others change in nf_tables; NULL before the first policy */
	int64_t retry_ms;
	bool committed, waiting;
};

static void free_ips(void *p)
{
	char **v = p;
	free_strv(&v);
}

static void free_object(void *p)
{
	json_decref(p);
}

static void schedule(struct network_policy *np, int64_t after_ms)
{
	if (!timer_is_active(np->timer))
		timer_start(np->timer, after_ms);
}

static bool inputs_synced(const struct network_policy *np)
{
	if (!feed_synced(np->policies))
		return false;
	return np->pods ? feed_synced(np->pods) && feed_synced(np->namespaces) : !policy_sync_policies(np->sync);
}

/* A mirror stands for the static pod whose uid it names; what only says so is a pod of its own. */
static const char *uid_of(const struct network_policy *np, const json_t *object)
{
	const char *mirror = json_member(json_at(object, "metadata.annotations"), MIRROR_ANNOTATION);
	const struct pod *p = mirror ? map_get(np->agent->pods, mirror) : NULL;
	bool right = p && p->state->is_static && str_eq(p->state->ns, json_str_at(object, "metadata.namespace")) &&
		     str_eq(p->state->name, json_str_at(object, "metadata.name"));
	return right ? mirror : json_str_or(object, "metadata.uid", "");
}

static void on_policy(void *arg, const char *key, json_t *old_object, json_t *new_object)
{
	struct network_policy *np = arg;
	struct policy *p = NULL;
	struct err e = ERR_INIT;
	(void)old_object;
	if (!new_object)
		policy_sync_delete_policy(np->sync, key);
	else if (policy_parse(new_object, &p, &e) == 0)
		policy_sync_set_policy(np->sync, p);
	else
		log_error("network policy not understood, ignoring this state of it error=\"%s\"", err_text(&e));
	schedule(np, GATHER_MS);
}

static void on_namespace(void *arg, const char *key, json_t *old_object, json_t *new_object)
{
	struct network_policy *np = arg;
	(void)old_object;
	if (new_object)
		policy_sync_set_namespace(np->sync, key, json_at(new_object, "metadata.labels"));
	else
		policy_sync_delete_namespace(np->sync, key);
	schedule(np, GATHER_MS);
}

static void set_pod(struct network_policy *np, const json_t *object)
{
	struct policy_pod *pod = policy_pod_parse(object, np->agent->config->node_name);
	if (!pod)
		return;
	free(pod->key);
	pod->key = xstrdup(uid_of(np, object));
	pod->local |= map_has(np->live, pod->key);
	if (pod->local)
		policy_pod_set_ips(pod, map_get(np->live, pod->key));
	policy_sync_set_pod(np->sync, pod);
}

static void remember(struct network_policy *np, const char *key, json_t *object)
{
	bool own = str_eq(json_str_at(object, "spec.nodeName"), np->agent->config->node_name);
	if (object)
		map_set(np->uids, key, xstrdup(uid_of(np, object)));
	else
		map_remove(np->uids, key);
	if (own)
		map_set(np->own, key, json_incref(object));
	else
		map_remove(np->own, key);
}

static void on_pod(void *arg, const char *key, json_t *old_object, json_t *new_object)
{
	struct network_policy *np = arg;
	const char *before = map_get(np->uids, key);
	(void)old_object;
	bool gone = before && (!new_object || strcmp(before, uid_of(np, new_object)) != 0);
	if (gone && !map_has(np->live, before)) /* else it still has processes */
		policy_sync_delete_pod(np->sync, before);
	remember(np, key, new_object);
	if (new_object)
		set_pod(np, new_object);
	schedule(np, GATHER_MS);
}

static void on_synced(void *arg)
{
	schedule(arg, 0);
}

static void on_error(void *arg, const struct err *e)
{
	const struct network_policy *np = arg;
	log_warn("network policies not watched, tried again%s error=\"%s\"",
		 np->waiting ? ", new pods wait (--network-policy=false to do without)" : "", err_text(e));
}

enum input { POLICIES, NAMESPACES, PODS };

/* The one place where something is asked of the feed. */
static struct feed_sub *subscribe(struct network_policy *np, enum input input)
{
	static const struct {
		const char *path;
		struct informer_ops ops;
	} inputs[] = {
	    [POLICIES] = {"/apis/networking.k8s.io/v1/networkpolicies", {on_policy, on_synced, on_error}},
	    [NAMESPACES] = {"/api/v1/namespaces", {on_namespace, on_synced, on_error}},
	    [PODS] = {"/api/v1/pods", {on_pod, on_synced, on_error}},
	};
	return feed_subscribe(np->agent->feed, inputs[input].path, NULL, NULL, &inputs[input].ops, np);
}

/* Its state in the cluster where that is known already, which may be the newer one; else what is run here. */
static void set_local(struct network_policy *np, const struct pod *p)
{
	AUTO_FREE char *key = xasprintf("%s/%s", p->state->ns, p->state->name);
	const json_t *object = map_get(np->own, key);
	set_pod(np, object && !strcmp(uid_of(np, object), p->state->uid) ? object : p->state->pod);
}

static void set_all_local(struct network_policy *np)
{
	size_t at = 0;
	const char *uid;
	void *ips;
	while (map_next(np->live, &at, &uid, &ips)) {
		const struct pod *p = map_get(np->agent->pods, uid);
		if (p)
			set_local(np, p);
	}
}

static void kick_all(struct network_policy *np)
{
	size_t at = 0;
	const char *uid;
	struct pod *p;
	np->waiting = false;
	while (map_next(np->agent->pods, &at, &uid, &p))
		pod_kick(p);
}

static void forget(struct network_policy *np, const struct ip *ip)
{
	struct err e = ERR_INIT;
	char text[IP_TEXT_MAX];
	if (policy_sync_forget(np->sync, ip, &e) < 0)
		log_warn("connections of an address that has a new pod stay address=%s error=\"%s\"", ip_text(ip, text), err_text(&e));
}

/* The new pods of addresses that others had. */
static void forget_reused(struct network_policy *np)
{
	size_t n;
	AUTO_FREE struct ip *v = policy_sync_reused(np->sync, &n);
	for (size_t i = 0; i < n; i++)
		forget(np, &v[i]);
}

static int commit(struct network_policy *np, struct err *e)
{
	size_t changed = 0;
	int r = policy_sync_commit(np->sync, &changed, e);
	if (r < 0)
		return r;
	np->committed = true;
	np->retry_ms = 0;
	forget_reused(np);
	log_debug("network policies synced changed=%zu", changed);
	return 0;
}

static void on_ruleset(void *arg, int events)
{
	struct network_policy *np = arg;
	(void)events;
	if (!policy_sync_disturbed(np->sync))
		return;
	log_warn("somebody else has changed the table of network policies, made anew");
	schedule(np, REPAIR_MS);
}

static void watch_ruleset(struct network_policy *np)
{
	struct err e = ERR_INIT;
	int fd = policy_sync_watch(np->sync, &e);
	if (fd >= 0)
		np->watch = fd_watch_new(np->agent->loop, fd, FD_READ, on_ruleset, np);
	else
		log_warn("changes that others make to network policies are not noticed, ignoring error=\"%s\"", err_text(&e));
}

static void on_timer(void *arg)
{
	struct network_policy *np = arg;
	struct err e = ERR_INIT;
	if (policy_sync_policies(np->sync) && !np->pods) {
		np->namespaces = subscribe(np, NAMESPACES);
		np->pods = subscribe(np, PODS);
		watch_ruleset(np);
	}
	if (!inputs_synced(np))
		return; /* the end of a list schedules */
	if (!np->committed || np->waiting)
		set_all_local(np);
	if (commit(np, &e) < 0) {
		log_error("network policies not in step, tried again error=\"%s\"", err_text(&e));
		np->retry_ms = np->retry_ms ? MIN(np->retry_ms * 2, RETRY_MAX_MS) : RETRY_FIRST_MS;
		schedule(np, np->retry_ms);
	} else if (np->waiting) {
		kick_all(np);
	}
}

/* Pods that an earlier agent has started. */
static void take_restored(struct network_policy *np)
{
	size_t at = 0;
	const char *uid;
	struct pod *p;
	while (map_next(np->agent->pods, &at, &uid, &p))
		if (!pod_host_network(p->state) && p->state->sandbox != SANDBOX_NONE && p->state->ips)
			map_set(np->live, uid, strv_dup(p->state->ips));
}

static void prepare_kernel(const struct agent *a)
{
	struct err e = ERR_INIT;
	if (netfilter_sysctls(strchr(a->config->cluster_cidr, ':') != NULL, &e) < 0)
		log_warn("kernel settings not made, ignoring error=\"%s\"", err_text(&e));
	if (!fs_exists("/proc/sys/net/bridge/bridge-nf-call-iptables"))
		log_warn("no bridge netfilter: network policies do not see what pods on one bridge send each other");
}

int network_policy_start(struct agent *a, struct err *e)
{
	if (!a->config->network_policy || !a->api)
		return 0;
	struct network_policy *np = xcalloc(1, sizeof(*np));
	int r = policy_sync_new(NULL, &np->sync, e);
	if (r < 0) {
		free(np);
		return err_wrap(e, r, "network policies (--network-policy=false to do without)");
	}
	prepare_kernel(a);
	np->agent = a;
	np->live = map_new(free_ips);
	np->uids = map_new(free);
	np->own = map_new(free_object);
	np->timer = timer_new(a->loop, on_timer, np);
	take_restored(np);
	np->policies = subscribe(np, POLICIES);
	a->network_policy = np;
	return 0;
}

void network_policy_stop(struct network_policy *np)
{
	if (!np)
		return;
	feed_unsubscribe(np->policies);
	feed_unsubscribe(np->namespaces);
	feed_unsubscribe(np->pods);
	timer_free(np->timer);
	fd_watch_free(np->watch);
	policy_sync_free(np->sync);
	map_free(np->live);
	map_free(np->uids);
	map_free(np->own);
	free(np);
}

bool network_policy_ready(const struct pod *p)
{
	struct network_policy *np = p->agent->network_policy;
	if (!np || pod_host_network(p->state) || (np->committed && inputs_synced(np)))
		return true;
	np->waiting = true;
	return false;
}

/* Nothing runs in the pod yet: no connection of its addresses can be its own. */
static void forget_own(struct network_policy *np, const struct pod *p)
{
	struct ip ip;
	for (char **s = p->state->ips; s && *s; s++)
		if (ip_parse(*s, &ip) == 0)
			forget(np, &ip);
}

int network_policy_pod_added(struct pod *p, struct err *e)
{
	struct network_policy *np = p->agent->network_policy;
	if (!np || pod_host_network(p->state))
		return 0;
	map_set(np->live, p->state->uid, strv_dup(p->state->ips));
	if (!network_policy_ready(p))
		return err_set(e, -EAGAIN, "network policies are being read");
	if (!np->pods)
		return 0;
	set_local(np, p);
	int r = commit(np, e);
	if (r < 0)
		schedule(np, RETRY_FIRST_MS);
	forget_own(np, p);
	return r < 0 ? err_wrap(e, r, "network policies") : 0;
}

void network_policy_pod_removed(const struct pod *p)
{
	struct network_policy *np = p->agent->network_policy;
	if (!np)
		return;
	map_remove(np->live, p->state->uid);
	policy_sync_delete_pod(np->sync, p->state->uid);
	schedule(np, GATHER_MS);
}
