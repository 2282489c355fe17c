/* DELETE of a collection. Purpose: delete everything that a list selects. Happy path: list, delete each as DELETE
 * would, answer with the list as it was. What is gone by then is no failure; another failure is answered once all have
 * ended. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/custom.h"
#include "cp/api/custom_select.h"
#include "cp/api/delete.h"
#include "cp/api/list.h"

struct sweep {
	struct req *q;
	struct list_plan plan;
	struct snapshot s;
	size_t left;
	json_t *failure;
};

static void sweep_end(struct sweep *s)
{
	if (s->failure)
		reply_status(s->q, s->failure);
	else
		list_reply(s->q, &s->s, &(struct list_plan){0});
	snapshot_done(&s->s);
	list_plan_done(&s->plan);
	req_unref(s->q);
	free(s);
}

static void on_one(void *arg, json_t *status, struct buf *json, bool removed)
{
	struct sweep *s = arg;
	(void)json;
	(void)removed;
	if (status && status_code(status) != 404 && !s->failure)
		s->failure = json_incref(status);
	json_decref(status);
	if (--s->left == 0)
		sweep_end(s);
}

static struct delete_options copy_options(const struct delete_options *o)
{
	struct delete_options c = *o;
	c.policy = xstrdup(o->policy);
	c.uid = xstrdup(o->uid);
	c.rv = xstrdup(o->rv);
	return c;
}

static void start_all(struct sweep *s, const struct delete_options *o)
{
	const struct resource *res = s->q->res;
	if (custom_reads_by_webhook(res)) /* as a delete of one */
		res = &res->custom->stored->resource;
	s->left = s->s.n + 1;
	for (size_t i = 0; i < s->s.n; i++) {
		struct delete_options each = copy_options(o);
		delete_start(s->q, res, s->s.v[i]->ns, s->s.v[i]->name, &each, on_one, s);
	}
	on_one(s, NULL, NULL, false);
}

void verb_deletecollection(struct req *q)
{
	struct delete_options o = {0};
	struct sweep *s = xcalloc(1, sizeof(*s));
	struct err e = ERR_INIT;
	s->q = req_ref(q);
	json_t *status = list_plan_read(&q->query, q->res->kind, false, &s->plan);
	if (!status)
		status = delete_options_read(q, &o);
	if (!status)
		delete_warn(q, &o);
	if (!status) {
		int r = custom_snapshot(q->api, q->res, q->res->kind->namespaced ? q->route.ns : "", &s->plan, &s->s, &e);
		if (r < 0)
			status = r == -EOVERFLOW ? list_too_old(&s->plan)
						 : status_too_large_rv(s->plan.rev, cache_revision(q->api->cache));
	}
	if (status) {
		s->failure = status;
		sweep_end(s);
	} else {
		start_all(s, &o);
	}
	delete_options_done(&o);
}
