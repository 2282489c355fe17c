/* Deadlines of requests. Purpose: nobody waits for ever, and clients hear why. Happy path: a request that is not answered
 * at once gets its time, and one timer for all of them looks at those that are due. An answer that has begun to stream is
 * cut off. What always holds: a handler may answer after the deadline; its answer is dropped. */
#include "cp/api/deadline.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cp/api/flow.h"
#include "cp/api/metrics.h"

enum { SLACK_MS = 100 };

struct deadlines {
	struct api *api;
	struct timer *timer;
	int64_t armed_ms;
};

/* Go's time.ParseDuration in the words of its errors: NULL and the value, or the text of the error (owned). */
static char *deadline_parse(const char *text, int64_t *ret_ms)
{
	int64_t ns;
	const char *number = text + (*text == '-' || *text == '+');
	if (duration_parse(text, &ns) == 0) {
		*ret_ms = ns > 0 && ns < 1000000 ? 1 : ns / 1000000;
		return NULL;
	}
	bool digits = *number && strspn(number, "0123456789.") == strlen(number);
	return xasprintf(digits ? "time: missing unit in duration \"%s\"" : "time: invalid duration \"%s\"", text);
}

json_t *deadline_read(struct req *q)
{
	const char *text = req_param(q, "timeout");
	int64_t ms = 0;
	q->timeout_ms = q->api->request_timeout_ms;
	if (str_empty(text) || flow_is_long_running(q))
		return NULL;
	AUTO_FREE char *wrong = deadline_parse(text, &ms);
	if (wrong) {
		AUTO_FREE char *message = xasprintf("invalid timeout specified in the request URL - %s", wrong);
		return status_bad_request(message);
	}
	if (ms > 0 && ms < q->timeout_ms)
		q->timeout_ms = ms;
	return NULL;
}

static void expire(struct req *q)
{
	bool writes = q->route.is_resource && strcmp(q->route.verb, "get") != 0 && strcmp(q->route.verb, "list") != 0;
	q->deadline_ms = 0;
	request_count_ended(q, 504);
	if (http_started(q->x)) {
		http_abort(q->x);
		return;
	}
	q->owes_answer = true;
	req_ref(q); /* the handler's, until it answers or gives up */
	json_t *status = status_new(504, "Timeout",
				    writes ? "Timeout: request did not complete within requested timeout - context deadline exceeded"
					   : "Timeout: request did not complete within the allotted timeout");
	json_object_set_new(status, "details", json_object());
	reply_status(q, status);
}

static void arm(struct deadlines *d, int64_t at_ms, int64_t now)
{
	d->armed_ms = at_ms;
	timer_start_slack(d->timer, MAX(at_ms - now, 0), SLACK_MS);
}

static void on_timer(void *arg)
{
	struct deadlines *d = arg;
	int64_t now = clock_mono_ms(), next = 0;
	LIST_FOR_EACH(q, &d->api->requests, struct req, link)
	{
		if (!q->deadline_ms || q->answered || !q->x)
			continue;
		if (q->deadline_ms <= now)
			expire(q);
		else if (!next || q->deadline_ms < next)
			next = q->deadline_ms;
	}
	if (next)
		arm(d, next, now);
}

void deadline_start(struct req *q)
{
	struct deadlines *d = q->api->deadlines;
	if (q->answered || !q->x || flow_is_long_running(q))
		return;
	int64_t now = clock_mono_ms();
	q->deadline_ms = now + q->timeout_ms;
	if (!timer_is_active(d->timer) || q->deadline_ms < d->armed_ms)
		arm(d, q->deadline_ms, now);
}

struct deadlines *deadlines_new(struct api *a)
{
	struct deadlines *d = xcalloc(1, sizeof(*d));
	d->api = a;
	d->timer = timer_new(a->loop, on_timer, d);
	return d;
}

void deadlines_free(struct deadlines *d)
{
	if (!d)
		return;
	timer_free(d->timer);
	free(d);
}
