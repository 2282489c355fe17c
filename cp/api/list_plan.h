/* What a list or watch asks for, and continue tokens: query text in, decisions out. No I/O. */
#ifndef KNARR_CP_API_LIST_PLAN_H
#define KNARR_CP_API_LIST_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/selector.h"
#include "cp/api/route.h"
#include "cp/schema/schema.h"

struct list_plan {
	struct selector *labels, *fields; /* NULL: everything */
	size_t limit;
	bool exact;          /* the state at rev; else at least rev */
	bool rv_given;       /* resourceVersion was named (also "0") */
	uint64_t rev;        /* 0: the newest */
	char *after;         /* from a continue token: behind this key */
	int64_t at_s;        /* from a continue token: when the list began (wall clock); 0: it does not say */
	bool initial_events; /* watch: sendInitialEvents */
	bool no_initial;     /* watch: sendInitialEvents=false */
	bool bookmarks;
	int timeout_s; /* 0: none given; below 0: a watch ends at once */
};

/* Checks and reads list options. k says which fields may be selected. Returns a Status or NULL with ret filled (to be
 * ended by list_plan_done() in any case). */
json_t *list_plan_read(const struct query *q, const struct kind *k, bool watch, struct list_plan *ret);
void list_plan_done(struct list_plan *p);

/* A token for the rest of a list at rev behind key, begun at at_s (seconds of the wall clock). Returns owned. rev 0: at the
 * newest state. */
char *continue_encode(uint64_t rev, int64_t at_s, const char *key);
/* 0 or -EINVAL. ret_key is owned, *ret_at_s is 0 where the token does not say. */
int continue_decode(const char *token, uint64_t *ret_rev, int64_t *ret_at_s, char **ret_key, struct err *e);

#endif
