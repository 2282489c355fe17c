/* How many seats each priority level has: its nominal share, and what it lends and borrows (Kubernetes, API Priority and
 * Fairness, Seats Borrowing). Pure. */
#ifndef KNARR_CP_FLOW_FLOW_SHARES_PLAN_H
#define KNARR_CP_FLOW_FLOW_SHARES_PLAN_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Seats asked for, over a period of time: those in use and those that are waited for. Times in microseconds. */
struct flow_demand {
	int64_t since_us, at_us;
	int64_t now, high;
	double sum, sum2; /* of demand and of its square, by seconds */
};
void flow_demand_change(struct flow_demand *d, int64_t seats, int64_t now_us);
struct flow_demand_result {
	double average, deviation, high;
};
/* The period until now; begins the next one. */
struct flow_demand_result flow_demand_take(struct flow_demand *d, int64_t now_us);

struct flow_share {
	int64_t shares;
	int lendable_percent, borrowing_percent; /* of the nominal seats; borrowing -1: without limit */
	int nominal, min, max;                   /* seats */
	struct flow_demand_result demand;        /* of the last period */
	double smoothed, target;
	int current; /* seats it may use now */
};

/* shares and percents out of a PriorityLevelConfiguration. */
void flow_share_read(const json_t *level, struct flow_share *ret);
/* Fills nominal, min, max, and current anew, out of shares and the server's seats. */
void flow_shares_divide(struct flow_share *const *v, size_t n, int seats);
/* A period is over: fills current out of demand. *ret_fraction: how much of its target each gets that has neither its
 * least nor its most. */
void flow_shares_adjust(struct flow_share *const *v, size_t n, int seats, double *ret_fraction);

#endif
