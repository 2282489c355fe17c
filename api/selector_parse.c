/* Selectors from text: label selectors ("a=b,c in (d,e),!f") and field selectors ("a=b,c!=d" with escapes).
 *
 * Labels go through a small lexer and one function a rule; fields are split at commas that are not escaped. -EINVAL
 * with what was found and what was expected, -E2BIG beyond MAX_TEXT. What always holds: a selector handed out was
 * parsed to the end of the text. */
#include "api/selector_internal.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "api/names.h"
#include "base/mem.h"
#include "base/str.h"

#define MAX_TEXT (64 * 1024)

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
	} specials[] = {{"==", TOK_EQEQ}, {"!=", TOK_NE},   {"=", TOK_EQ}, {"!", TOK_NOT}, {"(", TOK_OPEN},
			{")", TOK_CLOSE}, {",", TOK_COMMA}, {">", TOK_GT}, {"<", TOK_LT}};

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
	bool need_value = true, first = true;

	if (l->token != TOK_OPEN)
		return err_set(e, -EINVAL, "found '%.*s' expected: '('", (int)MIN(l->len, (size_t)200), l->start);
	for (lex(l);; lex(l), first = false) {
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
			return unexpected(l,
					  first	       ? "',', ')' or identifier"
					  : need_value ? "',', or identifier"
						       : "',' or ')'",
					  e);
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
	} binary[] = {
	    {TOK_EQ, OP_EQUALS}, {TOK_EQEQ, OP_EQUALS}, {TOK_NE, OP_NOT_EQUALS}, {TOK_GT, OP_GT}, {TOK_LT, OP_LT}};

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

/* A key by itself has no path in the original's words. */
static int check_key(const char *key, size_t len, struct err *e)
{
	AUTO_FREE char *text = xstrndup(key, len);

	return selector_check_key("<nil>", text, e);
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
	r = check_key(key, key_len, e);
	if (r < 0)
		return r;
	lex(l);
	if (negated) {
		op = OP_NOT_EXISTS;
	} else if (l->token != TOK_END && l->token != TOK_COMMA) {
		r = parse_operator(l, &op, &values, e);
		if (r < 0)
			return r;
	}
	return selector_check_label(selector_add(s, key, key_len, op, TAKE(values)), e);
}

static int parse_requirements(struct selector *s, struct lexer *l, struct err *e)
{
	int r;

	for (lex(l); l->token != TOK_END;) {
		if (l->token != TOK_WORD && l->token != TOK_NOT)
			return unexpected(l, "!, identifier, or 'end of string'", e);
		r = parse_requirement(s, l, e);
		if (r < 0)
			return err_wrap(e, r, "unable to parse requirement");
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
	struct lexer l = {.at = text ? text : ""};
	int r;

	if (strlen(l.at) > MAX_TEXT)
		return err_set(e, -E2BIG, "the selector is longer than %d bytes", MAX_TEXT);
	r = parse_requirements(s, &l, e);
	if (r < 0)
		return r;
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
				return err_set(e, -EINVAL, "invalid field selector: invalid escape sequence: \\%.*s",
					       s < end, s);
		} else if (*s == ',' || *s == '=') {
			return err_set(e, -EINVAL, "invalid field selector: unescaped character in value: %d", *s);
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
		return err_set(e, -EINVAL, "invalid selector: '%s'; can't understand '%.*s'", text, (int)(end - term),
			       term);
	r = unescape(at + op_len, end, &value, e);
	if (r < 0)
		return r;
	strv_add(&values, str_text(&value));
	selector_add(s, term, (size_t)(at - term), op, values);
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
