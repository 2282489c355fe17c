/* Pods that wait for a node: which is next, which failed and waits for a change, which waits out a delay. No I/O. */
#ifndef KNARR_CP_SCHEDULER_PENDING_H
#define KNARR_CP_SCHEDULER_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"

enum pending_state { PENDING_READY, PENDING_BUSY, PENDING_PARKED, PENDING_DELAYED };

struct pending_pod {
	struct list link;
	enum pending_state state;
	bool woken; /* something changed while it was busy */
	char *uid, *ns, *name;
	int64_t priority;
	uint64_t seq; /* the order of arrival */
	int attempts;
	int64_t tried_ms, at_ms;
	char *message; /* why it could not be placed, as written last; NULL: nothing written */
};

struct pending {
	struct map *by_uid; /* owned */
	struct list ready, parked, delayed;
	uint64_t next_seq;
};

#define PENDING_BASE_MS 1000
#define PENDING_MAX_MS 10000

void pending_init(struct pending *q);
void pending_done(struct pending *q);
/* The pod waits; one that is known keeps its place, but is tried again when it was parked. */
void pending_put(struct pending *q, const char *uid, const char *ns, const char *name, int64_t priority,
		 int64_t now_ms);
void pending_remove(struct pending *q, const char *uid); /* absent is fine */
struct pending_pod *pending_get(const struct pending *q, const char *uid);
/* The next by priority, then arrival; it is busy until one of the three below or pending_remove(). NULL: none is due.
 */
struct pending_pod *pending_take(struct pending *q, int64_t now_ms);
void pending_park(struct pending *q, struct pending_pod *p, int64_t now_ms);  /* until pending_wake() */
void pending_retry(struct pending *q, struct pending_pod *p, int64_t now_ms); /* after its delay */
/* Something changed that may help: parked pods come back after what is left of their delay (1 s, 2 s, ... 10 s). */
void pending_wake(struct pending *q, int64_t now_ms);
/* When pending_take() may have one: INT64_MAX when only a change can help. */
int64_t pending_next_at(const struct pending *q);

#endif
