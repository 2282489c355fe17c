/* Clocks and time formats. */
#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

static int64_t read_us(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_mono_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t clock_cpu_us(void)
{
	return read_us(CLOCK_THREAD_CPUTIME_ID);
}

int64_t clock_wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}

static size_t date_time(int64_t sec, char *ret)
{
	time_t t = (time_t)sec;
	struct tm tm;
	gmtime_r(&t, &tm);
	return strftime(ret, RFC3339_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
}

char *rfc3339(int64_t wall_ms, char *ret)
{
	size_t n = date_time(wall_ms / 1000, ret);
	snprintf(ret + n, RFC3339_MAX - n, "Z");
	return ret;
}

char *rfc3339_micro(int64_t wall_us, char *ret)
{
	size_t n = date_time(wall_us / 1000000, ret);
	snprintf(ret + n, RFC3339_MAX - n, ".%06dZ", (int)(wall_us % 1000000));
	return ret;
}

char *rfc3339_nano(int64_t sec, int32_t nsec, char *ret)
{
	size_t n = date_time(sec, ret);
	snprintf(ret + n, RFC3339_MAX - n, ".%09dZ", (int)nsec);
	return ret;
}

/* Exactly n digits at *s. */
static int digits(const char **s, int n, int *ret)
{
	int v = 0;
	for (int i = 0; i < n; i++, ++*s) {
		if (!isdigit((unsigned char)**s))
			return -EINVAL;
		v = v * 10 + (**s - '0');
	}
	*ret = v;
	return 0;
}

static int fraction_us(const char **s, int64_t *ret_us)
{
	int64_t scale = 100000;
	*ret_us = 0;
	if (**s != '.')
		return 0;
	if (!isdigit((unsigned char)*++*s))
		return -EINVAL;
	for (; isdigit((unsigned char)**s); ++*s, scale /= 10)
		*ret_us += (**s - '0') * scale;
	return 0;
}

static int offset_s(const char **s, int *ret_s)
{
	int h, m, sign = **s == '-' ? -1 : 1;
	*ret_s = 0;
	if (**s == 'Z' || **s == 'z') {
		++*s;
		return 0;
	}
	if (**s != '+' && **s != '-')
		return -EINVAL;
	++*s;
	if (digits(s, 2, &h) < 0 || *(*s)++ != ':' || digits(s, 2, &m) < 0 || h > 23 || m > 59)
		return -EINVAL;
	*ret_s = sign * (h * 3600 + m * 60);
	return 0;
}

int rfc3339_parse(const char *s, int64_t *ret_wall_us)
{
	struct tm tm = { 0 };
	int64_t us;
	int off;
	if (digits(&s, 4, &tm.tm_year) < 0 || *s++ != '-' || digits(&s, 2, &tm.tm_mon) < 0 || *s++ != '-' ||
	    digits(&s, 2, &tm.tm_mday) < 0 || (*s != 'T' && *s != 't'))
		return -EINVAL;
	s++;
	if (digits(&s, 2, &tm.tm_hour) < 0 || *s++ != ':' || digits(&s, 2, &tm.tm_min) < 0 || *s++ != ':' ||
	    digits(&s, 2, &tm.tm_sec) < 0 || fraction_us(&s, &us) < 0 || offset_s(&s, &off) < 0 || *s)
		return -EINVAL;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 ||
	    tm.tm_min > 59 || tm.tm_sec > 60)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	*ret_wall_us = ((int64_t)timegm(&tm) - off) * 1000000 + us;
	return 0;
}

static int unit_ns(const char **s, double *ret)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = { { "ns", 1 }, { "us", 1e3 }, { "\xc2\xb5s", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "m", 60e9 }, { "h", 3600e9 } };
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		size_t n = strlen(units[i].name);
		if (!strncmp(*s, units[i].name, n)) {
			*s += n;
			*ret = units[i].ns;
			return 0;
		}
	}
	return -EINVAL;
}

int duration_parse(const char *s, int64_t *ret_ns)
{
	double total = 0, sign = 1;
	if (*s == '-' || *s == '+')
		sign = *s++ == '-' ? -1 : 1;
	if (!strcmp(s, "0")) {
		*ret_ns = 0;
		return 0;
	}
	if (!*s)
		return -EINVAL;
	while (*s) {
		char *end;
		double unit;
		if (!isdigit((unsigned char)*s) && *s != '.')
			return -EINVAL;
		double v = strtod(s, &end);
		if (end == s)
			return -EINVAL;
		s = end;
		if (unit_ns(&s, &unit) < 0)
			return -EINVAL;
		total += v * unit;
	}
	if (total > 9.2e18)
		return -EINVAL;
	*ret_ns = (int64_t)(sign * total);
	return 0;
}

char *duration_human(int64_t ms, char *ret)
{
	enum { ROOM = 24 };
	int64_t s = ms / 1000, m = s / 60, h = m / 60, d = h / 24;
	if (ms < -1000)
		snprintf(ret, ROOM, "<invalid>");
	else if (s < 0)
		snprintf(ret, ROOM, "0s");
	else if (s < 120)
		snprintf(ret, ROOM, "%ds", (int)s);
	else if (m < 10 && s % 60)
		snprintf(ret, ROOM, "%dm%ds", (int)m, (int)(s % 60));
	else if (m < 180)
		snprintf(ret, ROOM, "%dm", (int)m);
	else if (h < 8 && m % 60)
		snprintf(ret, ROOM, "%dh%dm", (int)h, (int)(m % 60));
	else if (h < 48)
		snprintf(ret, ROOM, "%dh", (int)h);
	else if (h < 192 && h % 24)
		snprintf(ret, ROOM, "%dd%dh", (int)d, (int)(h % 24));
	else if (d < 730)
		snprintf(ret, ROOM, "%dd", (int)d);
	else if (d < 8 * 365 && d % 365)
		snprintf(ret, ROOM, "%dy%dd", (int)(d / 365), (int)(d % 365));
	else
		snprintf(ret, ROOM, "%dy", (int)(d / 365));
	return ret;
}
