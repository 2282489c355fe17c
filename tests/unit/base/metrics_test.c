/* What is counted is told. */
#include <stdio.h>
#include <string.h>

#include "base/metrics.h"
#include "tests/unit/check_main.h"

static const double bounds[] = {0.1, 1, 10};
static const struct metric_def requests = {"b_total", "Requests.", METRIC_COUNTER, "verb,code", NULL, 0, 3};
static const struct metric_def open_now = {"a_open", "Open.", METRIC_GAUGE, "", NULL, 0, 0};
static const struct metric_def took = {"c_seconds", "Time.", METRIC_HISTOGRAM, "verb", bounds, 3, 0};

#define VALUES(...) ((const char *const[]){__VA_ARGS__})

static void set_open(void *arg)
{
	metric_set(metrics_row(arg, &open_now, NULL), 4);
}

START_TEST(text_format)
{
	struct metrics *m = metrics_new();
	AUTO_STR out = STR_INIT;
	struct metric *get = metrics_row(m, &requests, VALUES("GET", "200"));
	metric_add(get, 1);
	metric_add(get, 2);
	ck_assert_ptr_eq(metrics_row(m, &requests, VALUES("GET", "200")), get);
	ck_assert_double_eq(metric_value(get), 3);
	metric_add(metrics_row(m, &requests, VALUES("a\"b\\c\nd", "")), 1);
	struct metric *t = metrics_row(m, &took, VALUES("GET"));
	metric_observe(t, 0.1);
	metric_observe(t, 0.5);
	metric_observe(t, 100);
	metrics_before_write(m, set_open, m);
	metrics_write(m, &out);
	ck_assert_str_eq(str_text(&out), "# HELP a_open Open.\n# TYPE a_open gauge\na_open 4\n"
					 "# HELP b_total Requests.\n# TYPE b_total counter\n"
					 "b_total{verb=\"GET\",code=\"200\"} 3\n"
					 "b_total{verb=\"a\\\"b\\\\c\\nd\",code=\"\"} 1\n"
					 "# HELP c_seconds Time.\n# TYPE c_seconds histogram\n"
					 "c_seconds_bucket{verb=\"GET\",le=\"0.1\"} 1\n"
					 "c_seconds_bucket{verb=\"GET\",le=\"1\"} 2\n"
					 "c_seconds_bucket{verb=\"GET\",le=\"10\"} 2\n"
					 "c_seconds_bucket{verb=\"GET\",le=\"+Inf\"} 3\n"
					 "c_seconds_sum{verb=\"GET\"} 100.6\n"
					 "c_seconds_count{verb=\"GET\"} 3\n");
	metrics_free(m);
}
END_TEST

START_TEST(rows_are_bounded)
{
	struct metrics *m = metrics_new();
	AUTO_STR out = STR_INIT;
	char name[8];
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "%d", i);
		metric_add(metrics_row(m, &requests, VALUES(name, "")), 1);
	}
	metrics_write(m, &out);
	ck_assert_ptr_nonnull(strstr(str_text(&out), "b_total{verb=\"other\",code=\"other\"} 97\n"));
	ck_assert_ptr_null(strstr(str_text(&out), "verb=\"3\""));
	metric_vec_clear(metrics_vec(m, &requests));
	str_reset(&out);
	metrics_write(m, &out);
	ck_assert_str_eq(str_text(&out), "");
	metrics_free(m);
}
END_TEST

TESTS("metrics", text_format, rows_are_bounded)
