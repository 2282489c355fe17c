/* Metrics of webhooks. Purpose: who is slow, who refuses, who fails. Happy path: a map from labels to a histogram or a
 * counter. Nothing fails; the number of rows is that of the webhooks times operations. */
#include "cp/admission/hook_metrics.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"

#define PREFIX "apiserver_admission_webhook_"

static const double bounds[] = { 0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25 };

struct row {
	uint64_t n, buckets[ARRAY_LEN(bounds)];
	double sum;
};

struct hook_metrics {
	struct map *durations, *rejections, *failed_open; /* labels -> struct row */
};

struct hook_metrics *hook_metrics_new(void)
{
	struct hook_metrics *m = xcalloc(1, sizeof(*m));
	m->durations = map_new(free);
	m->rejections = map_new(free);
	m->failed_open = map_new(free);
	return m;
}

void hook_metrics_free(struct hook_metrics *m)
{
	if (!m)
		return;
	map_free(m->durations);
	map_free(m->rejections);
	map_free(m->failed_open);
	free(m);
}

/* Takes labels. */
static struct row *row_of(struct map *m, char *labels)
{
	struct row *r = map_get(m, labels);
	if (!r) {
		r = xcalloc(1, sizeof(*r));
		map_set(m, labels, r);
	}
	free(labels);
	r->n++;
	return r;
}

void hook_metrics_called(struct hook_metrics *m, const char *name, const char *type, const char *op, bool rejected,
			 int64_t took_ms)
{
	struct row *r = row_of(m->durations, xasprintf("name=\"%s\",operation=\"%s\",rejected=\"%s\",type=\"%s\"", name, op,
						       rejected ? "true" : "false", type));
	double seconds = (double)took_ms / 1000;
	r->sum += seconds;
	for (size_t i = 0; i < ARRAY_LEN(bounds); i++)
		r->buckets[i] += seconds <= bounds[i];
}

void hook_metrics_rejected(struct hook_metrics *m, const char *name, const char *type, const char *op, const char *error,
			   int code)
{
	row_of(m->rejections, xasprintf("error_type=\"%s\",name=\"%s\",operation=\"%s\",rejection_code=\"%d\",type=\"%s\"", error,
					name, op, code, type));
}

void hook_metrics_failed_open(struct hook_metrics *m, const char *name, const char *type)
{
	row_of(m->failed_open, xasprintf("name=\"%s\",type=\"%s\"", name, type));
}

static void write_counters(const struct map *m, const char *name, const char *help, struct str *out)
{
	size_t at = 0;
	const char *labels;
	struct row *r;
	if (!map_len(m))
		return;
	str_addf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s counter\n", name, help, name);
	while (map_next(m, &at, &labels, &r))
		str_addf(out, PREFIX "%s{%s} %llu\n", name, labels, (unsigned long long)r->n);
}

void hook_metrics_write(const struct hook_metrics *m, struct str *out)
{
	static const char name[] = PREFIX "admission_duration_seconds";
	size_t at = 0;
	const char *labels;
	struct row *r;
	if (map_len(m->durations))
		str_addf(out, "# HELP %s How long webhooks took.\n# TYPE %s histogram\n", name, name);
	while (map_next(m->durations, &at, &labels, &r)) {
		for (size_t i = 0; i < ARRAY_LEN(bounds); i++)
			str_addf(out, "%s_bucket{%s,le=\"%g\"} %llu\n", name, labels, bounds[i],
				 (unsigned long long)r->buckets[i]);
		str_addf(out, "%s_bucket{%s,le=\"+Inf\"} %llu\n%s_sum{%s} %g\n%s_count{%s} %llu\n", name, labels,
			 (unsigned long long)r->n, name, labels, r->sum, name, labels, (unsigned long long)r->n);
	}
	write_counters(m->rejections, "rejection_count", "Requests that webhooks refused.", out);
	write_counters(m->failed_open, "fail_open_count", "Webhooks that failed and were passed over.", out);
}
