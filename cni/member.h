/* The members of a configuration that a plugin knows, and what they must be. */
#ifndef KNARR_CNI_MEMBER_H
#define KNARR_CNI_MEMBER_H

#include <jansson.h>

#include "base/err.h"

/* spec: words "path:type", type one of s (text), n (whole number), b (true or false). Steps of a path are names, "[]"
 * (each of a list) or "{}" (each of an object): "vlanTrunk.[].id:n". A member that stands under a name with other
 * capitals, and not under its own, is given its own, too: the reference's decoder does not look at case. Absent and
 * null are fine. spec NULL: nothing. -EINVAL naming the first member that is something else; the others are named
 * right all the same. */
int member_check(json_t *conf, const char *spec, struct err *e);

#endif
