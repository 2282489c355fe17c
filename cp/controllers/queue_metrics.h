/* Counters of work queues, by client-go's names (k8s.io/component-base, metrics/prometheus/workqueue). */
#ifndef KNARR_CP_CONTROLLERS_QUEUE_METRICS_H
#define KNARR_CP_CONTROLLERS_QUEUE_METRICS_H

#include "base/metrics.h"

/* The rows of one queue; borrowed from the server's. */
struct queue_metrics {
	struct metric *adds, *retries, *depth, *work;
};
void queue_metrics_init(struct queue_metrics *m, struct metrics *numbers, const char *name);

#endif
