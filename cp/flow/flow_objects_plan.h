/* The flow control objects that every cluster has, and what schemas tell about themselves. Pure. */
#ifndef KNARR_CP_FLOW_FLOW_OBJECTS_PLAN_H
#define KNARR_CP_FLOW_FLOW_OBJECTS_PLAN_H

#include <jansson.h>
#include <stdbool.h>

#define FLOW_AUTOUPDATE "apf.kubernetes.io/autoupdate-spec"

enum flow_object_action { FLOW_OBJECT_FINE, FLOW_OBJECT_CREATE, FLOW_OBJECT_UPDATE, FLOW_OBJECT_DELETE };

/* What to do for a wanted object, of which there is this one (NULL: none): for an update *ret_object (owned) is what to
 * write. Mandatory ones ("exempt", "catch-all") are always kept as wanted; the others while their annotation says so, or
 * nobody has touched them. What an administrator may set on the exempt level stays. */
enum flow_object_action flow_object_plan(const json_t *wanted, const json_t *there, json_t **ret_object);
/* One that is there and that nobody wants: whether it was ours once. */
enum flow_object_action flow_object_stray(const json_t *there);
/* The condition Dangling that a schema has to have, where it does not have it (owned; without its time); NULL: it has. */
json_t *flow_dangling(const json_t *schema, bool level_exists);

#endif
