/* Resource quantities: exact decimal fixed point with three families of suffixes.
 *
 * A text is read into a count of nano units (128 bits, so that nothing below 2^63 units is lost) and its family; every
 * answer is computed from that. Malformed text gives -EINVAL or NULL. What always holds: a value never exceeds 2^63-1
 * units in size (it saturates there), and what is finer than a nano unit is rounded away from zero, as the reference
 * does. Spec: Kubernetes API conventions, Quantities. */
#include "api/quantity.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

typedef __int128 nano;
#define NANO ((nano)1000000000)
#define NANO_MAX ((nano)INT64_MAX * NANO)

enum family { DECIMAL, EXPONENT, BINARY };

struct quantity {
	nano value;
	enum family family;
};

static const char decimal_suffix[] = "numkMGTPE"; /* 10^-9, -6, -3, 3 ... 18 */
static const char binary_suffix[] = "KMGTPE";     /* followed by i: 2^10 ... 2^60 */

/* The number behind e or E, bounded so that sums with digit counts cannot overflow. */
static int parse_exponent(const char *s, int *ret)
{
	bool negative = *s == '-';
	int v = 0;

	if (*s == '-' || *s == '+')
		s++;
	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (!isdigit((unsigned char)*s))
			return -EINVAL;
		v = MIN(v * 10 + (*s - '0'), 100000);
	}
	*ret = negative ? -v : v;
	return 0;
}

/* Reads a suffix into a family and an exponent of 10 or (binary) of 2. */
static int parse_suffix(const char *s, enum family *ret_family, int *ret_exponent)
{
	const char *at;

	*ret_family = DECIMAL;
	*ret_exponent = 0;
	if (!*s)
		return 0;
	if (s[1] == 'i' && !s[2]) {
		at = strchr(binary_suffix, s[0]);
		if (!at)
			return -EINVAL;
		*ret_family = BINARY;
		*ret_exponent = 10 * (int)(at - binary_suffix + 1);
		return 0;
	}
	if (!s[1]) {
		at = strchr(decimal_suffix, s[0]);
		if (!at)
			return -EINVAL;
		*ret_exponent = 3 * (int)(at - decimal_suffix) - (at - decimal_suffix < 3 ? 9 : 6);
		return 0;
	}
	if (*s != 'e' && *s != 'E')
		return -EINVAL;
	*ret_family = EXPONENT;
	return parse_exponent(s + 1, ret_exponent);
}

/* digits is "123.456" without sign; point moves the decimal point to the right. Whole part (saturating) and up to 18
 * digits of fraction; *ret_more when anything non-zero lies behind those. */
static void split_digits(const char *digits, size_t n, int point, nano *ret_whole, uint64_t *ret_fraction,
			 bool *ret_more)
{
	const char *dot = memchr(digits, '.', n);
	long at = -(long)((dot ? (size_t)(dot - digits) : n)) - point; /* position relative to the point */
	int taken = 0;

	*ret_whole = 0;
	*ret_fraction = 0;
	*ret_more = false;
	for (size_t i = 0; i < n; i++) {
		int d = digits[i] - '0';

		if (digits[i] == '.')
			continue;
		if (at < 0) {
			*ret_whole = MIN(*ret_whole * 10 + d, NANO_MAX);
		} else if (at < 18) {
			for (; taken < at; taken++)
				*ret_fraction *= 10;
			*ret_fraction = *ret_fraction * 10 + (uint64_t)d;
			taken++;
		} else if (d) {
			*ret_more = true;
		}
		at++;
	}
	for (; at < 0 && *ret_whole && *ret_whole < NANO_MAX; at++)
		*ret_whole = MIN(*ret_whole * 10, NANO_MAX);
	for (; taken < 18; taken++)
		*ret_fraction *= 10;
}

/* (whole + fraction / 10^18) * 2^shift, as nanos rounded up. */
static nano scale_binary(nano whole, uint64_t fraction, bool more, int shift)
{
	const nano unit = (nano)1000000000000000000;
	nano part = (nano)fraction << shift, rest;

	if (whole >= (nano)INT64_MAX >> shift)
		return NANO_MAX;
	rest = part % unit;
	return ((whole << shift) + part / unit) * NANO + (rest * NANO + unit - 1) / unit +
	       (more && rest * NANO % unit == 0 ? 1 : 0);
}

static int quantity_read(const char *s, struct quantity *ret)
{
	bool negative, more;
	nano whole, value;
	uint64_t fraction;
	size_t n, digits = 0;
	enum family family;
	int exponent, r;

	if (!s)
		return -EINVAL;
	negative = *s == '-';
	if (*s == '-' || *s == '+')
		s++;
	for (n = 0; isdigit((unsigned char)s[n]); n++)
		digits++;
	if (s[n] == '.')
		for (n++; isdigit((unsigned char)s[n]); n++)
			digits++;
	if (!digits)
		return -EINVAL;
	r = parse_suffix(s + n, &family, &exponent);
	if (r < 0)
		return r;
	if (family == BINARY) {
		split_digits(s, n, 0, &whole, &fraction, &more);
		value = scale_binary(whole, fraction, more, exponent);
	} else {
		split_digits(s, n, exponent + 9, &whole, &fraction, &more);
		value = whole + (fraction || more ? 1 : 0);
	}
	value = MIN(value, NANO_MAX);
	*ret = (struct quantity){.value = negative ? -value : value, .family = family};
	return 0;
}

/* Divides, rounding up (towards +infinity), saturating at the int64 bounds. */
static int64_t divide_up(nano value, nano by)
{
	nano v = value / by + (value % by > 0 ? 1 : 0);

	return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

int quantity_parse_milli(const char *s, int64_t *ret)
{
	struct quantity q;
	int r = quantity_read(s, &q);

	if (!r)
		*ret = divide_up(q.value, NANO / 1000);
	return r;
}

int quantity_parse(const char *s, int64_t *ret)
{
	struct quantity q;
	int r = quantity_read(s, &q);

	if (!r)
		*ret = divide_up(q.value, NANO);
	return r;
}

static void add_number(struct str *out, nano v)
{
	char digits[48], *p = digits + sizeof(digits);

	if (v < 0) {
		str_addc(out, '-');
		v = -v;
	}
	*--p = '\0';
	do
		*--p = (char)('0' + (int)(v % 10));
	while ((v /= 10));
	str_add(out, p);
}

static char *write_decimal(nano value, enum family family)
{
	struct str out = STR_INIT;
	int exponent = -9;

	if (!value)
		return xstrdup("0");
	for (; value % 1000 == 0 && exponent < 18; exponent += 3)
		value /= 1000;
	add_number(&out, value);
	if (exponent && family == EXPONENT)
		str_addf(&out, "e%d", exponent);
	else if (exponent)
		str_addc(&out, decimal_suffix[exponent < 0 ? exponent / 3 + 3 : exponent / 3 + 2]);
	return str_take(&out);
}

static char *write_binary(nano units)
{
	struct str out = STR_INIT;
	int step = 0;

	for (; units % 1024 == 0 && step < 6; step++)
		units /= 1024;
	add_number(&out, units);
	if (step)
		str_addf(&out, "%ci", binary_suffix[step - 1]);
	return str_take(&out);
}

static char *quantity_write(struct quantity q)
{
	nano size = q.value < 0 ? -q.value : q.value;

	if (q.family != BINARY || size < 1024 * NANO)
		return write_decimal(q.value, q.family == EXPONENT ? EXPONENT : DECIMAL);
	size = (size + NANO - 1) / NANO;
	return write_binary(q.value < 0 ? -size : size);
}

char *quantity_canonical(const char *s)
{
	struct quantity q;

	return quantity_read(s, &q) < 0 ? NULL : quantity_write(q);
}

int quantity_compare(const char *a, const char *b)
{
	struct quantity qa = {0}, qb = {0};

	quantity_read(a, &qa);
	quantity_read(b, &qb);
	return qa.value < qb.value ? -1 : qa.value > qb.value;
}

int quantity_sign(const char *s)
{
	struct quantity q = {0};

	quantity_read(s, &q);
	return q.value < 0 ? -1 : q.value > 0;
}

static char *combine(const char *a, const char *b, int sign)
{
	struct quantity qa = {0}, qb = {0};
	nano sum;

	quantity_read(a, &qa);
	quantity_read(b, &qb);
	sum = qa.value + sign * qb.value;
	sum = MAX(MIN(sum, NANO_MAX), -NANO_MAX);
	return quantity_write((struct quantity){.value = sum, .family = qa.value ? qa.family : qb.family});
}

char *quantity_add(const char *a, const char *b)
{
	return combine(a, b, 1);
}

char *quantity_sub(const char *a, const char *b)
{
	return combine(a, b, -1);
}

char *quantity_from_milli(int64_t milli)
{
	return write_decimal((nano)milli * (NANO / 1000), DECIMAL);
}

char *quantity_from_bytes(int64_t bytes)
{
	return quantity_write((struct quantity){.value = (nano)bytes * NANO, .family = BINARY});
}
