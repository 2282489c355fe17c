/* How long a request may take: what the server allows, or less where the client says so (?timeout=). */
#ifndef KNARR_CP_API_DEADLINE_H
#define KNARR_CP_API_DEADLINE_H

#include "cp/api/api_internal.h"

struct deadlines;

struct deadlines *deadlines_new(struct api *a);
void deadlines_free(struct deadlines *d); /* NULL is fine */
/* Reads a request's own timeout: a Status (400), or NULL. */
json_t *deadline_read(struct req *q);
/* From now on the request is watched: at its deadline it is answered 504, whatever becomes of it. Long-running ones are
 * not. */
void deadline_start(struct req *q);

#endif
