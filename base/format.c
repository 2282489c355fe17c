/* Texts from formats.
 *
 * Happy path: runs of plain text and the common conversions are copied one behind the other. A format that has anything
 * else is begun again by vsnprintf(), with the same arguments. Nothing fails; what does not fit is cut off. */
#include "base/format.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct out {
	char *p;
	size_t size, len; /* len: of the whole, also where it does not fit */
};

static void put(struct out *o, const char *bytes, size_t n)
{
	if (o->len < o->size)
		memcpy(o->p + o->len, bytes, MIN(n, o->size - o->len));
	o->len += n;
}

static void put_text(struct out *o, const char *s)
{
	s = s ? s : "(null)";
	put(o, s, strlen(s));
}

static void put_number(struct out *o, size_t v, bool negative)
{
	char digits[24], *p = digits + sizeof(digits);
	do {
		*--p = (char)('0' + v % 10);
	} while (v /= 10);
	if (negative)
		*--p = '-';
	put(o, p, (size_t)(digits + sizeof(digits) - p));
}

struct args {
	va_list ap;
};

/* One conversion, from behind its percent sign. Returns what is behind it; NULL: not one of ours. */
static const char *convert(struct out *o, const char *at, struct args *a)
{
	if (*at == 's') {
		put_text(o, va_arg(a->ap, const char *));
		return at + 1;
	}
	if (*at == 'd') {
		int v = va_arg(a->ap, int);
		put_number(o, v < 0 ? -(size_t)v : (size_t)v, v < 0);
		return at + 1;
	}
	if (at[0] == 'z' && at[1] == 'u') {
		put_number(o, va_arg(a->ap, size_t), false);
		return at + 2;
	}
	if (*at == 'c' || *at == '%') {
		char c = *at == 'c' ? (char)va_arg(a->ap, int) : '%';
		put(o, &c, 1);
		return at + 1;
	}
	if (strncmp(at, ".*s", 3) == 0) {
		int n = va_arg(a->ap, int);
		const char *s = va_arg(a->ap, const char *);
		if (n < 0 || !s)
			return NULL;
		put(o, s, strnlen(s, (size_t)n));
		return at + 3;
	}
	return NULL;
}

static bool format_common(struct out *o, const char *fmt, struct args *a)
{
	for (const char *at; fmt; fmt = convert(o, at + 1, a)) {
		at = strchrnul(fmt, '%');
		put(o, fmt, (size_t)(at - fmt));
		if (!*at)
			return true;
	}
	return false;
}

int format_vto(char *ret, size_t size, const char *fmt, va_list ap)
{
	struct out o = { .p = ret, .size = size ? size - 1 : 0 };
	struct args a;
	va_copy(a.ap, ap);
	bool done = format_common(&o, fmt, &a);
	va_end(a.ap);
	if (!done)
		return vsnprintf(ret, size, fmt, ap);
	if (size)
		ret[MIN(o.len, o.size)] = '\0';
	return (int)o.len;
}

int format_to(char *ret, size_t size, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = format_vto(ret, size, fmt, ap);
	va_end(ap);
	return n;
}
