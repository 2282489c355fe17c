/* What flow control looks like inside, as pages for people (/debug/api_priority_and_fairness/). Purpose: to see who waits
 * for whom. Happy path: rows of text, their columns aligned. Nothing fails. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cp/api/flow_internal.h"

#define PREFIX "/debug/api_priority_and_fairness/"
enum { CELL_MIN = 8, COLUMNS_MAX = 20 };

/* Rows of cells, separated by tabs, the last one of a row ended by a newline. */
static void align(const struct str *rows, struct str *out)
{
	size_t width[COLUMNS_MAX] = {0}, column = 0;
	AUTO_STRV char **lines = str_split(str_text(rows), '\n');
	for (size_t i = 0; lines && lines[i]; i++) {
		column = 0;
		for (const char *at = lines[i]; strchr(at, '\t') && column < COLUMNS_MAX; at = strchr(at, '\t') + 1, column++)
			width[column] = MAX(width[column], MAX(strcspn(at, "\t") + 1, (size_t)CELL_MIN));
	}
	for (size_t i = 0; lines && lines[i] && lines[i][0]; i++) {
		AUTO_STRV char **cells = str_split(lines[i], '\t');
		for (size_t c = 0; cells[c]; c++)
			str_addf(out, "%-*s", cells[c + 1] && c < COLUMNS_MAX ? (int)width[c] : 0, cells[c]);
		str_addc(out, '\n');
	}
}

static void dump_levels(const struct req *q, struct str *out)
{
	const struct flow *f = q->api->flow;
	str_add(out, "PriorityLevelName,\tActiveQueues,\tIsIdle,\tIsQuiescing,\tWaitingRequests,\tExecutingRequests\n");
	for (size_t i = 0; i < f->n_levels; i++) {
		const struct flow_level *l = f->levels[i];
		struct flow_queues_view v = flow_queues_view(l->queues);
		size_t active = 0;
		for (size_t n = 0; n < v.queues; n++)
			active += flow_queues_view_one(l->queues, n).waiting > 0;
		str_addf(out, "%s,\t%zu,\t%s,\t%s,\t%zu,\t%zu\n", l->name, active, v.waiting || v.running ? "false" : "true",
			 l->quiescing ? "true" : "false", v.waiting, v.running);
	}
}

static void dump_queues(const struct req *q, struct str *out)
{
	const struct flow *f = q->api->flow;
	str_add(out, "PriorityLevelName,\tIndex,\tPendingRequests,\tExecutingRequests,\tSeatsInUse,\tNextDispatchR,\t"
		     "InitialSeatsSum,\tMaxSeatsSum,\tTotalWorkSum\n");
	for (size_t i = 0; i < f->n_levels; i++) {
		size_t n = flow_queues_view(f->levels[i]->queues).queues;
		for (size_t j = 0; j < n; j++) {
			struct flow_queue_view v = flow_queues_view_one(f->levels[i]->queues, j);
			str_addf(out, "%s,\t%zu,\t%zu,\t%zu,\t%zu,\t%.8fss,\t%zu,\t%zu,\t%.8fss\n", f->levels[i]->name, j, v.waiting,
				 v.running, v.seats_running, v.next_r, v.seats_waiting, v.seats_waiting,
				 0.003 * (double)v.seats_waiting);
		}
	}
}

struct request_dump {
	struct str *out;
	bool details;
	size_t queue;
};

static void dump_request(void *arg, const struct flow_item *i, size_t at)
{
	const struct request_dump *d = arg;
	const struct req *q = CONTAINER_OF(i, struct req, flow.item);
	const struct route *r = &q->route;
	struct auth_attributes what = api_attributes(q);
	char arrived[RFC3339_MAX];
	str_addf(d->out, "%s,\t%s,\t%zu,\t%zu,\t%s,\t%s,\t%u,\t0,\t0s", q->flow.level->name, q->flow.schema->name, d->queue, at,
		 flow_distinguisher(q->flow.schema, &q->user, &what), rfc3339_micro(q->started_us, arrived), i->seats);
	if (d->details)
		str_addf(d->out, ",\t%s,\t%s,\t%s,\t%s,\t%s,\t%s%s%s,\t%s,\t%s", q->user.name, r->verb, r->path, r->ns, r->name,
			 r->group, *r->group ? "/" : "", r->version, r->resource, r->subresource);
	str_addc(d->out, '\n');
}

static void dump_requests(const struct req *q, struct str *out)
{
	const struct flow *f = q->api->flow;
	struct request_dump d = {out, !str_empty(req_param(q, "includeRequestDetails")), 0};
	str_add(out, "PriorityLevelName,\tFlowSchemaName,\tQueueIndex,\tRequestIndexInQueue,\tFlowDistingsher,\tArriveTime,\t"
		     "InitialSeats,\tFinalSeats,\tAdditionalLatency");
	str_add(out, d.details ? ",\tUserName,\tVerb,\tAPIPath,\tNamespace,\tName,\tAPIVersion,\tResource,\tSubResource\n" : "\n");
	for (size_t i = 0; i < f->n_levels; i++)
		for (d.queue = 0; d.queue < flow_queues_view(f->levels[i]->queues).queues; d.queue++)
			flow_queues_each(f->levels[i]->queues, d.queue, dump_request, &d);
}

bool flow_dump(struct req *q)
{
	static const struct {
		const char *path;
		void (*dump)(const struct req *q, struct str *out);
	} pages[] = {
	    {PREFIX "dump_priority_levels", dump_levels},
	    {PREFIX "dump_queues", dump_queues},
	    {PREFIX "dump_requests", dump_requests},
	};
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		if (strcmp(q->route.path, pages[i].path) != 0 || q->api->flow->config.off)
			continue;
		AUTO_STR rows = STR_INIT;
		AUTO_STR text = STR_INIT;
		pages[i].dump(q, &rows);
		align(&rows, &text);
		reply_text(q, 200, str_text(&text));
		return true;
	}
	return false;
}
