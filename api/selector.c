/* Selectors: a list of requirements (key, operator, values) that all must hold.
 *
 * Label selectors come from query text, from LabelSelector objects or plain maps; field selectors from query text with
 * escapes. Each front end checks its input and adds requirements; matching walks them. Parsing fails with -EINVAL on bad
 * syntax or on keys and values that no label could have, and with -E2BIG beyond MAX_TEXT. What always holds: values of
 * in and notin are sorted and unique, "=" and "!=" have exactly one. */
#include "api/selector.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define MAX_TEXT (64 * 1024)

enum op { OP_EQUALS, OP_NOT_EQUALS, OP_IN, OP_NOT_IN, OP_EXISTS, OP_NOT_EXISTS, OP_GT, OP_LT };

static const char *const op_names[] = { "=", "!=", "in", "notin", "exists", "!exists", "Gt", "Lt" };

struct requirement {
	char *key;
	enum op op;
	char **values; /* NULL-terminated; NULL where the operator takes none */
};

struct selector {
	struct requirement *v;
	size_t n;
	bool fields;  /* an absent field is the same as an empty one */
	bool nothing; /* made from a missing LabelSelector */
};

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

/* Takes values. */
static void add_requirement(struct selector *s, const char *key, size_t key_len, enum op op, char **values)
{
	sort_values(values);
	s->v = xreallocarray(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = (struct requirement){ .key = xstrndup(key, key_len), .op = op, .values = values };
}

static struct selector *selector_new(bool fields)
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

/* What the operator demands of the number and form of the values, and the label syntax of key and values. */
static int check_label_requirement(const struct requirement *r, struct err *e)
{
	const char *rule = name_check_qualified(r->key);
	size_t n = strv_len(r->values);
	int64_t number;

	if (rule)
		return err_set(e, -EINVAL, "key: Invalid value: \"%s\": %s", r->key, rule);
	if ((r->op == OP_IN || r->op == OP_NOT_IN) && !n)
		return err_set(e, -EINVAL, "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty");
	if ((r->op == OP_EXISTS || r->op == OP_NOT_EXISTS) && n)
		return err_set(e, -EINVAL, "values: Invalid value: values set must be empty for exists and does not exist");
	for (size_t i = 0; i < n; i++) {
		rule = name_check_label_value(r->values[i]);
		if (rule)
			return err_set(e, -EINVAL, "values[%zu][%s]: Invalid value: \"%s\": %s", i, r->key, r->values[i], rule);
		if ((r->op == OP_GT || r->op == OP_LT) && str_to_i64(r->values[i], &number) < 0)
			return err_set(e, -EINVAL,
				       "values[%zu]: Invalid value: \"%s\": for 'Gt', 'Lt' operators, the value must be an integer", i,
				       r->values[i]);
	}
	return 0;
}

/* --- label selectors from text ------------------------------------------------------------------------------------ */

enum token { TOK_END, TOK_WORD, TOK_COMMA, TOK_OPEN, TOK_CLOSE, TOK_NOT, TOK_EQ, TOK_EQEQ, TOK_NE, TOK_GT, TOK_LT };

struct lexer {
	const char *at;    /* behind the current token */
	const char *start; /* the current token */
	size_t len;
	enum token token;
};

static bool is_special(char c)
{
	return c == '=' || c == '!' || c == '(' || c == ')' || c == ',' || c == '>' || c == '<';
}

static void lex_special(struct lexer *l)
{
	static const struct {
		const char *text;
		enum token token;
	} specials[] = { { "==", TOK_EQEQ }, { "!=", TOK_NE }, { "=", TOK_EQ },   { "!", TOK_NOT }, { "(", TOK_OPEN },
			 { ")", TOK_CLOSE }, { ",", TOK_COMMA }, { ">", TOK_GT }, { "<", TOK_LT } };

	for (size_t i = 0; i < ARRAY_LEN(specials); i++) {
		if (!str_has_prefix(l->at, specials[i].text))
			continue;
		l->token = specials[i].token;
		l->len = strlen(specials[i].text);
		l->at += l->len;
		return;
	}
}

static void lex(struct lexer *l)
{
	while (isspace((unsigned char)*l->at))
		l->at++;
	l->start = l->at;
	l->len = 0;
	if (!*l->at) {
		l->token = TOK_END;
	} else if (is_special(*l->at)) {
		lex_special(l);
	} else {
		while (*l->at && !is_special(*l->at) && !isspace((unsigned char)*l->at))
			l->at++;
		l->len = (size_t)(l->at - l->start);
		l->token = TOK_WORD;
	}
}

static bool lex_is_word(const struct lexer *l, const char *word)
{
	return l->token == TOK_WORD && l->len == strlen(word) && !strncmp(l->start, word, l->len);
}

static int unexpected(const struct lexer *l, const char *expected, struct err *e)
{
	return err_set(e, -EINVAL, "found '%.*s', expected: %s", (int)MIN(l->len, (size_t)200), l->start, expected);
}

/* "(a,b,,c)": an empty place is an empty value. The lexer stands on "(". */
static int parse_value_list(struct lexer *l, char ***ret, struct err *e)
{
	AUTO_STRV char **values = NULL;
	bool need_value = true;

	if (l->token != TOK_OPEN)
		return unexpected(l, "'('", e);
	for (lex(l);; lex(l)) {
		if (l->token == TOK_WORD && need_value) {
			AUTO_FREE char *word = xstrndup(l->start, l->len);

			strv_add(&values, word);
			need_value = false;
		} else if (l->token == TOK_COMMA) {
			if (need_value)
				strv_add(&values, "");
			need_value = true;
		} else if (l->token == TOK_CLOSE) {
			break;
		} else {
			return unexpected(l, need_value ? "',', ')' or identifier" : "',' or ')'", e);
		}
	}
	if (need_value)
		strv_add(&values, "");
	lex(l);
	*ret = TAKE(values);
	return 0;
}

/* The one value behind =, ==, !=, > and <; nothing there is an empty value. */
static int parse_one_value(struct lexer *l, char ***ret, struct err *e)
{
	AUTO_FREE char *word = NULL;

	lex(l);
	if (l->token == TOK_END || l->token == TOK_COMMA) {
		strv_add(ret, "");
		return 0;
	}
	if (l->token != TOK_WORD)
		return unexpected(l, "identifier", e);
	word = xstrndup(l->start, l->len);
	strv_add(ret, word);
	lex(l);
	return 0;
}

static int parse_operator(struct lexer *l, enum op *ret_op, char ***ret_values, struct err *e)
{
	static const struct {
		enum token token;
		enum op op;
	} binary[] = { { TOK_EQ, OP_EQUALS }, { TOK_EQEQ, OP_EQUALS }, { TOK_NE, OP_NOT_EQUALS }, { TOK_GT, OP_GT }, { TOK_LT, OP_LT } };

	if (lex_is_word(l, "in") || lex_is_word(l, "notin")) {
		*ret_op = l->len == 2 ? OP_IN : OP_NOT_IN;
		lex(l);
		return parse_value_list(l, ret_values, e);
	}
	for (size_t i = 0; i < ARRAY_LEN(binary); i++) {
		if (l->token == binary[i].token) {
			*ret_op = binary[i].op;
			return parse_one_value(l, ret_values, e);
		}
	}
	return unexpected(l, "in, notin, =, ==, !=, gt, lt", e);
}

static int parse_requirement(struct selector *s, struct lexer *l, struct err *e)
{
	bool negated = l->token == TOK_NOT;
	AUTO_STRV char **values = NULL;
	const char *key;
	size_t key_len;
	enum op op = OP_EXISTS;
	int r;

	if (negated)
		lex(l);
	if (l->token != TOK_WORD)
		return unexpected(l, "identifier", e);
	key = l->start;
	key_len = l->len;
	lex(l);
	if (negated) {
		op = OP_NOT_EXISTS;
	} else if (l->token != TOK_END && l->token != TOK_COMMA) {
		r = parse_operator(l, &op, &values, e);
		if (r < 0)
			return r;
	}
	add_requirement(s, key, key_len, op, TAKE(values));
	return check_label_requirement(&s->v[s->n - 1], e);
}

static int parse_requirements(struct selector *s, struct lexer *l, struct err *e)
{
	int r;

	for (lex(l); l->token != TOK_END;) {
		if (l->token != TOK_WORD && l->token != TOK_NOT)
			return unexpected(l, "!, identifier, or 'end of string'", e);
		r = parse_requirement(s, l, e);
		if (r < 0)
			return r;
		if (l->token == TOK_END)
			break;
		if (l->token != TOK_COMMA)
			return unexpected(l, "',' or 'end of string'", e);
		lex(l);
		if (l->token != TOK_WORD && l->token != TOK_NOT)
			return unexpected(l, "identifier after ','", e);
	}
	return 0;
}

int selector_parse_labels(const char *text, struct selector **ret, struct err *e)
{
	AUTO_SELECTOR *s = selector_new(false);
	struct lexer l = { .at = text ? text : "" };
	int r;

	if (strlen(l.at) > MAX_TEXT)
		return err_set(e, -E2BIG, "the selector is longer than %d bytes", MAX_TEXT);
	r = parse_requirements(s, &l, e);
	if (r < 0)
		return err_wrap(e, r, "unable to parse requirement");
	*ret = TAKE(s);
	return 0;
}

/* --- field selectors from text ------------------------------------------------------------------------------------ */

/* The end of a term: the next comma that is not escaped. */
static const char *term_end(const char *s)
{
	for (; *s && *s != ','; s++)
		if (*s == '\\' && s[1])
			s++;
	return s;
}

/* Finds the first operator that is not escaped. */
static const char *term_operator(const char *s, const char *end, enum op *ret_op, size_t *ret_len)
{
	for (; s < end; s++) {
		if (*s == '\\')
			s++;
		else if (*s == '=' || (*s == '!' && s + 1 < end && s[1] == '=')) {
			*ret_op = *s == '=' ? OP_EQUALS : OP_NOT_EQUALS;
			*ret_len = *s == '!' || (s + 1 < end && s[1] == '=') ? 2 : 1;
			return s;
		}
	}
	return NULL;
}

/* Undoes \\ \, and \= ; any other use of these characters is an error. */
static int unescape(const char *s, const char *end, struct str *ret, struct err *e)
{
	for (; s < end; s++) {
		if (*s == '\\') {
			s++;
			if (s >= end || !strchr("\\,=", *s))
				return err_set(e, -EINVAL, "invalid field selector: invalid escape sequence: \\%.*s", s < end, s);
		} else if (*s == ',' || *s == '=') {
			return err_set(e, -EINVAL, "invalid field selector: unescaped character in value: %c", *s);
		}
		str_addc(ret, *s);
	}
	return 0;
}

static int parse_term(struct selector *s, const char *text, const char *term, const char *end, struct err *e)
{
	AUTO_STR value = STR_INIT;
	char **values = NULL;
	enum op op = OP_EQUALS;
	size_t op_len = 0;
	const char *at = term_operator(term, end, &op, &op_len);
	int r;

	if (!at)
		return err_set(e, -EINVAL, "invalid selector: '%s'; can't understand '%.*s'", text, (int)(end - term), term);
	r = unescape(at + op_len, end, &value, e);
	if (r < 0)
		return r;
	strv_add(&values, str_text(&value));
	add_requirement(s, term, (size_t)(at - term), op, values);
	return 0;
}

int selector_parse_fields(const char *text, struct selector **ret, struct err *e)
{
	AUTO_SELECTOR *s = selector_new(true);
	const char *term, *end;
	int r;

	if (!text)
		text = "";
	if (strlen(text) > MAX_TEXT)
		return err_set(e, -E2BIG, "the selector is longer than %d bytes", MAX_TEXT);
	for (term = text;; term = end + 1) {
		end = term_end(term);
		if (end > term) {
			r = parse_term(s, text, term, end, e);
			if (r < 0)
				return r;
		}
		if (!*end)
			break;
	}
	*ret = TAKE(s);
	return 0;
}

/* --- selectors from objects --------------------------------------------------------------------------------------- */

static int add_map(struct selector *s, const json_t *map, struct err *e)
{
	const char *key;
	json_t *value;
	char **values;
	int r;

	json_object_foreach((json_t *)map, key, value) {
		if (!json_is_string(value))
			return err_set(e, -EINVAL, "the value of \"%s\" is not a string", key);
		values = NULL;
		strv_add(&values, json_string_value(value));
		add_requirement(s, key, strlen(key), OP_EQUALS, values);
		r = check_label_requirement(&s->v[s->n - 1], e);
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
	} ops[] = { { "In", OP_IN }, { "NotIn", OP_NOT_IN }, { "Exists", OP_EXISTS }, { "DoesNotExist", OP_NOT_EXISTS } };
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
	add_requirement(s, key, strlen(key), ops[i].op, values);
	return check_label_requirement(&s->v[s->n - 1], e);
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
	json_array_foreach(json_object_get(label_selector, "matchExpressions"), at, expression) {
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

		if ((r->op == OP_EQUALS || r->op == OP_IN) && r->values && r->values[0] && !r->values[1] && str_eq(r->key, key))
			return r->values[0];
	}
	return NULL;
}
