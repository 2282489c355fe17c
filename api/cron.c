/* Cron schedules as bit sets.
 *
 * Parsing fails with the field and the text that does not fit; finding the next time steps from the largest unit that
 * does not fit to the smallest, and gives up after five years. */
#include "api/cron.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

#define HORIZON_YEARS 5

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const days[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct range {
	int min, max;
	const char *const *names; /* of min, min + 1 ... */
	int n_names;
};

static const struct range ranges[] = {
    {0, 59, NULL, 0}, {0, 23, NULL, 0}, {1, 31, NULL, 0}, {1, 12, months, 12}, {0, 6, days, 7},
};

static int number(const char *text, size_t n, const struct range *r, int *ret, struct err *e)
{
	int v = 0;
	for (int i = 0; i < r->n_names; i++)
		if (n == strlen(r->names[i]) && !strncasecmp(text, r->names[i], n)) {
			*ret = r->min + i;
			return 0;
		}
	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)text[i]) || v > 9999)
			return err_set(e, -EINVAL, "failed to parse int from %.*s: strconv.Atoi: parsing \"%.*s\": invalid syntax", (int)n,
				       text, (int)n, text);
		v = v * 10 + (text[i] - '0');
	}
	if (!n)
		return err_set(e, -EINVAL, "failed to parse int from : strconv.Atoi: parsing \"\": invalid syntax");
	*ret = v;
	return 0;
}

/* "*", "3", "1-5", each with "/step". */
static int parse_part(const char *part, const struct range *r, uint64_t *bits, bool *any, struct err *e)
{
	size_t n = strcspn(part, "/"), dash = strcspn(part, "-/");
	int low = r->min, high = r->max, step = 1, code = 0;
	bool star = n == 1 && (*part == '*' || *part == '?');
	if (star)
		*any = part[n] != '/';
	else {
		code = number(part, MIN(dash, n), r, &low, e);
		high = low;
		if (code == 0 && dash < n)
			code = number(part + dash + 1, n - dash - 1, r, &high, e);
		else if (code == 0 && part[n] == '/')
			high = r->max;
	}
	if (code == 0 && part[n] == '/')
		code = number(part + n + 1, strlen(part + n + 1), &(struct range){0, 0, NULL, 0}, &step, e);
	if (code < 0)
		return code;
	if (low < r->min)
		return err_set(e, -EINVAL, "beginning of range (%d) below minimum (%d): %s", low, r->min, part);
	if (high > r->max)
		return err_set(e, -EINVAL, "end of range (%d) above maximum (%d): %s", high, r->max, part);
	if (low > high)
		return err_set(e, -EINVAL, "beginning of range (%d) beyond end of range (%d): %s", low, high, part);
	if (!step)
		return err_set(e, -EINVAL, "step of range should be a positive number: %s", part);
	for (int64_t v = low; v <= high; v += step)
		*bits |= 1ULL << v;
	return 0;
}

static int parse_field(const char *field, const struct range *r, uint64_t *bits, bool *any, struct err *e)
{
	AUTO_STRV char **parts = str_split(field, ',');
	int code = 0;
	for (size_t i = 0; code == 0 && i < strv_len(parts); i++)
		code = parse_part(parts[i], r, bits, any, e);
	return code;
}

#define EVERY_MAX_S (INT64_MAX / 1000000000) /* the original counts nanoseconds */

/* "1h30m": the sum of numbers with h, m, s. */
static int parse_every(const char *text, struct cron *ret, struct err *e)
{
	int64_t total = 0;
	for (const char *p = text; *p;) {
		char *end;
		long long v = strtoll(p, &end, 10);
		int64_t unit = *end == 'h' ? 3600 : *end == 'm' ? 60 : *end == 's' ? 1 : 0;
		if (end == p || !unit || v < 0 || v > (EVERY_MAX_S - total) / unit)
			return err_set(e, -EINVAL, "failed to parse duration @every %s", text);
		total += v * unit;
		p = end + 1;
	}
	ret->every_s = MAX(total, 1);
	return 0;
}

static const struct {
	const char *name, *fields;
} named[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
    {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"},
};

static char **split_fields(const char *text)
{
	AUTO_STRV char **words = str_split(text, ' ');
	char **fields = NULL;
	for (size_t i = 0; i < strv_len(words); i++)
		if (*words[i])
			strv_add(&fields, words[i]);
	return fields;
}

int cron_parse(const char *text, struct cron *ret, struct err *e)
{
	bool ignored = false;
	*ret = (struct cron){0};
	if (str_has_prefix(text, "@every "))
		return parse_every(text + 7, ret, e);
	for (size_t i = 0; i < ARRAY_LEN(named); i++)
		if (!strcmp(text, named[i].name))
			return cron_parse(named[i].fields, ret, e);
	if (*text == '@')
		return err_set(e, -EINVAL, "unrecognized descriptor: %s", text);
	AUTO_STRV char **fields = split_fields(text);
	if (strv_len(fields) != ARRAY_LEN(ranges))
		return err_set(e, -EINVAL, "expected exactly 5 fields, found %zu: [%s]", strv_len(fields), text);
	uint64_t *bits[] = {&ret->minutes, &ret->hours, &ret->days, &ret->months, &ret->weekdays};
	bool *any[] = {&ignored, &ignored, &ret->any_day, &ignored, &ret->any_weekday};
	int r = 0;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(ranges); i++)
		r = parse_field(fields[i], &ranges[i], bits[i], any[i], e);
	return r;
}

static bool has(uint64_t bits, int v)
{
	return bits >> v & 1;
}

static bool day_fits(const struct cron *c, const struct tm *t)
{
	bool day = has(c->days, t->tm_mday), weekday = has(c->weekdays, t->tm_wday);
	return c->any_day || c->any_weekday ? day && weekday : day || weekday;
}

/* Sets t to the beginning of its next month, day, hour or minute. */
static void step(struct tm *t, int level)
{
	t->tm_sec = 0;
	t->tm_min = level < 3 ? 0 : t->tm_min + 1;
	t->tm_hour = level < 2 ? 0 : t->tm_hour + (level == 2);
	if (level == 0) {
		t->tm_mday = 1;
		t->tm_mon++;
	}
	t->tm_mday += level == 1;
	t->tm_isdst = -1;
}

time_t cron_next(const struct cron *c, time_t t, struct tm *(*to_local)(const time_t *, struct tm *),
		 time_t (*from_local)(struct tm *))
{
	struct tm at;
	if (c->every_s)
		return t + c->every_s;
	t = t - t % 60 + 60;
	to_local(&t, &at);
	for (int year = at.tm_year; at.tm_year <= year + HORIZON_YEARS;) {
		int level = !has(c->months, at.tm_mon + 1)  ? 0
			    : !day_fits(c, &at)		    ? 1
			    : !has(c->hours, at.tm_hour)    ? 2
			    : !has(c->minutes, at.tm_min)   ? 3
							    : -1;
		if (level < 0)
			return from_local(&at);
		step(&at, level);
		t = from_local(&at);
		to_local(&t, &at);
	}
	return 0;
}
