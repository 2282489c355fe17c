/* Flow control of requests. Purpose: whoever floods the server waits for himself, not others for him. Happy path: a
 * request is classified, runs at once, and gives its seats back when its answer is out. Where there are no seats, or its
 * level has used its time in this turn of the loop, it waits in a queue; the dispatcher runs what waits after the loop has
 * looked at its sockets. Refused with 429: queues that are full, and waits of a quarter of the request timeout. What
 * always holds: a request that was let through is released exactly once, also when its peer goes. */
#include "cp/api/flow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "cp/api/flow_internal.h"
#include "cp/api/metrics.h"

enum { TURN_US = 20000, SLICE_MIN_US = 2000, SWEEP_MS = 1000, WAIT_MAX_MS = 60000, PERIOD_MS = 10000 };
enum { SEAT_BYTES = 100000, WIDTH_MAX = 100, SELECTED = 10 /* a list by selector copies about so much less */ };

/* --- what a request is ------------------------------------------------------------------------------------------------- */

static bool is_watch(const struct req *q)
{
	return q->route.is_resource && strcmp(q->route.verb, "watch") == 0;
}

bool flow_is_long_running(const struct req *q)
{
	static const char *const streams[] = {"attach", "exec", "proxy", "log", "portforward"};
	const struct route *r = &q->route;
	if (!r->is_resource)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(streams); i++)
		if (strcmp(r->subresource, streams[i]) == 0)
			return true;
	return strcmp(r->verb, "watch") == 0;
}

static bool is_changing(const struct req *q)
{
	static const char *const reads[] = {"get", "list", "watch"};
	for (size_t i = 0; i < ARRAY_LEN(reads); i++)
		if (strcmp(q->route.verb, reads[i]) == 0)
			return false;
	return true;
}

/* How many of the bytes of a resource a list copies. */
static double list_bytes(const struct req *q, const struct bucket *b)
{
	const char *limit = req_param(q, "limit"), *fields = req_param(q, "fieldSelector");
	double n = (double)bucket_len(b), bytes = (double)bucket_bytes(b), max = limit ? strtod(limit, NULL) : 0;
	if (max > 0 && max < n)
		return bytes * max / n;
	return !str_empty(fields) || !str_empty(req_param(q, "labelSelector")) ? bytes / SELECTED : bytes;
}

/* Seats of a request: lists take more, by what they copy. */
static unsigned width_of(const struct req *q, const struct flow_level *l)
{
	const struct route *r = &q->route;
	bool lists = strcmp(r->verb, "list") == 0 || (is_watch(q) && query_bool(&q->query, "sendInitialEvents"));
	const struct resource *res = lists && !*r->name ? api_resource(q->api, r->group, r->version, r->resource) : NULL;
	if (!res)
		return 1;
	double max = fmin(WIDTH_MAX, fmax(1, ceil(0.15 * l->share.nominal)));
	return (unsigned)fmin(max, fmax(1, ceil(list_bytes(q, res->bucket) / SEAT_BYTES)));
}

static uint64_t hash_text(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3ULL;
	return (h ^ 0xff) * 0x100000001b3ULL;
}

/* A seed of its own keeps users from choosing names that meet in one queue. */
static uint64_t flow_hash(const struct flow *f, const char *schema, const char *distinguisher)
{
	uint64_t h = hash_text(hash_text(f->seed, schema), distinguisher);
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ULL;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebULL;
	return h ^ (h >> 31);
}

/* Always finds something: the schemas end with one that takes all. */
static void classify(struct flow *f, struct req *q)
{
	struct auth_attributes what = api_attributes(q);
	struct flow_schema *s = flow_schema_find(f->schemas, f->n_schemas, &q->user, &what);
	struct flow_level *l;
	s = s ? s : f->schemas[f->n_schemas - 1];
	l = flow_level_named(f, s->level);
	q->flow.schema = flow_schema_ref(s);
	q->flow.level = l;
	l->refs++;
	q->flow.item = (struct flow_item){.flow = flow_hash(f, s->name, flow_distinguisher(s, &q->user, &what)),
					  .seats = width_of(q, l)};
}

/* --- running ------------------------------------------------------------------------------------------------------------ */

static int64_t slice_us(const struct flow_level *l)
{
	int seats = l->f->config.max_requests + l->f->config.max_changing;
	return MAX((int64_t)TURN_US * l->share.current / MAX(seats, 1), (int64_t)SLICE_MIN_US);
}

static void note_demand(struct flow_level *l, int64_t now)
{
	struct flow *f = l->f;
	struct flow_queues_view v = flow_queues_view(l->queues);
	if (!timer_is_active(f->borrow_timer)) {
		for (size_t i = 0; i < f->n_levels; i++)
			flow_demand_take(&f->levels[i]->demand, now);
		timer_start_slack(f->borrow_timer, PERIOD_MS, PERIOD_MS / 2);
	}
	flow_demand_change(&l->demand, (int64_t)(v.seats_running + v.seats_waiting), now);
}

static void serve(struct req *q)
{
	struct flow_level *l = q->flow.level;
	int64_t begun = q->flow.item.started_us;
	l->f->in_flight[is_changing(q)]++;
	req_ref(q);
	request_run(q);
	req_unref(q);
	l->spent_us += clock_mono_us() - begun;
}

static void refuse(struct req *q, const char *reason)
{
	struct flow_level *l = q->flow.level;
	if (l)
		flow_count(q->api->flow, q, FLOW_NO_SEAT, reason);
	request_count_ended(q, 429);
	q->retry_after = l ? flow_retry_count(&l->retry, clock_wall_ms() / 1000) : 1;
	reply_text(q, 429, "Too many requests, please try again later.\n");
}

/* Runs what waits in a level, as long as its slice lasts. Whether more could run. */
static bool run_waiting(struct flow_level *l)
{
	struct flow_item *i;
	l->spent_us = 0;
	while (l->spent_us < slice_us(l) && (i = flow_queues_next(l->queues, clock_mono_us()))) {
		struct req *q = CONTAINER_OF(i, struct req, flow.item);
		flow_count(l->f, q, FLOW_RUN, NULL);
		flow_count_wait(l->f, q, true, i->started_us - i->arrived_us);
		serve(q);
	}
	return flow_queues_view(l->queues).waiting && l->spent_us >= slice_us(l);
}

static void dispatch(void *arg)
{
	struct flow *f = arg;
	bool more = false;
	for (size_t i = 0; i < f->n_levels; i++)
		more |= run_waiting(f->levels[i]);
	if (more)
		timer_start(f->dispatch_timer, 0);
}

static void wake(struct flow *f)
{
	if (!timer_is_active(f->dispatch_timer))
		timer_start(f->dispatch_timer, 0);
}

static int64_t wait_ms(const struct flow *f)
{
	return MIN(f->config.request_timeout_ms / 4, (int64_t)WAIT_MAX_MS);
}

/* Who has waited too long is told so. */
static void sweep(void *arg)
{
	struct flow *f = arg;
	int64_t now = clock_mono_us();
	bool waiting = false;
	for (size_t i = 0; i < f->n_levels; i++) {
		struct flow_level *l = f->levels[i];
		struct flow_item *late;
		while ((late = flow_queues_older(l->queues, now - wait_ms(f) * 1000))) {
			struct req *q = CONTAINER_OF(late, struct req, flow.item);
			flow_queues_end(l->queues, late, now);
			flow_count_wait(f, q, false, now - late->arrived_us);
			refuse(q, "time-out");
		}
		waiting |= flow_queues_view(l->queues).waiting != 0;
		note_demand(l, now);
	}
	if (waiting)
		timer_start_slack(f->sweep_timer, SWEEP_MS, SWEEP_MS / 4);
}

static void enter(struct flow *f, struct req *q)
{
	int64_t now = clock_mono_us();
	struct flow_level *l = q->flow.level;
	bool hold = !l->exempt && l->spent_us >= slice_us(l);
	enum flow_verdict v = flow_queues_offer(l->queues, &q->flow.item, hold, now);
	if (v == FLOW_RUN || v == FLOW_WAIT)
		note_demand(l, now);
	if (v == FLOW_RUN) {
		flow_count(f, q, v, NULL);
		serve(q);
	} else if (v == FLOW_WAIT) {
		flow_count(f, q, v, NULL);
		wake(f);
		if (!timer_is_active(f->sweep_timer))
			timer_start_slack(f->sweep_timer, SWEEP_MS, SWEEP_MS / 4);
	} else {
		refuse(q, v == FLOW_QUEUE_FULL ? "queue-full" : "concurrency-limit");
	}
}

/* Without levels: so many that read and so many that change. Administrators are not counted. */
static void enter_counted(struct flow *f, struct req *q)
{
	bool changing = is_changing(q);
	unsigned max = (unsigned)(changing ? f->config.max_changing : f->config.max_requests);
	if (max && f->in_flight[changing] >= max && !auth_user_in(&q->user, "system:masters")) {
		refuse(q, NULL);
		return;
	}
	f->in_flight[changing]++;
	q->flow.counted = true;
	request_run(q);
}

void flow_request(struct req *q)
{
	struct flow *f = q->api->flow;
	bool streams = flow_is_long_running(q) && !is_watch(q);
	if (q->local || streams || (f->config.off && is_watch(q))) {
		request_run(q);
	} else if (f->config.off) {
		enter_counted(f, q);
	} else {
		classify(f, q);
		enter(f, q);
	}
}

bool flow_release(struct req *q)
{
	struct flow_level *l = q->flow.level;
	bool waited = l && q->flow.item.state == FLOW_WAITING, ran = l && q->flow.item.state == FLOW_RUNNING;
	if (ran || q->flow.counted)
		q->api->flow->in_flight[is_changing(q)]--;
	q->flow.counted = false;
	if (!l)
		return false;
	int64_t now = clock_mono_us();
	if (ran)
		flow_count_end(l->f, q, now - q->flow.item.started_us);
	else if (waited)
		flow_count_wait(l->f, q, false, now - q->flow.item.arrived_us);
	flow_queues_end(l->queues, &q->flow.item, now);
	note_demand(l, now);
	if (flow_queues_view(l->queues).waiting)
		wake(l->f);
	else if (l->quiescing)
		flow_levels_sync(l->f);
	flow_schema_unref(TAKE(q->flow.schema));
	q->flow.level = NULL;
	flow_level_unref(l);
	return waited;
}

const char *flow_schema_uid(const struct req *q)
{
	return q->flow.schema ? q->flow.schema->uid : "";
}

const char *flow_level_uid(const struct req *q)
{
	return q->flow.level ? q->flow.level->uid : "";
}

/* --- borrowing ---------------------------------------------------------------------------------------------------------- */

/* As long as somebody asks for anything, seats follow the demand; then everybody has his own again. */
static void borrow(void *arg)
{
	struct flow *f = arg;
	int64_t now = clock_mono_us();
	AUTO_FREE struct flow_share **v = xcalloc(f->n_levels + 1, sizeof(struct flow_share *));
	double fraction = 1, asked = 0;
	for (size_t i = 0; i < f->n_levels; i++) {
		v[i] = &f->levels[i]->share;
		v[i]->demand = flow_demand_take(&f->levels[i]->demand, now);
	}
	flow_shares_adjust(v, f->n_levels, f->config.max_requests + f->config.max_changing, &fraction);
	for (size_t i = 0; i < f->n_levels; i++) {
		asked = fmax(asked, fmax(v[i]->smoothed, (double)f->levels[i]->demand.now));
		flow_queues_set_seats(f->levels[i]->queues, (unsigned)v[i]->current);
	}
	flow_tell_borrowing(f, fraction);
	if (asked >= 1)
		timer_start_slack(f->borrow_timer, PERIOD_MS, PERIOD_MS / 2);
	wake(f);
}

/* --- life ---------------------------------------------------------------------------------------------------------------- */

struct flow *flow_new(struct api *a, const struct api_flow_config *c)
{
	struct flow *f = xcalloc(1, sizeof(*f));
	f->api = a;
	f->config = *c;
	rand_bytes(&f->seed, sizeof(f->seed));
	f->dispatch_timer = timer_new(a->loop, dispatch, f);
	f->sweep_timer = timer_new(a->loop, sweep, f);
	f->borrow_timer = timer_new(a->loop, borrow, f);
	flow_levels_start(f);
	f->keeper = flow_keeper_new(f);
	metrics_before_write(a->numbers, flow_tell_levels, f);
	return f;
}

void flow_free(struct flow *f)
{
	if (!f)
		return;
	metrics_forget_before_write(f->api->numbers, f);
	flow_keeper_free(f->keeper);
	flow_levels_stop(f);
	timer_free(f->dispatch_timer);
	timer_free(f->sweep_timer);
	timer_free(f->borrow_timer);
	free(f);
}
