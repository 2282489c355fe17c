/* Metrics. Purpose: numbers for whoever watches the program. Happy path: a row is found by its label values, put together
 * on the stack, in the vector's map, and changed in place. Nothing fails. A row's labels are written out once, when it is
 * made. */
#include "base/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"

enum { KEY_MAX = 1024, ROWS_MAX = 2000 };

struct metric {
	const struct metric_def *def;
	char *labels; /* verb="GET",code="200" */
	double value; /* of a histogram: the sum */
	uint64_t n, counts[];
};

struct metric_vec {
	const struct metric_def *def;
	char **names;
	size_t n_names;
	struct map *rows; /* values -> struct metric */
};

struct metrics {
	struct map *vecs; /* name -> struct metric_vec */
	struct hook {
		void (*fn)(void *arg);
		void *arg;
	} * hooks;
	size_t n_hooks;
};

static void free_row(void *p)
{
	struct metric *row = p;
	free(row->labels);
	free(row);
}

static void free_vec(void *p)
{
	struct metric_vec *v = p;
	map_free(v->rows);
	free_strv(&v->names);
	free(v);
}

struct metrics *metrics_new(void)
{
	struct metrics *m = xcalloc(1, sizeof(*m));
	m->vecs = map_new(free_vec);
	return m;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	map_free(m->vecs);
	free(m->hooks);
	free(m);
}

struct metric_vec *metrics_vec(struct metrics *m, const struct metric_def *d)
{
	struct metric_vec *v = map_get(m->vecs, d->name);
	if (v)
		return v;
	v = xcalloc(1, sizeof(*v));
	v->def = d;
	v->names = str_split(d->labels, ',');
	v->n_names = strv_len(v->names);
	v->rows = map_new(free_row);
	map_set(m->vecs, d->name, v);
	return v;
}

static void add_value(struct str *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			str_addc(out, '\\');
		if (*text == '\n')
			str_add(out, "\\n");
		else
			str_addc(out, *text);
	}
}

static struct metric *row_new(struct metric_vec *v, const char *key, const char *const *values)
{
	struct metric *row = xcalloc(1, sizeof(*row) + v->def->n_bounds * sizeof(row->counts[0]));
	struct str labels = STR_INIT;
	for (size_t i = 0; i < v->n_names; i++) {
		str_addf(&labels, "%s%s=\"", i ? "," : "", v->names[i]);
		add_value(&labels, values[i]);
		str_addc(&labels, '"');
	}
	row->def = v->def;
	row->labels = str_take(&labels);
	map_set(v->rows, key, row);
	return row;
}

static struct metric *other_row(struct metric_vec *v)
{
	static const char *const other[METRIC_LABELS_MAX] = {"other", "other", "other", "other", "other",
							     "other", "other", "other", "other", "other"};
	struct metric *row = map_get(v->rows, "\x1f");
	return row ? row : row_new(v, "\x1f", other);
}

/* The values one behind the other; false where they are too long. */
static bool join(const struct metric_vec *v, const char *const *values, char key[KEY_MAX])
{
	char *at = key, *end = key + KEY_MAX - 1;
	for (size_t i = 0; i < v->n_names; i++) {
		size_t n = strlen(values[i]);
		if (n + 1 > (size_t)(end - at))
			return false;
		at = mempcpy(at, values[i], n);
		*at++ = '\x1e';
	}
	*at = '\0';
	return true;
}

struct metric *metric_row(struct metric_vec *v, const char *const *values)
{
	char key[KEY_MAX];
	size_t max = v->def->max_rows ? v->def->max_rows : ROWS_MAX;
	if (!join(v, values, key))
		return other_row(v);
	struct metric *row = map_get(v->rows, key);
	if (row)
		return row;
	return map_len(v->rows) >= max ? other_row(v) : row_new(v, key, values);
}

struct metric *metrics_row(struct metrics *m, const struct metric_def *d, const char *const *values)
{
	return metric_row(metrics_vec(m, d), values);
}

void metric_vec_clear(struct metric_vec *v)
{
	map_clear(v->rows);
}

void metric_add(struct metric *row, double by)
{
	row->value += by;
}

void metric_set(struct metric *row, double value)
{
	row->value = value;
}

void metric_observe(struct metric *row, double value)
{
	const struct metric_def *d = row->def;
	size_t i = 0;
	while (i < d->n_bounds && value > d->bounds[i])
		i++;
	if (i < d->n_bounds)
		row->counts[i]++;
	row->n++;
	row->value += value;
}

double metric_value(const struct metric *row)
{
	return row->def->type == METRIC_HISTOGRAM ? (double)row->n : row->value;
}

void metrics_before_write(struct metrics *m, void (*fn)(void *arg), void *arg)
{
	m->hooks = xreallocarray(m->hooks, m->n_hooks + 1, sizeof(*m->hooks));
	m->hooks[m->n_hooks++] = (struct hook){fn, arg};
}

void metrics_forget_before_write(struct metrics *m, void *arg)
{
	size_t n = 0;
	for (size_t i = 0; i < m->n_hooks; i++)
		if (m->hooks[i].arg != arg)
			m->hooks[n++] = m->hooks[i];
	m->n_hooks = n;
}

/* The shortest decimal that reads as the same number. */
static void add_number(struct str *out, double x)
{
	char text[40];
	if (isinf(x)) {
		str_add(out, x > 0 ? "+Inf" : "-Inf");
		return;
	}
	snprintf(text, sizeof(text), "%.15g", x);
	if (strtod(text, NULL) != x)
		snprintf(text, sizeof(text), "%.17g", x);
	str_add(out, text);
}

static void write_bucket(const struct metric *row, double bound, uint64_t n, struct str *out)
{
	str_addf(out, "%s_bucket{%s%sle=\"", row->def->name, row->labels, *row->labels ? "," : "");
	add_number(out, bound);
	str_addf(out, "\"} %llu\n", (unsigned long long)n);
}

static void write_row(const struct metric *row, const char *suffix, double value, struct str *out)
{
	str_addf(out, "%s%s", row->def->name, suffix);
	if (*row->labels)
		str_addf(out, "{%s}", row->labels);
	str_addc(out, ' ');
	add_number(out, value);
	str_addc(out, '\n');
}

static void write_histogram(const struct metric *row, struct str *out)
{
	uint64_t n = 0;
	for (size_t i = 0; i < row->def->n_bounds; i++)
		write_bucket(row, row->def->bounds[i], n += row->counts[i], out);
	write_bucket(row, INFINITY, row->n, out);
	write_row(row, "_sum", row->value, out);
	write_row(row, "_count", (double)row->n, out);
}

static void write_vec(const struct metric_vec *v, struct str *out)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};
	size_t at = 0;
	const char *key;
	struct metric *row;
	if (!map_len(v->rows))
		return;
	str_addf(out, "# HELP %s %s\n# TYPE %s %s\n", v->def->name, v->def->help, v->def->name, types[v->def->type]);
	while (map_next(v->rows, &at, &key, &row)) {
		if (v->def->type == METRIC_HISTOGRAM)
			write_histogram(row, out);
		else
			write_row(row, "", row->value, out);
	}
}

static int compare_names(const void *a, const void *b)
{
	const struct metric_vec *x = *(struct metric_vec *const *)a, *y = *(struct metric_vec *const *)b;
	return strcmp(x->def->name, y->def->name);
}

void metrics_write(struct metrics *m, struct str *out)
{
	size_t at = 0, n = 0;
	const char *name;
	struct metric_vec *v;
	for (size_t i = 0; i < m->n_hooks; i++)
		m->hooks[i].fn(m->hooks[i].arg);
	AUTO_FREE struct metric_vec **sorted = xcalloc(map_len(m->vecs) + 1, sizeof(*sorted));
	while (map_next(m->vecs, &at, &name, &v))
		sorted[n++] = v;
	qsort(sorted, n, sizeof(*sorted), compare_names);
	for (size_t i = 0; i < n; i++)
		write_vec(sorted[i], out);
}
