/* Lists of numbers. What can fail: the text. What always holds: no number beyond the mask's end gets in. */
#include "runtime/number_set.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BITS (CHAR_BIT * sizeof(long))

static const char *skip_blanks(const char *p)
{
	while (*p == ' ')
		p++;
	return p;
}

/* Advances *p over a number and the blanks behind it. */
static int read_number(const char **p, unsigned *ret, struct err *e)
{
	char *end;
	if (!isdigit((unsigned char)**p))
		return err_set(e, -EINVAL, "\"%.40s\" where a number is due", *p);
	errno = 0;
	unsigned long n = strtoul(*p, &end, 10);
	if (errno || n >= NUMBER_SET_MAX)
		return err_set(e, -ERANGE, "%.*s is larger than %d", (int)(end - *p), *p, NUMBER_SET_MAX - 1);
	*p = skip_blanks(end);
	*ret = (unsigned)n;
	return 0;
}

int number_set_parse(const char *text, struct number_set *ret, struct err *e)
{
	struct number_set s = { 0 };
	const char *p = text ? skip_blanks(text) : "";
	s.given = *p != '\0';
	while (*p) {
		unsigned first, last;
		int r = read_number(&p, &first, e);
		if (r < 0)
			return r;
		last = first;
		if (*p == '-') {
			p = skip_blanks(p + 1);
			r = read_number(&p, &last, e);
		}
		if (r == 0 && last < first)
			r = err_set(e, -EINVAL, "range %u-%u goes backwards", first, last);
		if (r < 0)
			return r;
		for (; first <= last; first++)
			s.bits[first / WORD_BITS] |= 1ul << first % WORD_BITS;
		if (*p == ',')
			p = skip_blanks(p + 1);
		else if (*p)
			return err_set(e, -EINVAL, "\"%.40s\" where a comma is due", p);
	}
	*ret = s;
	return 0;
}

void number_set_fill(struct number_set *s)
{
	s->given = true;
	memset(s->bits, 0xff, sizeof(s->bits));
}

char *number_set_hex(const struct number_set *s, char *ret)
{
	size_t i = sizeof(s->bits) / sizeof(s->bits[0]) - 1;
	while (i && !s->bits[i])
		i--;
	int n = sprintf(ret, "%lx", s->bits[i]);
	while (i--)
		n += sprintf(ret + n, "%0*lx", (int)(WORD_BITS / 4), s->bits[i]);
	return ret;
}
