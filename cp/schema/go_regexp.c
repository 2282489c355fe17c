/* Whether a text is a regular expression of Go's regexp package (RE2 syntax). Purpose: definitions are refused for the patterns that
 * the original refuses, in its words: look-around, references back, repetitions beyond 1000. Happy path: one walk over the text that
 * finds nothing. Nothing fails. What it lets through, PCRE2 reads as well; names of Unicode's classes are left to that. */
#include "cp/schema/go_regexp.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { REPEAT_MAX = 1000 };

struct parser {
	const char *whole, *p;
	int depth;
	bool has_operand;      /* something stands before that can be repeated */
	const char *repeated;  /* the repetition right before, NULL: there is none */
	char *why;
};

static void fail(struct parser *s, const char *what, const char *from, const char *to)
{
	if (!s->why)
		s->why = xasprintf("%s: `%.*s`", what, (int)(to - from), from);
}

static const char *end_of(const char *s)
{
	return s + strlen(s);
}

static void operand(struct parser *s)
{
	s->has_operand = true;
	s->repeated = NULL;
}

/* --- pieces --------------------------------------------------------------------------------------------------------- */

static size_t hex_digits(const char *p)
{
	return strspn(p, "0123456789abcdefABCDEF");
}

/* What stands behind a backslash at p; the end of it. in_class: \A, \b, \z and \Q have no sense there. */
static const char *escape(struct parser *s, bool in_class)
{
	const char *p = s->p + 1;
	const char *letters = in_class ? "aftnrvdDsSwW" : "aftnrvdDsSwWAbBzCQE";

	if (!*p) {
		fail(s, "trailing backslash at end of expression", p, p);
		return p;
	}
	if (*p == 'p' || *p == 'P')
		return p[1] == '{' && strchr(p, '}') ? strchr(p, '}') + 1 : p[1] ? p + 2 : p + 1;
	if (*p == 'x' && p[1] == '{' && hex_digits(p + 2) && p[2 + hex_digits(p + 2)] == '}')
		return p + 3 + hex_digits(p + 2);
	if (*p == 'x' && hex_digits(p + 1) >= 2)
		return p + 3;
	if (*p == '0' || (*p >= '1' && *p <= '7' && p[1] >= '0' && p[1] <= '7'))
		return p + MIN(strspn(p, "01234567"), (size_t)3);
	bool word = (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (unsigned char)*p >= 0x80;
	if (word && !strchr(letters, *p))
		fail(s, "invalid escape sequence", s->p, p + 1);
	return p + 1;
}

/* \Q...\E: letters as they are. */
static void quoted(struct parser *s)
{
	const char *end = strstr(s->p, "\\E");

	s->p = end ? end + 2 : end_of(s->p);
	operand(s);
}

static const char *class_char(struct parser *s)
{
	const char *end = *s->p == '\\' ? escape(s, true) : s->p + 1;

	while (((unsigned char)*end & 0xc0) == 0x80)
		end++;
	return end;
}

/* [a-z], []a], [^[:alpha:]\d]. */
static void class(struct parser *s)
{
	const char *start = s->p++;

	s->p += *s->p == '^';
	for (bool first = true; !s->why && (*s->p != ']' || first); first = false) {
		const char *lo = s->p, *named = !strncmp(lo, "[:", 2) ? strstr(lo + 2, ":]") : NULL;
		if (!*lo) {
			fail(s, "missing closing ]", start, end_of(start));
			return;
		}
		if (named) {
			s->p = named + 2;
			continue;
		}
		s->p = class_char(s);
		if (*s->p != '-' || s->p[1] == ']' || !s->p[1])
			continue;
		const char *hi = ++s->p;
		s->p = class_char(s);
		if (*lo != '\\' && *hi != '\\' && (unsigned char)*hi < (unsigned char)*lo)
			fail(s, "invalid character class range", lo, s->p);
	}
	s->p += !s->why;
	operand(s);
}

static bool is_name(const char *from, const char *to)
{
	for (const char *p = from; p < to; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", *p))
			return false;
	return to > from;
}

/* (?P<name>, (?<name>, (?i:, (?i). */
static void extension(struct parser *s)
{
	const char *start = s->p, *p = start + 2, *name = !strncmp(p, "P<", 2) ? p + 2 : *p == '<' ? p + 1 : NULL;

	if (name) {
		const char *end = strchr(name, '>');
		if (!end || !is_name(name, end))
			fail(s, "invalid named capture", start, end ? end + 1 : end_of(start));
		s->p = end ? end + 1 : p;
		s->depth++;
		return;
	}
	p += strspn(p, "imsU-");
	if (*p != ':' && *p != ')')
		fail(s, *p ? "invalid or unsupported Perl syntax" : "missing closing )", *p ? start : s->whole, *p ? p + 1 : end_of(s->whole));
	s->depth += *p == ':';
	s->p = p + (*p != '\0');
}

static void open_group(struct parser *s)
{
	if (s->p[1] == '?') {
		extension(s);
	} else {
		s->depth++;
		s->p++;
	}
	s->has_operand = false;
	s->repeated = NULL;
}

static void close_group(struct parser *s)
{
	if (!s->depth--)
		fail(s, "unexpected )", s->whole, end_of(s->whole));
	s->p++;
	operand(s);
}

/* --- repetitions ---------------------------------------------------------------------------------------------------- */

static const char *number(const char *p, long *ret)
{
	const char *start = p;
	long n = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		n = n > REPEAT_MAX ? n : n * 10 + (*p - '0');
	*ret = n;
	return p > start ? p : NULL;
}

/* The end of {n}, {n,}, {n,m}; NULL: it is none and stands for itself. */
static const char *counted(const char *p, bool *ret_fits)
{
	long min = 0, max = 0;
	const char *at = number(p + 1, &min);

	if (!at)
		return NULL;
	max = min;
	if (*at == ',') {
		const char *more = number(++at, &max);
		max = more ? max : min;
		at = more ? more : at;
	}
	*ret_fits = min <= REPEAT_MAX && max <= REPEAT_MAX && min <= max;
	return *at == '}' ? at + 1 : NULL;
}

static void repetition(struct parser *s, const char *end, bool fits)
{
	const char *start = s->p;

	end += *end == '?';
	if (!fits)
		fail(s, "invalid repeat count", start, end - (end[-1] == '?' && end - start > 1));
	else if (!s->has_operand)
		fail(s, "missing argument to repetition operator", start, end);
	else if (s->repeated)
		fail(s, "invalid nested repetition operator", s->repeated, end);
	s->repeated = start;
	s->p = end;
}

static void one(struct parser *s)
{
	bool fits = true;
	const char *end = *s->p == '{' ? counted(s->p, &fits) : strchr("*+?", *s->p) ? s->p + 1 : NULL;

	if (end) {
		repetition(s, end, fits);
	} else if (*s->p == '(') {
		open_group(s);
	} else if (*s->p == ')') {
		close_group(s);
	} else if (*s->p == '[') {
		class(s);
	} else if (!strncmp(s->p, "\\Q", 2)) {
		quoted(s);
	} else {
		bool bar = *s->p == '|';
		s->p = *s->p == '\\' ? escape(s, false) : s->p + 1;
		operand(s);
		s->has_operand = !bar;
	}
}

char *go_regexp_error(const char *text)
{
	struct parser s = {.whole = text, .p = text};

	while (*s.p && !s.why)
		one(&s);
	if (s.depth > 0)
		fail(&s, "missing closing )", text, end_of(text));
	return s.why;
}
