/* ResourceQuota. Purpose: a namespace uses no more than its quotas allow, whoever creates at the same time. Happy path:
 * there is no quota; else the requests of a namespace that arrive together are charged one after the other on one copy of
 * its quotas, which is then stored on the condition that nobody else changed them, and they go on. So that checking and
 * charging is one step, also for several servers on one store. When somebody was faster all are charged again. A request
 * that fails later gives back what it was charged. Fails with 403; with 500 when the store does. */
#include "cp/admission/quota.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "cp/admission/plugin.h"
#include "cp/admission/quota_plan.h"

#define MAX_ATTEMPTS 16

/* A request that waits for its charge or was charged; or, without an admit, a refund on its way. */
struct quota_ticket {
	struct list link;
	struct quota_book *book;
	struct admit *a;
	json_t *charged; /* by quota, NULL: nothing yet */
	char *ns;
};

/* The requests of one namespace. */
struct queue {
	struct quota_book *book;
	char *ns;
	struct list waiting, charging;
	json_t *quotas; /* that are being stored */
	int attempts;
	bool scheduled, storing;
};

struct quota_book {
	struct admission *n;
	struct map *queues; /* by namespace */
	struct map *held;   /* by namespace: how many tickets there are (intptr_t) */
};

static void hold(struct quota_book *b, const char *ns, int by)
{
	intptr_t n = (intptr_t)map_get(b->held, ns) + by;
	if (n > 0)
		map_set(b->held, ns, (void *)n);
	else
		map_remove(b->held, ns);
}

bool admission_quota_is_busy(const struct admission *n, const char *ns)
{
	return map_has(n->quotas->held, ns);
}

static void ticket_free(struct quota_ticket *t)
{
	hold(t->book, t->ns, -1);
	list_remove(&t->link);
	json_decref(t->charged);
	free(t->ns);
	free(t);
}

static void queue_free(void *arg)
{
	struct queue *q = arg;
	LIST_FOR_EACH(t, &q->waiting, struct quota_ticket, link)
	{
		ticket_free(t);
	}
	LIST_FOR_EACH(t, &q->charging, struct quota_ticket, link)
	{
		ticket_free(t);
	}
	if (q->scheduled) {
		q->book = NULL; /* it is freed when it would have run */
		list_init(&q->waiting);
		list_init(&q->charging);
		return;
	}
	json_decref(q->quotas);
	free(q->ns);
	free(q);
}

/* A queue lives as long as there is something in it. */
static void tidy(struct queue *q)
{
	if (!q->scheduled && !q->storing && list_is_empty(&q->waiting) && list_is_empty(&q->charging))
		map_remove(q->book->queues, q->ns);
}

struct quota_book *quota_book_new(struct admission *n)
{
	struct quota_book *b = xcalloc(1, sizeof(*b));
	b->n = n;
	b->queues = map_new(queue_free);
	b->held = map_new(NULL);
	return b;
}

void quota_book_free(struct quota_book *b)
{
	if (!b)
		return;
	map_free(b->queues);
	map_free(b->held);
	free(b);
}

static struct queue *queue_of(struct quota_book *b, const char *ns)
{
	struct queue *q = map_get(b->queues, ns);
	if (q)
		return q;
	q = xcalloc(1, sizeof(*q));
	q->book = b;
	q->ns = xstrdup(ns);
	list_init(&q->waiting);
	list_init(&q->charging);
	map_set(b->queues, ns, q);
	return q;
}

static void go_on(struct quota_ticket *t, json_t *status)
{
	struct admit *a = t->a;
	if (!a) {
		json_decref(status);
		ticket_free(t);
		return;
	}
	list_remove(&t->link);
	if (status) {
		a->quota = NULL;
		ticket_free(t);
	}
	admit_resume(a, status);
}

static json_t *charge(struct quota_ticket *t, json_t *quotas)
{
	const struct admit *a = t->a;
	if (!a) {
		quota_plan_refund(quotas, t->charged);
		return NULL;
	}
	json_decref(t->charged);
	t->charged = NULL;
	AUTO_FREE char *why = quota_plan_charge(quotas, a->kind, a->object, a->old, &t->charged);
	return why ? admit_forbidden(a, "%s", why) : NULL;
}

static void run_queue(void *arg);

static void schedule(struct queue *q)
{
	if (q->scheduled || q->storing || list_is_empty(&q->waiting))
		return;
	q->scheduled = true;
	loop_defer(q->book->n->c.loop, run_queue, q);
}

static void on_stored(void *arg, int r, const struct err *e)
{
	struct queue *q = arg;
	struct list done;
	q->storing = false;
	list_init(&done);
	while (!list_is_empty(&q->charging))
		list_add(r == -ESTALE && q->attempts < MAX_ATTEMPTS ? &q->waiting : &done, list_pop(&q->charging));
	if (list_is_empty(&q->waiting) || r != -ESTALE)
		q->attempts = 0;
	while (!list_is_empty(&done)) {
		struct quota_ticket *t = LIST_ENTRY(list_pop(&done), struct quota_ticket, link);
		go_on(t, r == 0 ? NULL
			 : r == -ESTALE
				 ? status_conflict("", "resourcequotas", "", "the quotas of the namespace change too fast; try again")
				 : status_new(500, "InternalError", "Internal error occurred: %s", err_text(e)));
	}
	schedule(q);
	tidy(q);
}

/* The quotas that differ from what is stored. */
static json_t *changed_only(json_t *quotas, const json_t *before)
{
	json_t *list = json_array(), *q;
	size_t i;
	json_array_foreach(quotas, i, q)
	{
		if (!json_equal(q, json_array_get(before, i)))
			json_array_append(list, q);
	}
	return list;
}

static void run_queue(void *arg)
{
	struct queue *q = arg;
	q->scheduled = false;
	if (!q->book) {
		queue_free(q);
		return;
	}
	struct admission *n = q->book->n;
	struct list refused, free_of_charge;
	AUTO_JSON *quotas = admission_list(n, "", "v1", "resourcequotas", q->ns), *before = json_clone(quotas);
	AUTO_JSON *statuses = json_array();
	q->attempts++;
	list_init(&refused);
	list_init(&free_of_charge);
	while (!list_is_empty(&q->waiting)) {
		struct quota_ticket *t = LIST_ENTRY(list_pop(&q->waiting), struct quota_ticket, link);
		json_t *status = charge(t, quotas);
		if (status)
			json_array_append_new(statuses, status);
		list_add(status ? &refused : json_object_size(t->charged) ? &q->charging : &free_of_charge, &t->link);
	}
	json_decref(q->quotas);
	q->quotas = changed_only(quotas, before);
	q->storing = json_array_size(q->quotas) != 0;
	if (!q->storing)
		while (!list_is_empty(&q->charging))
			list_add(&free_of_charge, list_pop(&q->charging));
	if (q->storing)
		n->c.store(n->c.server, "", "v1", "resourcequotas", q->quotas, on_stored, q);
	else
		q->attempts = 0;
	for (size_t i = 0; !list_is_empty(&refused); i++)
		go_on(LIST_ENTRY(list_pop(&refused), struct quota_ticket, link), json_incref(json_array_get(statuses, i)));
	while (!list_is_empty(&free_of_charge))
		go_on(LIST_ENTRY(list_pop(&free_of_charge), struct quota_ticket, link), NULL);
	tidy(q);
}

/* --- the plugin --------------------------------------------------------------------------------------------------- */

/* What an update may change of an object's usage. */
static bool concerns(const struct admit *a)
{
	bool pod = admit_is_kind(a, "", "Pod");
	if (!*a->ns || strcmp(a->kind->plural, "events") == 0)
		return false;
	if (*a->subresource)
		return pod && a->op == ADMIT_UPDATE && strcmp(a->subresource, "resize") == 0;
	return a->op == ADMIT_CREATE || admit_is_kind(a, "", "Service") || admit_is_kind(a, "", "PersistentVolumeClaim") ||
	       admit_is_kind(a, "resource.k8s.io", "ResourceClaim");
}

static void note(void *arg, struct cobj *o)
{
	(void)o;
	*(bool *)arg = true;
}

static bool has_quotas(const struct admit *a)
{
	struct bucket *b = admission_bucket(a->n, "", "v1", "resourcequotas");
	bool any = false;
	if (b && bucket_len(b))
		bucket_list(b, &(struct bucket_query){ .ns = a->ns, .limit = 1 }, note, &any);
	return any;
}

static void cancel(struct admit *a)
{
	ticket_free(a->quota);
	a->quota = NULL;
}

static json_t *validate(struct admit *a)
{
	if (!concerns(a) || !has_quotas(a))
		return NULL;
	if (a->dry_run) {
		AUTO_JSON *quotas = admission_list(a->n, "", "v1", "resourcequotas", a->ns), *charged = NULL;
		AUTO_FREE char *why = quota_plan_charge(quotas, a->kind, a->object, a->old, &charged);
		return why ? admit_forbidden(a, "%s", why) : NULL;
	}
	struct queue *q = queue_of(a->n->quotas, a->ns);
	a->quota = xcalloc(1, sizeof(*a->quota));
	a->quota->book = a->n->quotas;
	a->quota->a = a;
	a->quota->ns = xstrdup(a->ns);
	hold(a->n->quotas, a->ns, 1);
	list_add(&q->waiting, &a->quota->link);
	admit_suspend(a, a->quota, cancel);
	schedule(q);
	return NULL;
}

static void settle(struct admit *a, bool committed)
{
	struct quota_ticket *t = a->quota;
	a->quota = NULL;
	if (!t)
		return;
	if (committed || !json_object_size(t->charged) || !a->n->quotas) {
		ticket_free(t);
		return;
	}
	struct queue *q = queue_of(a->n->quotas, t->ns);
	t->a = NULL;
	list_add(&q->waiting, &t->link);
	schedule(q);
}

const struct admit_plugin resource_quota_plugin = {
	.name = "ResourceQuota",
	.ops = ADMIT_CREATE | ADMIT_UPDATE,
	.subresources = true,
	.validate = validate,
	.settle = settle,
};
