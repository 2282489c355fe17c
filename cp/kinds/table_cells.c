/* Cells: ages, lists, labels, selectors as text. Nothing here can fail; what is missing gets a placeholder. */
#include "cp/kinds/table_cells.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#define SHORT_LIST_MAX 3

void row_add(json_t *row, const char *text)
{
	json_array_append_new(row, json_string(text ? text : ""));
}

void row_add_or(json_t *row, const char *text, const char *otherwise)
{
	row_add(row, str_empty(text) ? otherwise : text);
}

void row_add_int(json_t *row, int64_t value)
{
	json_array_append_new(row, json_integer(value));
}

void row_add_str(json_t *row, const struct str *text, const char *otherwise)
{
	row_add_or(row, str_text(text), otherwise);
}

char *age_text(const char *time, int64_t now_ms)
{
	char text[24];
	int64_t us;

	if (str_empty(time) || rfc3339_parse(time, &us) < 0)
		return xstrdup("<unknown>");
	return xstrdup(duration_human(now_ms - us / 1000, text));
}

void row_add_age(json_t *row, const json_t *object, int64_t now_ms)
{
	AUTO_FREE char *age = age_text(json_str_at(object, "metadata.creationTimestamp"), now_ms);

	row_add(row, age);
}

void str_add_members(struct str *out, const json_t *list, const char *member)
{
	json_t *elem;
	size_t i;

	json_array_foreach(list, i, elem)
	{
		const char *text = json_member(elem, member);

		str_addf(out, "%s%s", i ? "," : "", text ? text : "");
	}
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Requirements of a selector stand in the order of their keys. */
static int compare_keys(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;

	x += *x == '!';
	y += *y == '!';
	size_t n = strcspn(x, "= "), m = strcspn(y, "= ");
	int by_key = memcmp(x, y, MIN(n, m));
	return by_key ? by_key : n < m ? -1 : n > m;
}

/* Takes the pieces: joins them sorted; NULL when there are none. Returns owned. */
static char *join_sorted(char **pieces, int (*compare)(const void *a, const void *b))
{
	char *text = NULL;

	if (pieces) {
		qsort(pieces, strv_len(pieces), sizeof(*pieces), compare);
		text = str_join(pieces, ",");
	}
	free_strv(&pieces);
	return text;
}

static void add_labels(char ***pieces, const json_t *labels)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)labels, key, value)
	{
		AUTO_FREE char *piece = xasprintf("%s=%s", key, json_is_string(value) ? json_string_value(value) : "");

		strv_add(pieces, piece);
	}
}

void row_add_labels(json_t *row, const json_t *labels)
{
	char **pieces = NULL;

	add_labels(&pieces, labels);
	AUTO_FREE char *text = join_sorted(pieces, compare_text);
	row_add_or(row, text, "<none>");
}

static char *values_text(const json_t *values)
{
	AUTO_STRV char **texts = NULL;
	json_t *value;
	size_t i;

	json_array_foreach(values, i, value) strv_add(&texts, json_is_string(value) ? json_string_value(value) : "");
	if (!texts)
		return xstrdup("");
	qsort(texts, strv_len(texts), sizeof(*texts), compare_text);
	return str_join(texts, ",");
}

static void add_expression(char ***pieces, const json_t *e)
{
	const char *key = json_str_or(e, "key", ""), *op = json_str_or(e, "operator", "");
	AUTO_FREE char *values = values_text(json_object_get(e, "values")), *piece = NULL;

	if (!strcmp(op, "Exists"))
		piece = xstrdup(key);
	else if (!strcmp(op, "DoesNotExist"))
		piece = xasprintf("!%s", key);
	else
		piece = xasprintf("%s %s (%s)", key, strcmp(op, "NotIn") ? "in" : "notin", values);
	strv_add(pieces, piece);
}

char *label_selector_text(const json_t *label_selector)
{
	char **pieces = NULL;
	json_t *e;
	size_t i;

	add_labels(&pieces, json_object_get(label_selector, "matchLabels"));
	json_array_foreach(json_object_get(label_selector, "matchExpressions"), i, e) add_expression(&pieces, e);
	char *text = join_sorted(pieces, compare_keys);
	return text ? text : xstrdup("");
}

void row_add_selector(json_t *row, const json_t *label_selector)
{
	AUTO_FREE char *text = label_selector_text(label_selector);

	row_add_or(row, text, "<none>");
}

void str_add_balancers(struct str *out, const json_t *object)
{
	AUTO_STRV char **texts = NULL;
	AUTO_FREE char *all = NULL;
	json_t *point;
	size_t i;

	json_array_foreach(json_at(object, "status.loadBalancer.ingress"), i, point)
	{
		const char *ip = json_member(point, "ip"), *where = str_empty(ip) ? json_member(point, "hostname") : ip;

		if (!str_empty(where) && !strv_has(texts, where))
			strv_add(&texts, where);
	}
	if (!texts)
		return;
	qsort(texts, strv_len(texts), sizeof(*texts), compare_text);
	all = str_join(texts, ",");
	str_add(out, all);
}

void row_add_containers(json_t *row, const json_t *pod_spec)
{
	AUTO_STR names = STR_INIT, images = STR_INIT;

	str_add_members(&names, json_object_get(pod_spec, "containers"), "name");
	str_add_members(&images, json_object_get(pod_spec, "containers"), "image");
	row_add_str(row, &names, "");
	row_add_str(row, &images, "");
}

void short_list_add(struct short_list *l, const char *text)
{
	if (l->count++ < SHORT_LIST_MAX)
		str_addf(&l->text, "%s%s", l->text.len ? "," : "", text);
}

void row_add_short_list(json_t *row, struct short_list *l, const char *otherwise)
{
	if (l->count > SHORT_LIST_MAX)
		str_addf(&l->text, " + %zu more...", l->count - SHORT_LIST_MAX);
	row_add_str(row, &l->text, otherwise);
	str_done(&l->text);
}

/* --- manners of single cells ------------------------------------------------------------------------------------------ */

void cell_text(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	(void)now_ms;
	row_add(row, json_str_at(object, path));
}

void cell_none(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	(void)now_ms;
	row_add_or(row, json_str_at(object, path), "<none>");
}

void cell_int(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	(void)now_ms;
	row_add_int(row, json_int_at(object, path, 0));
}

void cell_bool(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	(void)now_ms;
	json_array_append_new(row, json_boolean(json_bool_at(object, path, false)));
}

void cell_age(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	(void)path;
	row_add_age(row, object, now_ms);
}

void cell_date(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	(void)now_ms;
	row_add_or(row, json_str_at(object, path), "<unknown>");
}

void cell_count(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	(void)now_ms;
	row_add_int(row, (int64_t)json_array_size(json_at(object, path)));
}

void cell_selector(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	(void)now_ms;
	row_add_selector(row, json_at(object, path));
}

void cell_labels(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	(void)now_ms;
	row_add_labels(row, json_at(object, path));
}
