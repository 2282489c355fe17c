/* What the files of flow control share. */
#ifndef KNARR_CP_API_FLOW_INTERNAL_H
#define KNARR_CP_API_FLOW_INTERNAL_H

#include "base/metrics.h"
#include "cp/api/flow.h"
#include "cp/flow/flow_retry.h"
#include "cp/flow/flow_shares_plan.h"

struct flow_level {
	struct flow *f;
	int refs; /* the table's and its requests' */
	char *name, *uid;
	bool exempt, quiescing; /* its object has gone, and it ends with its last request */
	bool seen;
	struct flow_queues *queues;
	struct flow_share share;
	struct flow_demand demand;
	struct flow_retry retry;
	int64_t turn_ms, spent_us; /* what it took of this turn of the loop */
};

struct flow_keeper; /* flow_objects.c */

struct flow {
	struct api *api;
	struct api_flow_config config;
	struct flow_level **levels; /* by name */
	size_t n_levels;
	struct flow_schema **schemas; /* by precedence */
	size_t n_schemas;
	struct cache_watch *watches[2];
	struct timer *dispatch_timer, *sweep_timer, *borrow_timer, *sync_timer;
	uint64_t seed;
	unsigned in_flight[2]; /* without levels: reading, changing */
	struct flow_keeper *keeper;
};

#define FLOW_GROUP "flowcontrol.apiserver.k8s.io"

void flow_level_unref(struct flow_level *l);
struct flow_level *flow_level_named(const struct flow *f, const char *name); /* NULL: there is none */
/* The table of levels and schemas: made at the start, and anew in the next turn of the loop. */
void flow_levels_start(struct flow *f);
void flow_levels_sync(struct flow *f);
void flow_levels_stop(struct flow *f);

/* The objects that every cluster has of one kind. */
void flow_each_wanted(const char *kind, void (*fn)(void *arg, const json_t *object), void *arg);
struct flow_keeper *flow_keeper_new(struct flow *f);
void flow_keeper_free(struct flow_keeper *k);
/* Objects have changed: looks at them soon. */
void flow_keeper_wake(struct flow_keeper *k);

/* flow_metrics.c */
void flow_count(struct flow *f, const struct req *q, enum flow_verdict v, const char *reason);
void flow_count_wait(struct flow *f, const struct req *q, bool ran, int64_t waited_us);
void flow_count_end(struct flow *f, const struct req *q, int64_t ran_us);
void flow_tell_levels(void *flow);
void flow_tell_borrowing(struct flow *f, double fraction);

#endif
