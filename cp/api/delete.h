/* Removing one object, for DELETE, eviction and deletecollection. */
#ifndef KNARR_CP_API_DELETE_H
#define KNARR_CP_API_DELETE_H

#include "cp/api/api_internal.h"
#include "cp/api/delete_plan.h"

/* done gets a Status (a failure, taken) or the object's last bytes (borrowed); removed says whether it is gone. */
typedef void (*delete_done)(void *arg, json_t *status, struct buf *json, bool removed);
/* Keeps o (taken: the caller's ownership of its texts) until done was called. ns and name are copied. */
void delete_start(struct req *q, const struct resource *res, const char *ns, const char *name, struct delete_options *o,
		  delete_done done, void *arg);
/* DeleteOptions from body and query. A Status or NULL. */
json_t *delete_options_read(struct req *q, struct delete_options *ret);
/* The same of options that stand inside another body (NULL: none). */
json_t *delete_options_take(const json_t *options, struct delete_options *ret);
/* What a client is told that leaves open what becomes of dependents. */
void delete_warn(struct req *q, const struct delete_options *o);

#endif
