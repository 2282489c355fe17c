/* What a write of a resource, or of a part of it, cannot change and therefore not manage. */
#ifndef KNARR_CP_API_MANAGERS_RESET_H
#define KNARR_CP_API_MANAGERS_RESET_H

#include <jansson.h>

#include "cp/schema/schema.h"

/* Of a write of the kind by its subresource ("": the object itself); NULL: it may change anything. Valid for ever. */
const json_t *managers_reset(const struct kind *k, const char *subresource);

#endif
