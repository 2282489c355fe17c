/* Cron schedules: five fields (minute, hour, day of month, month, day of week) or @hourly, @daily, @weekly, @monthly, @yearly,
 * @every DURATION; names of months and days, ranges, steps and lists as in cron(8). */
#ifndef KNARR_API_CRON_H
#define KNARR_API_CRON_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"

struct cron {
	uint64_t minutes, hours, days, months, weekdays; /* bit n: value n */
	bool any_day, any_weekday;                       /* "*": the other one decides alone */
	int64_t every_s;                                 /* @every, else 0 */
};

/* -EINVAL with the reason in the original's words. */
int cron_parse(const char *text, struct cron *ret, struct err *e);
/* The first time after t that fits, by the clock that to_local gives (localtime_r, gmtime_r ...) and from_local reverses;
 * 0 when there is none within five years. */
time_t cron_next(const struct cron *c, time_t t, struct tm *(*to_local)(const time_t *, struct tm *),
		 time_t (*from_local)(struct tm *));

#endif
