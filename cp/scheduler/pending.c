/* The scheduler's queue.
 *
 * ready -> busy -> removed (bound), parked (nothing fits; a change brings it back) or delayed (a call failed). What
 * changes while a pod is busy is remembered, so that a change is never missed between looking and parking. Nothing can
 * fail. */
#include "cp/scheduler/pending.h"

#include <stdlib.h>

#include "base/mem.h"

static void pod_free(void *value)
{
	struct pending_pod *p = value;
	list_remove(&p->link);
	free(p->uid);
	free(p->ns);
	free(p->name);
	free(p->message);
	free(p);
}

void pending_init(struct pending *q)
{
	*q = (struct pending){.by_uid = map_new(pod_free)};
	list_init(&q->ready);
	list_init(&q->parked);
	list_init(&q->delayed);
}

void pending_done(struct pending *q)
{
	map_free(q->by_uid);
	q->by_uid = NULL;
}

static bool goes_before(const struct pending_pod *a, const struct pending_pod *b)
{
	return a->priority != b->priority ? a->priority > b->priority : a->seq < b->seq;
}

/* Newcomers mostly belong at the end: the place is sought from there. */
static void make_ready(struct pending *q, struct pending_pod *p)
{
	list_remove(&p->link);
	p->state = PENDING_READY;
	p->woken = false;
	struct list *at = q->ready.prev;
	while (at != &q->ready && goes_before(p, LIST_ENTRY(at, struct pending_pod, link)))
		at = at->prev;
	list_add(at->next, &p->link);
}

static void delay(struct pending *q, struct pending_pod *p, int64_t now_ms)
{
	int64_t wait = PENDING_BASE_MS;
	for (int i = 1; i < p->attempts && wait < PENDING_MAX_MS; i++)
		wait *= 2;
	p->at_ms = p->tried_ms + MIN(wait, PENDING_MAX_MS);
	if (p->at_ms <= now_ms) {
		make_ready(q, p);
		return;
	}
	list_remove(&p->link);
	p->state = PENDING_DELAYED;
	list_add(&q->delayed, &p->link);
}

void pending_put(struct pending *q, const char *uid, const char *ns, const char *name, int64_t priority, int64_t now_ms)
{
	struct pending_pod *p = map_get(q->by_uid, uid);
	if (p) {
		p->priority = priority;
		p->woken = true;
		if (p->state == PENDING_PARKED)
			delay(q, p, now_ms);
		return;
	}
	p = xcalloc(1, sizeof(*p));
	*p = (struct pending_pod){
	    .uid = xstrdup(uid), .ns = xstrdup(ns), .name = xstrdup(name), .priority = priority, .seq = q->next_seq++};
	list_init(&p->link);
	map_set(q->by_uid, uid, p);
	make_ready(q, p);
}

void pending_remove(struct pending *q, const char *uid)
{
	map_remove(q->by_uid, uid);
}

struct pending_pod *pending_get(const struct pending *q, const char *uid)
{
	return map_get(q->by_uid, uid);
}

struct pending_pod *pending_take(struct pending *q, int64_t now_ms)
{
	LIST_FOR_EACH(p, &q->delayed, struct pending_pod, link)
	{
		if (p->at_ms <= now_ms)
			make_ready(q, p);
	}
	if (list_is_empty(&q->ready))
		return NULL;
	struct pending_pod *p = LIST_ENTRY(q->ready.next, struct pending_pod, link);
	list_remove(&p->link);
	p->state = PENDING_BUSY;
	p->woken = false;
	p->attempts++;
	p->tried_ms = now_ms;
	return p;
}

void pending_park(struct pending *q, struct pending_pod *p, int64_t now_ms)
{
	if (p->woken) {
		delay(q, p, now_ms);
		return;
	}
	p->state = PENDING_PARKED;
	list_add(&q->parked, &p->link);
}

void pending_retry(struct pending *q, struct pending_pod *p, int64_t now_ms)
{
	delay(q, p, now_ms);
}

void pending_wake(struct pending *q, int64_t now_ms)
{
	size_t at = 0;
	const char *uid;
	struct pending_pod *p;
	while (map_next(q->by_uid, &at, &uid, &p)) {
		p->woken |= p->state == PENDING_BUSY;
		if (p->state == PENDING_PARKED)
			delay(q, p, now_ms);
	}
}

int64_t pending_next_at(const struct pending *q)
{
	int64_t at = INT64_MAX;
	if (!list_is_empty(&q->ready))
		return 0;
	LIST_FOR_EACH(p, &q->delayed, struct pending_pod, link)
	at = MIN(at, p->at_ms);
	return at;
}
