/* Dividing seats between priority levels. Purpose: a level that is busy uses what others do not need. Happy path: nominal
 * seats are shares of the whole; every period each level's demand is smoothed and all levels get the same fraction of
 * what they aim at, but no less than they keep and no more than they may borrow. Nothing fails. Levels always get at
 * least what they do not lend; rounding may give a few seats more than there are. */
#include "cp/flow/flow_shares_plan.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

/* How much of yesterday's demand counts today. */
#define DECAY 0.977
enum { STEPS = 60 };

static void integrate(struct flow_demand *d, int64_t now_us)
{
	double dt = (double)(now_us - d->at_us) / 1e6, x = (double)d->now;
	if (now_us <= d->at_us)
		return;
	d->sum += x * dt;
	d->sum2 += x * x * dt;
	d->at_us = now_us;
}

void flow_demand_change(struct flow_demand *d, int64_t seats, int64_t now_us)
{
	integrate(d, now_us);
	d->now = seats;
	d->high = MAX(d->high, seats);
}

struct flow_demand_result flow_demand_take(struct flow_demand *d, int64_t now_us)
{
	struct flow_demand_result r = {.high = (double)d->high};
	integrate(d, now_us);
	double t = (double)(now_us - d->since_us) / 1e6;
	if (t > 0) {
		r.average = d->sum / t;
		r.deviation = sqrt(fmax(0, d->sum2 / t - r.average * r.average));
	}
	*d = (struct flow_demand){.since_us = now_us, .at_us = now_us, .now = d->now, .high = d->now};
	return r;
}

void flow_share_read(const json_t *level, struct flow_share *ret)
{
	const json_t *limited = json_at(level, "spec.limited"), *exempt = json_at(level, "spec.exempt");
	*ret = (struct flow_share){.borrowing_percent = -1};
	if (strcmp(json_str_or(level, "spec.type", ""), "Exempt") == 0) {
		ret->shares = json_int_at(exempt, "nominalConcurrencyShares", 0);
		ret->lendable_percent = (int)json_int_at(exempt, "lendablePercent", 0);
		return;
	}
	ret->shares = json_int_at(limited, "nominalConcurrencyShares", 30);
	ret->lendable_percent = (int)json_int_at(limited, "lendablePercent", 0);
	ret->borrowing_percent = (int)json_int_at(limited, "borrowingLimitPercent", -1);
}

static int percent_of(int seats, int percent)
{
	return (int)lround((double)seats * percent / 100);
}

void flow_shares_divide(struct flow_share *const *v, size_t n, int seats)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (double)v[i]->shares;
	for (size_t i = 0; i < n; i++) {
		struct flow_share *s = v[i];
		s->nominal = sum > 0 ? (int)ceil((double)seats * (double)s->shares / sum) : 0;
		s->min = s->nominal - percent_of(s->nominal, s->lendable_percent);
		s->max = s->borrowing_percent < 0 ? seats : s->nominal + percent_of(s->nominal, s->borrowing_percent);
		s->max = MAX(s->max, s->nominal);
		s->current = s->nominal;
	}
}

/* What a level gets where everybody gets this fraction of what they aim at. */
static double part_of(const struct flow_share *s, double fraction, double least)
{
	return fmin((double)s->max, fmax(least, fraction * s->target));
}

/* The least that a level has: what it does not lend, more when it needs its own. */
static double least_of(const struct flow_share *s)
{
	return fmax(s->min, fmin(s->nominal, s->demand.high));
}

static double total(struct flow_share *const *v, size_t n, double fraction)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += part_of(v[i], fraction, least_of(v[i]));
	return sum;
}

/* The fraction that uses up all seats, as far as limits let it. */
static double solve(struct flow_share *const *v, size_t n, double seats)
{
	double low = 0, high = 1;
	while (total(v, n, high) < seats && high < 1e9)
		high *= 2;
	for (int i = 0; i < STEPS; i++) {
		double middle = (low + high) / 2;
		if (total(v, n, middle) < seats)
			low = middle;
		else
			high = middle;
	}
	return high;
}

void flow_shares_adjust(struct flow_share *const *v, size_t n, int seats, double *ret_fraction)
{
	for (size_t i = 0; i < n; i++) {
		struct flow_share *s = v[i];
		double envelope = s->demand.average + s->demand.deviation;
		s->smoothed = fmax(envelope, DECAY * s->smoothed + (1 - DECAY) * envelope);
		s->target = fmax(fmax(least_of(s), s->smoothed), 1e-3); /* who asks for nothing shares what is left over */
	}
	double fraction = solve(v, n, seats);
	for (size_t i = 0; i < n; i++)
		v[i]->current = (int)lround(part_of(v[i], fraction, least_of(v[i])));
	*ret_fraction = fraction;
}
