/* Metrics of the scheduler: attempts as they end, waiting pods when somebody asks. Nothing fails. */
#include "cp/scheduler/schedule_metrics.h"

static const double seconds[] = {0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384};

static const struct metric_def attempts = {"scheduler_schedule_attempts_total", "Attempts to place a pod.", METRIC_COUNTER,
					   "profile,result", NULL, 0, 0};
static const struct metric_def took = {"scheduler_scheduling_attempt_duration_seconds", "How long such an attempt took, without binding.",
				       METRIC_HISTOGRAM, "profile,result", seconds, ARRAY_LEN(seconds), 0};
static const struct metric_def pending = {"scheduler_pending_pods", "Pods that wait for a node.", METRIC_GAUGE, "queue", NULL, 0, 0};

void schedule_count(struct metrics *numbers, const char *profile, const char *result, int64_t took_us)
{
	metric_add(metrics_row(numbers, &attempts, METRIC_VALUES(profile, result)), 1);
	metric_observe(metrics_row(numbers, &took, METRIC_VALUES(profile, result)), (double)took_us / 1e6);
}

static double length(const struct list *l)
{
	double n = 0;
	for (const struct list *i = l->next; i != l; i = i->next)
		n++;
	return n;
}

void schedule_tell_pending(struct metrics *numbers, const struct pending *p)
{
	metric_set(metrics_row(numbers, &pending, METRIC_VALUES("active")), length(&p->ready));
	metric_set(metrics_row(numbers, &pending, METRIC_VALUES("backoff")), length(&p->delayed));
	metric_set(metrics_row(numbers, &pending, METRIC_VALUES("unschedulable")), length(&p->parked));
}
