/* Helpers of the plan tests: JSON with single quotes, and finding actions. */
#ifndef KNARR_TESTS_PLANS_H
#define KNARR_TESTS_PLANS_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cp/controllers/object.h"
#include "cp/controllers/plan.h"
#include "tests/unit/check_main.h"
#include "tests/unit/quoted_json.h"

#define NOW 1600000000000 /* 2020-09-13T12:26:40Z */

/* Owned; ' stands for ". */
static inline json_t *J(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	AUTO_FREE char *text = xvasprintf(fmt, ap);
	va_end(ap);
	return quoted_json(text);
}

/* The nth action of a method whose path has the given end; NULL when there is none. */
static inline struct action *find_action(const struct plan *p, const char *method, const char *path_end, int nth)
{
	for (size_t i = 0; i < p->n; i++) {
		struct action *a = &p->v[i];
		if (a->method && str_eq(a->method, method) && str_has_suffix(a->path, path_end) && nth-- == 0)
			return a;
	}
	return NULL;
}

static inline int count_actions(const struct plan *p, const char *method, const char *path_part)
{
	int n = 0;
	for (size_t i = 0; i < p->n; i++)
		n += p->v[i].method && str_eq(p->v[i].method, method) && strstr(p->v[i].path, path_part);
	return n;
}

/* RFC 7396, as the server would do it. */
static inline void merge_into(json_t *to, const json_t *patch)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)patch, key, value)
	{
		if (json_is_null(value)) {
			json_object_del(to, key);
		} else if (json_is_object(value)) {
			if (!json_is_object(json_object_get(to, key)))
				json_object_set_new(to, key, json_object());
			merge_into(json_object_get(to, key), value);
		} else {
			json_object_set_new(to, key, json_deep_copy(value));
		}
	}
}

#endif
