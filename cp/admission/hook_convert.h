/* Conversions for webhooks whose rules name another version than the request. */
#ifndef KNARR_CP_ADMISSION_HOOK_CONVERT_H
#define KNARR_CP_ADMISSION_HOOK_CONVERT_H

#include "cp/admission/plugin.h"

struct hook_convert;

/* Whether the objects of a request are of its resource's kind, and not bodies of a subresource (Scale), which are the same in
 * every version. */
bool hook_convert_is_needed(const struct admit *a, const struct kind *to);
/* Brings objects (an array, taken) from one version into another. done is called once, always from the loop, with a Status
 * (taken) or the converted array (borrowed); the conversion is gone then. */
typedef void (*hook_converted)(void *arg, json_t *status, json_t *objects);
struct hook_convert *hook_convert_start(const struct admit *a, const struct kind *from, const struct kind *to, json_t *objects,
					hook_converted done, void *arg);
void hook_convert_cancel(struct hook_convert *c); /* done is not called; NULL is fine */

#endif
