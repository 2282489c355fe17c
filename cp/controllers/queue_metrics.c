/* Counters of work queues: rows that every queue has from its beginning. Nothing fails. */
#include "cp/controllers/queue_metrics.h"

#define ROW(def) metrics_row(numbers, &(def), (const char *const[]){name})

static const double seconds[] = {1e-08, 1e-07, 1e-06, 1e-05, 0.0001, 0.001, 0.01, 0.1, 1, 10};

static const struct metric_def adds = {"workqueue_adds_total", "Keys added to a queue.", METRIC_COUNTER, "name", NULL, 0, 0};
static const struct metric_def retries = {"workqueue_retries_total", "Keys that are to be tried again.", METRIC_COUNTER, "name", NULL, 0, 0};
static const struct metric_def depth = {"workqueue_depth", "Keys that are due and wait.", METRIC_GAUGE, "name", NULL, 0, 0};
static const struct metric_def work = {"workqueue_work_duration_seconds", "How long a key was worked on.", METRIC_HISTOGRAM, "name",
				       seconds, sizeof(seconds) / sizeof(seconds[0]), 0};

void queue_metrics_init(struct queue_metrics *m, struct metrics *numbers, const char *name)
{
	*m = (struct queue_metrics){ROW(adds), ROW(retries), ROW(depth), ROW(work)};
}
