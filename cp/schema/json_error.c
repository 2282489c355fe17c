/* A recogniser for JSON (RFC 8259) that only finds the first error. Purpose: clients see the same text for a broken
 * body as from the original. Happy path: none: it is called for texts that did not parse. Bounded depth (a stack of
 * 10,000 brackets); looks at each byte once. */
#include "cp/schema/json_error.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

struct scan {
	const char *p, *end;
	char *error;
	int depth;
};

static char *quote(unsigned char c)
{
	if (c == '\'')
		return xstrdup("'\\''");
	if (c == '"')
		return xstrdup("'\"'");
	if (c == '\n')
		return xstrdup("'\\n'");
	if (c == '\t')
		return xstrdup("'\\t'");
	if (c == '\r')
		return xstrdup("'\\r'");
	if (c < 0x20 || c == 0x7f)
		return xasprintf("'\\x%02x'", c);
	if (c > 0xa0 && c != 0xad) /* a byte counts as the character of its number */
		return xasprintf("'%c%c'", 0xc0 | c >> 6, 0x80 | (c & 0x3f));
	return c < 0x80 ? xasprintf("'%c'", c) : xasprintf("'\\u%04x'", c);
}

static bool fail(struct scan *s, const char *context)
{
	if (s->error)
		return false;
	if (s->p >= s->end) {
		s->error = xstrdup("unexpected end of JSON input");
		return false;
	}
	AUTO_FREE char *c = quote((unsigned char)*s->p);
	s->error = xasprintf("invalid character %s %s", c, context);
	return false;
}

static void skip_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static bool at(const struct scan *s, char c)
{
	return s->p < s->end && *s->p == c;
}

static bool scan_string(struct scan *s)
{
	s->p++;
	while (s->p < s->end && *s->p != '"') {
		if ((unsigned char)*s->p < 0x20)
			return fail(s, "in string literal");
		if (*s->p++ != '\\')
			continue;
		if (s->p >= s->end || !strchr("\"\\/bfnrtu", *s->p))
			return fail(s, "in string escape code");
		if (*s->p++ == 'u')
			for (int i = 0; i < 4; i++, s->p++)
				if (s->p >= s->end || !strchr("0123456789abcdefABCDEF", *s->p))
					return fail(s, "in \\u hexadecimal character escape");
	}
	if (s->p >= s->end)
		return fail(s, "");
	s->p++;
	return true;
}

static bool scan_digits(struct scan *s, const char *context)
{
	if (s->p >= s->end || *s->p < '0' || *s->p > '9')
		return fail(s, context);
	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return true;
}

static bool scan_number(struct scan *s)
{
	if (at(s, '-'))
		s->p++;
	if (at(s, '0'))
		s->p++;
	else if (!scan_digits(s, "in numeric literal"))
		return false;
	if (at(s, '.')) {
		s->p++;
		if (!scan_digits(s, "after decimal point in numeric literal"))
			return false;
	}
	if (at(s, 'e') || at(s, 'E')) {
		s->p++;
		if (at(s, '+') || at(s, '-'))
			s->p++;
		return scan_digits(s, "in exponent of numeric literal");
	}
	return true;
}

static bool scan_word(struct scan *s, const char *word)
{
	for (size_t i = 0; word[i]; i++, s->p++) {
		if (at(s, word[i]))
			continue;
		AUTO_FREE char *context = xasprintf("in literal %s (expecting '%c')", word, word[i]);
		return fail(s, context);
	}
	return true;
}

static bool scan_value(struct scan *s);

static bool scan_object(struct scan *s)
{
	s->p++;
	skip_space(s);
	if (at(s, '}'))
		return s->p++, true;
	for (;;) {
		skip_space(s);
		if (!at(s, '"'))
			return fail(s, "looking for beginning of object key string");
		if (!scan_string(s))
			return false;
		skip_space(s);
		if (!at(s, ':'))
			return fail(s, "after object key");
		s->p++;
		if (!scan_value(s))
			return false;
		skip_space(s);
		if (at(s, '}'))
			return s->p++, true;
		if (!at(s, ','))
			return fail(s, "after object key:value pair");
		s->p++;
	}
}

static bool scan_array(struct scan *s)
{
	s->p++;
	skip_space(s);
	if (at(s, ']'))
		return s->p++, true;
	for (;;) {
		if (!scan_value(s))
			return false;
		skip_space(s);
		if (at(s, ']'))
			return s->p++, true;
		if (!at(s, ','))
			return fail(s, "after array element");
		s->p++;
	}
}

static bool scan_value(struct scan *s)
{
	skip_space(s);
	if (s->p >= s->end)
		return fail(s, "");
	if (++s->depth > 10000) {
		s->error = xstrdup("exceeded max depth");
		return false;
	}
	char c = *s->p;
	bool ok = c == '{'                             ? scan_object(s)
		  : c == '['                           ? scan_array(s)
		  : c == '"'                           ? scan_string(s)
		  : c == 't'                           ? scan_word(s, "true")
		  : c == 'f'                           ? scan_word(s, "false")
		  : c == 'n'                           ? scan_word(s, "null")
		  : c == '-' || (c >= '0' && c <= '9') ? scan_number(s)
						       : fail(s, "looking for beginning of value");
	s->depth--;
	return ok;
}

char *json_error_text(const char *text, size_t len)
{
	struct scan s = {.p = text, .end = text + len};
	if (!scan_value(&s))
		return s.error;
	skip_space(&s);
	if (s.p < s.end)
		fail(&s, "after top-level value");
	return s.error;
}

const char *json_class(const json_t *value)
{
	return json_is_object(value)	? "object"
	       : json_is_array(value)	? "array"
	       : json_is_string(value)	? "string"
	       : json_is_number(value)	? "number"
	       : json_is_boolean(value) ? "bool"
					: "null";
}

char *json_misfit(const json_t *value, const char *type)
{
	return xasprintf("json: cannot unmarshal %s into Go value of type %s", json_class(value), type);
}
