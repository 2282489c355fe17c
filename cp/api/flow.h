/* Flow control: requests wait their turn by priority level and flow before they are served (Kubernetes, API Priority and
 * Fairness), or are held to a number in flight where that is switched off.
 *
 * "In execution" is what takes something that others need: from the moment a request is let through until its answer has
 * gone to the kernel, so that waiting for the store, a webhook or an extension server counts, and so does an answer that
 * a slow client does not read. Besides, a level has a slice of time in each turn of the loop; what comes when it is used
 * up waits in its queue until the loop has looked at all sockets again. */
#ifndef KNARR_CP_API_FLOW_H
#define KNARR_CP_API_FLOW_H

#include "cp/api/api_internal.h"

struct flow;

struct flow *flow_new(struct api *a, const struct api_flow_config *c);
void flow_free(struct flow *f); /* NULL is fine */
/* Serves a request whose user is known (request_run()): now, or later; or answers 429. */
void flow_request(struct req *q);
/* It has stopped being in execution: its answer is out, its peer has gone, or what follows is only a stream. May be called
 * again. Whether it still waited, and will not be served. */
bool flow_release(struct req *q);
/* The uids for the headers of its answer, "" where it was not classified. */
const char *flow_schema_uid(const struct req *q);
const char *flow_level_uid(const struct req *q);
/* Whether a request streams for as long as its client wants. */
bool flow_is_long_running(const struct req *q);
/* The pages below /debug/api_priority_and_fairness/; whether the path is one of them. */
bool flow_dump(struct req *q);

#endif
