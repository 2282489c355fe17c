/* Queues of a priority level. Purpose: a flow that floods fills its own few queues, and every queue gets its turn. Happy
 * path: a request goes to the least busy queue of its flow's hand; it runs at once where nobody waits and there are seats,
 * else when its queue is the one that virtual time has served least. A queue is charged an estimate when a request of
 * its begins, and what it really took when it ends. Nothing fails. Order within a queue is that of arrival; seats in use
 * exceed the limit only by one request that is wider than all of them. */
#include "cp/flow/flow_queues.h"

#include <stdlib.h>

#include "base/mem.h"

/* What a seat is taken to be held before it is known, in seconds. */
#define GUESS 0.003

struct queue {
	struct list waiting;
	struct list link; /* of those where something waits */
	size_t n_waiting, n_running, seats_waiting, seats_running;
	double next_r; /* virtual time at which its next request begins */
};

struct flow_queues {
	struct flow_queues_config config;
	struct queue *v;
	struct list busy; /* queues where something waits */
	size_t waiting, running, seats_waiting, seats_running;
	size_t active; /* queues where something waits or runs */
	unsigned deal; /* counts how often queues were made anew */
	double r;      /* virtual time, in seat-seconds a queue */
	int64_t at_us;
};

void flow_deal(uint64_t hash, unsigned deck, unsigned hand, unsigned *ret)
{
	unsigned left[FLOW_HAND_MAX];
	for (unsigned i = 0; i < hand; i++) {
		left[i] = (unsigned)(hash % (deck - i));
		hash /= deck - i;
	}
	/* The i-th remainder counts only cards that were not dealt before. */
	for (unsigned i = 0; i < hand; i++) {
		unsigned card = left[i];
		for (unsigned j = i; j > 0; j--)
			card += card >= left[j - 1];
		ret[i] = card;
	}
}

static void make_queues(struct flow_queues *q)
{
	unsigned n = MAX(q->config.n, 1U);
	q->v = xcalloc(n, sizeof(*q->v));
	for (unsigned i = 0; i < n; i++) {
		list_init(&q->v[i].waiting);
		list_init(&q->v[i].link);
	}
	list_init(&q->busy);
}

static struct flow_queues_config bounded(const struct flow_queues_config *c)
{
	struct flow_queues_config b = *c;
	b.hand = MIN(MAX(b.hand, 1U), (unsigned)FLOW_HAND_MAX);
	b.hand = b.n ? MIN(b.hand, b.n) : b.hand;
	return b;
}

struct flow_queues *flow_queues_new(const struct flow_queues_config *c, int64_t now_us)
{
	struct flow_queues *q = xcalloc(1, sizeof(*q));
	q->config = bounded(c);
	q->at_us = now_us;
	make_queues(q);
	return q;
}

void flow_queues_free(struct flow_queues *q)
{
	if (!q)
		return;
	free(q->v);
	free(q);
}

void flow_queues_set_seats(struct flow_queues *q, unsigned seats)
{
	q->config.seats = seats;
}

/* Virtual time passes by what each active queue gets of the seats in use. */
static void advance(struct flow_queues *q, int64_t now_us)
{
	double dt = (double)(now_us - q->at_us) / 1e6;
	if (now_us <= q->at_us)
		return;
	size_t wanted = q->seats_waiting + q->seats_running;
	if (q->active)
		q->r += dt * (double)MIN(wanted, (size_t)q->config.seats) / (double)q->active;
	q->at_us = now_us;
}

static void activate(struct flow_queues *q, struct queue *one)
{
	if (one->n_waiting || one->n_running)
		return;
	one->next_r = q->r; /* who was away has no claims from before */
	q->active++;
}

static void deactivate(struct flow_queues *q, const struct queue *one)
{
	if (!one->n_waiting && !one->n_running)
		q->active--;
}

/* The queue of the flow's hand with the least work ahead. */
static int choose(const struct flow_queues *q, uint64_t flow)
{
	unsigned hand[FLOW_HAND_MAX];
	if (!q->config.n)
		return 0; /* what waited when the queues went */
	flow_deal(flow, q->config.n, q->config.hand, hand);
	unsigned best = hand[0];
	for (unsigned i = 1; i < q->config.hand; i++) {
		const struct queue *a = &q->v[hand[i]], *b = &q->v[best];
		if (a->seats_waiting + a->seats_running < b->seats_waiting + b->seats_running)
			best = hand[i];
	}
	return (int)best;
}

static bool fits(const struct flow_queues *q, const struct flow_item *i)
{
	if (q->config.exempt)
		return true;
	if (i->seats > q->config.seats)
		return q->seats_running == 0;
	return q->seats_running + i->seats <= q->config.seats;
}

static struct queue *queue_of(const struct flow_queues *q, const struct flow_item *i)
{
	return i->queue < 0 || i->deal != q->deal ? NULL : &q->v[i->queue];
}

static void begin(struct flow_queues *q, struct flow_item *i, int64_t now_us)
{
	struct queue *one = queue_of(q, i);
	i->state = FLOW_RUNNING;
	i->started_us = now_us;
	q->running++;
	q->seats_running += i->seats;
	if (!one)
		return;
	activate(q, one);
	one->n_running++;
	one->seats_running += i->seats;
	one->next_r += GUESS * i->seats;
}

static void enqueue(struct flow_queues *q, struct flow_item *i)
{
	struct queue *one = queue_of(q, i);
	activate(q, one);
	if (!one->n_waiting)
		list_add(&q->busy, &one->link);
	i->state = FLOW_WAITING;
	list_init(&i->link);
	list_add(&one->waiting, &i->link);
	one->n_waiting++;
	one->seats_waiting += i->seats;
	q->waiting++;
	q->seats_waiting += i->seats;
}

static void dequeue(struct flow_queues *q, struct flow_item *i)
{
	struct queue *one = queue_of(q, i);
	list_remove(&i->link);
	one->n_waiting--;
	one->seats_waiting -= i->seats;
	q->waiting--;
	q->seats_waiting -= i->seats;
	if (!one->n_waiting)
		list_remove(&one->link);
}

enum flow_verdict flow_queues_offer(struct flow_queues *q, struct flow_item *i, bool hold, int64_t now_us)
{
	advance(q, now_us);
	i->arrived_us = now_us;
	i->queue = -1;
	if (q->config.exempt || !q->config.n) {
		if (!fits(q, i))
			return FLOW_NO_SEAT;
		begin(q, i, now_us);
		return FLOW_RUN;
	}
	i->queue = choose(q, i->flow);
	i->deal = q->deal;
	if (!hold && !q->waiting && fits(q, i)) {
		begin(q, i, now_us);
		return FLOW_RUN;
	}
	if (queue_of(q, i)->n_waiting >= q->config.length_max)
		return FLOW_QUEUE_FULL;
	enqueue(q, i);
	return FLOW_WAIT;
}

/* The busy queue whose next request would be over first in virtual time; of equals the one that has waited longest. */
static struct queue *pick(struct flow_queues *q)
{
	struct queue *best = NULL;
	double best_end = 0;
	LIST_FOR_EACH(one, &q->busy, struct queue, link)
	{
		const struct flow_item *first = LIST_ENTRY(one->waiting.next, struct flow_item, link);
		double end = one->next_r + GUESS * first->seats;
		if (best && end >= best_end)
			continue;
		best = one;
		best_end = end;
	}
	return best;
}

struct flow_item *flow_queues_next(struct flow_queues *q, int64_t now_us)
{
	advance(q, now_us);
	struct queue *one = pick(q);
	struct flow_item *i = one ? LIST_ENTRY(one->waiting.next, struct flow_item, link) : NULL;
	if (!i || !fits(q, i))
		return NULL;
	/* It runs before it leaves: the queue stays active. */
	begin(q, i, now_us);
	dequeue(q, i);
	if (one->n_waiting) { /* the others first, where it comes to a tie */
		list_remove(&one->link);
		list_add(&q->busy, &one->link);
	}
	return i;
}

void flow_queues_end(struct flow_queues *q, struct flow_item *i, int64_t now_us)
{
	struct queue *one = queue_of(q, i);
	bool ran = i->state == FLOW_RUNNING;
	advance(q, now_us);
	if (i->state == FLOW_WAITING) {
		dequeue(q, i);
		deactivate(q, one);
	} else if (ran) {
		q->running--;
		q->seats_running -= i->seats;
	}
	if (ran && one) {
		one->n_running--;
		one->seats_running -= i->seats;
		one->next_r += i->seats * ((double)(now_us - i->started_us) / 1e6 - GUESS);
		deactivate(q, one);
	}
	i->state = FLOW_OVER;
}

struct flow_item *flow_queues_older(struct flow_queues *q, int64_t before_us)
{
	LIST_FOR_EACH(one, &q->busy, struct queue, link)
	{
		struct flow_item *i = LIST_ENTRY(one->waiting.next, struct flow_item, link);
		if (i->arrived_us < before_us)
			return i;
	}
	return NULL;
}

/* Requests that run are no queue's any more; those that wait are dealt anew, queue by queue. */
static void redeal(struct flow_queues *q, const struct flow_queues_config *c)
{
	struct list all;
	list_init(&all);
	for (unsigned i = 0; i < MAX(q->config.n, 1U); i++)
		while (!list_is_empty(&q->v[i].waiting))
			list_add(&all, list_pop(&q->v[i].waiting));
	free(q->v);
	q->config = *c;
	q->deal++;
	make_queues(q);
	q->waiting = q->seats_waiting = q->active = 0;
	while (!list_is_empty(&all)) {
		struct flow_item *i = LIST_ENTRY(list_pop(&all), struct flow_item, link);
		i->queue = choose(q, i->flow);
		i->deal = q->deal;
		enqueue(q, i);
	}
}

void flow_queues_configure(struct flow_queues *q, const struct flow_queues_config *c, int64_t now_us)
{
	struct flow_queues_config b = bounded(c);
	advance(q, now_us);
	if (b.n != q->config.n || b.hand != q->config.hand || b.exempt != q->config.exempt)
		redeal(q, &b);
	q->config = b;
}

struct flow_queues_view flow_queues_view(const struct flow_queues *q)
{
	return (struct flow_queues_view){q->config.n,         q->waiting, q->running, q->seats_running,
					 q->seats_waiting, q->active};
}

struct flow_queue_view flow_queues_view_one(const struct flow_queues *q, size_t nth)
{
	const struct queue *one = &q->v[nth];
	return (struct flow_queue_view){one->n_waiting, one->n_running, one->seats_running, one->seats_waiting, one->next_r};
}

void flow_queues_each(const struct flow_queues *q, size_t nth, void (*fn)(void *arg, const struct flow_item *i, size_t at),
		      void *arg)
{
	size_t at = 0;
	LIST_FOR_EACH(i, &q->v[nth].waiting, struct flow_item, link)
	{
		fn(arg, i, at++);
	}
}
