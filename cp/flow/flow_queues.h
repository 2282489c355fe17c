/* The queues of one priority level: shuffle sharding spreads flows over them, fair queuing by virtual time picks who is
 * next (Kubernetes, KEP-1040). Pure: time is an argument, in microseconds; requests are the caller's. */
#ifndef KNARR_CP_FLOW_FLOW_QUEUES_H
#define KNARR_CP_FLOW_FLOW_QUEUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct flow_queues;

enum flow_item_state { FLOW_NEW, FLOW_WAITING, FLOW_RUNNING, FLOW_OVER };

/* One request, embedded by the caller; zeroed but for flow and seats. */
struct flow_item {
	uint64_t flow; /* hash of what tells flows apart */
	unsigned seats;
	/* Inside. */
	enum flow_item_state state;
	struct list link; /* in its queue, while it waits */
	int queue;        /* -1: none */
	unsigned deal;    /* which dealing of queues it is of */
	int64_t arrived_us, started_us;
};

struct flow_queues_config {
	unsigned n;          /* queues; 0: nobody waits */
	unsigned hand;       /* how many of them a flow may use */
	unsigned length_max; /* of a queue */
	unsigned seats;      /* that may be in use */
	bool exempt;         /* never limited */
};

struct flow_queues *flow_queues_new(const struct flow_queues_config *c, int64_t now_us);
/* Nothing waits or runs any more. NULL is fine. */
void flow_queues_free(struct flow_queues *q);
/* What waits is dealt anew where the number of queues or the hand changes. */
void flow_queues_configure(struct flow_queues *q, const struct flow_queues_config *c, int64_t now_us);
void flow_queues_set_seats(struct flow_queues *q, unsigned seats);

enum flow_verdict { FLOW_RUN, FLOW_WAIT, FLOW_QUEUE_FULL, FLOW_NO_SEAT };
/* A request has come: it runs, waits, or is refused. hold: it is not to run now, even where there is a seat (a level
 * without queues runs it all the same). */
enum flow_verdict flow_queues_offer(struct flow_queues *q, struct flow_item *i, bool hold, int64_t now_us);
/* The next one that may run now, which it does from now on; NULL: none. */
struct flow_item *flow_queues_next(struct flow_queues *q, int64_t now_us);
/* It waits no more, or has ended; an item that is neither waiting nor running is left alone. */
void flow_queues_end(struct flow_queues *q, struct flow_item *i, int64_t now_us);
/* The first waiting one that has come before a time, NULL: none. */
struct flow_item *flow_queues_older(struct flow_queues *q, int64_t before_us);

struct flow_queue_view {
	size_t waiting, running, seats_running, seats_waiting;
	double next_r; /* seat-seconds */
};
struct flow_queues_view {
	size_t queues, waiting, running, seats_running, seats_waiting, active;
};
struct flow_queues_view flow_queues_view(const struct flow_queues *q);
struct flow_queue_view flow_queues_view_one(const struct flow_queues *q, size_t nth);
/* Calls fn for what waits in the nth queue, first come first. */
void flow_queues_each(const struct flow_queues *q, size_t nth, void (*fn)(void *arg, const struct flow_item *i, size_t at),
		      void *arg);

/* The hand of a flow: hand different numbers below deck, for a hash. Written to ret. */
void flow_deal(uint64_t hash, unsigned deck, unsigned hand, unsigned *ret);
enum { FLOW_HAND_MAX = 32 };

#endif
