/* Keeping the flow control objects. Purpose: the mandatory and the suggested ones are there and as this version wants
 * them, and every schema tells whether its level exists. Happy path: a second after a change (and after the server has
 * become ready) everything is looked at once, and what differs is written through the request path. A write that fails
 * is tried again with the next look; while a write is under way the look waits. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cp/api/flow_internal.h"
#include "cp/flow/flow_objects_plan.h"

#define USER "system:kube-apiserver"
#define PATH "/apis/flowcontrol.apiserver.k8s.io/v1/"

enum { SOON_MS = 1000, AGAIN_MS = 10000 };

struct flow_keeper {
	struct flow *f;
	struct timer *timer;
	size_t writing;
	bool again, failed;
	/* Of the look that is under way: */
	const char *plural;
	struct map *wanted; /* names of what every cluster has */
};

static void on_written(void *arg, int status, json_t *answer, const struct err *e)
{
	struct flow_keeper *k = arg;
	(void)status;
	(void)answer;
	k->writing--;
	if (e && e->code != -ENOENT && e->code != -EEXIST && e->code != -ESTALE)
		log_warn("cannot keep a flow control object, trying again error=\"%s\"", err_text(e));
	k->failed = k->failed || e;
	if (k->writing)
		return;
	if (k->failed || k->again)
		timer_start_slack(k->timer, k->failed ? AGAIN_MS : SOON_MS, SOON_MS / 4);
	k->failed = k->again = false;
}

static void write_object(struct flow_keeper *k, const char *method, const char *name, const char *sub, const json_t *body)
{
	AUTO_FREE char *path = xasprintf(PATH "%s%s%s%s", k->plural, *name ? "/" : "", name, sub);
	bool patch = strcmp(method, "PATCH") == 0;
	k->writing++;
	api_local(k->f->api, USER, method, path, patch ? "application/merge-patch+json" : NULL, body, on_written, k);
}

static void look_wanted(void *arg, const json_t *wanted)
{
	struct flow_keeper *k = arg;
	const char *name = json_str_or(wanted, "metadata.name", "");
	struct cobj *o = bucket_get(api_bucket(k->f->api, FLOW_GROUP, k->plural), "", name);
	AUTO_JSON *there = o ? cobj_parse(o) : NULL, *to = NULL;
	map_set(k->wanted, name, k);
	enum flow_object_action action = flow_object_plan(wanted, there, &to);
	if (action == FLOW_OBJECT_UPDATE)
		write_object(k, "PUT", name, "", to);
	if (action != FLOW_OBJECT_CREATE)
		return;
	AUTO_JSON *body = json_copy((json_t *)wanted);
	json_object_del(body, "status");
	write_object(k, "POST", "", "", body);
}

static void look_stray(void *arg, struct cobj *o)
{
	struct flow_keeper *k = arg;
	if (map_has(k->wanted, o->name) || o->deleting)
		return;
	AUTO_JSON *there = cobj_parse(o);
	if (flow_object_stray(there) == FLOW_OBJECT_DELETE)
		write_object(k, "DELETE", o->name, "", NULL);
}

static void look_dangling(void *arg, struct cobj *o)
{
	struct flow_keeper *k = arg;
	AUTO_JSON *schema = cobj_parse(o);
	const char *level = json_str_or(schema, "spec.priorityLevelConfiguration.name", "");
	bool there = bucket_get(api_bucket(k->f->api, FLOW_GROUP, "prioritylevelconfigurations"), "", level) != NULL;
	json_t *condition = flow_dangling(schema, there);
	char now[RFC3339_MAX];
	if (!condition)
		return;
	json_object_set_new(condition, "lastTransitionTime", json_string(rfc3339(clock_wall_ms(), now)));
	AUTO_JSON *patch = json_pack("{s:{s:[o]}}", "status", "conditions", condition);
	write_object(k, "PATCH", o->name, "/status", patch);
}

static void look_kind(struct flow_keeper *k, const char *kind, const char *plural)
{
	k->plural = plural;
	k->wanted = map_new(NULL);
	flow_each_wanted(kind, look_wanted, k);
	bucket_list(api_bucket(k->f->api, FLOW_GROUP, plural), &(struct bucket_query){0}, look_stray, k);
	map_free(TAKE(k->wanted));
}

static void look(void *arg)
{
	struct flow_keeper *k = arg;
	if (k->f->api->stopping)
		return;
	if (!k->f->api->ready) {
		flow_keeper_wake(k);
		return;
	}
	if (k->writing) {
		k->again = true;
		return;
	}
	look_kind(k, "PriorityLevelConfiguration", "prioritylevelconfigurations");
	look_kind(k, "FlowSchema", "flowschemas");
	bucket_list(api_bucket(k->f->api, FLOW_GROUP, "flowschemas"), &(struct bucket_query){0}, look_dangling, k);
}

struct flow_keeper *flow_keeper_new(struct flow *f)
{
	struct flow_keeper *k = xcalloc(1, sizeof(*k));
	k->f = f;
	k->timer = timer_new(f->api->loop, look, k);
	flow_keeper_wake(k);
	return k;
}

void flow_keeper_free(struct flow_keeper *k)
{
	if (!k)
		return;
	timer_free(k->timer);
	free(k);
}

void flow_keeper_wake(struct flow_keeper *k)
{
	if (!timer_is_active(k->timer))
		timer_start_slack(k->timer, SOON_MS, SOON_MS / 4);
}
