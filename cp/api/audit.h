/* The audit log: events about requests (audit.k8s.io/v1, Event), as a policy says. */
#ifndef KNARR_CP_API_AUDIT_H
#define KNARR_CP_API_AUDIT_H

#include "cp/api/api_internal.h"

struct audit;
struct audit_event; /* what is told of one request; NULL: nothing */

/* NULL where there is no policy or no path: nothing is told. */
int audit_new(const struct api_audit_config *c, struct audit **ret, struct err *e);
void audit_free(struct audit *a); /* NULL is fine */
uint64_t audit_lost(const struct audit *a); /* events that could not be told, the disk being too slow */

/* The request has come and its user (before impersonation) is known; "" where the credentials were bad. */
void audit_begin(struct req *q);
/* The user that the request is carried out as. */
void audit_impersonated(struct req *q);
/* The answer's code and, where it is JSON, its bytes (NULL: none). */
void audit_answer(struct req *q, int code, const struct buf *json);
/* A long answer begins. */
void audit_started(struct req *q, int code);
/* The answer is over; forgets the event. */
void audit_end(struct req *q);
void audit_event_free(struct audit_event *ev);

#endif
