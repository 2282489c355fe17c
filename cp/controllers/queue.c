/* The keyed work queue of a controller.
 *
 * A key has one entry for as long as anything is known about it: waiting in the ready list, waiting for a time in a
 * heap, being worked on (and then perhaps dirty: wanted again), or resting afterwards, in the heap as well. An entry that
 * is none of these and has no failures is dropped. Always holds: a key is in the ready list at most once, in the heap at
 * most once, and never in the ready list while it is worked on or rests. Nothing here can fail. */
#include "cp/controllers/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

enum { NOT_IN_HEAP = -1 };

struct entry {
	struct list ready; /* in queue.ready while is_ready */
	bool is_ready, busy, dirty, resting;
	int failures;
	int heap_at; /* index, NOT_IN_HEAP */
	int64_t at_ms;
	int64_t due_ms; /* of one that rests: when it is wanted again, not before at_ms; INT64_MAX: never */
	char key[];
};

struct queue {
	struct map *entries;
	struct list ready;
	struct entry **heap;
	int n, cap;
	int64_t base_ms, max_ms;
};

struct queue *queue_new(int64_t base_ms, int64_t max_ms)
{
	struct queue *q = xcalloc(1, sizeof(*q));
	q->entries = map_new(free);
	q->base_ms = base_ms;
	q->max_ms = max_ms;
	list_init(&q->ready);
	return q;
}

void queue_free(struct queue *q)
{
	if (!q)
		return;
	map_free(q->entries);
	free(q->heap);
	free(q);
}

static void heap_put(struct queue *q, int i, struct entry *en)
{
	q->heap[i] = en;
	en->heap_at = i;
}

static void heap_up(struct queue *q, int i)
{
	struct entry *en = q->heap[i];
	while (i > 0 && q->heap[(i - 1) / 2]->at_ms > en->at_ms) {
		heap_put(q, i, q->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_put(q, i, en);
}

static void heap_down(struct queue *q, int i)
{
	struct entry *en = q->heap[i];
	for (int child; (child = 2 * i + 1) < q->n; i = child) {
		if (child + 1 < q->n && q->heap[child + 1]->at_ms < q->heap[child]->at_ms)
			child++;
		if (q->heap[child]->at_ms >= en->at_ms)
			break;
		heap_put(q, i, q->heap[child]);
	}
	heap_put(q, i, en);
}

static void heap_add(struct queue *q, struct entry *en)
{
	if (q->n == q->cap) {
		q->cap = q->cap ? 2 * q->cap : 16;
		q->heap = xreallocarray(q->heap, (size_t)q->cap, sizeof(*q->heap));
	}
	q->heap[q->n] = en;
	heap_up(q, q->n++);
}

static void heap_remove(struct queue *q, struct entry *en)
{
	int i = en->heap_at;
	if (i == NOT_IN_HEAP)
		return;
	en->heap_at = NOT_IN_HEAP;
	struct entry *last = q->heap[--q->n];
	if (last == en)
		return;
	heap_put(q, i, last);
	heap_up(q, i);
	heap_down(q, last->heap_at);
}

static struct entry *entry_get(struct queue *q, const char *key)
{
	struct entry *en = map_get(q->entries, key);
	if (en)
		return en;
	size_t n = strlen(key) + 1;
	en = xcalloc(1, sizeof(*en) + n);
	memcpy(en->key, key, n);
	list_init(&en->ready);
	en->heap_at = NOT_IN_HEAP;
	map_set(q->entries, key, en);
	return en;
}

static void entry_drop_idle(struct queue *q, struct entry *en)
{
	if (!en->is_ready && !en->busy && !en->failures && en->heap_at == NOT_IN_HEAP)
		map_remove(q->entries, en->key);
}

static void entry_make_ready(struct queue *q, struct entry *en)
{
	if (en->resting) {
		en->due_ms = en->at_ms;
		return;
	}
	heap_remove(q, en);
	if (en->busy) {
		en->dirty = true;
	} else if (!en->is_ready) {
		en->is_ready = true;
		list_add(&q->ready, &en->ready);
	}
}

void queue_add(struct queue *q, const char *key)
{
	entry_make_ready(q, entry_get(q, key));
}

void queue_add_at(struct queue *q, const char *key, int64_t at_ms)
{
	struct entry *en = entry_get(q, key);
	if (en->is_ready || en->dirty)
		return;
	if (en->resting) {
		en->due_ms = MIN(en->due_ms, MAX(at_ms, en->at_ms));
		return;
	}
	if (en->heap_at != NOT_IN_HEAP) {
		if (en->at_ms <= at_ms)
			return;
		heap_remove(q, en);
	}
	en->at_ms = at_ms;
	heap_add(q, en);
}

void queue_retry(struct queue *q, const char *key, int64_t now_ms)
{
	struct entry *en = entry_get(q, key);
	int64_t delay = q->base_ms;
	for (int i = 0; i < en->failures && delay < q->max_ms; i++)
		delay *= 2;
	en->failures++;
	queue_add_at(q, key, now_ms + MIN(delay, q->max_ms));
}

void queue_forget(struct queue *q, const char *key)
{
	struct entry *en = map_get(q->entries, key);
	if (!en)
		return;
	en->failures = 0;
	entry_drop_idle(q, en);
}

int queue_failures(const struct queue *q, const char *key)
{
	const struct entry *en = map_get(q->entries, key);
	return en ? en->failures : 0;
}

static void entry_end_rest(struct queue *q, struct entry *en)
{
	heap_remove(q, en);
	en->resting = false;
	if (en->due_ms != INT64_MAX)
		queue_add_at(q, en->key, en->due_ms);
	else
		entry_drop_idle(q, en);
}

const char *queue_take(struct queue *q, int64_t now_ms)
{
	while (q->n && q->heap[0]->at_ms <= now_ms) {
		if (q->heap[0]->resting)
			entry_end_rest(q, q->heap[0]);
		else
			entry_make_ready(q, q->heap[0]);
	}
	if (list_is_empty(&q->ready))
		return NULL;
	struct entry *en = LIST_ENTRY(q->ready.next, struct entry, ready);
	list_remove(&en->ready);
	en->is_ready = false;
	en->busy = true;
	return en->key;
}

static void entry_rest(struct queue *q, struct entry *en, int64_t until_ms)
{
	en->due_ms = en->dirty ? until_ms : en->heap_at == NOT_IN_HEAP ? INT64_MAX : MAX(en->at_ms, until_ms);
	heap_remove(q, en);
	en->dirty = false;
	en->resting = true;
	en->at_ms = until_ms;
	heap_add(q, en);
}

void queue_done(struct queue *q, const char *key, int64_t rest_until_ms)
{
	struct entry *en = map_get(q->entries, key);
	if (!en)
		return;
	en->busy = false;
	if (rest_until_ms) {
		entry_rest(q, en, rest_until_ms);
	} else if (en->dirty) {
		en->dirty = false;
		entry_make_ready(q, en);
	}
	entry_drop_idle(q, en);
}

int64_t queue_next_at(const struct queue *q)
{
	if (!list_is_empty(&q->ready))
		return 0;
	return q->n ? q->heap[0]->at_ms : INT64_MAX;
}

size_t queue_depth(const struct queue *q)
{
	size_t n = 0;
	for (const struct list *i = q->ready.next; i != &q->ready; i = i->next)
		n++;
	return n;
}
