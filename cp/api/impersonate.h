/* Acting as somebody else: the Impersonate headers. */
#ifndef KNARR_CP_API_IMPERSONATE_H
#define KNARR_CP_API_IMPERSONATE_H

#include "cp/api/api_internal.h"

/* Makes q->user the one that the request's headers ask for, when there are some and the user may. A Status or NULL. */
json_t *impersonate(struct req *q);

#endif
