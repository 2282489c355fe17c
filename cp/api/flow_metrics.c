/* Metrics of flow control, by the original's names. Purpose: who waits, who is refused, who has how many seats. Happy path:
 * a schema's rows are looked up once and kept with it; levels are told when somebody asks. Nothing fails. */
#include "base/mem.h"
#include "cp/api/flow_internal.h"

#define PREFIX "apiserver_flowcontrol_"

static const double seconds[] = {0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30};
static const double seats[] = {1, 2, 4, 10};

#define BY_FLOW "priority_level,flow_schema"
#define DEF(id, name, help, type, labels) METRIC_DEF(id, PREFIX name, help, type, labels)
#define HISTOGRAM(id, name, help, labels, bounds) METRIC_BUCKETS(id, PREFIX name, help, labels, bounds)

DEF(dispatched, "dispatched_requests_total", "Requests that were let through.", METRIC_COUNTER, BY_FLOW);
DEF(rejected, "rejected_requests_total", "Requests that were refused.", METRIC_COUNTER, BY_FLOW ",reason");
DEF(in_queue, "current_inqueue_requests", "Requests that wait in queues.", METRIC_GAUGE, BY_FLOW);
DEF(executing, "current_executing_requests", "Requests in execution, and watches that begin.", METRIC_GAUGE, BY_FLOW);
DEF(executing_seats, "current_executing_seats", "Seats that these take.", METRIC_GAUGE, BY_FLOW);
HISTOGRAM(execution, "request_execution_seconds", "How long requests were in execution.", BY_FLOW ",type", seconds);
HISTOGRAM(waited, "request_wait_duration_seconds", "How long requests waited in queues.", BY_FLOW ",execute", seconds);
HISTOGRAM(estimated, "work_estimated_seats", "How many seats requests were taken to need.", BY_FLOW, seats);

DEF(nominal, "nominal_limit_seats", "Nominal seats of a level.", METRIC_GAUGE, "priority_level");
DEF(lower, "lower_limit_seats", "Seats that a level does not lend.", METRIC_GAUGE, "priority_level");
DEF(upper, "upper_limit_seats", "Seats that a level may have with what it borrows.", METRIC_GAUGE, "priority_level");
DEF(current, "current_limit_seats", "Seats that a level has now.", METRIC_GAUGE, "priority_level");
DEF(high, "demand_seats_high_watermark", "Most seats asked for in the last period.", METRIC_GAUGE, "priority_level");
DEF(average, "demand_seats_average", "Seats asked for in the last period, on average.", METRIC_GAUGE, "priority_level");
DEF(deviation, "demand_seats_stdev", "Standard deviation of seats asked for in the last period.", METRIC_GAUGE,
    "priority_level");
DEF(smoothed, "demand_seats_smoothed", "Seats asked for, smoothed.", METRIC_GAUGE, "priority_level");
DEF(target, "target_seats", "Seats that a level aims at.", METRIC_GAUGE, "priority_level");
DEF(fair, "seat_fair_frac", "The part of its target that each level gets.", METRIC_GAUGE, "");

static const struct metric_def in_flight = {
    "apiserver_current_inflight_requests", "Requests in execution, but for those that stream.", METRIC_GAUGE, "request_kind", NULL, 0, 0};

enum { ROW_DISPATCHED, ROW_EXECUTION, ROW_EXECUTING, ROW_SEATS };

/* A row of the request's schema, looked up once. */
static struct metric *row_of(struct flow *f, const struct req *q, size_t which)
{
	static const struct metric_def *const defs[] = {&dispatched, &execution, &executing, &executing_seats};
	struct flow_schema *s = q->flow.schema;
	if (!s->rows[which])
		s->rows[which] =
		    metrics_row(f->api->numbers, defs[which], METRIC_VALUES(q->flow.level->name, s->name, "regular"));
	return s->rows[which];
}

static struct metric *queue_row(struct flow *f, const struct req *q)
{
	return metrics_row(f->api->numbers, &in_queue, METRIC_VALUES(q->flow.level->name, q->flow.schema->name));
}

void flow_count(struct flow *f, const struct req *q, enum flow_verdict v, const char *reason)
{
	const char *level = q->flow.level->name, *schema = q->flow.schema->name;
	if (v == FLOW_WAIT) {
		metric_add(queue_row(f, q), 1);
	} else if (v == FLOW_RUN) {
		metric_add(row_of(f, q, ROW_DISPATCHED), 1);
		metric_add(row_of(f, q, ROW_EXECUTING), 1);
		metric_add(row_of(f, q, ROW_SEATS), q->flow.item.seats);
	} else {
		metric_add(metrics_row(f->api->numbers, &rejected, METRIC_VALUES(level, schema, reason)), 1);
	}
	if (q->flow.item.seats > 1 && v != FLOW_WAIT)
		metric_observe(metrics_row(f->api->numbers, &estimated, METRIC_VALUES(level, schema)),
			       q->flow.item.seats);
}

void flow_count_wait(struct flow *f, const struct req *q, bool ran, int64_t waited_us)
{
	metric_add(queue_row(f, q), -1);
	metric_observe(metrics_row(f->api->numbers, &waited,
				   METRIC_VALUES(q->flow.level->name, q->flow.schema->name, ran ? "true" : "false")),
		       (double)waited_us / 1e6);
}

void flow_count_end(struct flow *f, const struct req *q, int64_t ran_us)
{
	metric_add(row_of(f, q, ROW_EXECUTING), -1);
	metric_add(row_of(f, q, ROW_SEATS), -(double)q->flow.item.seats);
	metric_observe(row_of(f, q, ROW_EXECUTION), (double)ran_us / 1e6);
}

void flow_tell_levels(void *arg)
{
	struct flow *f = arg;
	metric_set(metrics_row(f->api->numbers, &in_flight, METRIC_VALUES("readOnly")), f->in_flight[0]);
	metric_set(metrics_row(f->api->numbers, &in_flight, METRIC_VALUES("mutating")), f->in_flight[1]);
	for (size_t i = 0; i < f->n_levels && !f->config.off; i++) {
		const struct flow_level *l = f->levels[i];
		const struct flow_share *s = &l->share;
		const struct {
			const struct metric_def *def;
			double value;
		} rows[] = {
		    {&nominal, s->nominal},         {&lower, s->min},
		    {&upper, s->max},               {&current, s->current},
		    {&high, s->demand.high},        {&average, s->demand.average},
		    {&deviation, s->demand.deviation}, {&smoothed, s->smoothed},
		    {&target, s->target},
		};
		for (size_t j = 0; j < ARRAY_LEN(rows); j++)
			metric_set(metrics_row(f->api->numbers, rows[j].def, METRIC_VALUES(l->name)), rows[j].value);
	}
}

void flow_tell_borrowing(struct flow *f, double fraction)
{
	metric_set(metrics_row(f->api->numbers, &fair, NULL), fraction);
}
