/* Recording Kubernetes Events, repeats counted instead of written again. */
#ifndef KNARR_CP_CONTROLLERS_EVENTS_H
#define KNARR_CP_CONTROLLERS_EVENTS_H

#include <jansson.h>

#include "cp/api/api.h"
#include "cp/controllers/plan.h"

struct events;

/* component: "deployment-controller"; user: who writes them. Both copied. */
struct events *events_new(struct api *a, const char *user, const char *component);
void events_free(struct events *ev); /* calls under way end by themselves; NULL is fine */

/* Writes an event on involved (an ObjectReference, borrowed): a new one, or one more count of the same. Failures are
 * ignored on purpose. An object that gets more than 25 in short time is heard again only every five minutes. */
void events_record(struct events *ev, const json_t *involved, const char *type, const char *reason,
		   const char *message);

/* Pure: the Event object (owned), and the key under which repeats of it are counted (owned). */
json_t *event_new(const json_t *involved, const char *type, const char *reason, const char *message,
		  const char *component, int64_t now_us);
char *event_key(const json_t *involved, const char *type, const char *reason, const char *message);

#endif
