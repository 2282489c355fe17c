/* Selectors: a list of requirements (key, operator, values) that all must hold.
 *
 * They come from LabelSelector objects and plain maps here, from text in selector_parse.c. Each front end checks its
 * input and adds requirements; matching walks them. Keys and values that no label could have give -EINVAL. What always
 * holds: values of in and notin are sorted and unique, "=" and "!=" have exactly one. */
#include "api/selector_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

static const char *const op_names[] = {"=", "!=", "in", "notin", "exists", "!exists", "Gt", "Lt"};

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_values(char **values)
{
	size_t n = strv_len(values), kept = 0;

	if (n < 2)
		return;
	qsort(values, n, sizeof(*values), compare_text);
	for (size_t i = 0; i < n; i++) {
		if (kept && !strcmp(values[kept - 1], values[i]))
			free(values[i]);
		else
			values[kept++] = values[i];
	}
	values[kept] = NULL;
}

struct requirement *selector_add(struct selector *s, const char *key, size_t key_len, enum op op, char **values)
{
	sort_values(values);
	s->v = xreallocarray(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = (struct requirement){.key = xstrndup(key, key_len), .op = op, .values = values};
	return &s->v[s->n - 1];
}

struct selector *selector_new(bool fields)
{
	struct selector *s = xcalloc(1, sizeof(*s));

	s->fields = fields;
	return s;
}

void selector_free(struct selector *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].key);
		free_strv(&s->v[i].values);
	}
	free(s->v);
	free(s);
}

void selector_free_ptr(struct selector **s)
{
	selector_free(*s);
	*s = NULL;
}

/* What is wrong with a text at a place, the text in quotes. */
static int invalid_text(const char *place, const char *text, const char *rule, struct err *e)
{
	AUTO_STR quoted = STR_INIT;

	str_add_json(&quoted, text);
	return err_set(e, -EINVAL, "%s: Invalid value: %s: %s", place, str_text(&quoted), rule);
}

int selector_check_key(const char *place, const char *key, struct err *e)
{
	const char *rule = name_check_qualified(key);

	return rule ? invalid_text(place, key, rule, e) : 0;
}

static int check_value(const struct requirement *r, size_t i, struct err *e)
{
	const char *rule = name_check_label_value(r->values[i]);
	AUTO_FREE char *keyed = xasprintf("values[%zu][%s]", i, r->key), *place = xasprintf("values[%zu]", i);
	int64_t number;

	if (rule)
		return invalid_text(keyed, r->values[i], rule, e);
	if ((r->op == OP_GT || r->op == OP_LT) && str_to_i64(r->values[i], &number) < 0)
		return invalid_text(place, r->values[i], "for 'Gt', 'Lt' operators, the value must be an integer", e);
	return 0;
}

int selector_check_label(const struct requirement *r, struct err *e)
{
	size_t n = strv_len(r->values);
	int bad = selector_check_key("key", r->key, e);

	if (bad < 0)
		return bad;
	if ((r->op == OP_IN || r->op == OP_NOT_IN) && !n)
		return err_set(e, -EINVAL,
			       "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty");
	if ((r->op == OP_EXISTS || r->op == OP_NOT_EXISTS) && n)
		return err_set(e, -EINVAL,
			       "values: Invalid value: values set must be empty for exists and does not exist");
	for (size_t i = 0; i < n && bad == 0; i++)
		bad = check_value(r, i, e);
	return bad;
}

/* --- selectors from objects --------------------------------------------------------------------------------------- */

static int add_map(struct selector *s, const json_t *map, struct err *e)
{
	const char *key;
	json_t *value;
	char **values;
	int r;

	json_object_foreach((json_t *)map, key, value)
	{
		if (!json_is_string(value))
			return err_set(e, -EINVAL, "the value of \"%s\" is not a string", key);
		values = NULL;
		strv_add(&values, json_string_value(value));
		r = selector_check_label(selector_add(s, key, strlen(key), OP_EQUALS, values), e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_expression(struct selector *s, const json_t *expression, struct err *e)
{
	static const struct {
		const char *name;
		enum op op;
	} ops[] = {{"In", OP_IN}, {"NotIn", OP_NOT_IN}, {"Exists", OP_EXISTS}, {"DoesNotExist", OP_NOT_EXISTS}};
	const char *name = json_str_or(expression, "operator", ""), *key = json_str_or(expression, "key", "");
	char **values = NULL;
	json_t *value;
	size_t i;

	for (i = 0; i < ARRAY_LEN(ops) && !str_eq(ops[i].name, name); i++)
		;
	if (i == ARRAY_LEN(ops))
		return err_set(e, -EINVAL, "\"%s\" is not a valid label selector operator", name);
	size_t at;
	json_array_foreach(json_object_get(expression, "values"), at, value)
	    strv_add(&values, json_is_string(value) ? json_string_value(value) : "");
	return selector_check_label(selector_add(s, key, strlen(key), ops[i].op, values), e);
}

int selector_from_json(const json_t *label_selector, struct selector **ret, struct err *e)
{
	AUTO_SELECTOR *s = selector_new(false);
	json_t *expression;
	size_t at;
	int r;

	if (!label_selector || json_is_null(label_selector)) {
		s->nothing = true;
		*ret = TAKE(s);
		return 0;
	}
	if (!json_is_object(label_selector))
		return err_set(e, -EINVAL, "a label selector must be an object");
	r = add_map(s, json_object_get(label_selector, "matchLabels"), e);
	if (r < 0)
		return r;
	json_array_foreach(json_object_get(label_selector, "matchExpressions"), at, expression)
	{
		r = add_expression(s, expression, e);
		if (r < 0)
			return r;
	}
	*ret = TAKE(s);
	return 0;
}

int selector_from_map(const json_t *map, struct selector **ret, struct err *e)
{
	AUTO_SELECTOR *s = selector_new(false);
	int r = add_map(s, map, e);

	if (r < 0)
		return r;
	*ret = TAKE(s);
	return 0;
}

/* --- matching ----------------------------------------------------------------------------------------------------- */

bool selector_is_everything(const struct selector *s)
{
	return !s->nothing && !s->n;
}

static bool number_holds(const struct requirement *r, const char *value)
{
	int64_t have, want;

	if (!value || str_to_i64(value, &have) < 0 || str_to_i64(r->values[0], &want) < 0)
		return false;
	return r->op == OP_GT ? have > want : have < want;
}

static bool requirement_holds(const struct requirement *r, const char *value)
{
	switch (r->op) {
	case OP_EXISTS:
		return value;
	case OP_NOT_EXISTS:
		return !value;
	case OP_EQUALS:
	case OP_IN:
		return value && strv_has(r->values, value);
	case OP_NOT_EQUALS:
	case OP_NOT_IN:
		return !value || !strv_has(r->values, value);
	default:
		return number_holds(r, value);
	}
}

bool selector_match(const struct selector *s, selector_get get, const void *object)
{
	if (s->nothing)
		return false;
	for (size_t i = 0; i < s->n; i++) {
		const char *value = get(object, s->v[i].key);

		if (!requirement_holds(&s->v[i], value || !s->fields ? value : ""))
			return false;
	}
	return true;
}

static const char *get_label(const void *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

bool selector_match_labels(const struct selector *s, const json_t *labels)
{
	return selector_match(s, get_label, labels);
}

bool selector_next(const struct selector *s, size_t *at, const char **ret_key, const char **ret_op,
		   char *const **ret_values)
{
	const struct requirement *r;

	if (*at >= s->n)
		return false;
	r = &s->v[(*at)++];
	*ret_key = r->key;
	*ret_op = op_names[r->op];
	*ret_values = r->values;
	return true;
}

const char *selector_requires(const struct selector *s, const char *key)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct requirement *r = &s->v[i];

		if ((r->op == OP_EQUALS || r->op == OP_IN) && r->values && r->values[0] && !r->values[1] &&
		    str_eq(r->key, key))
			return r->values[0];
	}
	return NULL;
}
