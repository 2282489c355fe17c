/* JSONPath. Purpose: find values in an object by a text that its author wrote. Happy path: the text is cut into steps
 * once; each step turns the values found so far into those below them. A text that is no path gives -EINVAL; finding
 * cannot fail, only find nothing. What always holds: steps are at most MAX_STEPS, so that work is bounded. */
#include "api/jsonpath.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define MAX_STEPS 64
#define MAX_FOUND 100000

enum step_kind { STEP_NAME, STEP_ALL, STEP_DESCENT, STEP_SLICE, STEP_FILTER };
enum comparison { EXISTS, EQUAL, UNEQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL };

/* One side of a filter: a path from the element, or a literal. */
struct operand {
	struct jsonpath *path;
	json_t *literal;
};

struct step {
	enum step_kind kind;
	char *name; /* STEP_NAME, STEP_DESCENT */
	bool has_from, has_to;
	long from, to, by; /* STEP_SLICE: one index is a slice of one with single */
	bool single;
	bool more; /* the next step is an alternative to this one: [0,2] */
	struct operand left, right;
	enum comparison op;
};

struct jsonpath {
	struct step steps[MAX_STEPS];
	size_t n;
};

static void operand_done(struct operand *o)
{
	jsonpath_free(o->path);
	json_decref(o->literal);
}

void jsonpath_free(struct jsonpath *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++) {
		free(p->steps[i].name);
		operand_done(&p->steps[i].left);
		operand_done(&p->steps[i].right);
	}
	free(p);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static struct step *add_step(struct jsonpath *p, enum step_kind kind)
{
	if (p->n == MAX_STEPS)
		return NULL;
	p->steps[p->n].kind = kind;
	return &p->steps[p->n++];
}

/* A name up to what ends it; a backslash takes the next character as it is. */
static char *read_name(const char **at, const char *ends)
{
	struct str out = STR_INIT;

	for (; **at && !strchr(ends, **at); (*at)++) {
		if (**at == '\\' && (*at)[1])
			(*at)++;
		str_addc(&out, **at);
	}
	return str_take(&out);
}

/* A quoted text; *at stands on the quote and ends behind the closing one. NULL where there is none. */
static char *read_quoted(const char **at)
{
	char quote[2] = {**at, '\0'};
	const char *p = *at + 1;
	char *text = read_name(&p, quote);

	if (*p != quote[0]) {
		free(text);
		return NULL;
	}
	*at = p + 1;
	return text;
}

static void skip_blanks(const char **at)
{
	*at += strspn(*at, " \t");
}

static int read_path(const char *text, size_t len, struct jsonpath **ret, struct err *e);

static int read_operand(const char **at, const char *end, struct operand *ret, struct err *e)
{
	skip_blanks(at);
	if (**at == '@' || **at == '$') {
		const char *from = ++*at;
		for (int depth = 0; *at < end; (*at)++) {
			depth += (**at == '[') - (**at == ']');
			if (!depth && strchr("=!<> \t", **at))
				break;
		}
		return read_path(from, (size_t)(*at - from), &ret->path, e);
	}
	if (**at == '\'' || **at == '"') {
		AUTO_FREE char *text = read_quoted(at);
		if (!text || !(ret->literal = json_string(text)))
			return err_set(e, -EINVAL, "unterminated quoted string");
		return 0;
	}
	size_t n = strcspn(*at, "=!<> \t)");
	n = MIN(n, (size_t)(end - *at));
	ret->literal = json_loadb(*at, n, JSON_DECODE_ANY, NULL);
	*at += n;
	return ret->literal ? 0 : err_set(e, -EINVAL, "invalid filter operand");
}

static int read_comparison(const char **at, enum comparison *ret)
{
	static const struct {
		const char *text;
		enum comparison op;
	} table[] = {{"==", EQUAL},      {"!=", UNEQUAL}, {"<=", LESS_EQUAL}, {">=", GREATER_EQUAL},
		     {"<", LESS}, {">", GREATER}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (str_has_prefix(*at, table[i].text)) {
			*at += strlen(table[i].text);
			*ret = table[i].op;
			return 0;
		}
	return -EINVAL;
}

/* The end of a bracket whose inside begins at p; quotes and nested brackets keep it open. */
static const char *closing(const char *p, const char *end)
{
	char quote = '\0';

	for (int depth = 0; p < end; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (quote)
			quote = *p == quote ? '\0' : quote;
		else if (*p == '\'' || *p == '"')
			quote = *p;
		else if (*p == '[' || *p == '(')
			depth++;
		else if (*p == ')' || (*p == ']' && depth))
			depth--;
		else if (*p == ']')
			return p;
	}
	return NULL;
}

/* "?(...)" without the brackets around. */
static int read_filter(struct jsonpath *p, const char *at, const char *end, struct err *e)
{
	struct step *s = add_step(p, STEP_FILTER);
	int r;

	if (!s || at[1] != '(' || end[-1] != ')')
		return err_set(e, -EINVAL, "invalid filter");
	at += 2;
	end--;
	AUTO_FREE char *inside = xstrndup(at, (size_t)(end - at));
	at = inside;
	end = inside + strlen(inside);
	r = read_operand(&at, end, &s->left, e);
	skip_blanks(&at);
	if (r < 0 || !*at)
		return r;
	if (read_comparison(&at, &s->op) < 0)
		return err_set(e, -EINVAL, "unrecognized filter operator");
	return read_operand(&at, end, &s->right, e);
}

static bool read_number(const char **at, long *ret)
{
	char *end;

	*ret = strtol(*at, &end, 10);
	if (end == *at)
		return false;
	*at = end;
	return true;
}

/* "3", "-1", "1:3", "::2", "*", "'name'" */
static int read_subscript(struct jsonpath *p, const char *text, struct err *e)
{
	struct step *s;

	skip_blanks(&text);
	if (*text == '*') {
		s = add_step(p, STEP_ALL);
	} else if (*text == '\'' || *text == '"') {
		s = add_step(p, STEP_NAME);
		if (s && !(s->name = read_quoted(&text)))
			return err_set(e, -EINVAL, "unterminated quoted string");
	} else if ((s = add_step(p, STEP_SLICE))) {
		s->by = 1;
		s->has_from = read_number(&text, &s->from);
		s->single = *text != ':';
		if (*text == ':') {
			text++;
			s->has_to = read_number(&text, &s->to);
		}
		if (*text == ':' && *++text && !read_number(&text, &s->by))
			return err_set(e, -EINVAL, "invalid array index");
		skip_blanks(&text);
		if (*text || s->by <= 0 || (s->single && !s->has_from))
			return err_set(e, -EINVAL, "invalid array index");
	}
	return s ? 0 : err_set(e, -EINVAL, "too many steps");
}

static int read_bracket(struct jsonpath *p, const char **at, const char *end, struct err *e)
{
	const char *from = *at + 1, *to = closing(from, end);
	int r = 0;

	if (!to)
		return err_set(e, -EINVAL, "unterminated array");
	*at = to + 1;
	if (*from == '?')
		return read_filter(p, from, to, e);
	AUTO_FREE char *inside = xstrndup(from, (size_t)(to - from));
	if (*inside == '\'' || *inside == '"')
		return read_subscript(p, inside, e);
	AUTO_STRV char **parts = str_split(inside, ',');
	if (!parts || !parts[0])
		return err_set(e, -EINVAL, "empty array index");
	for (size_t i = 0; parts[i] && r >= 0; i++) {
		r = read_subscript(p, parts[i], e);
		if (r >= 0)
			p->steps[p->n - 1].more = parts[i + 1] != NULL;
	}
	return r;
}

static int read_dot(struct jsonpath *p, const char **at, struct err *e)
{
	bool descent = str_has_prefix(*at, "..");
	struct step *s;

	*at += descent ? 2 : 1;
	if (**at == '*') {
		s = add_step(p, descent ? STEP_DESCENT : STEP_ALL);
		++*at;
		return s ? 0 : err_set(e, -EINVAL, "too many steps");
	}
	AUTO_FREE char *name = read_name(at, ".[");
	/* A lone dot is the value itself. */
	if (!*name && (descent || (**at != '[' && (**at || p->n))))
		return err_set(e, -EINVAL, "empty field name");
	if (!*name)
		return 0;
	if (!(s = add_step(p, descent ? STEP_DESCENT : STEP_NAME)))
		return err_set(e, -EINVAL, "too many steps");
	s->name = TAKE(name);
	return 0;
}

static int read_path(const char *text, size_t len, struct jsonpath **ret, struct err *e)
{
	AUTO_FREE char *copy = xstrndup(text, len);
	struct jsonpath *p = xcalloc(1, sizeof(*p));
	const char *at = copy, *end = copy + strlen(copy);
	int r = 0;

	while (*at && r >= 0)
		r = *at == '.'   ? read_dot(p, &at, e)
		    : *at == '[' ? read_bracket(p, &at, end, e)
				 : err_set(e, -EINVAL, "unexpected character '%c'", *at);
	if (r < 0) {
		jsonpath_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

int jsonpath_new(const char *text, struct jsonpath **ret, struct err *e)
{
	size_t n = strlen(text);

	if (n && *text == '{' && text[n - 1] == '}') {
		text++;
		n -= 2;
	}
	if (n && *text == '$') {
		text++;
		n--;
	}
	return read_path(text, n, ret, e);
}

int jsonpath_is_simple(const struct jsonpath *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->steps[i].kind != STEP_NAME)
			return 0;
	return 1;
}

/* --- finding ------------------------------------------------------------------------------------------------------ */

static void found(json_t *out, json_t *value)
{
	if (value && json_array_size(out) < MAX_FOUND)
		json_array_append(out, value);
}

static void descend(json_t *out, const char *name, json_t *value)
{
	const char *key;
	json_t *below;
	size_t i;

	if (!name)
		found(out, value);
	else
		found(out, json_object_get(value, name));
	json_object_foreach(value, key, below) descend(out, name, below);
	json_array_foreach(value, i, below) descend(out, name, below);
}

static void take_slice(json_t *out, const struct step *s, json_t *value)
{
	long n = (long)json_array_size(value), from = s->has_from ? s->from : 0, to;

	from = from < 0 ? from + n : from;
	if (from < 0 || from >= n)
		return; /* also keeps the sums below in their type */
	to = s->single ? from + 1 : s->has_to ? (s->to < 0 ? s->to + n : s->to) : n;
	for (long i = from; i < MIN(to, n); i += MIN(s->by, n))
		found(out, json_array_get(value, (size_t)i));
}

/* Owned, or NULL. */
static json_t *operand_value(const struct operand *o, const json_t *element)
{
	if (!o->path)
		return json_incref(o->literal);
	AUTO_JSON *all = jsonpath_find(o->path, element);
	return json_incref(json_array_get(all, 0));
}

static bool compare(const json_t *a, const json_t *b, enum comparison op)
{
	double order;

	if (json_is_number(a) && json_is_number(b))
		order = json_number_value(a) - json_number_value(b);
	else if (json_is_string(a) && json_is_string(b))
		order = strcmp(json_string_value(a), json_string_value(b));
	else
		return op == UNEQUAL ? !json_equal(a, b) : op == EQUAL && json_equal(a, b);
	switch (op) {
	case EQUAL:
		return order == 0;
	case UNEQUAL:
		return order != 0;
	case LESS:
		return order < 0;
	case LESS_EQUAL:
		return order <= 0;
	case GREATER:
		return order > 0;
	case GREATER_EQUAL:
		return order >= 0;
	default:
		return false;
	}
}

static void filter(json_t *out, const struct step *s, json_t *value)
{
	json_t *element;
	size_t i;

	json_array_foreach(value, i, element)
	{
		AUTO_JSON *left = operand_value(&s->left, element), *right = NULL;
		if (s->op == EXISTS) {
			found(out, left ? element : NULL);
			continue;
		}
		right = operand_value(&s->right, element);
		if (left && right && compare(left, right, s->op))
			found(out, element);
	}
}

static void take_step(json_t *out, const struct step *s, json_t *value)
{
	const char *key;
	json_t *below;
	size_t i;

	switch (s->kind) {
	case STEP_NAME:
		found(out, json_object_get(value, s->name));
		break;
	case STEP_DESCENT:
		descend(out, s->name, value);
		break;
	case STEP_SLICE:
		take_slice(out, s, value);
		break;
	case STEP_FILTER:
		filter(out, s, value);
		break;
	case STEP_ALL:
		json_object_foreach(value, key, below) found(out, below);
		json_array_foreach(value, i, below) found(out, below);
		break;
	}
}

json_t *jsonpath_find(const struct jsonpath *p, const json_t *value)
{
	json_t *now = json_array(), *each;
	size_t i;

	json_array_append(now, (json_t *)value);
	for (size_t n = 0; n < p->n; n++) {
		json_t *next = json_array();
		size_t first = n;
		while (n + 1 < p->n && p->steps[n].more)
			n++;
		json_array_foreach(now, i, each)
		{
			for (size_t s = first; s <= n; s++)
				take_step(next, &p->steps[s], each);
		}
		json_decref(now);
		now = next;
	}
	return now;
}
