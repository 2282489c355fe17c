/* Counters, gauges and histograms by labels, told in Prometheus' text format. One thread. After a row's first use nothing
 * is allocated for it; the number of rows is bounded. */
#ifndef KNARR_BASE_METRICS_H
#define KNARR_BASE_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/str.h"

struct metrics;
struct metric_vec; /* all rows of one name */
struct metric;     /* a row */

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* Static: kept by reference. labels: names in their order, separated by commas, "" for none; bounds of a histogram's buckets
 * ascend; max_rows 0: 2,000; what comes beyond shares one row whose labels are all "other". */
struct metric_def {
	const char *name, *help;
	enum metric_type type;
	const char *labels;
	const double *bounds;
	size_t n_bounds, max_rows;
};
/* A definition in a file: METRIC_DEF(started, "started_total", "What was started.", METRIC_COUNTER, "verb"); the second
 * for histograms, whose bounds are an array. */
#define METRIC_DEF(id, name, help, type, labels)                                                                       \
	static const struct metric_def id = {name, help, type, labels, NULL, 0, 0}
#define METRIC_BUCKETS(id, name, help, labels, bounds)                                                                 \
	static const struct metric_def id = {name, help, METRIC_HISTOGRAM, labels, bounds, ARRAY_LEN(bounds), 0}
/* The values of a row's labels, for metric_row(). */
#define METRIC_VALUES(...) ((const char *const[]){__VA_ARGS__})
enum { METRIC_LABELS_MAX = 10 };

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m); /* NULL is fine */
/* The vector of a definition, made when it is new; valid as long as m. Borrowed. */
struct metric_vec *metrics_vec(struct metrics *m, const struct metric_def *d);
/* The row with these values, one for each label; NULL for a vector without labels. Borrowed, valid as long as m, but for
 * metric_vec_clear(). */
struct metric *metric_row(struct metric_vec *v, const char *const *values);
/* The same where the vector is not at hand. */
struct metric *metrics_row(struct metrics *m, const struct metric_def *d, const char *const *values);
/* Forgets every row: of gauges that are told anew each time. */
void metric_vec_clear(struct metric_vec *v);

void metric_add(struct metric *row, double by); /* counters and gauges */
void metric_set(struct metric *row, double value);
void metric_observe(struct metric *row, double value);
double metric_value(const struct metric *row); /* of a histogram: how many */

/* fn is called before the rows are told: it sets what is not kept up to date. */
void metrics_before_write(struct metrics *m, void (*fn)(void *arg), void *arg);
void metrics_forget_before_write(struct metrics *m, void *arg);
/* Adds everything, in order of names; vectors without rows are left out. */
void metrics_write(struct metrics *m, struct str *out);

#endif
