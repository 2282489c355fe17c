/* Visits of webhooks: one call each, with what comes of it. The rounds of a request (webhook.c) start them. */
#ifndef KNARR_CP_ADMISSION_HOOK_VISIT_H
#define KNARR_CP_ADMISSION_HOOK_VISIT_H

#include "cp/admission/hook_client.h"
#include "cp/admission/plugin.h"

/* One webhook that is to be called, or was. */
struct visit {
	struct hook_run *run;
	json_t *hook; /* referenced */
	char *config, *id;
	size_t index; /* of those called in this round */
	int64_t started_ms;
	const struct kind *kind;     /* in whose version it sees the request */
	json_t *forms;		     /* object and old in that version; NULL: as they are */
	struct hook_convert *convert; /* at work for it */
	struct hook_call *call;
	json_t *status; /* what it refused with */
};

/* The webhooks' part of one request, over all its rounds. */
struct hook_run {
	struct admit *a;
	bool validating;
	json_t *hooks; /* of the round: [{config, hook}] in order */
	size_t at, called;
	int round;
	char **seen, **again; /* ids: called and willing to be called again; to be called in the next round */
	struct visit **visits; /* running or over; of a mutating round at most one */
	size_t n, running;
};

static inline const char *hook_name(const json_t *hook)
{
	return json_str_or(hook, "name", "");
}

/* Calls the webhook of entry ({id, config, hook}) with the request as kind shows it. hook_run_visit_over() is told. */
void hook_visit_start(struct hook_run *r, const json_t *entry, const struct kind *kind);
/* Ends and forgets all of the run's visits. */
void hook_visits_clear(struct hook_run *r);
/* A visit is over: status refuses the request (taken), NULL: it may go on. By the rounds. */
void hook_run_visit_over(struct visit *v, json_t *status);

#endif
